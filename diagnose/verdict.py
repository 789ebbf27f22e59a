"""What the run did: failed, hung, slow but alive, healthy, or not to be told from this.

Floor 9: pure. The verdict does not need a cause, and a cause does not need a certain verdict.
"""

from __future__ import annotations

from collections.abc import Sequence

from diagnose.causal import Explanation
from diagnose.document import elapsed_s
from diagnose.model import Evidence, Finding, Kind, Progress, Role, Verdict
from diagnose.run import known_before
from diagnose.trouble import went_on
from diagnose.units import duration

LONG_S = 300.0
"""A silence that no ordinary phase without a build or a download has."""
HOURS_S = 1800.0
"""A silence after which waiting longer makes no sense in any phase."""
AGAIN_S = 60.0
"""An error that is still printed so long after its first time did not end the process."""

_BY_KIND = {
    Kind.STARTUP_HANG: Verdict.HUNG,
    Kind.RUNTIME_HANG: Verdict.HUNG,
    Kind.SLOW: Verdict.SLOW,
}


def decide(
    explanation: Explanation,
    live: Sequence[Finding],
    progress: Progress,
    errors: Sequence[Evidence],
    done: Evidence | None,
    *,
    settled: bool = True,
) -> tuple[Verdict, str]:
    """The verdict, and why, in one sentence without a full stop.

    Args:
        explanation: What the causal step made of it.
        live: The findings that stand.
        progress: How far the run came.
        errors: Error lines not known to be harmless.
        done: The line that says the work was done, if any.
        settled: Whether the log's writer is done; a start that is still being logged may go on.
    """
    fatal = [e for e in errors if not went_on(e, progress, done)]
    failed = [f for f in live if f.signature.role is Role.FAILURE]
    if explanation.cause is not None:
        return _of_cause(explanation.cause, progress, failed, {e.order for e in fatal})
    if done is not None and not failed and not fatal:
        # The work was done: what ends after it is the clean-up.
        live = [
            f
            for f in live
            if f.signature.role is not Role.SYMPTOM or not known_before(done, f.first)
        ]
    # What breaks when a run is ended from outside is no end of its own.
    ended = [
        f
        for f in live
        if f.signature.role is Role.SYMPTOM
        and f.signature.kind is Kind.CRASH
        and all(f.first.order < failure.first.order for failure in failed)
    ]
    waiting = [f for f in live if f.signature.role is Role.SYMPTOM and f.signature.kind in _BY_KIND]
    if waiting and _long(progress, waiting):
        return Verdict.HUNG, _silence(progress)
    if any(f.signature.kind is Kind.RUNTIME_HANG for f in waiting):
        if not fatal and not failed:
            return Verdict.HUNG, _silence(progress)
        return Verdict.HUNG, "a wait inside the engine ran into its time limit"
    candidates = [a.finding.signature.kind for a in explanation.alternatives]
    only_slow = bool(candidates) and all(kind is Kind.SLOW for kind in candidates)
    if not only_slow and not ended and _quiet_end(progress, failed, fatal, settled=settled):
        return Verdict.HUNG, _ends_in(progress)
    if failed or fatal or ended:
        return Verdict.FAILED, _failure(failed or ended, fatal)
    if only_slow:
        return Verdict.SLOW, "what was going on takes long, and nothing shows that it failed"
    if live and not all(f.signature.role is Role.CAUSE for f in live):
        return (
            Verdict.UNDECIDABLE,
            "there are signs of a wait, but not for long enough to call it a hang",
        )
    if candidates:
        return Verdict.UNDECIDABLE, "there are signs of trouble that also occur in healthy runs"
    if progress.ready is not None:
        return Verdict.HEALTHY, "the server came up and nothing failed after it"
    if done is not None:
        return Verdict.HEALTHY, "the work was done and nothing failed after it"
    if progress.reached and progress.reached_at:
        return _unfinished(progress)
    return Verdict.UNDECIDABLE, "nothing in it shows a failure, and nothing shows that it succeeded"


def _of_cause(
    cause: Finding, progress: Progress, failed: Sequence[Finding], fatal: set[tuple[int, int]]
) -> tuple[Verdict, str]:
    verdict = _BY_KIND.get(cause.signature.kind, Verdict.FAILED)
    if verdict is Verdict.SLOW and any(f.last.order > cause.last.order for f in failed):
        return Verdict.FAILED, "it was slow, and was ended before it was done"
    if verdict is Verdict.HUNG and cause.first.order in fatal and not _lasted(cause):
        return Verdict.FAILED, "it waited until its own time limit ended it with an error"
    if verdict is Verdict.SLOW:
        if progress.ready is not None:
            return verdict, "it came up, after a long time"
        return verdict, "it was still moving: what it waited for takes this long"
    if verdict is Verdict.HUNG:
        return verdict, _silence(progress)
    return verdict, "it ended with an error"


def _lasted(cause: Finding) -> bool:
    """Whether the same error came again later: then the first one ended nothing."""
    return elapsed_s(cause.first.line, cause.last.line) >= AGAIN_S


def _long(progress: Progress, waiting: Sequence[Finding]) -> bool:
    stalled = progress.stalled_s or 0.0
    return stalled >= HOURS_S or (stalled >= LONG_S and progress.ready is None and len(waiting) > 1)


def _silence(progress: Progress) -> str:
    if progress.stalled_s and progress.stalled_s >= 60:
        where = f" in the phase “{progress.reached}”" if progress.reached else ""
        return f"nothing moved for {duration(progress.stalled_s)}{where}"
    return "it waits, and nothing in the log ends the wait"


def _quiet_end(
    progress: Progress, failed: Sequence[Finding], fatal: Sequence[Evidence], *, settled: bool
) -> bool:
    """A start-up that ends in silence, ended from outside at most."""
    stalled = progress.stalled_s or 0.0
    if progress.ready is not None or not _engine_started(progress) or fatal:
        return False
    outside = all(f.signature.component in ("github", "slurm", "container") for f in failed)
    if not outside:
        return False
    return stalled >= LONG_S or (settled and not failed and progress.quiet)


def _engine_started(progress: Progress) -> bool:
    return any(id not in ("process-start", "engine-config") for id, _ in progress.reached_at)


def _ends_in(progress: Progress) -> str:
    stalled = (
        f"after {duration(progress.stalled_s)} without progress"
        if progress.stalled_s and progress.stalled_s >= 60
        else "without an error and without an end (or the log was copied while it was starting)"
    )
    return f"the start-up stops in the phase “{progress.reached}” ({progress.reached_title}), {stalled}"


def _unfinished(progress: Progress) -> tuple[Verdict, str]:
    return (
        Verdict.UNDECIDABLE,
        f"the log ends in the phase “{progress.reached}” ({progress.reached_title}) without an error:"
        " it may still be starting",
    )


def _failure(failed: Sequence[Finding], fatal: Sequence[Evidence]) -> str:
    if fatal or not failed:
        return "it ended with an error that no signature explains"
    return _clause(failed[0].signature.title)


def _clause(title: str) -> str:
    """A title inside a sentence: its first letter small, unless it begins a name."""
    return title if title[1:2].isupper() else title[0].lower() + title[1:]
