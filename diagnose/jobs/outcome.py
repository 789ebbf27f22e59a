"""A diagnosis as one job of a matrix: how it ended, in which way, and whether that counts.

Floor 10: pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from diagnose.fingerprint import fingerprint
from diagnose.jobs.settings import Settings
from diagnose.model import Diagnosis, Evidence, Kind, Verdict
from diagnose.model.sweep import Cell, Cited, Outcome

CANCELLED = "github/ci-job-cancelled"
TIMED_OUT = "github/ci-job-timeout"
FROM_OUTSIDE = (
    "github/ci-fail-fast-sibling",
    "github/ci-cancelled-by-person",
    "github/ci-superseded-by-newer-run",
    "slurm/slurm-cancelled-by-user",
    "slurm/slurm-preempted",
)
"""Causes that say nothing about the job that was ended."""
LONG_ENOUGH_S = 1800.0
"""A cancelled job that had been silent for less may as well have been on its way."""


def outcome(diagnosis: Diagnosis, *, measured: bool = False) -> Outcome:
    """How the job ended, as far as that says something about its settings.

    Args:
        diagnosis: What its logs say.
        measured: Whether it left results.
    """
    if not any(source.size_bytes for source in diagnosis.sources):
        return Outcome.PASSED if measured else Outcome.UNREADABLE
    if _ended_from_outside(diagnosis):
        return Outcome.CANCELLED
    verdict = diagnosis.verdict
    if verdict is Verdict.HUNG:
        return Outcome.HUNG
    if verdict is Verdict.FAILED:
        return Outcome.FAILED
    came_up = verdict is Verdict.SLOW and diagnosis.progress.ready is not None
    return Outcome.PASSED if verdict is Verdict.HEALTHY or came_up or measured else Outcome.UNKNOWN


def job(
    name: str,
    diagnosis: Diagnosis,
    known: Settings,
    numbers: Mapping[str, float],
    cost: Mapping[str, float] | None,
) -> Cell:
    """One row of the matrix."""
    ended = outcome(diagnosis, measured=bool(numbers))
    cause = diagnosis.cause if ended.bad else None
    progress = diagnosis.progress
    shown = _shown(diagnosis) if ended.bad else None
    return Cell(
        name=name,
        outcome=ended,
        axes=known.axes,
        kinds=known.kinds,
        contradictions=known.contradictions,
        numbers=numbers,
        why=diagnosis.verdict_why,
        cause=cause.signature.id if cause else "",
        cause_title=cause.signature.title if cause else "",
        confidence=diagnosis.confidence if cause else 0.0,
        way=fingerprint(diagnosis) if ended.bad else "",
        error=_error(diagnosis) if ended.bad and cause is None else "",
        cited=Cited(shown.line.source, shown.line.number, shown.line.text) if shown else None,
        retry=str(diagnosis.retry) if cause and diagnosis.retry else "",
        fix=(*diagnosis.fix.recipe,) if cause and diagnosis.fix else (),
        wall_s=progress.wall_s,
        ended_s=progress.ended.time_s if progress.ended else None,
        gpu_hours=cost.get("gpu_hours") if cost else None,
        problem="; ".join(f"{s.name}: {s.problem}" for s in diagnosis.sources if s.problem)[:500],
    )


def _ended_from_outside(diagnosis: Diagnosis) -> bool:
    cause = diagnosis.cause
    if cause is not None and cause.signature.id in FROM_OUTSIDE:
        return True
    if cause is not None and cause.signature.kind is not Kind.SLOW:
        return False
    seen = {link.signature.id for link in diagnosis.chain if link.finding}
    seen |= {finding.signature.id for finding in diagnosis.also}
    if CANCELLED not in seen or TIMED_OUT in seen:
        return False
    silent = (diagnosis.progress.stalled_s or 0.0) >= LONG_ENOUGH_S
    errors = diagnosis.mystery is not None and diagnosis.mystery.first_errors
    return not errors and not (diagnosis.verdict is Verdict.HUNG and silent)


def _shown(diagnosis: Diagnosis) -> Evidence | None:
    if diagnosis.cause is not None:
        return diagnosis.cause.first
    if diagnosis.mystery is not None and diagnosis.mystery.first_errors:
        return diagnosis.mystery.first_errors[0]
    seen = [link.finding for link in diagnosis.chain if link.finding]
    return seen[0].first if seen else None


def _error(diagnosis: Diagnosis) -> str:
    """What is said of a job that ended in a way which no signature explains."""
    mystery = diagnosis.mystery
    if mystery is not None and mystery.first_errors:
        return mystery.first_errors[0].line.message.strip()[:200]
    if diagnosis.verdict is Verdict.HUNG and diagnosis.progress.reached:
        return f"hung in the phase “{diagnosis.progress.reached}”"
    seen = [link for link in diagnosis.chain if link.finding]
    return seen[0].signature.title if seen else str(diagnosis.verdict)
