"""The matrix of a sweep over its two most telling settings, and how a job's end is written in it.

Floor 10: pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from diagnose.model.sweep import Cell, Outcome, Sweep

MOST_ROWS = 24
LETTER = {
    Outcome.PASSED: "pass",
    Outcome.FAILED: "FAIL",
    Outcome.HUNG: "HUNG",
    Outcome.CANCELLED: "canc",
    Outcome.UNKNOWN: "?",
    Outcome.UNREADABLE: "none",
}


def grid(sweep: Sweep, most_columns: int) -> tuple[str, str, list[str], list[list[str]]] | None:
    """The matrix over the two most telling axes: row axis, column axis, column heads, rows of cells.

    None where the jobs have no two settings that differ.
    """
    counted = [job for job in sweep.jobs if job.outcome is not Outcome.UNREADABLE]
    telling = _telling(sweep, counted)
    axes = [axis for axis, values in telling.items() if values <= MOST_ROWS][:2]
    if len(axes) < 2:
        return None
    # What has fewer values goes across, where there is less room.
    column, row = sorted(axes, key=lambda axis: telling[axis])
    if telling[column] > most_columns:
        return None
    columns = sorted({job.axes[column] for job in counted if column in job.axes}, key=_numeric)
    rows = sorted({job.axes[row] for job in counted if row in job.axes}, key=_numeric)
    cells = [
        [
            value,
            *(
                _cell(
                    [j for j in counted if j.axes.get(row) == value and j.axes.get(column) == head]
                )
                for head in columns
            ),
        ]
        for value in rows
    ]
    return row, column, columns, cells


def _telling(sweep: Sweep, jobs: Sequence[Cell]) -> dict[str, int]:
    """Axes and how many values each has: those of the predicates first, then by how far they spread."""
    values: dict[str, set[str]] = {}
    for job in jobs:
        for axis, value in job.axes.items():
            values.setdefault(axis, set()).add(value)
    separations = [sweep.separation, *(way.separation for way in sweep.ways)]
    first = [term.axis for one in separations if one for term in one.predicate.terms]
    plain = [
        a
        for a in values
        if not a.startswith(("$", "backend", "version")) and a not in ("node", "runner", "recipe")
    ]
    rest = sorted(plain, key=lambda axis: (-len(values[axis]), axis))
    return {a: len(values[a]) for a in dict.fromkeys((*first, *rest)) if len(values.get(a, ())) > 1}


def _cell(jobs: Sequence[Cell]) -> str:
    counts = {outcome: sum(job.outcome is outcome for job in jobs) for outcome in Outcome}
    return " ".join(
        f"{count} {LETTER[outcome]}" if len(jobs) > 1 else LETTER[outcome]
        for outcome, count in counts.items()
        if count
    )


def _numeric(value: str) -> tuple[int, float, str]:
    try:
        return 0, float(value), value
    except ValueError:
        return 1, 0.0, value
