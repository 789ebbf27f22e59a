"""What is read from a matrix of jobs, and what is concluded from comparing them.

Floor 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

CHANCE = 0.05
"""From here on a separation may well be chance."""


class Outcome(StrEnum):
    """What one job's end says about its settings."""

    PASSED = "passed"
    FAILED = "failed"
    HUNG = "hung"
    CANCELLED = "cancelled"
    """Ended from outside, by a sibling's failure, a newer run or a person: says nothing about it."""
    UNKNOWN = "unknown"
    """Its log does not settle whether it passed."""
    UNREADABLE = "unreadable"

    @property
    def bad(self) -> bool:
        """Whether it counts as a failure."""
        return self in (Outcome.FAILED, Outcome.HUNG)


class Where(StrEnum):
    """What kind of thing an axis is; the order is that of preference where the data prefer none."""

    CONFIG = "config"
    """What the matrix sets: parallel sizes, concurrency, precision, image."""
    ENV = "env"
    """A further variable of the job's environment block."""
    LOG = "log"
    """What the programs say they chose or run with, and nobody set by name: backends, versions, lengths."""
    PLACE = "place"
    """Where it ran: node, runner."""


@dataclass(frozen=True, slots=True)
class Cited:
    """One line that an answer rests on."""

    source: str
    line: int
    """1-based."""
    text: str


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A setting that two sources of one job give different values."""

    axis: str
    value: str
    """What is believed."""
    place: str
    """Where that is written, as a phrase: `the environment block of its log`."""
    other: str
    """What is not."""
    other_place: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One job of a matrix: its settings, how it ended, and why."""

    name: str
    outcome: Outcome
    axes: Mapping[str, str] = field(default_factory=dict)
    """Settings by axis, as text: `tp`, `ep`, `conc`, …"""
    kinds: Mapping[str, Where] = field(default_factory=dict)
    """What kind each axis is; `Where.CONFIG` where nothing is said."""
    numbers: Mapping[str, float] = field(default_factory=dict)
    """Columns of its result files."""
    why: str = ""
    """The verdict in one sentence."""
    cause: str = ""
    """Id of the signature named as the cause; empty where none is."""
    cause_title: str = ""
    confidence: float = 0.0
    way: str = ""
    """How it ended badly, as a fingerprint: equal for jobs that ended in the same way."""
    error: str = ""
    """Where no cause is named: the first error, or the phase it stopped in."""
    cited: Cited | None = None
    """The decisive line."""
    retry: str = ""
    fix: tuple[str, ...] = ()
    """What to change in the recipe."""
    wall_s: float | None = None
    ended_s: float | None = None
    """When its last line was written (POSIX time); None where the log gives no date with a year."""
    gpu_hours: float | None = None
    problem: str = ""
    """What could not be read of it."""
    contradictions: tuple[Contradiction, ...] = ()
    """Settings that its sources disagree about: a file of it may belong to another job."""


@dataclass(frozen=True, slots=True)
class Term:
    """One comparison of one axis with one value."""

    axis: str
    op: str
    """`=`, `!=`, `>`, `>=`, `<` or `<=`."""
    value: str
    where: Where = Where.CONFIG

    @property
    def comparison(self) -> str:
        """`≥ 64`."""
        sign = {">=": "≥", "<=": "≤", "!=": "≠"}.get(self.op, self.op)
        return f"{sign} {self.value}"

    def __str__(self) -> str:
        return f"{self.axis} {self.comparison}"


@dataclass(frozen=True, slots=True)
class Predicate:
    """Terms that must all hold."""

    terms: tuple[Term, ...]

    def __str__(self) -> str:
        return " and ".join(map(str, self.terms))

    @property
    def axes(self) -> frozenset[str]:
        """The axes it speaks of."""
        return frozenset(term.axis for term in self.terms)


@dataclass(frozen=True, slots=True)
class Rival:
    """Another predicate that the same jobs allow."""

    predicate: Predicate
    differs: tuple[str, ...] = ()
    """Names of the jobs that only one of the two holds for; none: the jobs cannot tell them apart."""
    probe: Mapping[str, str] = field(default_factory=dict)
    """Settings of one job that would decide between them; empty where none is possible."""


@dataclass(frozen=True, slots=True)
class Separation:
    """What separates the jobs that failed from those that passed."""

    predicate: Predicate
    inside_bad: int
    """Jobs for which it holds and that failed."""
    inside_good: int
    outside_bad: int
    outside_good: int
    p: float
    """Fisher's exact test, one-sided: how likely so good a separation is by chance."""
    tried: int
    """How many different predicates of this size or smaller were tried."""
    ways: int = 1
    """In how many different ways the jobs failed for which it holds: more than one may have a reason each."""
    exceptions: tuple[str, ...] = ()
    """Names of the jobs that it does not fit."""
    rivals: tuple[Rival, ...] = ()
    said: tuple[Term, ...] = ()
    """What the logs of exactly these jobs say, and no others."""

    @property
    def chance(self) -> float:
        """`p`, corrected for the number of predicates tried (Bonferroni)."""
        return min(1.0, self.p * self.tried)

    @property
    def by_chance(self) -> bool:
        """Whether so good a separation is to be expected by chance."""
        return self.chance > CHANCE

    @property
    def exact(self) -> bool:
        """Whether it holds without exception."""
        return not self.exceptions


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """An explanation that lies outside the settings and has to be looked at first."""

    kind: str
    """`node`, `runner`, `image`, `same-moment` or `everything`."""
    text: str
    """One sentence without a full stop."""
    jobs: tuple[str, ...] = ()
    """The jobs it speaks of."""


@dataclass(frozen=True, slots=True)
class Way:
    """Jobs that ended badly in the same way."""

    way: str
    """Their fingerprint."""
    title: str
    cause: str
    """Id of the signature; empty where no cause is named."""
    jobs: tuple[str, ...]
    cited: Cited | None = None
    fix: tuple[str, ...] = ()
    separation: Separation | None = None
    """What separates these from the jobs that passed; None where nothing does, and where all failed
    in this way."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What one setting does to a number, all other settings being equal."""

    metric: str
    axis: str
    low: str
    """The value of the axis under which the metric is lower."""
    high: str
    low_median: float
    high_median: float
    pairs: int
    """Pairs of jobs, or of groups of equal jobs, that differ in nothing else."""
    agreeing: int
    """Pairs in which the metric is lower under `low`."""
    also: tuple[str, ...] = ()
    """What is no setting of the matrix, and differs in every pair too: variables, backends that were chosen."""

    @property
    def ratio(self) -> float:
        """`high_median / low_median`."""
        return self.high_median / self.low_median if self.low_median else float("inf")


@dataclass(frozen=True, slots=True)
class Sweep:
    """The answer for a matrix of jobs."""

    jobs: tuple[Cell, ...]
    ways: tuple[Way, ...] = ()
    """Most frequent first."""
    hypotheses: tuple[Hypothesis, ...] = ()
    separation: Separation | None = None
    apart: tuple[str, ...] = ()
    """Failed jobs that `separation` says nothing about: they ended in other ways than most of them."""
    unseparated: str = ""
    """Why there is no `separation`, in one sentence; empty where there is one or nothing failed."""
    effects: tuple[Effect, ...] = ()
    unread: int = 0
    """Jobs that were not looked at, because the user stopped it."""
    presumed: bool = False
    """Whether the failed jobs are compared with undecided ones, because none is known to have passed."""

    def count(self, outcome: Outcome) -> int:
        """How many jobs ended so."""
        return sum(job.outcome is outcome for job in self.jobs)
