"""Where the chains of arrows lead: the one thing that has to change before anything else can.

Floor 7.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from diagnose.model import Block, Blocker
from diagnose.stacks import Standing
from diagnose.waits.arrows import arrows, inner
from diagnose.waits.clauses import clause, command, step
from diagnose.waits.files import MESSAGE, ROOM
from diagnose.waits.view import HOLDABLE, SERVES, TALKS, Arrow, View

ORDER = tuple(Block)
"""What counts first where the chains lead to several ends: what never changes by itself."""
ALIVE = 0.05
"""Cores; a process outside the server that uses more is at work."""


class Graph:
    """All arrows of a snapshot, and what they lead to.

    Args:
        view: The snapshot.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self.arrows: dict[int, list[Arrow]] = {
            pid: arrows(view, standing) for pid, standing in view.standings.items()
        }

    def all(self) -> list[Arrow]:
        """Every arrow of the server, and of those outside it that they lead to, by waiter."""
        told = {s.pid for s in self._view.standings.values() if self._inside(s)}
        new = set(told)
        while new:
            led = {p for pid in new for a in self.arrows.get(pid, ()) for p in a.holders}
            new = led - told
            told |= new
        return [arrow for pid, found in self.arrows.items() if pid in told for arrow in found]

    def ends(self) -> list[Blocker]:
        """Every end that some process waits for, each once, the most final first."""
        inside = [s for s in self._view.standings.values() if self._inside(s)]
        found = self._from(self._starts(inside))
        found = found or self._from(s.pid for s in inside if self._alone(s))
        parents = self._view.children
        return sorted(
            found,
            key=lambda b: (ORDER.index(b.kind), -len(b.waiters), any(p in parents for p in b.pids)),
        )

    def _from(self, starts: Iterable[int]) -> list[Blocker]:
        found: dict[tuple[Block, str], Blocker] = {}
        for pid in starts:
            for blocker in self._follow(pid, (), set()) or ():
                key = (blocker.kind, blocker.what)
                known = found.get(key)
                waiters = {*(known.waiters if known else ()), *blocker.waiters}
                resource = blocker.resource or (known.resource if known else "")
                others = tuple(sorted(waiters - set(blocker.pids)))
                found[key] = replace(blocker, waiters=others, resource=resource)
        return list(found.values())

    def _inside(self, standing: Standing) -> bool:
        return self._view.inside(standing.pid) or standing.process.role in SERVES

    def _starts(self, inside: Iterable[Standing]) -> list[int]:
        """Everybody who waits, and whoever is stopped or dead although nobody seems to wait for it."""
        inside = list(inside)
        starts = [standing.pid for standing in inside if self.arrows[standing.pid]]
        ended = (s for s in inside if s.stopped or (s.dead and s.process.role in SERVES))
        return [*starts, *(s.pid for s in ended)]

    def _alone(self, standing: Standing) -> bool:
        """Whether a process that nobody waits for, and that waits for nobody, is the answer itself.

        In a server only the front end can be, upstream of an engine that has nothing to do; of other programs each.
        """
        main = standing.main
        if main is None or self._view.idle(standing) or self.arrows[standing.pid]:
            return False
        if self._view.with_role("engine-core", "worker", "scheduler"):
            return standing.process.role == "api-server" and not standing.moved
        return standing.process.role not in ("resource-tracker", "client", "shell")

    def _follow(self, pid: int, path: tuple[int, ...], followed: set[int]) -> list[Blocker] | None:
        """Where the arrows of a process lead; None for one that was followed from here already.

        Where everybody holds an end of the same thing there are more paths than can ever be followed.
        """
        if pid in path:
            return [self._cycle((*path[path.index(pid) :], pid), path)]
        if pid in followed:
            return None
        followed.add(pid)
        trail = (*path, pid)
        standing = self._view.standings.get(pid)
        if standing is None:
            return [self._outside(pid, path)]
        found = self.arrows[pid]
        if (
            not found
            and path
            and self._view.idle(standing)
            and not (standing.stopped or standing.dead)
        ):
            found = inner(self._view, standing)
            if not found:
                return []
        if not found:
            return [self._itself(standing, path)]
        ends: list[Blocker] = []
        for arrow in found:
            if arrow.end is not None:
                pids = arrow.holders or (
                    () if arrow.end in (Block.NOBODY, Block.ABSENT) else (pid,)
                )
                ends.append(Blocker(arrow.end, arrow.what, pids, arrow.resource, trail, arrow.note))
            else:
                for holder in arrow.holders:
                    further = self._follow(holder, trail, followed)
                    if further is not None:
                        ends += further or self._unanswered(arrow, trail)
        return ends

    def _unanswered(self, arrow: Arrow, trail: tuple[int, ...]) -> list[Blocker]:
        """A peer that waits for work while somebody waits for its answer."""
        if arrow.kind not in TALKS:
            return []
        name = self._view.standings[arrow.waiter].label
        peer = self._view.names(arrow.holders)
        waits = "wait" if len(arrow.holders) > 1 else "waits"
        if arrow.kind == "pipe":
            what = (
                f"{name} waits for {arrow.resource}, and {peer} {waits} for something to do: it was lost between them,"
                " or the process that should have sent it has ended"
            )
            return [Blocker(Block.LOST, what, arrow.holders, arrow.resource, trail)]
        what = f"{name} waits for an answer from {arrow.resource}, and {peer} {waits} for something to do"
        return [Blocker(Block.SILENT, what, arrow.holders, arrow.resource, trail)]

    def _cycle(self, loop: Sequence[int], path: Sequence[int]) -> Blocker:
        steps = []
        first = min(range(len(loop) - 1), key=lambda n: loop[n])
        ring = [*loop[first:-1], *loop[:first]]
        for position, pid in enumerate(ring):
            holder = ring[(position + 1) % len(ring)]
            arrow = next((a for a in self.arrows[pid] if holder in a.holders), None)
            name, other = self._view.standings[pid].label, self._view.standings[holder].label
            steps.append(step(arrow, name, other))
        what = "they wait for each other: " + "; ".join(steps)
        resource = next((a.resource for a in self.arrows[ring[0]]), "")
        return Blocker(Block.CYCLE, what, tuple(ring), resource, tuple(path))

    def _outside(self, pid: int, path: Sequence[int]) -> Blocker:
        resource = self._resource(path, pid)
        if path and self._reads(path, pid):
            name = self._view.standings[path[-1]].label
            what = f"{name} waits for {resource} from pid {pid}, which does not belong to it"
            return Blocker(
                Block.UNSEEN, what, (pid,), resource, tuple(path), "it was not looked at"
            )
        if path and resource.startswith(ROOM):
            name = self._view.standings[path[-1]].label
            what = f"{name} waits for {resource}, which pid {pid} does not empty"
            return Blocker(
                Block.OUTSIDE, what, (pid,), resource, tuple(path), "it was not looked at"
            )
        if path and self._talks(path, pid):
            name = self._view.standings[path[-1]].label
            what = f"{name} waits for an answer from {resource}, where pid {pid} sends nothing"
            return Blocker(
                Block.SILENT, what, (pid,), resource, tuple(path), "it was not looked at"
            )
        what = f"pid {pid}, which does not belong to this server, holds {resource or 'what it waits for'}"
        return Blocker(Block.OUTSIDE, what, (pid,), resource, tuple(path), "it was not looked at")

    def _itself(self, standing: Standing, path: Sequence[int]) -> Blocker:
        """An end that waits for nothing: stopped, dead, at work, or asleep for a reason of its own."""
        kind = self._kind(standing)
        resource = self._resource(path, standing.pid)
        what = clause(standing, kind)
        if path and kind in (Block.ASLEEP, Block.UNSEEN) and self._talks(path, standing.pid):
            name = self._view.standings[path[-1]].label
            what = f"{name} waits for an answer from {resource}, and {what}"
            return Blocker(Block.SILENT, what, (standing.pid,), resource, tuple(path))
        alien = not self._view.inside(standing.pid) and standing.process.role not in SERVES
        if path and alien:
            return self._alien(standing, path, kind, what)
        return Blocker(kind, what, (standing.pid,), resource, tuple(path))

    def _alien(self, standing: Standing, path: Sequence[int], kind: Block, what: str) -> Blocker:
        """An end outside the server that was looked at."""
        waiter, resource = self._view.standings[path[-1]], self._resource(path, standing.pid)
        still = kind in (Block.ASLEEP, Block.UNSEEN)
        kind = Block.OUTSIDE if still else kind
        held = f" and holds {resource}" if resource else ""
        if resource.startswith(ROOM):
            held = f" and does not empty {resource.removeprefix(ROOM).strip()}"
        if still and self._reads(path, standing.pid):
            own = self._view.children.get(waiter.pid, ())
            ended = [pid for pid in own if self._view.standings[pid].dead]
            pipe, held = resource.removeprefix(MESSAGE).strip(), ""
            if ended:
                what = (
                    f"{waiter.label} waits for the end of {pipe}: its child {self._view.names(ended)} has ended,"
                    f" and {standing.label} still has it open"
                )
            else:
                kind = Block.UNSEEN
                what = f"{waiter.label} waits for {resource} from {standing.label}"
        what += f"; it does not belong to this server{held}; its command is `{command(standing)}`"
        return Blocker(kind, what, (standing.pid,), resource, tuple(path))

    def _kind(self, standing: Standing) -> Block:
        if standing.stopped or standing.dead:
            return Block.STOPPED if standing.stopped else Block.DEAD
        if standing.moved or standing.process.role == "builder" or _grows(self._view, standing):
            return Block.MOVING
        if standing.main is None:
            alive = standing.process.cpu_share >= ALIVE
            return Block.MOVING if alive else Block.UNSEEN
        work = standing.main.work
        if standing.busy:
            known = work is not None and work.work in ("build", "compile", "capture", "download")
            return Block.MOVING if known else Block.BUSY
        return Block.ASLEEP

    def _talks(self, path: Sequence[int], pid: int) -> bool:
        """Whether the last of a path waits for something that a process is to send."""
        found = self.arrows.get(path[-1], [])
        return any(a.kind == "socket" for a in found if pid in a.holders)

    def _reads(self, path: Sequence[int], pid: int) -> bool:
        """Whether the last of a path waits for input through a pipe, which many programs do all their life."""
        found = self.arrows.get(path[-1], [])
        return any(a.resource.startswith(MESSAGE) for a in found if pid in a.holders)

    def _resource(self, path: Sequence[int], pid: int) -> str:
        found = self.arrows.get(path[-1], []) if path else []
        return next((a.resource for a in found if pid in a.holders and a.kind in HOLDABLE), "")


def _grows(view: View, standing: Standing) -> bool:
    """Whether a build or a download that this process is at writes."""
    work = standing.main.work if standing.main else None
    if work is None or work.work not in ("build", "download", "load"):
        return False
    return any(growth.after > growth.before for growth in view.snapshot.growth)


def blockers(view: View) -> tuple[list[Arrow], list[Blocker]]:
    """Every arrow, and every end they lead to, the most final first."""
    graph = Graph(view)
    return graph.all(), graph.ends()
