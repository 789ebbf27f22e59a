"""One fact of a process a function; what is gone or not allowed gives None or nothing, never an exception.

Part of the probe, floor 10. Reading stops nobody: no signal, no trace, no open of a target's own files. psutil is
asked about single processes and their families. The table of all processes is read here: it is taken several times
a look and again and again by `watch`, and what psutil gathers from five files stands in one. Descriptors,
namespaces, threads and system calls are nothing that psutil tells.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

import psutil

HZ = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
_SPACES = re.compile(r"\s+")
_MAX_TITLE = 4000


@dataclass(frozen=True, slots=True)
class Stat:
    """/proc/PID/stat, the fields that matter."""

    pid: int
    comm: str
    state: str
    ppid: int
    session: int
    ticks: int
    """User and system time of the process itself, in clock ticks."""
    reaped: int
    """The same of its children that have ended, as far as it took note of that."""
    threads: int
    started: int
    """Clock ticks after boot."""
    rss: int
    """Bytes."""

    @property
    def identity(self) -> tuple[int, int]:
        """Tells a process from a later one with the same pid."""
        return (self.pid, self.started)


def read(path: str, limit: int = 2**20) -> bytes | None:
    """The start of a file of /proc; None when it is gone or not allowed."""
    try:
        with open(path, "rb") as file:
            return file.read(limit)
    except (OSError, ValueError):
        return None


def text(path: str, limit: int = 2**20) -> str:
    """As `read`, decoded; empty for None."""
    return (read(path, limit) or b"").decode("utf-8", "replace")


def stat(pid: int) -> Stat | None:
    """What the kernel says of a process; None when it is gone."""
    line = text(f"/proc/{pid}/stat")
    head, _, tail = line.rpartition(")")
    fields = tail.split()
    if len(fields) < 22:
        return None
    comm = head.partition("(")[2]
    return Stat(
        pid, comm, fields[0], int(fields[1]), int(fields[3]), int(fields[11]) + int(fields[12]),
        int(fields[13]) + int(fields[14]),
        int(fields[17]), int(fields[19]), int(fields[21]) * PAGE,
    )  # fmt: skip


def processes() -> dict[int, Stat]:
    """Every process, by pid."""
    found = {}
    for pid in psutil.pids():
        one = stat(pid)
        if one is not None:
            found[pid] = one
    return found


def argv(pid: int) -> tuple[str, ...]:
    """The arguments; a process that renamed itself has its title as the only one."""
    raw = (read(f"/proc/{pid}/cmdline") or b"").rstrip(b"\0 ")
    return tuple(part.decode("utf-8", "replace") for part in raw.split(b"\0")) if raw else ()


def title(pid: int) -> str:
    """The command line as one line, not redacted; empty for a zombie or a kernel thread."""
    return _SPACES.sub(" ", " ".join(argv(pid))).strip()[:_MAX_TITLE]


def environ(pid: int) -> dict[str, str]:
    """The environment it was started with; never kept or shown whole."""
    try:
        return psutil.Process(pid).environ()
    except (psutil.Error, OSError):
        return {}


def user(pid: int) -> str:
    """Whom it belongs to, by name where there is one."""
    try:
        return psutil.Process(pid).username()
    except (psutil.Error, OSError):
        return ""


def status(pid: int | str) -> dict[str, str]:
    """/proc/PID/status by key."""
    pairs = (line.partition(":") for line in text(f"/proc/{pid}/status").splitlines())
    return {key: value.strip() for key, _, value in pairs}


def counters(pid: int) -> tuple[int, int]:
    """Bytes it read and wrote since it started, storage and cache alike; zeros where not allowed."""
    try:
        told = psutil.Process(pid).io_counters()
    except (psutil.Error, OSError):
        return 0, 0
    return told.read_chars, told.write_chars


def descriptors(pid: int) -> dict[int, str] | None:
    """Every descriptor and where it points; None when that may not be read, nothing when it is gone."""
    try:
        numbers = os.listdir(f"/proc/{pid}/fd")
    except PermissionError:
        return None
    except OSError:
        return {}
    found = {}
    for number in numbers:
        try:
            found[int(number)] = os.readlink(f"/proc/{pid}/fd/{number}")
        except PermissionError:
            # Root without CAP_SYS_PTRACE may list them, but not see where they point.
            return None
        except OSError:
            continue
    return found


def descriptor_info(pid: int, fd: int) -> dict[str, str]:
    """/proc/PID/fdinfo/FD by key; several `lock` lines are joined with newlines."""
    found: dict[str, str] = {}
    for line in text(f"/proc/{pid}/fdinfo/{fd}").splitlines():
        key, _, value = line.partition(":")
        found[key] = f"{found[key]}\n{value.strip()}" if key in found else value.strip()
    return found


def link(path: str) -> str:
    """Where a symbolic link points; empty when it is gone or not allowed."""
    try:
        return os.readlink(path)
    except (OSError, ValueError):
        return ""


def namespace(pid: int | str, kind: str) -> str:
    """Such as `mnt:[4026531840]`; empty when not allowed."""
    return link(f"/proc/{pid}/ns/{kind}")


def executable(pid: int) -> str:
    """The program that runs; empty when not allowed."""
    return link(f"/proc/{pid}/exe").removesuffix(" (deleted)")


def tasks(pid: int) -> list[int]:
    """Its threads, by the kernel's number."""
    try:
        return sorted(int(name) for name in os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return []


def family(pid: int) -> list[int]:
    """A process and everything below it, parents first; nothing when it is gone."""
    try:
        below = psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []
    return [pid, *(one.pid for one in below)]


def ancestors(pid: int) -> list[int]:
    """What started it, nearest first, itself left out."""
    try:
        return [one.pid for one in psutil.Process(pid).parents()]
    except psutil.Error:
        return []
