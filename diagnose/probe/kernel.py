"""Lines of the kernel's log that name an out-of-memory kill, a device fault or one of the server's processes.

Part of the probe, floor 10. The log is read without waiting and without taking anything out of it.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Collection, Iterable, Iterator

from diagnose.model import CouldNotLook

_TELLS = re.compile(
    r"out of memory|oom-kill|oom_reaper|Killed process|\bamdgpu\b.*(?:reset|fault|timeout|hang|error|RAS)|NVRM: Xid"
    r"|segfault at|general protection|blocked for more than|hung_task|I/O error|not responding|MCE:|Hardware Error",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?:Killed|reaped) process (?P<pid>\d+) \((?P<comm>[^)]*)\)|\btask=(?P<task>[^,]*),pid=(?P<task_pid>\d+)"
    r"|^(?P<fault>\S[^\[]*)\[(?P<fault_pid>\d+)\]:? (?:segfault|general protection)"
    r"|task (?P<hung>\S+):(?P<hung_pid>\d+) blocked|^(?P<asks>.{1,15}) invoked oom-killer"
)
"""A process that a line is about."""
_COMMON = frozenset(
    {"python", "python3", "bash", "sh", "ninja", "cc1plus", "pt_main_thread", "ray"}
)
"""Names that say nothing of whose a process is."""
_MOST = 60
_OVERLAP_S = 60.0


def kernel_lines(
    pids: Collection[int], since_s: float, comms: Collection[str] = ()
) -> tuple[tuple[str, ...], CouldNotLook | None]:
    """The last such lines since the server started.

    Args:
        pids: The server's processes.
        since_s: When its first process started, POSIX time.
        comms: The kernel's names of them: a rank that was killed is no longer there, but its sisters are.
    """
    try:
        records = list(_records())
    except PermissionError:
        return (), CouldNotLook(
            "the kernel's log (out-of-memory kills, device faults)",
            "only root may read it here",
            "sudo dmesg -T | grep -iE 'oom|killed process|amdgpu|xid'",
        )
    except OSError as error:
        return (), CouldNotLook(
            "the kernel's log (out-of-memory kills, device faults)",
            f"it cannot be opened here ({error.strerror})",
            "on the host: sudo dmesg -T",
        )
    return tuple(select(records, pids, since_s, comms))[-_MOST:], None


def select(
    records: Iterable[tuple[float, str]],
    pids: Collection[int],
    since_s: float,
    comms: Collection[str] = (),
) -> Iterator[str]:
    """Those of the records, each with its POSIX time, that tell something; of other jobs' processes nothing."""
    ours = re.compile(rf"\b(?:{'|'.join(map(str, sorted(pids)))})\b") if pids else None
    for stamp, text in records:
        if stamp < since_s - _OVERLAP_S or _of_others(text, pids, comms):
            continue
        if _TELLS.search(text) or (ours and "pid" in text.lower() and ours.search(text)):
            clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(stamp))
            yield f"{clock} {text}"


def _of_others(text: str, pids: Collection[int], comms: Collection[str]) -> bool:
    """Whether a line is about a process, and that is none of the server's."""
    found = _NAMED.search(text)
    if found is None:
        return False
    told = found.groupdict()
    pid = told["pid"] or told["task_pid"] or told["fault_pid"] or told["hung_pid"] or "0"
    comm = told["comm"] or told["task"] or told["fault"] or told["hung"] or told["asks"] or ""
    return int(pid) not in pids and (comm in _COMMON or comm not in comms)


def _records() -> Iterator[tuple[float, str]]:
    up = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    handle = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    try:
        while True:
            try:
                record = os.read(handle, 8192).decode("utf-8", "replace")
            except BlockingIOError:
                return
            except BrokenPipeError:
                # Records were overwritten while we read: go on with the next.
                continue
            yield _record(record, up)
    finally:
        os.close(handle)


def _record(record: str, up: float) -> tuple[float, str]:
    """`priority,sequence,microseconds,flag;text`, with continuation lines after it."""
    head, _, body = record.partition(";")
    fields = head.split(",")
    micros = int(fields[2]) if len(fields) > 2 and fields[2].isdigit() else 0
    return up + micros / 1e6, body.split("\n", 1)[0]
