"""The reasoning over one snapshot: where everybody stands, what is in the way, what state that is.

Floor 9: pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from diagnose.live.gpus import devices
from diagnose.model import Block, Blocker, Snapshot, State, Verdict
from diagnose.phases import READY
from diagnose.stacks import Standing, standings
from diagnose.stacks.call import CHILD
from diagnose.units import duration
from diagnose.waits import SERVES, Arrow, View, blockers, foreign, sitting

VERDICT = {
    State.HUNG: Verdict.HUNG,
    State.STOPPED: Verdict.HUNG,
    State.DEAD_PEER: Verdict.HUNG,
    State.SLOW: Verdict.SLOW,
    State.IDLE: Verdict.HEALTHY,
    State.WORKING: Verdict.HEALTHY,
    State.UNCLEAR: Verdict.UNDECIDABLE,
}
_STATE = {
    Block.STOPPED: State.STOPPED,
    Block.DEAD: State.DEAD_PEER,
    Block.ABSENT: State.DEAD_PEER,
    Block.SILENT: State.DEAD_PEER,
    Block.BUSY: State.UNCLEAR,
    Block.UNSEEN: State.UNCLEAR,
    Block.MOVING: State.SLOW,
}
_AT_ONCE = (Block.STOPPED, Block.DEAD, Block.NOBODY, Block.CYCLE)
"""What one sample shows as well as several: it does not change by itself."""
_ON_DEVICE = (Block.COLLECTIVE, Block.BUSY, Block.ASLEEP, Block.UNSEEN)
"""Where the stacks end at a call that may wait for a device."""
_KEEPS = (Block.STOPPED, Block.ASLEEP, Block.UNSEEN)
"""Where the end is a process, which may have a lock that others wait for."""
STAYS_S = 45.0
"""Seconds in one function after which a rank that alone is busy there does not count as slow any more."""
SOON_S = 60.0
"""A sleep that ends within this time says nothing of a hang, unless a part of a server is in it."""
OLD_S = 3600.0
"""Age of a lock that no build keeps for so long."""
_LONG = ("build", "compile", "download")
_SERVING = ("engine-core", "worker", "scheduler")


@dataclass(frozen=True, slots=True)
class Look:
    """What a snapshot says."""

    snapshot: Snapshot
    view: View
    arrows: tuple[Arrow, ...]
    ends: tuple[Blocker, ...]
    state: State
    why: str
    """One sentence without a full stop."""

    @property
    def blocker(self) -> Blocker | None:
        """What is in the way; None when nobody waits for anything."""
        return self.ends[0] if self.ends else None

    @property
    def standings(self) -> dict[int, Standing]:
        """By pid."""
        return dict(self.view.standings)


def look(snapshot: Snapshot) -> Look:
    """Reasons over one snapshot."""
    view = View(snapshot, standings(snapshot))
    arrows, ends = blockers(view)
    state, why = _decide(view, ends[0] if ends else None)
    told = devices(view).sentence
    if told and ends and ends[0].kind in _ON_DEVICE:
        why = f"{why}; {told}"
    return Look(snapshot, view, tuple(arrows), tuple(ends), state, why)


def _decide(view: View, blocker: Blocker | None) -> tuple[State, str]:
    if blocker is None:
        return _unblocked(view)
    state = _STATE.get(blocker.kind, State.HUNG)
    if state is State.SLOW and _up(view) and not _builds(view, blocker):
        return State.WORKING, f"it is at work: {blocker.what}"
    if state is State.SLOW:
        return state, _slow(view, blocker)
    if blocker.kind is Block.NOBODY and blocker.caveat and not _old(view, blocker):
        return State.UNCLEAR, f"{blocker.what}; but {blocker.caveat}"
    if blocker.kind is Block.ASLEEP and not _awaited(view, blocker):
        return State.UNCLEAR, f"{blocker.what}; nobody is seen to wait for it"
    if blocker.kind is Block.ASLEEP and _wakes(view, blocker):
        return State.UNCLEAR, f"{blocker.what}; what it does then cannot be told"
    if blocker.kind is Block.BUSY and _stays(view, blocker):
        seconds = duration(view.snapshot.duration_s)
        return (
            State.HUNG,
            f"{blocker.what}, for {seconds}, while all other ranks wait for it",
        )
    if blocker.kind is Block.BUSY:
        seconds = duration(view.snapshot.duration_s)
        return state, f"{blocker.what}; whether that ends cannot be told within {seconds}"
    if blocker.caveat:
        return state, f"{blocker.what}; not certain: {blocker.caveat}"
    if _single_look(view):
        state = state if blocker.kind in _AT_ONCE else State.UNCLEAR
        return state, f"{blocker.what} (one sample only: whether anything moves was not seen)"
    others = [
        p
        for p in blocker.waiters
        if p not in view.standings or view.standings[p].label not in blocker.what
    ]
    waits = "waits" if len(others) == 1 else "wait"
    what = blocker.what
    if blocker.kind in _KEEPS and blocker.resource.startswith("/") and blocker.resource not in what:
        what = f"{what}, and holds {blocker.resource}"
    return state, f"{what}; {view.names(others)} {waits} for it" if others else what


def _unblocked(view: View) -> tuple[State, str]:
    serving = view.with_role(*_SERVING)
    stacks = [s for s in serving if s.main is not None]
    still = bool(stacks) and stacks == serving and not any(s.moved for s in stacks)
    # Idle workers of old versions spin: their processor time says nothing.
    if still and all(s.main is not None and s.main.idle for s in stacks):
        return State.IDLE, "every process waits for work, and there is none"
    moving = [s for s in serving if s.moved or (s.busy and not (s.main and s.main.idle))]
    if moving:
        return State.WORKING, f"it is at work: {moving[0].label} moves"
    if not stacks:
        idle = [s for s in view.standings.values() if s.main is not None]
        if any(map(view.idle, idle)) and all(view.idle(s) or _minds(s) for s in idle):
            return State.IDLE, "every process waits for work, and there is none"
        root = view.standings.get(view.snapshot.root)
        unread = foreign(root) if root is not None else ""
        return State.UNCLEAR, unread or "no stack of a process that does the work could be read"
    return State.UNCLEAR, "nothing that was seen says what it waits for"


def _minds(standing: Standing) -> bool:
    """Whether a process does nothing but wait for those that it started."""
    wait = standing.main.wait if standing.main else None
    return (wait is not None and wait.waits == "child") or sitting(standing).name in CHILD


def _up(view: View) -> bool:
    """Whether the server answers requests: its front end is in its loop, or its engine runs a step."""
    fronts = view.with_role("api-server")
    cores = view.with_role("engine-core")
    serves = any(s.main is not None and s.main.idle for s in fronts)
    return serves or any(s.phase == READY for s in cores)


def _slow(view: View, blocker: Blocker) -> str:
    """Who is at work for whom, since when, and what is normal."""
    worker = next((view.standings[p] for p in blocker.pids if p in view.standings), None)
    if worker is None:
        return f"it moves: {blocker.what}"
    at = view.snapshot.taken_s + view.snapshot.duration_s
    since = f", for {duration(max(0.0, at - worker.process.started_s))}"
    chain = [worker, *(view.standings[pid] for pid in blocker.waiters if pid in view.standings)]
    jobs = [(s, s.main.work) for s in chain if s.main is not None and s.main.work is not None]
    builder = worker.process.role == "builder"
    order = ("build", "download", "compile", "capture", "load", "device")
    jobs = sorted((job for job in jobs), key=lambda job: order.index(job[1].work) if job[1] else 9)
    text = f"it moves: {blocker.what}{since if builder else ''}"
    if jobs and jobs[0][1] is not None:
        owner, place = jobs[0]
        by = f" for {owner.label}, which {place.does}" if owner is not worker else ""
        usual = f"; that usually takes {place.usual}" if place.usual else ""
        return f"{text}{by}{usual}"
    return text


def _old(view: View, blocker: Blocker) -> bool:
    """Whether a lock is older than any build takes, and nothing in its folder grows."""
    lock = view.lock_file(blocker.resource)
    folder = blocker.resource.rpartition("/")[0]
    grows = any(g.after > g.before and g.path.startswith(folder) for g in view.snapshot.growth)
    return lock is not None and lock.age_s >= OLD_S and not grows


def _builds(view: View, blocker: Blocker) -> bool:
    """Whether a compiler or a download is what it waits for, also in a server that is up."""
    movers = [view.standings[pid] for pid in blocker.pids if pid in view.standings]
    return any(
        s.process.role == "builder" or (s.main and s.main.work and s.main.work.work in _LONG)
        for s in movers
    )


def _stays(view: View, blocker: Blocker) -> bool:
    """Whether one rank is busy in one function for long, and all its sisters wait for it."""
    sisters = [s.pid for pid in blocker.pids if pid in view.standings for s in view.sisters(pid)]
    alone = bool(sisters) and all(pid in blocker.waiters for pid in sisters)
    return alone and view.snapshot.duration_s >= STAYS_S


def _awaited(view: View, blocker: Blocker) -> bool:
    """Whether a process that sleeps holds anybody up: somebody waits for it, or it is part of a server."""
    pids = [pid for pid in blocker.pids if pid in view.standings]
    return bool(blocker.waiters) or any(view.standings[pid].process.role in SERVES for pid in pids)


def _wakes(view: View, blocker: Blocker) -> bool:
    """Whether a program that is no part of a server sleeps only for a little longer."""
    sleepers = [view.standings[pid] for pid in blocker.pids if pid in view.standings]
    left = [sitting(s).left_s for s in sleepers if s.process.role not in SERVES]
    return any(seconds is not None and seconds <= SOON_S for seconds in left)


def _single_look(view: View) -> bool:
    known = [s for s in view.standings.values() if s.samples]
    return bool(known) and all(s.samples < 2 for s in known)
