"""From two groups of jobs to what separates them, with counts, an exact test, and what is confounded.

Floor 6: pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from diagnose.contrast.fisher import greater
from diagnose.contrast.probe import probe
from diagnose.contrast.search import CLOSE, Found, Search
from diagnose.contrast.terms import Cut, cuts
from diagnose.model.sweep import Cell, Predicate, Rival, Separation, Where

SETTINGS = (Where.CONFIG, Where.ENV)
MOST_RIVALS = 6


def separate(bad: Sequence[Cell], good: Sequence[Cell], groups: int = 1) -> Separation | None:
    """The smallest predicate that holds for `bad` and not for `good`.

    On settings where they separate as well as anything; else on what the logs say. Where the jobs are too few
    for a predicate to be worth its terms, one that fits all of them. None where nothing does; whether it may be
    chance is for `Separation.chance` to say.

    Args:
        bad: Failed jobs.
        good: Passed jobs.
        groups: How many groups of failed jobs are compared so, each of which may find something by chance.
    """
    jobs = (*bad, *good)
    if not bad or not good:
        return None
    found = cuts(jobs)
    mask = (1 << len(bad)) - 1
    settings = Search([c for c in found if c.term.where in SETTINGS], mask, len(jobs))
    said = Search([c for c in found if c.term.where is Where.LOG], mask, len(jobs))
    best, search = settings.best, settings
    if said.best and (best is None or said.best.gain > best.gain + CLOSE):
        best, search = said.best, said
    if best is None:
        best = settings.fitting
        if best is None:
            best, search = said.fitting, said
    if best is None:
        return None
    rivals = settings.rivals(best)[:MOST_RIVALS]
    tried = groups * search.tried(len(best.cuts))
    return _separation(jobs, bad, best, tried, rivals, said.same(best.mask))


def single(bad: Sequence[Cell], good: Sequence[Cell], axis: str) -> Separation | None:
    """The one value of an axis, such as a node, that the failed jobs have, and none or few of the others."""
    jobs = (*bad, *good)
    found = [c for c in cuts(jobs) if c.term.axis == axis and _is_value(c, len(jobs))]
    search = Search(found, (1 << len(bad)) - 1, len(jobs))
    singles = [f for f in search.all if len(f.cuts) == 1]
    if not singles or singles[0].score <= 0:
        return None
    return _separation(jobs, bad, singles[0], search.tried(1))


def _is_value(cut: Cut, jobs: int) -> bool:
    return cut.term.op == "=" and cut.mask.bit_count() < jobs


def _separation(
    jobs: Sequence[Cell],
    bad: Sequence[Cell],
    best: Found,
    tried: int,
    rivals: Sequence[Found] = (),
    said: Sequence[Cut] = (),
) -> Separation:
    holds = [bool(best.mask >> position & 1) for position in range(len(jobs))]
    failed = [position < len(bad) for position in range(len(jobs))]
    inside_bad = sum(h and f for h, f in zip(holds, failed, strict=True))
    inside_good = sum(holds) - inside_bad
    outside_bad = len(bad) - inside_bad
    outside_good = len(jobs) - len(bad) - inside_good
    predicate = _predicate(best)
    return Separation(
        predicate=predicate,
        inside_bad=inside_bad,
        inside_good=inside_good,
        outside_bad=outside_bad,
        outside_good=outside_good,
        p=greater(inside_bad, inside_good, outside_bad, outside_good),
        tried=tried,
        ways=len({job.way for job, held in zip(bad, holds, strict=False) if held}),
        exceptions=_names(jobs, lambda position: holds[position] != failed[position]),
        rivals=tuple(_rival(jobs, predicate, best, found) for found in rivals),
        said=tuple(
            cut.term for cut in said if cut.term.op == "=" and cut.term not in predicate.terms
        ),
    )


def _rival(jobs: Sequence[Cell], predicate: Predicate, best: Found, found: Found) -> Rival:
    other = _predicate(found)
    only = best.mask ^ found.mask
    return Rival(
        other,
        _names(jobs, lambda position: bool(only >> position & 1)),
        probe(jobs, predicate, other),
    )


def _predicate(found: Found) -> Predicate:
    return Predicate(tuple(sorted((cut.term for cut in found.cuts), key=str)))


def _names(jobs: Sequence[Cell], chosen: Callable[[int], bool]) -> tuple[str, ...]:
    return tuple(job.name for position, job in enumerate(jobs) if chosen(position))
