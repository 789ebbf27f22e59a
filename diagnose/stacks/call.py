"""A system call as a look notes it, taken apart: what it works on, and for how long it may last.

Floor 6. `probe.syscalls` writes the text; docs/bundle-format.md describes it.
"""

from __future__ import annotations

from dataclasses import dataclass

SLEEPS = ("nanosleep", "clock_nanosleep")
READS = ("read", "readv", "pread64", "recvfrom", "recvmsg", "accept", "accept4", "connect", "poll")
WRITES = ("write", "writev", "sendto", "sendmsg")
OPENS = ("open", "openat")
CHILD = ("wait4", "waitid")
LOOPS = ("epoll_wait", "epoll_pwait", "epoll_pwait2")


@dataclass(frozen=True, slots=True)
class Call:
    """One system call that a thread sits in."""

    name: str
    """Empty while the thread runs, or where it may not be read."""
    numbers: tuple[int, ...] = ()
    """The descriptors, or the pid, that it works on or waits for."""
    path: str = ""
    """Of a file that it opens."""
    words: frozenset[str] = frozenset()
    """`private`, `shared`, `forever`, `setlkw`, `ofd-setlkw`."""
    left_s: float | None = None
    """After how many seconds at most it comes back by itself; None where it has no such limit, or none is told."""

    @property
    def number(self) -> int:
        """The first of the numbers; -1 where there is none."""
        return self.numbers[0] if self.numbers else -1


def call_of(text: str) -> Call:
    """Takes `futex private forever`, `poll 27 31`, `clock_nanosleep 40s`, `openat /run/queue` apart."""
    name, _, rest = text.partition(" ")
    if name in OPENS:
        return Call(name, path=rest)
    words = rest.split()
    limits = [word[:-1] for word in words if word.endswith("s") and word[:-1].isdigit()]
    return Call(
        name,
        tuple(int(word) for word in words if word.isdigit()),
        words=frozenset(word for word in words if not word[:1].isdigit()),
        left_s=float(limits[0]) if limits else None,
    )
