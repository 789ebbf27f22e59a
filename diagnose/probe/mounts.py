"""What a path is for a process: under which root it lies, and on what kind of file system.

Part of the probe, floor 10. A process in a container sees other files under the same names; they are reached
through /proc/PID/root and always shown under the name the process itself uses.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from diagnose.probe import proc

_CONTAINER = re.compile(r"([0-9a-f]{64}|[0-9a-f]{32})(?:\.scope)?(?:/|$)")
_ESCAPE = re.compile(r"\\([0-7]{3})")
PRIVATE = frozenset({"overlay", "tmpfs", "ramfs"})
"""File systems that a container has to itself: who holds a lock there lives in it."""


@dataclass(frozen=True, slots=True)
class View:
    """The file system as one process sees it."""

    pid: int
    prefix: str
    """What to put before its paths to open them here; empty where it sees what we see."""

    def here(self, path: str) -> str:
        """Its path as this process can open it."""
        return self.prefix + path

    def filesystem(self, path: str) -> str:
        """The type of the file system that holds the path."""
        best, kind = -1, ""
        for point, one in _mounts(self.pid):
            if len(point) > best and (path == point or path.startswith(point.rstrip("/") + "/")):
                best, kind = len(point), one
        return kind


def view(pid: int) -> View:
    """How a process sees files."""
    theirs, ours = proc.namespace(pid, "mnt"), proc.namespace("self", "mnt")
    same = not theirs or theirs == ours
    root = proc.link(f"/proc/{pid}/root")
    return View(pid, "" if same and root in ("", "/") else f"/proc/{pid}/root")


def container(pid: int) -> str:
    """An id of its container, or its namespace; empty where it lives where this program lives."""
    theirs, ours = proc.namespace(pid, "mnt"), proc.namespace("self", "mnt")
    if not theirs or theirs == ours:
        return ""
    found = _CONTAINER.search(proc.text(f"/proc/{pid}/cgroup"))
    return found[1][:12] if found else theirs


@functools.lru_cache(maxsize=64)
def _mounts(pid: int) -> tuple[tuple[str, str], ...]:
    rows = []
    for line in proc.text(f"/proc/{pid}/mountinfo", 2**24).splitlines():
        left, _, right = line.partition(" - ")
        fields, kind = left.split(), right.split()
        if len(fields) > 4 and kind:
            point = _ESCAPE.sub(lambda m: chr(int(m[1], 8)), fields[4])
            rows.append((point, kind[0]))
    return tuple(rows)
