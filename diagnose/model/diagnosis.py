"""What is concluded: findings, progress, and the diagnosis.

Floor 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from diagnose.model.lines import Evidence, Line, Writer
from diagnose.model.signature import Fix, Signature
from diagnose.model.words import Certainty, Retry, Verdict

if TYPE_CHECKING:
    from diagnose.model.baseline import Baseline
    from diagnose.model.gpus import Recording
    from diagnose.model.job import Job, Place
    from diagnose.model.look import Blocker, RankGroup, State, Wait


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

    signature: Signature
    finding: Finding | None = None
    """What shows it; None for a hop that was not seen."""
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
    quiet: bool = False
    """Whether a process that waits in this phase prints nothing."""
    usual_s: float = 0.0
    """What this phase takes at most in an ordinary start; 0 when unknown."""
    ready: Evidence | None = None
    """The line that says the server is up."""
    reached_at: tuple[tuple[str, Evidence], ...] = ()
    """Every phase marker seen, as (phase id, line), in observed order."""
    processes: tuple[ProcessPhase, ...] = ()
    behind: tuple[Writer, ...] = ()
    """Processes that stand at an earlier phase than others of their role."""
    last_progress: Line | None = None
    """The last line that is news: no heartbeat, no repetition."""
    stalled_s: float | None = None
    """From the last progress to the end of the log; None when the times do not say."""
    wall_s: float | None = None
    ended: Line | None = None
    """The line with the latest full date and time; None where no line has one."""


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
class SourceNote:
    """One input, and what could not be read of it."""

    name: str
    lines: int = 0
    size_bytes: int = 0
    problem: str = ""
    """One sentence; empty when it was read whole."""
    settled: bool = True
    """Whether its writer is done, as far as the file system tells."""
    recording: Recording | None = None
    """What it holds, where it is the file of a monitor of GPUs."""


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
    look: Fix | None = None
    """Where no cause is named: what to look at to find it."""
    retry: Retry | None = None
    retry_why: str = ""
    progress: Progress = Progress()
    facts: Mapping[str, str] = field(default_factory=dict)
    unknowns: tuple[Unknown, ...] = ()
    mystery: Mystery | None = None
    sources: tuple[SourceNote, ...] = ()
    baseline: Baseline | None = None
    """What tells its run from good ones, where good ones were given."""
    jobs: int = 1
    """How many jobs the input holds; it is about `job` alone."""
    state: State | None = None
    """What a live server does as a whole; None when only logs were read."""
    blocker: Blocker | None = None
    """What every wait leads to, when a live server was looked at and something waits."""
    ranks: tuple[RankGroup, ...] = ()
    waits: tuple[Wait, ...] = ()
    tree: tuple[str, ...] = ()
    """The prefix tree of the ranks' stacks, a line a fork or end: `[0-6] main > … > wait`."""
    job: Job | None = None
    """Whose end it was; None where that is not known."""
    place: Place | None = None
    """The line of the recipe where the fix belongs; None where it was not found."""

    @property
    def recordings(self) -> tuple[Recording, ...]:
        """What monitors of GPUs recorded."""
        return tuple(note.recording for note in self.sources if note.recording is not None)
