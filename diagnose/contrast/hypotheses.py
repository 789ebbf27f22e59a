"""Explanations that lie outside the settings, to be looked at before any setting is blamed.

Floor 6: pure. A node that is broken, an event that ended several jobs in the same moment, and an image
or a step before the server that fails every job, all look like a setting when the matrix is small.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from diagnose.contrast.separate import single
from diagnose.model.sweep import Cell, Hypothesis, Separation

MOMENT_S = 2.0
"""Clocks of several machines, and what a cancelled job still writes, differ by this much."""
_PLACES = ("node", "runner", "image")
_SHARED = ("image", "version", "model", "hardware", "vendor", "node")


def hypotheses(
    bad: Sequence[Cell], good: Sequence[Cell], separation: Separation | None
) -> tuple[Hypothesis, ...]:
    """What to rule out first, the most telling first."""
    return (*_everything(bad, good), *_moment(bad), *_place(bad, good, separation))


def _everything(bad: Sequence[Cell], good: Sequence[Cell]) -> Iterator[Hypothesis]:
    if good or len(bad) < 2 or len({job.way for job in bad}) > 1:
        return
    shared = [
        f"{axis} {values.pop()}"
        for axis in _SHARED
        if len(values := {job.axes.get(axis, "") for job in bad}) == 1 and "" not in values
    ]
    what = f": {', '.join(shared)}" if shared else ""
    yield Hypothesis(
        "everything",
        f"{'both' if len(bad) == 2 else f'all {len(bad)}'} jobs ended in the same way, so no setting that differs between them is the"
        f" reason; look at what they share{what}",
        tuple(job.name for job in bad),
    )


def _moment(bad: Sequence[Cell]) -> Iterator[Hypothesis]:
    """Most of the failures within one moment, although the jobs ran for different lengths of time."""
    timed = sorted((job for job in bad if job.ended_s is not None), key=lambda j: j.ended_s or 0.0)
    best: list[Cell] = []
    start = 0
    for end, job in enumerate(timed):
        while (job.ended_s or 0.0) - (timed[start].ended_s or 0.0) > MOMENT_S:
            start += 1
        if end - start + 1 > len(best):
            best = timed[start : end + 1]
    walls = [job.wall_s for job in best if job.wall_s is not None]
    lockstep = len(walls) == len(best) and max(walls) - min(walls) <= MOMENT_S if walls else False
    if len(best) < 3 or 2 * len(best) <= len(bad) or lockstep:
        return
    span = (best[-1].ended_s or 0.0) - (best[0].ended_s or 0.0)
    yield Hypothesis(
        "same-moment",
        f"{len(best)} of the {len(bad)} failed jobs ended within {span:.0f} s of each other, although"
        " they had run for different times: something outside ended them together",
        tuple(job.name for job in best),
    )


def _place(
    bad: Sequence[Cell], good: Sequence[Cell], separation: Separation | None
) -> Iterator[Hypothesis]:
    """A node, a runner or an image that fits at least as well as any setting: all failures, or those of one way."""
    ways = {job.way: [j for j in bad if j.way == job.way] for job in bad}
    if separation is None or separation.by_chance:
        most = len(bad) + len(good)
    else:
        most = separation.outside_bad + separation.inside_good
    groups = [(bad, "failed jobs")]
    if len(ways) > 1:
        groups += [(jobs, f"jobs with “{_title(jobs[0])}”") for jobs in ways.values()]
    for jobs, called in groups:
        for axis in _PLACES:
            found = single(jobs, good, axis) if len(jobs) > 1 else None
            if found is None or found.by_chance or found.outside_bad + found.inside_good > most:
                continue
            value = found.predicate.terms[0].value
            here = f"{found.inside_good} passed" if found.inside_good else "none passed"
            elsewhere = found.outside_bad + found.outside_good
            yield Hypothesis(
                axis,
                f"{found.inside_bad} of the {len(jobs)} {called} ran on {axis} {value}, where {here};"
                f" elsewhere {found.outside_bad} of {elsewhere} failed: run one of them on another"
                f" {axis} before a setting is blamed",
                tuple(job.name for job in jobs if job.axes.get(axis) == value),
            )
            return


def _title(job: Cell) -> str:
    return job.cause_title or job.error or job.why
