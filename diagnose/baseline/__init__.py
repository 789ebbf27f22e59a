"""A run compared with good runs: new lines, phases that took far longer, settings that differ.

Floor 11: pure.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from diagnose.baseline.lines import Lines
from diagnose.baseline.templates import Templates, own_names
from diagnose.document import comparable
from diagnose.jobs.axes import canonical
from diagnose.jobs.settings import is_own
from diagnose.model import Diagnosis, Line, Progress, Role, Verdict
from diagnose.model.baseline import Baseline, Difference, NewLine, SlowPhase
from diagnose.news import is_ending, is_heartbeat
from diagnose.quotation import is_quotation

__all__ = ["GoodRun", "Lines", "compare"]

MOST_NEW = 12
MOST_MISSING = 3
SLOWER = 3.0
"""How many times longer than in any good run a phase must take to be told."""
SLOWER_S = 60.0
_TOLD = 12
"""Lines of an unknown failure's report, of which new ones come first."""
_NEW_TOLD = 6
_LEVELS = {"CRITICAL": 0, "ERROR": 0, "WARNING": 1}
_ERROR = re.compile(r"(?:Error|Exception|error|FATAL|fatal)\b")
_VERBOSE = frozenset(("DEBUG", "TRACE"))
_WORD = re.compile(r"[A-Za-z]{3,}")
_BAR = re.compile(r"\d%\|.{0,200}\||\d%.{0,60}\[\d+:\d\d<|[\u2588-\u258f]{3,}|^[#=O>. -]*\d[\d.]*%")
_UNTOLD = frozenset(("world_size", "gpu_count", "port", "master_port"))
"""What follows from other settings, or is drawn anew for every run."""


@dataclass(frozen=True, slots=True)
class GoodRun:
    """A run that went well."""

    name: str
    lines: Sequence[tuple[Line, int]]
    facts: Mapping[str, str]
    progress: Progress
    partial: bool = False


def compare(
    diagnosis: Diagnosis, lines: Lines, good: Sequence[GoodRun], left_out: Sequence[str] = ()
) -> Diagnosis:
    """The diagnosis with what tells its run from good ones.

    Args:
        diagnosis: Of the run.
        lines: Its lines.
        good: The good runs, at least one.
        left_out: Runs given as good ones that went wrong themselves.

    Raises:
        UsageError: If Drain3 is not installed.
    """
    seen = list(lines)
    templates = Templates()
    for run in good:
        names = own_names(run.facts)
        for line, _ in run.lines:
            templates.learn(line.message, names)
    names = own_names(diagnosis.facts)
    verbose = any(line.level in _VERBOSE for run in good for line, _ in run.lines)
    # That a run was asked to say more is no difference in what it did.
    as_loud = [one for one in seen if verbose or one[0].level not in _VERBOSE]
    new = _new(as_loud, templates, names, _symptoms(diagnosis))
    baseline = Baseline(
        runs=tuple(run.name for run in good),
        new=tuple(new[:MOST_NEW]),
        # A run that went well itself may have been asked for less.
        missing=()
        if diagnosis.verdict is Verdict.HEALTHY
        else _missing(seen, names, good, templates),
        slower=_slower(diagnosis.progress, [run.progress for run in good]),
        settings=_settings(diagnosis.facts, [run.facts for run in good]),
        left_out=tuple(left_out),
        partial=lines.partial or any(run.partial for run in good),
    )
    mystery = diagnosis.mystery
    if mystery is not None:
        told = (*(one.line for one in new[:_NEW_TOLD]), *mystery.telling)
        unique = {(line.source, line.number): line for line in told}
        mystery = replace(mystery, telling=tuple(unique.values())[:_TOLD])
    return replace(diagnosis, baseline=baseline, mystery=mystery)


def _new(
    seen: Sequence[tuple[Line, int]],
    templates: Templates,
    names: Sequence[str],
    symptoms: Container[str],
) -> list[NewLine]:
    """Lines without their like, each kind once; errors first, and those first that no signature takes for a symptom."""
    found: dict[str, NewLine] = {}
    for line, count in seen:
        if is_heartbeat(line) or is_ending(line) or is_quotation(line) or _says_nothing(line):
            continue
        if templates.template(line.message, names) is not None:
            continue
        said = _said(line)
        known = found.get(said)
        found[said] = (
            NewLine(line, count) if known is None else replace(known, count=known.count + count)
        )
    return sorted(found.values(), key=lambda one: (_rank(one.line), _said(one.line) in symptoms))


def _symptoms(diagnosis: Diagnosis) -> frozenset[str]:
    """What lines say that show something else to be wrong: a wrapper, a teardown."""
    findings = (*(link.finding for link in diagnosis.chain), *diagnosis.also)
    return frozenset(
        _said(evidence.line)
        for finding in findings
        if finding is not None and finding.signature.role is not Role.CAUSE
        for evidence in finding.evidence
    )


def _said(line: Line) -> str:
    return " ".join(_words(line.message))


def _says_nothing(line: Line) -> bool:
    """Whether a line is without words, a progress bar, or the inside of a traceback, whose last line says all of it."""
    message = line.message
    if not _WORD.search(message) or _BAR.search(message):
        return True
    return message[0].isspace() or message.startswith("Traceback (most")


def _words(message: str) -> list[str]:
    return re.findall(r"[A-Za-z_]{2,}", message)[:40]


def _rank(line: Line) -> int:
    if not line.level and _ERROR.search(line.message[:400]):
        return 0
    return _LEVELS.get(line.level, 2)


def _missing(
    seen: Sequence[tuple[Line, int]],
    names: Sequence[str],
    good: Sequence[GoodRun],
    templates: Templates,
) -> tuple[Line, ...]:
    """What comes next in a good run after the last that this run has in common with it."""
    here = {templates.template(line.message, names) for line, _ in seen}
    numbers = [
        [templates.template(line.message, own) for line, _ in run.lines]
        for run in good
        for own in (own_names(run.facts),)
    ]
    common = set.intersection(*map(set, numbers))
    ordered: dict[int | None, Line] = {}
    for (line, _), number in zip(good[0].lines, numbers[0], strict=True):
        if number in common and len(_words(line.message)) > 1 and not is_ending(line):
            # What several processes say says nothing about where the run stands, but for the first.
            ordered.setdefault(number, line)
    last = max((at for at, number in enumerate(ordered) if number in here), default=-1)
    return tuple(ordered.values())[last + 1 :][:MOST_MISSING]


def _slower(progress: Progress, good: Sequence[Progress]) -> tuple[SlowPhase, ...]:
    usual: dict[str, float] = {}
    for other in good:
        for phase, (took, _) in _durations(other).items():
            usual[phase] = max(usual.get(phase, 0.0), took)
    return tuple(
        SlowPhase(phase, took, usual[phase], ended)
        for phase, (took, ended) in _durations(progress).items()
        if phase in usual and took >= SLOWER * usual[phase] and took - usual[phase] >= SLOWER_S
    )


def _durations(progress: Progress) -> dict[str, tuple[float, bool]]:
    """Seconds from a phase's first line to that of the next, and whether there is a next."""
    first: dict[str, Line] = {}
    for phase, evidence in progress.reached_at:
        first.setdefault(phase, evidence.line)
    marks = list(first.items())
    found: dict[str, tuple[float, bool]] = {}
    for (phase, line), (_, following) in pairwise(marks):
        if comparable(line, following):
            found[phase] = (max(0.0, (following.time_s or 0.0) - (line.time_s or 0.0)), True)
    if marks and progress.ready is None and progress.stalled_s is not None:
        phase, line = marks[-1]
        last = progress.last_progress
        moved = 0.0
        if last is not None and comparable(line, last):
            moved = max(0.0, (last.time_s or 0.0) - (line.time_s or 0.0))
        found[phase] = (moved + progress.stalled_s, False)
    return found


def _settings(
    facts: Mapping[str, str], good: Sequence[Mapping[str, str]]
) -> tuple[Difference, ...]:
    found: dict[str, Difference] = {}
    for name, value in facts.items():
        if name in _UNTOLD or (name.startswith("env:") and is_own(name.removeprefix("env:"))):
            continue
        values = tuple(sorted({other[name] for other in good if name in other}))
        # What no good run says at all may be a matter of how much was logged, unless it was set.
        if value not in values and (values or name.startswith("env:")):
            found.setdefault(
                canonical(name.removeprefix("env:")) or name, Difference(name, value, values)
            )
    return tuple(found.values())
