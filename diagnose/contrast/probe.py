"""The one job to run that would decide between two predicates.

Floor 6: pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from diagnose.contrast.terms import holds, number
from diagnose.model.sweep import Cell, Predicate, Where


def probe(jobs: Sequence[Cell], one: Predicate, other: Predicate) -> dict[str, str]:
    """Settings for which exactly one of the two holds, as near as possible to a job that was run.

    Only values that occur in the matrix are used. Empty where there are none: then the two are the same
    thing said twice, or one of them is nothing that can be set.
    """
    terms = (*one.terms, *other.terms)
    if any(term.where in (Where.LOG, Where.PLACE) for term in terms):
        return {}
    values: dict[str, set[str]] = {}
    for job in jobs:
        for axis, value in job.axes.items():
            values.setdefault(axis, set()).add(value)
    both = [job for job in jobs if _all(one, job.axes) and _all(other, job.axes)]
    neither = [job for job in jobs if not _all(one, job.axes) and not _all(other, job.axes)]
    ran = {_key(job.axes, one.axes | other.axes) for job in jobs}
    for group in (both, neither):
        for job in group[:1]:
            for axis, value in _changes(job, one.axes ^ other.axes, values):
                settings = {**job.axes, axis: value}
                differs = _all(one, settings) != _all(other, settings)
                if differs and _key(settings, one.axes | other.axes) not in ran:
                    return {a: settings[a] for a in sorted(one.axes | other.axes) if a in settings}
    return {}


def _changes(
    job: Cell, axes: Iterable[str], values: Mapping[str, set[str]]
) -> list[tuple[str, str]]:
    """Changes of one setting, the smallest first."""
    found = [
        (_distance(job.axes.get(axis, ""), value), axis, value)
        for axis in sorted(axes)
        for value in values.get(axis, ())
        if value != job.axes.get(axis)
    ]
    return [(axis, value) for _, axis, value in sorted(found)]


def _distance(one: str, other: str) -> float:
    a, b = number(one), number(other)
    return abs(a - b) / max(abs(a), abs(b), 1) if a is not None and b is not None else 1.0


def _all(predicate: Predicate, settings: Mapping[str, str]) -> bool:
    return all(holds(term, dict(settings)) for term in predicate.terms)


def _key(settings: Mapping[str, str], axes: Iterable[str]) -> tuple[tuple[str, str], ...]:
    return tuple((axis, settings.get(axis, "")) for axis in sorted(axes))
