"""Results to the jobs they were measured in, where only their contents tell.

Floor 12: pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from diagnose.jobs.results import stem
from diagnose.jobs.settings import contradictions
from diagnose.model.sweep import Cell, Outcome, Where
from diagnose.sweep.work import Examined


def join(examined: Iterable[Examined]) -> list[Cell]:
    """One row a job: results without a log go to the job that names them, or has just their settings."""
    found = list(examined)
    jobs = [one.job for one in found if one.read]
    by_result = {
        stem(one.result_name): position
        for position, one in enumerate(one for one in found if one.read)
        if one.result_name
    }
    alone = []
    for one in found:
        if one.read:
            continue
        position = by_result.get(stem(one.job.name))
        if position is None:
            position = _same_settings(one.job, jobs)
        if position is None:
            alone.append(one.job)
        else:
            jobs[position] = _with(jobs[position], one.job)
    return [*jobs, *alone]


def _same_settings(result: Cell, jobs: list[Cell]) -> int | None:
    """The one job that has all settings that the result names, and was measured nowhere else."""
    if not result.axes:
        return None
    wanted = {a: v for a, v in result.axes.items() if result.kinds.get(a) is Where.CONFIG}
    matching = [
        position
        for position, job in enumerate(jobs)
        if wanted
        and len(shared := wanted.keys() & job.axes.keys()) >= 2
        and all(job.axes[axis] == wanted[axis] for axis in shared)
    ]
    return matching[0] if len(matching) == 1 else None


def _with(job: Cell, result: Cell) -> Cell:
    outcome = Outcome.PASSED if job.outcome is Outcome.UNKNOWN and result.numbers else job.outcome
    return replace(
        job,
        outcome=outcome,
        axes={**result.axes, **job.axes},
        kinds={**result.kinds, **job.kinds},
        numbers={**job.numbers, **result.numbers},
        contradictions=(
            *job.contradictions,
            *contradictions({"its result file": result.axes, "its log": job.axes}),
        ),
    )
