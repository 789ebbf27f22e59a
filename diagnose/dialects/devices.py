"""Headers of collective and device libraries: NCCL, RCCL, HCCL and Ascend's runtime, AITER, Quark.

Floor 1: pure. Sources: NCCL `debug.cc`, AITER `aiter/__init__.py`, Quark's `utils/log.py`.

    [2025-11-02 14:20:07] decode-0:2210:2591 [0] misc/shmutils.cc:129 NCCL WARN …
    node-a:154:154 [3] NCCL INFO cudaDriverVersion 12060                  node:pid:thread [device]
    [ERROR] HCCL(7288,python3):2025-07-23-01:47:57.070.463 [hccl_socket.cc:100] …
    [ERROR] 2026-08-28-03:40:11 (PID:21, Device:-1, RankID:-1) ERR99999 …
    [aiter] import [module_fmha_v3_fwd] under …                           who, but not which process

Words that say which library speaks (`NCCL WARN`, `[aiter]`, `[QUARK-INFO]:`) stay in the message.
"""

from __future__ import annotations

from diagnose.dialects import times
from diagnose.dialects.reading import Reading
from diagnose.expressions import later
from diagnose.model import Writer

_NCCL = later(
    r"([A-Za-z0-9][\w.-]*):(\d{1,9})(?::\d+)? (?:\[\w+\] )?"
    r"(?=(?:\S+:\d+ (?:\([^()]*\) )?)?(?:NCCL|RCCL) (\w+) )"
)
_ASCEND = later(rf"\[([A-Z]+)\] \w+\((\d{{1,9}}),([^()]*)\):({times.FULL}) ")
_ASCEND_PYTHON = later(
    rf"\[([A-Z]+)\] ({times.FULL}) \(PID:(\d{{1,9}}), Device:-?\d+, RankID:(-?\d{{1,9}})\) "
)
_AITER_LONG = later(rf"\[aiter ([A-Z]+)\] ({times.FULL}) - (\S+?):(\d{{1,9}}) - (?=\S+:\d+ - |$)")
_PID_NAME = later(r"\[pid=(\d{1,9}) pname=([^\]]*)\] ?")
_QUARK = later(r"\[QUARK-([A-Z]+)\]")


def nccl(text: str, reading: Reading) -> str | None:
    """Takes off `node:pid:thread [device] `; None if it is not there."""
    if "CCL " not in text:
        return None
    found = _NCCL.match(text)
    if found is None:
        return None
    node, pid, level = found.groups()
    reading.by(Writer(pid=int(pid), node=node))
    reading.says(level)
    return text[found.end() :]


def bracketed(text: str, reading: Reading) -> str | None:
    """Takes off Ascend's, AITER's long and `[pid=N pname=X]` headers; notes Quark's level."""
    found = _ASCEND.match(text)
    if found:
        level, pid, name, stamp = found.groups()
        reading.by(Writer(name, int(pid)))
    elif found := _ASCEND_PYTHON.match(text):
        level, stamp, pid, rank = found.groups()
        ranks = (("rank", int(rank)),) if int(rank) >= 0 else ()
        reading.by(Writer(pid=int(pid), ranks=ranks))
    elif found := _AITER_LONG.match(text):
        level, stamp, name, pid = found.groups()
        reading.by(Writer(name, int(pid)))
    elif found := _PID_NAME.match(text):
        level, stamp = "", ""
        reading.by(Writer(found[2], int(found[1])))
    else:
        quark = _QUARK.match(text)
        if quark:
            reading.says(quark[1])
        return None
    reading.says(level)
    if stamp:
        reading.at(stamp, times.full(stamp))
    return text[found.end() :]
