"""Every comparison of an axis with a value that splits the jobs, as a set of jobs.

Floor 6: pure. A set of jobs is the bits of one integer, so that a predicate of several terms costs a
few machine instructions for every 64 jobs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from diagnose.model.sweep import Cell, Term, Where

MOST_VALUES = 24
"""An axis of words with more values than this tells jobs apart by name, not by a setting."""
MOST_CUTS = 24
IDENTITY = frozenset(("recipe",))
"""Axes that follow from all others: a fingerprint of the configuration."""


@dataclass(frozen=True, slots=True)
class Cut:
    """One way to split the jobs."""

    term: Term
    mask: int
    """Bit n: whether it holds for job n."""


def number(text: str) -> float | None:
    """A value as a number; None for words, and for what cannot be compared: infinity, and what is no number."""
    try:
        found = float(text)
    except ValueError:
        return None
    return found if abs(found) < 1e300 else None


def axes(jobs: Sequence[Cell]) -> dict[str, Where]:
    """The axes on which the jobs differ, with their kinds, in order of preference."""
    seen: dict[str, set[str]] = {}
    kinds: dict[str, set[Where]] = {}
    for job in jobs:
        for axis, value in job.axes.items():
            seen.setdefault(axis, set()).add(value)
            kinds.setdefault(axis, set()).add(job.kinds.get(axis, Where.CONFIG))
    order = list(Where)
    # That an axis is known for some jobs only is no setting: a server that died early told less. Nor is it one if it
    # is known from a different source for some: a name and a log call one model differently.
    varied = {
        axis: kinds[axis].copy().pop()
        for axis, values in seen.items()
        if len(values) > 1 and len(kinds[axis]) == 1 and axis not in IDENTITY
    }
    return {a: varied[a] for a in sorted(varied, key=lambda a: (order.index(varied[a]), a))}


def cuts(jobs: Sequence[Cell]) -> list[Cut]:
    """All cuts, those of preferred axes first; each splits the jobs and no two of an axis alike."""
    found: list[Cut] = []
    for axis, where in axes(jobs).items():
        sets: dict[str, int] = {}
        for position, job in enumerate(jobs):
            if axis in job.axes:
                value = job.axes[axis]
                sets[value] = sets.get(value, 0) | 1 << position
        found += _of_axis(axis, where, sets)
    return found


def _of_axis(axis: str, where: Where, sets: dict[str, int]) -> list[Cut]:
    numbers = {value: number(value) for value in sets}
    ordered = len(sets) > 1 and None not in numbers.values() and where in (Where.CONFIG, Where.ENV)
    if ordered:
        found = _thresholds(axis, where, sets, {v: n for v, n in numbers.items() if n is not None})
    elif len(sets) <= MOST_VALUES or where is Where.PLACE:
        found = [Cut(Term(axis, "=", value, where), mask) for value, mask in sorted(sets.items())]
        if len(sets) > 2:
            known = 0
            for mask in sets.values():
                known |= mask
            found += [
                Cut(Term(axis, "!=", value, where), known & ~mask)
                for value, mask in sorted(sets.items())
            ]
    else:
        found = []
    unique: dict[int, Cut] = {}
    for cut in found:
        unique.setdefault(cut.mask, cut)
    return list(unique.values())


def _thresholds(
    axis: str, where: Where, sets: dict[str, int], numbers: dict[str, float]
) -> list[Cut]:
    values = sorted(sets, key=lambda value: numbers[value])
    step = max(1, len(values) // MOST_CUTS)
    found: list[Cut] = []
    for position in range(step, len(values), step):
        low, high = values[:position], values[position:]
        below = above = 0
        for value in low:
            below |= sets[value]
        for value in high:
            above |= sets[value]
        # "More than one" is how people say it of sizes; a single value is said by itself.
        if numbers[low[-1]] in (0, 1) and len(low) == 1:
            upper = Term(axis, ">", low[-1], where)
        elif len(high) == 1:
            upper = Term(axis, "=", high[0], where)
        else:
            upper = Term(axis, ">=", high[0], where)
        lower = Term(axis, *(("=", low[0]) if len(low) == 1 else ("<=", low[-1])), where)
        found += [Cut(upper, above), Cut(lower, below)]
    if 2 < len(values) <= MOST_CUTS:
        found += [Cut(Term(axis, "=", value, where), sets[value]) for value in values]
    return found


def holds(term: Term, settings: dict[str, str]) -> bool:
    """Whether a term holds for settings; false where the axis is not among them."""
    if term.axis not in settings:
        return False
    value = settings[term.axis]
    if term.op in ("=", "!="):
        return (value == term.value) is (term.op == "=")
    left, right = number(value), number(term.value)
    if left is None or right is None:
        return False
    return {
        ">": left > right,
        ">=": left >= right,
        "<": left < right,
        "<=": left <= right,
    }[term.op]
