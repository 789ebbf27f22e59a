"""Several jobs to what separates those that failed from those that passed.

Floor 6: pure. `contrast` is the whole of it: causes and how often each, what lies outside the settings,
the smallest predicate with its counts and what is confounded with it, and what settings do to numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from diagnose.contrast.effects import effects
from diagnose.contrast.hypotheses import hypotheses
from diagnose.contrast.separate import separate
from diagnose.model.sweep import Cell, Outcome, Separation, Sweep, Way

__all__ = ["contrast"]


def contrast(jobs: Sequence[Cell]) -> Sweep:
    """Compares the jobs of a matrix; cancelled and unreadable ones count on neither side.

    Undecided ones do not either, unless no job is known to have passed: then they stand for those.
    """
    bad = [job for job in jobs if job.outcome.bad]
    good = [job for job in jobs if job.outcome is Outcome.PASSED]
    presumed = not good
    if presumed:
        good = [job for job in jobs if job.outcome is Outcome.UNKNOWN]
    ways = _ways(bad, good)
    separation, apart = _chosen(separate(bad, good), ways, bad)
    return Sweep(
        jobs=tuple(jobs),
        ways=ways,
        hypotheses=hypotheses(bad, good, separation),
        separation=separation,
        apart=apart,
        unseparated="" if separation else _unseparated(bad, good, ways),
        presumed=presumed and bool(good),
        effects=effects([job for job in jobs if job.numbers]),
    )


def _chosen(
    whole: Separation | None, ways: Sequence[Way], bad: Sequence[Cell]
) -> tuple[Separation | None, tuple[str, ...]]:
    """What stands at the head of the answer, and the names of the failed jobs that it says nothing about.

    One predicate for all failures where it fits them all, or is that of each way. Otherwise that of the one way in which most of them
    failed; none where several ways have a predicate of their own, for then each says more than a common one.
    """
    own = [way for way in ways if way.separation]
    if len(ways) < 2 or not own:
        return whole, ()
    if whole is not None and not whole.by_chance:
        alike = {way.separation.predicate for way in own if way.separation} == {whole.predicate}
        if whole.exact or (alike and len(own) > 1):
            return whole, ()
    if len(own) > 1 or 2 * len(own[0].jobs) <= len(bad):
        return None, ()
    return own[0].separation, tuple(job.name for job in bad if job.way != own[0].way)


def _ways(bad: Sequence[Cell], good: Sequence[Cell]) -> tuple[Way, ...]:
    counts = Counter(job.way for job in bad)
    groups = sum(1 < count < len(bad) for count in counts.values())
    ways = []
    for way, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        jobs = [job for job in bad if job.way == way]
        own = separate(jobs, good, groups) if 1 < count < len(bad) else None
        if own is not None and own.by_chance:
            own = None
        # The surest of them speaks for all.
        shown = max(jobs, key=lambda job: job.confidence)
        ways.append(
            Way(
                way=way,
                title=shown.cause_title or shown.error or shown.why,
                cause=shown.cause,
                jobs=tuple(job.name for job in jobs),
                cited=shown.cited,
                fix=shown.fix,
                separation=own,
            )
        )
    return tuple(ways)


def _unseparated(bad: Sequence[Cell], good: Sequence[Cell], ways: Sequence[Way]) -> str:
    if not bad:
        return ""
    if any(way.separation for way in ways):
        return f"the jobs failed in {len(ways)} different ways; see what separates each of them"
    if not good:
        return "no job passed, so there is nothing to compare the failed ones with"
    if not any(job.axes for job in (*bad, *good)):
        return "the settings of the jobs are not known; name them with --axes"
    return "no setting, and nothing the logs say, separates the failed jobs from those that passed"
