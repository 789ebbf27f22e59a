"""What a run has that no good run has, and the other way round.

Floor 0.
"""

from __future__ import annotations

from dataclasses import dataclass

from diagnose.model.lines import Line


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line whose like no good run has."""

    line: Line
    """The first of them."""
    count: int = 1


@dataclass(frozen=True, slots=True)
class SlowPhase:
    """A phase that took far longer than in any good run."""

    phase: str
    took_s: float
    good_s: float
    """The longest of the good runs."""
    ended: bool = True
    """Whether it came to an end; else `took_s` is how long it had lasted when the log ended."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting or version whose value no good run has."""

    name: str
    value: str
    good: tuple[str, ...]
    """The values of the good runs; empty where none of them has it."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A run compared with good runs."""

    runs: tuple[str, ...]
    """Names of the good runs."""
    new: tuple[NewLine, ...] = ()
    """Errors first, then in observed order."""
    missing: tuple[Line, ...] = ()
    """Lines of the first good run whose like every good run has and this one lacks, in its order, from where
    the two part."""
    slower: tuple[SlowPhase, ...] = ()
    """In order of the start-up."""
    settings: tuple[Difference, ...] = ()
    left_out: tuple[str, ...] = ()
    """Runs given as good ones that went wrong themselves."""
    partial: bool = False
    """Whether a log had too many different lines to keep them all."""
