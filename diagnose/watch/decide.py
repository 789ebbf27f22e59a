"""Observations and looks in, decisions out.

Part of `watch`, pure: time is an argument. Cheap signs only decide when to look; a hang is called only when two
looks, some time apart and with no sign of progress between them, find the server waiting in the same place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

from diagnose.units import duration
from diagnose.watch.motion import Counters, Motion
from diagnose.watch.patience import Patience

_LONGEST_PAUSE_S = 3600.0


class Step(StrEnum):
    """What to do."""

    WAIT = "wait"
    LOOK = "look"
    READY = "ready"
    ENDED = "ended"
    STALLED = "stalled"
    OVERDUE = "overdue"
    RESUMED = "resumed"
    REPORT = "report"
    """Say what the look shows, and let things take their course."""


class Opinion(StrEnum):
    """What one look at the server says."""

    MOVES = "moves"
    IDLE = "idle"
    """Every process waits for work."""
    WAITS = "waits"
    """For something that does not come."""
    STAYS = "stays"
    """Somebody computes or sleeps in one place; whether that ends cannot be told."""
    UNCLEAR = "unclear"
    """It could not be seen well enough."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What is known of the server at one time without looking at its stacks."""

    counters: Counters = field(default_factory=Counters)
    engine: str = ""
    phase: str = ""
    ended: bool = False
    ready: bool = False
    owing: bool = False
    """Of a server that is up: whether it owes an answer, so that silence means something."""
    giving_up: bool = False
    """Whether the log says that the engine runs into a time limit of its own and is about to end."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now, and why, in one clause."""

    step: Step
    why: str = ""
    thorough: bool = False
    """Whether the look is to be kept and diagnosed: it may be the one that decides."""


@dataclass(frozen=True, slots=True)
class _Suspicion:
    at: float
    opinion: Opinion
    place: str


WAIT = Decision(Step.WAIT)


class Watch:
    """The decisions over one server.

    Args:
        patience: How long each phase may stand still.
        now: When it was started; any clock that only goes forward.
        max_s: How long the whole start-up may take; None for ever.
    """

    def __init__(
        self,
        patience: Patience,
        now: float,
        *,
        max_s: float | None = None,
    ) -> None:
        self._patience = patience
        self._max_s = max_s
        self._motion = Motion()
        self._started = self.moved_at = now
        self._suspicion: _Suspicion | None = None
        self._looking = self._urgent = self._told = self._overdue = False
        self._not_before = now
        self._pause_s = 0.0
        self._seen = Observation()
        self.serving = False
        self.stalled = False

    def quiet_s(self, now: float) -> float:
        """How long nothing moved."""
        return now - self.moved_at

    def left_s(self, now: float) -> float:
        """How long the start-up may still take; infinite where nothing bounds it, or not any more."""
        if self._max_s is None or self.serving or self._overdue:
            return math.inf
        return self._started + self._max_s - now

    def observe(self, seen: Observation, now: float) -> Decision:
        """What to do after this observation."""
        self._seen = seen
        if seen.ended:
            return Decision(Step.ENDED)
        moved = self._motion.moved(seen.counters, now)
        if seen.ready and not self.serving:
            self.serving, self.stalled = True, False
            self._moves(now)
            return Decision(Step.READY)
        if self.left_s(now) <= 0:
            self._overdue = True
            limit = duration(self._max_s or 0.0)
            return Decision(Step.OVERDUE, f"the start-up took longer than {limit} (--max)")
        if moved or (self.serving and not seen.owing):
            return self._resumes(now, moved)
        if seen.giving_up and not self._urgent:
            self._urgent = self._looking = True
            return Decision(Step.LOOK, "the engine runs into a time limit of its own", True)
        return self._suspects(now)

    def looked(self, opinion: Opinion, place: str, began: float, now: float) -> Decision:
        """What to do after a look.

        Args:
            opinion: What it says.
            place: Where the server waits, in any words that are equal for equal places.
            began: When the look began.
            now: When it was done.
        """
        self._looking = False
        if self._urgent and not self._told:
            self._told = True
            return Decision(Step.REPORT)
        if self.moved_at > began:
            return WAIT
        if opinion in (Opinion.MOVES, Opinion.IDLE):
            self._moves(now)
            self._pause(now)
            return WAIT
        first, self._suspicion = self._suspicion, _Suspicion(began, opinion, place)
        if first is None or first.place != place or self.stalled:
            return WAIT
        if self.quiet_s(now) < self._limit(opinion):
            return WAIT
        self.stalled = True
        return Decision(Step.STALLED)

    def _moves(self, now: float) -> None:
        self.moved_at = now
        self._suspicion = None

    def _resumes(self, now: float, moved: tuple[str, ...]) -> Decision:
        self._moves(now)
        was, self.stalled = self.stalled, False
        return Decision(Step.RESUMED, f"it moves again: {', '.join(moved)}") if was else WAIT

    def _pause(self, now: float) -> None:
        """A server that is up and idle is not looked at again and again."""
        if self.serving:
            stall = self._patience.stall(self._seen.engine, self._seen.phase)
            self._pause_s = min(max(2 * self._pause_s, stall), _LONGEST_PAUSE_S)
            self._not_before = now + self._pause_s

    def _suspects(self, now: float) -> Decision:
        if self._looking or self.stalled or now < self._not_before:
            return WAIT
        seen, quiet = self._seen, self.quiet_s(now)
        between = self._patience.between(seen.engine, seen.phase)
        first = self._suspicion
        if first is None:
            due = quiet >= self._patience.stall(seen.engine, seen.phase) - between
        else:
            due = now - first.at >= between and quiet >= self._limit(first.opinion)
        if not due:
            return WAIT
        self._looking = True
        return Decision(Step.LOOK, f"nothing moved for {duration(quiet)}", first is not None)

    def _limit(self, opinion: Opinion) -> float:
        seen = self._seen
        if opinion is Opinion.WAITS:
            return self._patience.stall(seen.engine, seen.phase)
        stays = opinion is Opinion.STAYS
        return self._patience.doubt(seen.engine, seen.phase, seen=stays)
