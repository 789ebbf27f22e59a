"""Which system call a thread sits in, and what it waits for there, from /proc/PID/task/TID/syscall.

Part of the probe, floor 10. The file gives the call's number and its arguments as the registers hold them; a
descriptor or a pid is told as a number; the path of an `open` that blocks (a FIFO nobody writes) and the descriptors
of a `poll` are read from the process's memory, which does not stop it.
"""

from __future__ import annotations

import math
import os
import platform
import struct
import time

from diagnose.probe import proc
from diagnose.redact import redact

_X86 = {
    0: "read", 1: "write", 2: "open", 7: "poll", 17: "pread64", 18: "pwrite64", 19: "readv", 20: "writev",
    23: "select", 35: "nanosleep", 42: "connect", 43: "accept", 44: "sendto", 45: "recvfrom", 46: "sendmsg",
    47: "recvmsg", 61: "wait4", 72: "fcntl", 73: "flock", 74: "fsync", 202: "futex", 230: "clock_nanosleep",
    232: "epoll_wait", 247: "waitid", 257: "openat", 270: "pselect6", 271: "ppoll", 281: "epoll_pwait",
    219: "restart_syscall", 288: "accept4", 441: "epoll_pwait2",
}  # fmt: skip
_ARM = {
    22: "epoll_pwait", 25: "fcntl", 32: "flock", 56: "openat", 63: "read", 64: "write", 65: "readv",
    66: "writev", 67: "pread64", 68: "pwrite64", 72: "pselect6", 73: "ppoll", 82: "fsync", 95: "waitid",
    98: "futex", 128: "restart_syscall", 101: "nanosleep", 115: "clock_nanosleep", 202: "accept", 203: "connect", 206: "sendto",
    207: "recvfrom", 211: "sendmsg", 212: "recvmsg", 242: "accept4", 260: "wait4", 441: "epoll_pwait2",
}  # fmt: skip
_ON_DESCRIPTOR = {
    "read", "write", "pread64", "pwrite64", "readv", "writev", "connect", "accept", "accept4", "sendto",
    "recvfrom", "sendmsg", "recvmsg", "fcntl", "flock", "fsync", "epoll_wait", "epoll_pwait", "epoll_pwait2",
}  # fmt: skip
_RESTART = "restart_syscall"
_MOST_THREADS = 1024
_MOST_POLLED = 16
_LOOPS = {"epoll_wait", "epoll_pwait", "epoll_pwait2"}
_WAITS = {0, 6, 9, 11}
"""FUTEX_WAIT, FUTEX_LOCK_PI, FUTEX_WAIT_BITSET, FUTEX_WAIT_REQUEUE_PI."""
_PRIVATE, _REALTIME = 128, 256
_ABSOLUTE = 1
_HERE = -100
_LOCK_COMMANDS = {7: "setlkw", 38: "ofd-setlkw"}


def syscall(pid: int, tid: int) -> str:
    """Such as `read 7`, `poll 27 31`, `flock 5`, `openat /run/queue`, `wait4 395`, `futex private forever`.

    Empty where it is not told.
    """
    parts = proc.text(f"/proc/{pid}/task/{tid}/syscall").split()
    if len(parts) < 3 or not parts[0].isdigit():
        return ""
    table = _ARM if platform.machine() == "aarch64" else _X86
    name = table.get(int(parts[0]), "")
    arguments = [int(part, 16) for part in parts[1:]]
    if name == "select" and arguments[0] == 0:
        # How CPython before 3.11 sleeps.
        return "nanosleep"
    return f"{name} {_object(pid, name, arguments)}".strip()


class Calls:
    """The system calls of threads over time; a wait that tracing broke off goes on under another name."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], str] = {}

    def note(self, pid: int) -> list[str]:
        """Where every thread of a process sits; best asked before it is stopped for its stacks."""
        return [self.of(pid, tid) for tid in proc.tasks(pid)[:_MOST_THREADS]]

    def of(self, pid: int, tid: int) -> str:
        """Where a thread sits now, by the name the wait had when it began."""
        call = syscall(pid, tid)
        if call == _RESTART:
            return self._known.get((pid, tid), "")
        self._known[pid, tid] = call
        return call


def _object(pid: int, name: str, arguments: list[int]) -> str:
    if name == "fcntl":
        command = _LOCK_COMMANDS.get(arguments[1], "")
        return f"{arguments[0]} {command}".strip()
    if name in _LOOPS:
        return _loop(pid, name, arguments)
    if name in _ON_DESCRIPTOR:
        return str(arguments[0])
    if name == "futex":
        return _futex(pid, arguments)
    if name in ("nanosleep", "clock_nanosleep"):
        return _sleep(pid, name, arguments)
    if name == "wait4":
        child = _signed(arguments[0])
        return str(child) if child > 0 else ""
    if name == "waitid":
        return str(arguments[1]) if arguments[0] == 1 else ""
    if name in ("poll", "ppoll"):
        return _polled(pid, arguments[0], arguments[1])
    if name in ("open", "openat"):
        return _opened(pid, name, arguments)
    return ""


def _loop(pid: int, name: str, arguments: list[int]) -> str:
    """What an event loop watches, such as `6 9 forever`; its own descriptor where that may not be read."""
    told = proc.descriptor_info(pid, arguments[0]).get("tfd", "")
    watched = sorted(int(line.split()[0]) for line in told.splitlines() if line.split())
    if not told or len(watched) > _MOST_POLLED:
        return str(arguments[0])
    endless = name != "epoll_pwait2" and _signed(arguments[3]) < 0
    return " ".join([*map(str, watched), *(["forever"] if endless else [])])


def _futex(pid: int, arguments: list[int]) -> str:
    """Whose lock it is and how long it is waited for: `private forever`, `shared 30s`."""
    operation = arguments[1] & 0x7F
    if operation not in _WAITS:
        return ""
    whose = "private" if arguments[1] & _PRIVATE else "shared"
    if not arguments[3]:
        return f"{whose} forever"
    # A plain wait and one for a lock with an owner differ in what their time counts from.
    clock = (
        time.CLOCK_REALTIME if arguments[1] & _REALTIME or operation == 6 else time.CLOCK_MONOTONIC
    )
    limit = _limit(pid, arguments[3], None if operation == 0 else clock)
    return f"{whose} {limit}".strip()


def _sleep(pid: int, name: str, arguments: list[int]) -> str:
    if name == "nanosleep":
        return _limit(pid, arguments[0], None)
    absolute = arguments[1] & _ABSOLUTE and arguments[0] in (
        time.CLOCK_REALTIME,
        time.CLOCK_MONOTONIC,
    )
    return _limit(pid, arguments[2], arguments[0] if absolute else None)


def _limit(pid: int, address: int, clock: int | None) -> str:
    """Seconds that are left at most, such as `40s`; `clock` where the time is one of day and not a length."""
    raw = _memory(pid, address, 16)
    if len(raw) < 16:
        return ""
    seconds, nanoseconds = struct.unpack("=qq", raw)
    left = seconds + nanoseconds / 1e9 - (time.clock_gettime(clock) if clock is not None else 0.0)
    return f"{max(0, math.ceil(left))}s"


def _opened(pid: int, name: str, arguments: list[int]) -> str:
    """The whole path of a file, as the process that opens it knows it."""
    path = _string(pid, arguments[1 if name == "openat" else 0])
    if not path or path.startswith("/"):
        return path
    at = _signed(arguments[0]) if name == "openat" else _HERE
    folder = proc.link(f"/proc/{pid}/cwd" if at == _HERE else f"/proc/{pid}/fd/{at}")
    root = proc.link(f"/proc/{pid}/root")
    folder = folder.removeprefix(root) if root != "/" else folder
    return os.path.normpath(f"{folder}/{path}") if folder.startswith("/") else path


def _signed(value: int) -> int:
    value &= 0xFFFFFFFF
    return value - 2**32 if value >= 2**31 else value


def _polled(pid: int, address: int, count: int) -> str:
    """The descriptors of a short `poll`, such as `27 31`."""
    if not 0 < count <= _MOST_POLLED:
        return ""
    raw = _memory(pid, address, 8 * count)
    return " ".join(
        str(fd) for fd, _, _ in struct.iter_unpack("=ihh", raw[: len(raw) // 8 * 8]) if fd >= 0
    )


def _string(pid: int, address: int) -> str:
    # A string may end just before a page that is not there.
    raw = _memory(pid, address, min(512, 4096 - address % 4096))
    return redact(raw.partition(b"\0")[0].decode("utf-8", "replace"))


def _memory(pid: int, address: int, size: int) -> bytes:
    try:
        handle = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.pread(handle, size, address)
    except (OSError, OverflowError):
        return b""
    finally:
        os.close(handle)
