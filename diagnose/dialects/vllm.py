"""vLLM's process prefixes and log header, of every version, and Ray's prefixes.

Floor 1: pure. Sources: vLLM 0.4 to 0.33 and Ray 2.

    (Worker_TP3_EP3 pid=395) INFO 11-21 22:19:35 [gpu_worker.py:298] Available KV cache memory …
    (VllmWorker rank=7 pid=1177) ERROR 05-16 12:41:09 [multiproc_executor.py:470] …      0.8, 0.9
    INFO 01-21 07:23:12 pynccl.py:63] vLLM is using nccl==2.20.5                         up to 0.7
    (RayWorkerWrapper pid=978, ip=10.0.0.8) …

Up to 0.30 the prefix is put before every line that Python prints; from 0.31 only vLLM's own records
have one, so an unprefixed traceback is nobody's. Prefixes can be nested by forks and by Ray: the last
one with a pid is the process. A process changes its name while it starts: its pid stays.
"""

from __future__ import annotations

from functools import lru_cache

from diagnose.dialects import times
from diagnose.dialects.reading import Reading
from diagnose.expressions import later
from diagnose.model import Writer

# Bounded, so that a line of nothing but parentheses costs no more than another.
_NAME = r"[^\s()]{1,120}(?:\(\S{0,120}?\)(?= ))?"
_GROUP = rf"\((?:{_NAME} )?(?:rank=\d{{1,9}} )?pid=\d{{1,9}}(?:, ip=[^\s()]{{1,120}})?\)"
_PREFIXES = later(rf"(?:{_GROUP} ?)+")
_RAYLET = later(r"\((raylet|autoscaler|gcs_server)(?:, ip=([^\s()]+))?(?: \+[\dhms]+)?\) ")
_PARTS = later(rf"\((?:({_NAME}) )?(?:rank=(\d{{1,9}}) )?pid=(\d{{1,9}})(?:, ip=([^\s()]+))?\)")
_HEADER_TEXT = (
    r"(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL) (?P<stamp>\d\d-\d\d \d\d:\d\d:\d\d) "
    r"\[?[^\s\]:]+:\d+\](?: |$)"
)
_HEADER = later(_HEADER_TEXT)
# After VLLM_LOGGING_PREFIX, or glued to whatever had not ended its line.
_INSIDE = later(rf"(?P<prefix>(?:{_GROUP} ?)*){_HEADER_TEXT}")

_ROLES = (
    ("EngineCore", "engine-core"),
    ("DPEngineCore", "engine-core"),
    ("APIServer", "api-server"),
    ("ApiServer", "api-server"),
    ("Worker", "worker"),
    ("VllmWorker", "worker"),
    ("RayWorker", "worker"),
    ("VLLM_DP_Coordinator", "coordinator"),
    ("DPCoordinator", "coordinator"),
    ("DPSupervisor", "launcher"),
)
_AXES = later(r"_([A-Z]+)(\d{1,9})(?=_|$)")
_RANK_NAMES = (
    (later(r"EngineCore_(\d{1,9})$"), "DP"),
    (later(r"APIServer_DPRank_(\d{1,9})$"), "DP"),
    (later(r"VllmWorker-(\d{1,9})$"), "rank"),
)


def prefixes(text: str, reading: Reading) -> str | None:
    """Takes off every `(NAME pid=N) ` at the start; None if there is none."""
    found = _PREFIXES.match(text)
    if found:
        reading.by(prefixes_of(found[0]))
        return text[found.end() :]
    found = _RAYLET.match(text)
    if found is None:
        return None
    reading.via(Writer(found[1], None, "launcher", (), found[2] or ""))
    return text[found.end() :]


def header(text: str, reading: Reading) -> str | None:
    """Takes off `LEVEL MM-DD HH:MM:SS [file.py:N] `; None if it is not there."""
    found = _HEADER.match(text)
    if found is None:
        return None
    _note(found["level"], found["stamp"], reading)
    return text[found.end() :]


def inside(text: str, reading: Reading) -> str | None:
    """The same where other text comes first; what comes first is dropped from the message."""
    found = _INSIDE.search(text) if ".py:" in text else None
    if found is None:
        return None
    if found["prefix"]:
        reading.by(prefixes_of(found["prefix"]))
    _note(found["level"], found["stamp"], reading)
    return text[found.end() :]


@lru_cache(maxsize=1024)
def named(name: str, pid: int | None = None, rank: str = "", node: str = "") -> Writer:
    """The process of a name that vLLM or Ray gives, with its role and its ranks."""
    role = next((role for start, role in _ROLES if name.startswith(start)), "")
    ranks = tuple((axis, int(number)) for axis, number in _AXES.findall(name)) if role else ()
    if rank:
        ranks = (("rank", int(rank)),)
    for pattern, axis in _RANK_NAMES:
        found = pattern.match(name)
        if found and not ranks:
            ranks = ((axis, int(found[1])),)
    return Writer(name, pid, role, ranks, node)


@lru_cache(maxsize=4096)
def prefixes_of(prefix: str) -> Writer:
    """The last process of a chain of prefixes; cached, since a log has few and many lines."""
    groups = _PARTS.findall(prefix)
    name, rank, pid, _ = groups[-1] if groups else ("", "", "", "")
    node = next((ip for *_, ip in reversed(groups) if ip), "")
    return named(name, int(pid) if pid else None, rank, node)


def _note(level: str, stamp: str, reading: Reading) -> None:
    reading.level = level
    if not reading.stamp:
        reading.at(stamp, times.yearless(int(stamp[:2]), int(stamp[3:5]), stamp[6:]))
