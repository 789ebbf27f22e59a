"""The counters of a tree of processes, from /proc alone: nobody is stopped or traced.

Part of `watch`. Members are looked for less often than counters are read, because a node may run thousands of
processes of which a few are the server's.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field

from diagnose.probe import proc, titles
from diagnose.probe.proc import HZ, Stat

_NOISE_BYTES = 2**20
"""Changes of one process's memory that mean nothing."""
_ENDED = "ZX"
"""States of a process that ended and that its parent has not asked about yet."""
_EVERY = 4
"""Members are looked for at every so many readings."""


_PARTS = ("worker", "scheduler", "engine-core", "detokenizer", "coordinator")
"""The roles without which a server does not go on."""


@dataclass(frozen=True, slots=True)
class Gone:
    """A part of the server that ended."""

    name: str
    """Empty for one that had not said yet what it is."""
    pid: int
    at: float
    """The reading that missed it, by the monotonic clock."""


@dataclass(slots=True)
class _Known:
    identity: tuple[int, int]
    comm: str
    title: str
    fresh: bool
    """Whether the title is not its own yet."""
    part: bool
    """Whether the server may not go on without it."""
    ticks: int
    rss: int
    io: int
    builder: bool
    last: bool
    """Whether it cleans up after the others, and ends by itself when they have."""
    readings: int = 0
    """How often it was there."""


@dataclass(slots=True)
class Tree:
    """A tree of processes over time.

    Args:
        root: Its head.
        ours: Whether this process is where orphans of the tree arrive.
        strangers: Children of ours that are no part of it.
    """

    root: int
    ours: bool = False
    strangers: set[int] = field(default_factory=set)
    io_bytes: int = 0
    memory_bytes: int = 0
    builder_s: float = 0.0
    cores: float = 0.0
    """What all of them but compilers used since the last reading."""
    kinds: set[str] = field(default_factory=set)
    pids: set[int] = field(default_factory=set)
    """Everybody who was ever part of it."""
    gone: list[Gone] = field(default_factory=list)
    """Parts that ended since the last one was started, in the order in which they were missed."""
    _known: dict[int, _Known] = field(default_factory=dict)
    _turn: int = 0
    _at: float = 0.0

    def read(self, now: float) -> None:
        """Counts what happened since the last reading."""
        if self._turn % _EVERY == 0:
            self._find()
        self._turn += 1
        elapsed, self._at = now - self._at, now
        spent = 0
        for pid, known in list(self._known.items()):
            state = proc.stat(pid)
            if state is None or state.identity != known.identity or state.state in _ENDED:
                del self._known[pid]
                # A fork that lives for a moment is on its way to another program.
                if known.part and (known.readings > 1 or not known.fresh):
                    self.gone.append(Gone("" if known.fresh else known.title, pid, now))
                continue
            known.readings += 1
            if state.comm != known.comm:
                # It became another program, or gave itself a title.
                met = self._meet(state)
                known.comm, known.title, known.fresh = met.comm, met.title, met.fresh
                known.part, known.builder = met.part, met.builder
            ticks = state.ticks - known.ticks
            if known.builder:
                self.builder_s += ticks / HZ
            else:
                spent += ticks
            self._count(known, state)
        self.cores = spent / HZ / elapsed if elapsed > 0 else 0.0

    def first_gone(self) -> Gone | None:
        """The part that ended before all others; None where that was not seen."""
        first = self.gone[:1]
        more = any(known.part for known in self._known.values()) or self.gone[1:]
        alone = not any(one.at == first[0].at for one in self.gone[1:]) if first else False
        return first[0] if alone and more else None

    def leave_out(self, pid: int) -> None:
        """Never takes this child of ours for a part of the tree."""
        self.strangers.add(pid)

    def members(self) -> list[Stat]:
        """Everybody in it now, and everybody who was and still runs; the head first."""
        self._find()
        found = [proc.stat(pid) for pid in self._known]
        return [
            one for one in found if one is not None and one.state not in _ENDED and self._is(one)
        ]

    def killable(self) -> list[Stat]:
        """The members, but for those that clean up after the others as long as there are others."""
        members = self.members()
        return [one for one in members if not self._known[one.pid].last] or members

    def heads(self) -> list[Stat]:
        """Those whose parent is no part of it."""
        members = self.members()
        pids = {one.pid for one in members}
        return [one for one in members if one.ppid not in pids]

    def _is(self, one: Stat) -> bool:
        return self._known[one.pid].identity == one.identity

    def _find(self) -> None:
        table = proc.processes()
        children: dict[int, list[int]] = {}
        for one in table.values():
            children.setdefault(one.ppid, []).append(one.pid)
        queue, seen = self._heads(table, children), {os.getpid(), *self.strangers}
        while queue:
            pid = queue.pop()
            if pid in seen:
                continue
            seen.add(pid)
            queue += children.get(pid, ())
            if table[pid].state in _ENDED:
                continue
            known = self._known.get(pid)
            if known is None or known.identity != table[pid].identity:
                self._known[pid] = self._meet(table[pid])
                if self._known[pid].part:
                    # What ended before belonged to an earlier server.
                    self.gone.clear()

    def _heads(self, table: dict[int, Stat], children: dict[int, list[int]]) -> list[int]:
        """The head, whoever left the tree and arrived here, and the session that the head leads."""
        heads = [pid for pid in (self.root, *self._known) if pid in table]
        if self.ours:
            # What comes from our own session was never part of the command, which leads another one.
            arrived = children.get(os.getpid(), ())
            heads += [pid for pid in arrived if table[pid].session != os.getsid(0)]
            heads += [pid for pid, one in table.items() if one.session == self.root]
        return heads

    def _meet(self, one: Stat) -> _Known:
        self.pids.add(one.pid)
        who = titles.identify(proc.title(one.pid), proc.argv(one.pid), one.comm)
        self.kinds.add(who.name)
        # What was spawned has no title at first, and what was forked that of its parent.
        parent = self._known.get(one.ppid)
        forked = bool(who.engine) and parent is not None and parent.title == who.name
        fresh = forked or who.name == titles.SPAWNED
        return _Known(
            one.identity,
            one.comm,
            who.name,
            fresh,
            fresh or who.role in _PARTS,
            one.ticks,
            one.rss,
            _io(one.pid),
            builder=who.role == "builder",
            last=who.role == "resource-tracker",
        )

    def _count(self, known: _Known, state: Stat) -> None:
        known.ticks = state.ticks
        if abs(state.rss - known.rss) >= _NOISE_BYTES:
            self.memory_bytes += abs(state.rss - known.rss)
            known.rss = state.rss
        io = _io(state.pid)
        self.io_bytes += max(0, io - known.io)
        known.io = io


def _io(pid: int) -> int:
    return sum(proc.counters(pid))


def send(one: Stat, number: signal.Signals) -> bool:
    """Sends a process a signal, never a later one of the same number; whether it was sent."""
    try:
        handle = os.pidfd_open(one.pid)
    except OSError:
        return False
    try:
        now = proc.stat(one.pid)
        if now is None or now.identity != one.identity:
            return False
        signal.pidfd_send_signal(handle, number)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True
