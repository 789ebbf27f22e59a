"""The nouns of the whole program, immutable; nothing here does any work on the outside.

Floor 0: imports nothing of ours. Times are seconds (`time_s`, a POSIX time where the log gives a
date with a year, else seconds of an unknown year, so that only differences mean anything). Line
numbers are 1-based and those of the raw file; offsets are 0-based bytes of the decompressed file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

NOTHING: Mapping[str, str] = MappingProxyType({})


class Role(StrEnum):
    """What a signature may be in a chain; only a cause can be named as the cause."""

    CAUSE = "cause"
    SYMPTOM = "symptom"
    FAILURE = "failure"
    BENIGN = "benign"


class Channel(StrEnum):
    """Where the text that a signature reads comes from."""

    LOG = "log"
    RECIPE = "recipe"
    STACK = "stack"
    HOST = "host"


class Kind(StrEnum):
    """What a mechanism does to a run; decides the verdict that goes with its cause."""

    CRASH = "crash"
    CONFIG = "config"
    INFRA = "infra"
    STARTUP_HANG = "startup-hang"
    RUNTIME_HANG = "runtime-hang"
    SLOW = "slow"
    BENCHMARK = "benchmark"
    ACCURACY = "accuracy"


class Certainty(StrEnum):
    """How much one match proves, by itself."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Retry(StrEnum):
    """Whether running the same job again, unchanged, makes sense."""

    SENSIBLE = "sensible"
    USELESS = "useless"
    AFTER_FIX = "after-fix"


class Verdict(StrEnum):
    """What the run did, whether or not anybody knows why."""

    FAILED = "failed"
    HUNG = "hung"
    SLOW = "slow"
    HEALTHY = "healthy"
    UNDECIDABLE = "undecidable"


@dataclass(frozen=True, slots=True)
class Writer:
    """The process that wrote a line, as far as the line says; all empty when it does not."""

    name: str = ""
    """As printed, such as `Worker_TP3_EP3`; for people, never a key (names change, pids do not)."""
    pid: int | None = None
    role: str = ""
    """`api-server`, `engine-core`, `worker`, `coordinator`, `scheduler`, `detokenizer`, `launcher`
    or `kernel`; empty when unknown."""
    ranks: tuple[tuple[str, int], ...] = ()
    """Parallel ranks in the order printed, such as `(("TP", 3), ("EP", 3))`."""
    node: str = ""
    """Host name or address, where the line gives it."""

    def __bool__(self) -> bool:
        return bool(self.name or self.role or self.ranks) or self.pid is not None

    def __str__(self) -> str:
        label = self.name or self.role
        pid = f"pid={self.pid}" if self.pid is not None else ""
        return " ".join(part for part in (label, pid, self.node and f"on {self.node}") if part)

    @property
    def key(self) -> tuple[str, str]:
        """Equal for lines of one process: by pid where there is one, else by ranks or name."""
        if self.pid is not None:
            return (self.node, str(self.pid))
        ranks = "_".join(f"{axis}{rank}" for axis, rank in self.ranks)
        return (self.node, ranks or self.name or self.role)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log with its envelope taken off."""

    source: str
    """The file's name as the user gave it; `archive.zip!member` inside an archive."""
    number: int
    """1-based, in the raw file; the pieces of a line redrawn with carriage returns share it."""
    text: str
    """Without colour, control characters, carriage returns and the CI system's stamp."""
    message: str
    """`text` without process prefix and log header: what the program said."""
    writer: Writer = Writer()
    level: str = ""
    """`DEBUG`, `INFO`, `WARNING`, `ERROR`, `CRITICAL`; empty when the line does not say."""
    time_s: float | None = None
    stamp: str = ""
    """The time as printed."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A line that a pattern matched, and what the pattern took from it."""

    line: Line
    captures: Mapping[str, str] = NOTHING
    order: tuple[int, int] = (0, 0)
    """Source index and byte offset: observed order, meaningful within one source."""


@dataclass(frozen=True, slots=True)
class Hits:
    """Every match of one pattern in one source; bounded however often it matched."""

    count: int
    exact: bool
    """False when `count` is a lower bound."""
    evidence: tuple[Evidence, ...]
    """The first matches, the first of each writer, and the last ones, in observed order."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a signature or a fix applies; an empty field does not limit."""

    engines: tuple[str, ...] = ()
    versions: str = ""
    """A PEP 440 specifier for the engine's version, such as `>=0.22,<0.32`."""
    hardware: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fix:
    """What to change; the first of a signature's fixes whose scope fits is the one shown."""

    summary: str
    now: tuple[str, ...] = ()
    """What unblocks the run that hangs at this moment."""
    recipe: tuple[str, ...] = ()
    """Flags and variables that stop it from coming back; `<capture>` placeholders are filled in."""
    warning: str = ""
    """A tempting change that makes things worse."""
    scope: Scope = Scope()


@dataclass(frozen=True, slots=True)
class Confuser:
    """Another signature with the same look, and what separates the two."""

    id: str
    differs: str


@dataclass(frozen=True, slots=True)
class Example:
    """A piece of log that must match, or for a counterexample must not."""

    text: str
    captures: Mapping[str, str] = NOTHING
    source: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """One node of a signature's boolean expression; exactly one of the first nine fields is set."""

    line: str = ""
    """A regular expression for one line."""
    sequence: tuple[str, ...] = ()
    """Expressions for lines in this order, within `within` lines, of one writer."""
    near: tuple[str, ...] = ()
    """As `sequence`, in any order."""
    all: tuple[Condition, ...] = ()
    any: tuple[Condition, ...] = ()
    none: tuple[Condition, ...] = ()
    fact: str = ""
    """The name of a setting of the run, such as `expert_parallel`."""
    phase: str = ""
    """A start-up phase, such as `ready`."""
    signature: str = ""
    """The id of another signature that matched."""

    within: int = 40
    count: int = 1
    """At least so many matches."""
    ranks: str = ""
    """`one`, `several`, `some` (not all) or `all`: which of the ranks seen in the run show it."""
    role: str = ""
    """Only lines of writers with this role."""
    silent_s: float = 0.0
    """Only if nothing new was written for so long after it."""
    last: bool = False
    """Only if the log ends there: nothing but repetitions and heartbeats comes after."""
    reached: bool = True
    """With `phase`: whether it was reached."""
    equals: tuple[str, ...] = ()
    """With `fact`: one of these values, compared ignoring case."""
    at_least: float | None = None
    at_most: float | None = None
    certainty: Certainty | None = None
    """What this condition proves, where that differs from the signature's own certainty."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One mechanism, symptom or failure, as its file under `signatures/` says."""

    id: str
    """`<component>/<mechanism>`: the file's path."""
    title: str
    role: Role
    kind: Kind
    match: Condition
    channel: Channel = Channel.LOG
    certainty: Certainty = Certainty.HIGH
    leads_to: tuple[str, ...] = ()
    scope: Scope = Scope()
    seen_on: tuple[str, ...] = ()
    symptom: str = ""
    root_cause: str = ""
    """Why it happens, and what a match does not prove."""
    cleared_by: tuple[str, ...] = ()
    """Expressions for lines that, seen later, show that it passed."""
    ordered: bool = False
    """Whether the conditions of `match.all` must hold in the order given."""
    fixes: tuple[Fix, ...] = ()
    retry: Retry = Retry.AFTER_FIX
    retry_why: str = ""
    confusers: tuple[Confuser, ...] = ()
    examples: tuple[Example, ...] = ()
    counterexamples: tuple[Example, ...] = ()

    @property
    def mechanism(self) -> str:
        """The id without its component."""
        return self.id.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Finding:
    """A signature that holds, with the lines that show it."""

    signature: Signature
    evidence: tuple[Evidence, ...]
    """In observed order; never empty for a log signature."""
    count: int = 1
    certainty: Certainty = Certainty.HIGH
    cleared_by: Evidence | None = None
    """The later line that shows it passed."""

    @property
    def first(self) -> Evidence:
        """The earliest line that shows it."""
        return self.evidence[0]

    @property
    def last(self) -> Evidence:
        """The latest line that shows it."""
        return self.evidence[-1]

    @property
    def captures(self) -> Mapping[str, str]:
        """What all its patterns took from the lines; the first value seen of each name."""
        merged: dict[str, str] = {}
        for evidence in self.evidence:
            for name, value in evidence.captures.items():
                merged.setdefault(name, value)
        return merged


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that could not be known, and what would make it known."""

    what: str
    why: str
    how: str = ""


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another cause that the evidence allows."""

    finding: Finding
    confidence: float
    separated_by: str = ""
    """One observation that would decide between it and the cause named."""


@dataclass(frozen=True, slots=True)
class Link:
    """One hop of the chain."""

    finding: Finding
    status: str = "seen"
    """`seen`, `not-seen` or `could-not-look`."""


@dataclass(frozen=True, slots=True)
class ProcessPhase:
    """How far one process came."""

    writer: Writer
    phase: str
    last_progress: Line | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the run came, when it last moved, and who is behind."""

    engine: str = ""
    version: str = ""
    reached: str = ""
    """The id of the furthest phase of the run as a whole; empty when no phase line was seen."""
    reached_title: str = ""
    ready: Evidence | None = None
    """The line that says the server is up."""
    processes: tuple[ProcessPhase, ...] = ()
    behind: tuple[Writer, ...] = ()
    """Processes that stand at an earlier phase than others of their role."""
    last_progress: Evidence | None = None
    """The last line that is news: no heartbeat, no repetition."""
    stalled_s: float | None = None
    """From the last progress to the end of the log; None when the times do not say."""
    wall_s: float | None = None


@dataclass(frozen=True, slots=True)
class Mystery:
    """What can be said about a failure that no signature explains."""

    first_errors: tuple[Evidence, ...] = ()
    """The first error of each process, in observed order."""
    odd_writer: Writer | None = None
    telling: tuple[Line, ...] = ()
    """Lines that are most likely to help: rare, late, not boilerplate."""
    draft: str = ""
    """A signature file to start from."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The answer."""

    verdict: Verdict
    verdict_why: str = ""
    cause: Finding | None = None
    confidence: float = 0.0
    chain: tuple[Link, ...] = ()
    """Cause first where there is one; then what it led to, in observed order."""
    alternatives: tuple[Alternative, ...] = ()
    also: tuple[Finding, ...] = ()
    """Findings that the cause does not explain."""
    fix: Fix | None = None
    """With its placeholders filled in."""
    retry: Retry | None = None
    retry_why: str = ""
    progress: Progress = Progress()
    facts: Mapping[str, str] = field(default_factory=dict)
    unknowns: tuple[Unknown, ...] = ()
    mystery: Mystery | None = None
    sources: tuple[SourceNote, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceNote:
    """One input, and what could not be read of it."""

    name: str
    lines: int = 0
    size_bytes: int = 0
    problem: str = ""
    """One sentence; empty when it was read whole."""


def merge_captures(evidence: Sequence[Evidence]) -> dict[str, str]:
    """The first value of each capture over several lines."""
    merged: dict[str, str] = {}
    for item in evidence:
        for name, value in item.captures.items():
            merged.setdefault(name, value)
    return merged
