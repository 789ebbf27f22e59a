"""One snapshot, looked up by pid, role, parent and descriptor.

Floor 7.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from diagnose.model import Block, Connection, LockFile, OpenFile, Pipe, Snapshot
from diagnose.stacks import Standing, call_of, rank_set

SERVES = (
    "api-server",
    "engine-core",
    "worker",
    "scheduler",
    "coordinator",
    "detokenizer",
    "launcher",
)
"""Roles of the parts of a server."""
HOLDABLE = ("file-existence", "flock", "pipe", "fifo", "socket")
"""Waits for a thing that somebody holds; the others are for a process to do something."""
TALKS = ("socket", "pipe", "fifo")
"""Waits for a message."""
_RANKED = ("worker", "scheduler")
_APART = ("resource-tracker", "client")
_FAR = re.compile(
    r"nfs|cifs|smb|lustre|gpfs|beegfs|ceph|gluster|fuse|9p|virtiofs|weka|afs|wekafs|s3", re.I
)
_OWNER = re.compile(r"(\d+)\s+(\S+)")
"""What AITER writes into a lock: pid and host."""
_HIDDEN = re.compile(r"descriptor|open files|/proc/|\bfds?\b|namespace|other users|lock", re.I)


@dataclass(frozen=True, slots=True)
class Arrow:
    """One process waits for something, and who holds it."""

    waiter: int
    kind: str
    """As `Wait.kind`."""
    resource: str
    holders: tuple[int, ...] = ()
    end: Block | None = None
    """What kind of end it is when nobody here holds it."""
    what: str = ""
    """For an end: one clause."""
    note: str = ""
    """What limits the statement."""


class View:
    """Look-ups over one snapshot.

    Args:
        snapshot: What was seen.
        standings: Where each of its processes stands.
    """

    def __init__(self, snapshot: Snapshot, standings: Mapping[int, Standing]) -> None:
        self.snapshot = snapshot
        self.standings = standings
        self.children: dict[int, list[int]] = {}
        for process in snapshot.processes:
            self.children.setdefault(process.ppid, []).append(process.pid)

    def inside(self, pid: int) -> bool:
        """Whether a process belongs to the server that was asked about."""
        seen: set[int] = set()
        while pid in self.standings and pid not in seen:
            if pid == self.snapshot.root:
                return True
            seen.add(pid)
            pid = self.standings[pid].process.ppid
        return False

    def with_role(self, *roles: str) -> list[Standing]:
        """Every process of these roles."""
        return [s for s in self.standings.values() if s.process.role in roles]

    def ranked(self) -> list[Standing]:
        """Every process that holds a rank of the model."""
        return self.with_role(*_RANKED)

    def sisters(self, pid: int) -> list[Standing]:
        """The other ranked processes, of the same parent where there are several engines; of an engine, the others."""
        if self.standings[pid].process.role == "engine-core":
            return [s for s in self.with_role("engine-core") if s.pid != pid]
        others = [s for s in self.ranked() if s.pid != pid]
        parent = self.standings[pid].process.ppid
        same = [s for s in others if s.process.ppid == parent]
        return same if len(self.with_role("engine-core")) > 1 else others

    def workers_of(self, pid: int) -> list[Standing]:
        """The processes that a parent waits for: its ranked children, else all that do its work."""
        own = [self.standings[c] for c in self.children.get(pid, ())]
        ranked = [s for s in own if s.process.role in _RANKED]
        if not ranked and self.standings[pid].process.role == "engine-core":
            ranked = self.ranked() if len(self.with_role("engine-core")) == 1 else []
        return ranked or [s for s in own if s.process.role not in (*_APART, "builder", "shell")]

    def listens(self, standing: Standing) -> bool:
        """Whether the main thread of a program that is no part of a server waits for somebody to connect."""
        main = standing.main
        if main is None or standing.process.role in SERVES:
            return False
        numbers = call_of(main.thread.syscall).numbers
        watched = [self.connection(standing.pid, number) for number in numbers]
        return any(one is not None and one.state == "LISTEN" for one in watched)

    def idle(self, standing: Standing) -> bool:
        """Whether the main thread waits for its next piece of work."""
        return (standing.main is not None and standing.main.idle) or self.listens(standing)

    def names(self, pids: Iterable[int]) -> str:
        """`Worker 0-6`, or names with pids, for people."""
        known = [self.standings[pid] for pid in pids if pid in self.standings]
        unknown = [pid for pid in pids if pid not in self.standings]
        parts = [f"pid {pid}" for pid in unknown]
        if len(known) == 1:
            parts.insert(0, known[0].label)
        elif known:
            numbered = all(s.process.role in _RANKED and s.process.ranks for s in known)
            text = rank_set(s.process for s in known)
            parts.insert(0, f"workers {text}" if numbered and text[:1].isdigit() else text)
        return ", ".join(parts)

    def file(self, pid: int, fd: int) -> OpenFile | None:
        """What a descriptor refers to."""
        return next((f for f in self.snapshot.files if f.pid == pid and f.fd == fd), None)

    def connection(self, pid: int, fd: int) -> Connection | None:
        """The socket behind a descriptor."""
        return next((c for c in self.snapshot.connections if c.pid == pid and c.fd == fd), None)

    def pipe(self, *, inode: int = 0, path: str = "") -> Pipe | None:
        """A pipe by its inode, or a FIFO by its path."""
        for pipe in self.snapshot.pipes:
            if (inode and pipe.inode == inode) or (path and pipe.path == path):
                return pipe
        return None

    def lock_file(self, path: str) -> LockFile | None:
        """A lock that was looked at."""
        return next((lock for lock in self.snapshot.lock_files if lock.path == path), None)

    def blind(self, lock: LockFile | None) -> str:
        """Why somebody may hold a lock although nobody was seen; empty when everything was looked at."""
        reasons = []
        if lock is None:
            reasons.append("the lock file itself was not looked at")
        elif _FAR.search(lock.filesystem):
            reasons.append(f"it lies on {lock.filesystem}, so its holder may run on another host")
        if lock and (owner := _OWNER.match(lock.content)) and owner[2] != self.snapshot.host:
            reasons.append(f"it says that pid {owner[1]} on the host {owner[2]} holds it")
        reasons += [f"{c.what}: {c.why}" for c in self.snapshot.could_not if _HIDDEN.search(c.what)]
        return "; ".join(reasons[:3])
