"""Who has what open: one pass over the descriptors of every process that may be looked at.

Part of the probe, floor 10. Holders outside the server matter (another container, an earlier run), so all
processes are read; files are told apart by device and inode, since the same file has several paths.
"""

from __future__ import annotations

import os
import re
import stat as modes
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from diagnose.model import OpenFile, Pipe
from diagnose.probe import proc
from diagnose.redact import redact

_OBJECT = re.compile(r"^(socket|pipe):\[(\d+)\]$")
_LOCK_NAME = re.compile(r"(?:^|/)(?:lock|lock_[^/]+|[^/]+\.lock|[^/]+\.lck)$")
_MATTERS = re.compile(r"^/dev/(?:shm/|kfd$|dri/|nvidia)|\.(?:safetensors|gguf|pt|bin|incomplete)$")
_PER_PROCESS = 200
Key = tuple[int, int]
"""Device and inode: what makes two open files the same file."""


@dataclass(slots=True)
class Descriptors:
    """Every descriptor of every process that may be looked at."""

    links: dict[int, dict[int, str]]
    """By pid, then by number: where it points."""
    denied: tuple[int, ...]
    """Processes whose descriptors may not be read."""
    _keys: dict[tuple[int, int], Key | None] = field(default_factory=dict)

    def key(self, pid: int, fd: int) -> Key | None:
        """Device and inode of what a descriptor is open on; asked once."""
        if (pid, fd) not in self._keys:
            status = _status(f"/proc/{pid}/fd/{fd}")
            self._keys[pid, fd] = (status.st_dev, status.st_ino) if status else None
        return self._keys[pid, fd]

    def objects(self, kind: str) -> dict[int, list[tuple[int, int]]]:
        """Sockets or pipes by inode: the descriptors, as (pid, number)."""
        found: dict[int, list[tuple[int, int]]] = {}
        for pid, links in self.links.items():
            for fd, target in links.items():
                match = _OBJECT.match(target)
                if match and match[1] == kind:
                    found.setdefault(int(match[2]), []).append((pid, fd))
        return found

    def named(self, basenames: Collection[str]) -> Iterator[tuple[int, int, str]]:
        """Every open file with one of these last names, as (pid, number, path)."""
        for pid, links in self.links.items():
            for fd, target in links.items():
                if target.startswith("/") and _basename(target) in basenames:
                    yield pid, fd, target


def _basename(target: str) -> str:
    return target.removesuffix(" (deleted)").rpartition("/")[2]


def scan(pids: Collection[int]) -> Descriptors:
    """Reads the descriptors of these processes."""
    links, denied = {}, []
    for pid in pids:
        found = proc.descriptors(pid)
        if found is None:
            # Kernel threads have none to keep to themselves.
            if proc.argv(pid):
                denied.append(pid)
            continue
        links[pid] = found
    return Descriptors(links, tuple(denied))


def mode(pid: int, fd: int) -> str:
    """`r`, `w` or `rw`; empty when not told."""
    flags = proc.descriptor_info(pid, fd).get("flags", "")
    return {0: "r", 1: "w", 2: "rw"}.get(int(flags, 8) & 3, "") if flags else ""


def open_files(
    table: Descriptors,
    tree: Collection[int],
    locked: Collection[Key],
    asked: Mapping[int, set[int]],
) -> tuple[OpenFile, ...]:
    """The server's descriptors that matter: locks, what it writes, shared memory, devices, weights, pipes.

    Args:
        table: All descriptors.
        tree: The server's processes.
        locked: Files on which the kernel holds a lock.
        asked: By pid, descriptors that a thread sits on in a system call.
    """
    found = []
    for pid in tree:
        kept = 0
        for fd, target in sorted(table.links.get(pid, {}).items()):
            one = _one(table, pid, fd, target, locked, asked.get(pid, set()))
            if one is not None and kept < _PER_PROCESS:
                kept += 1
                found.append(one)
    return tuple(found)


def _one(
    table: Descriptors,
    pid: int,
    fd: int,
    target: str,
    locked: Collection[Key],
    asked: Collection[int],
) -> OpenFile | None:
    pipe = _OBJECT.match(target)
    if pipe:
        wanted = pipe[1] == "pipe" or fd in asked
        return OpenFile(pid, fd, target, int(pipe[2]), 0, mode(pid, fd)) if wanted else None
    if not target.startswith("/"):
        return OpenFile(pid, fd, target, 0, 0, mode(pid, fd)) if fd in asked else None
    key = table.key(pid, fd)
    if key is None:
        return None
    matters = fd in asked or key in locked or _LOCK_NAME.search(target) or _MATTERS.search(target)
    how = mode(pid, fd)
    kind = _kind(f"/proc/{pid}/fd/{fd}")
    if not matters and kind != "fifo" and not (kind == "file" and "w" in how):
        return None
    path = redact(target.removesuffix(" (deleted)"))
    return OpenFile(pid, fd, path, key[1], key[0], how, target.endswith(" (deleted)"))


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except (OSError, ValueError):
        return None


def _kind(path: str) -> str:
    status = _status(path)
    if status is None:
        return ""
    regular, fifo = modes.S_ISREG(status.st_mode), modes.S_ISFIFO(status.st_mode)
    return "file" if regular else "fifo" if fifo else "other"


def pipes(
    table: Descriptors,
    tree: Collection[int],
    files: Collection[OpenFile],
    opening: Mapping[str, str],
) -> tuple[Pipe, ...]:
    """The server's pipes and FIFOs, with everybody who reads and writes them, inside it or not.

    Args:
        table: All descriptors.
        tree: The server's processes.
        files: What they have open.
        opening: Files that one of them tries to open, with where to find them here.
    """
    ends = table.objects("pipe")
    found = {
        inode: _pipe(inode, "", holders)
        for inode, holders in ends.items()
        if any(pid in tree for pid, _ in holders)
    }
    keys = {
        (one.device, one.inode): one.path
        for one in files
        if one.path.startswith("/") and _kind(f"/proc/{one.pid}/fd/{one.fd}") == "fifo"
    }
    for path, here in opening.items():
        status = _status(here)
        if status and modes.S_ISFIFO(status.st_mode):
            keys[status.st_dev, status.st_ino] = path
    for key, path in keys.items():
        holders = [
            (pid, fd) for pid, fd, _ in table.named({_basename(path)}) if table.key(pid, fd) == key
        ]
        found[key[1]] = _pipe(key[1], path, holders)
    return tuple(found[inode] for inode in sorted(found))


def _pipe(inode: int, path: str, holders: Collection[tuple[int, int]]) -> Pipe:
    how = {(pid, fd): mode(pid, fd) for pid, fd in holders}
    readers = sorted({pid for (pid, _), one in how.items() if "r" in one})
    writers = sorted({pid for (pid, _), one in how.items() if "w" in one})
    return Pipe(inode, tuple(readers), tuple(writers), path)
