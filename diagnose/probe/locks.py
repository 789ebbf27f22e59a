"""Locks: those the kernel keeps (flock, fcntl), with the paths and the real holders.

Part of the probe, floor 10. /proc/locks names a lock by device and inode and the process that took it; after a
fork a child may be the one that still holds it, which only its descriptor tells.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from dataclasses import dataclass

from diagnose.model import FileLock
from diagnose.probe import proc
from diagnose.probe.descriptors import Descriptors, Key
from diagnose.redact import redact

_LINE = re.compile(
    r"(?P<number>\d+): (?P<waiting>-> )?(?P<kind>FLOCK|POSIX|OFDLCK)\s+\S+\s+(?P<how>READ|WRITE)\s+"
    r"(?P<pid>-?\d+)\s+(?P<major>[0-9a-f]+):(?P<minor>[0-9a-f]+):(?P<inode>\d+)"
)
_KINDS = {"FLOCK": "flock", "POSIX": "posix", "OFDLCK": "ofd"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of /proc/locks."""

    kind: str
    pid: int
    key: Key
    waiting: bool
    write: bool


def entries(text: str | None = None) -> tuple[Entry, ...]:
    """What the kernel's table says; `text` stands for the file in tests."""
    text = proc.text("/proc/locks", 2**24) if text is None else text
    return tuple(
        Entry(
            _KINDS[found["kind"]],
            max(0, int(found["pid"])),
            (os.makedev(int(found["major"], 16), int(found["minor"], 16)), int(found["inode"])),
            bool(found["waiting"]),
            found["how"] == "WRITE",
        )
        for found in map(_LINE.search, text.splitlines())
        if found
    )


def file_locks(
    table: Descriptors, tree: Collection[int], found: Collection[Entry], also: Collection[int] = ()
) -> tuple[FileLock, ...]:
    """The locks that one of the server's processes holds, waits for, or has the file of.

    Args:
        table: All descriptors.
        tree: The server's processes.
        found: The kernel's table.
        also: Inodes of further files that matter: who polls for a lock has its file open only now and then.
    """
    inodes = {entry.key[1] for entry in found}
    ours = {
        key[1]
        for pid in tree
        for fd, target in table.links.get(pid, {}).items()
        if target.startswith("/") and (key := table.key(pid, fd)) and key[1] in inodes
    }
    ours.update(also)
    locks = []
    for entry in found:
        if entry.pid not in tree and entry.key[1] not in ours:
            continue
        holders = _holders(table, entry) or {entry.pid: ""}
        locks += [
            FileLock(
                entry.kind,
                pid,
                entry.key[1],
                entry.key[0],
                redact(path),
                entry.waiting,
                entry.write,
            )
            for pid, path in sorted(holders.items())
        ]
    return tuple(locks)


def _holders(table: Descriptors, entry: Entry) -> dict[int, str]:
    """The processes behind one entry, with the path: the one it names, or who inherited its descriptor."""
    named = _path(table, entry.pid, entry)
    if named or entry.waiting:
        return {entry.pid: named} if named else {}
    return {pid: path for pid in table.links if (path := _path(table, pid, entry, must_hold=True))}


def _path(table: Descriptors, pid: int, entry: Entry, *, must_hold: bool = False) -> str:
    for fd, target in table.links.get(pid, {}).items():
        if not target.startswith("/"):
            continue
        key = table.key(pid, fd)
        if key is None or key[1] != entry.key[1]:
            continue
        # Some file systems tell `stat` another device than the lock table: then the descriptor decides.
        if must_hold or key != entry.key:
            shown = proc.descriptor_info(pid, fd).get("lock", "")
            if f":{entry.key[1]} " not in shown and not (entry.waiting and key[1] == entry.key[1]):
                continue
        return target.removesuffix(" (deleted)")
    return ""
