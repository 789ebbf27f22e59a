"""Headers of torch's C++ and Python logs, of torchrun, and of glog and klog, which look alike.

Floor 1: pure. Sources: torch 2.1 to 2.13.

    [rank3]:[W1121 22:16:10.441741314 socket.cpp:469] [c10d] …    C++; no prefix of vLLM's before it
    [rank25]:[E ProcessGroupNCCL.cpp:1316] …                      up to 2.3
    [E808 04:21:41.163458 ProcessGroupNCCL.cpp:616] [Rank 7] …    a month below 10 is not padded
    [rank3]: Traceback (most recent call last):                   the exception hook of torchrun
    [default3]:…                                                  torchrun --tee
    E0302 07:40:55.123000 1234 torch/distributed/elastic/multiprocessing/api.py:869] failed …

A rank of torch's is a global rank, so it is kept as the axis `rank`.
"""

from __future__ import annotations

from diagnose.dialects import times
from diagnose.dialects.reading import Reading
from diagnose.expressions import later
from diagnose.model import Writer

_RANKED = later(r"\[(?:rank|default)(\d{1,9})\]: ?")
_CPP = later(r"\[([IWEF])(?:(\d{1,2})(\d\d) (\d\d:\d\d:\d\d\.\d+))? ([^\]\s]+:\d+)\](?: |$)")
_GROUP_RANK = later(r"\[(?:PG [^\]]* )?Rank (\d{1,9})\]")
_GLOG = later(
    r"([IWEF])(\d{4})?(\d\d)(\d\d) (\d\d:\d\d:\d\d\.\d+)\s+(\d{1,19}) ([^\]\s]+:\d+)\](?: |$)"
)
_MAX_PID = 4_194_304
"""Of Linux; a larger number in its place is a thread id."""


def ranked(text: str, reading: Reading) -> str | None:
    """Takes off `[rank3]:`; notes `[Rank 3]`, which stays; None without the former."""
    found = _RANKED.match(text)
    if found:
        reading.by(_rank(found[1]))
        return text[found.end() :]
    _note_group_rank(text, reading)
    return None


def cpp(text: str, reading: Reading) -> str | None:
    """Takes off `[W1121 22:16:10.441741314 socket.cpp:469] `; None if it is not there."""
    found = _CPP.match(text)
    if found is None:
        return None
    level, month, day, clock, _ = found.groups()
    reading.says(level)
    if clock:
        reading.at(f"{month}{day} {clock}", times.yearless(int(month), int(day), clock))
    rest = text[found.end() :]
    _note_group_rank(rest, reading)
    return rest


def glog(text: str, reading: Reading) -> str | None:
    """Takes off `E0302 07:40:55.123000 1234 file.py:869] `; None if it is not there."""
    found = _GLOG.match(text)
    if found is None:
        return None
    level, year, month, day, clock, number, place = found.groups()
    reading.says(level)
    stamp = f"{year or ''}{month}{day} {clock}"
    reading.at(stamp, times.on_day(int(year or times.YEARLESS), int(month), int(day), clock))
    # Only Python's side of torch prints the pid there; glog and klog print a thread.
    if ".py:" in place and int(number) <= _MAX_PID:
        reading.by(Writer(pid=int(number)))
    return text[found.end() :]


def _note_group_rank(text: str, reading: Reading) -> None:
    found = _GROUP_RANK.match(text)
    if found and not reading.writer.ranks:
        reading.by(_rank(found[1]))


def _rank(number: str) -> Writer:
    return Writer(name=f"rank{number}", ranks=(("rank", int(number)),))
