"""What one setting does to a measured number, all other settings being equal.

Floor 6: pure. Only jobs that differ in one setting of the matrix are compared, so that no other can be the
reason. What a number is bound to depend on (load, lengths, the number of GPUs) is no finding, nor is what two
runs of the same thing differ by, as often as it was looked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import comb, sqrt
from statistics import fmean, median

from diagnose.contrast.noise import Kind, deviation, kind, limit
from diagnose.contrast.terms import IDENTITY, MOST_VALUES
from diagnose.model.sweep import Cell, Effect, Where

MOST = 12
MOST_ALSO = 4
_LOAD = frozenset(
    (
        "conc",
        "isl",
        "osl",
        "model",
        "model_prefix",
        "max_model_len",
        "max_num_seqs",
        "random_range_ratio",
        "hardware",
    )
)
_GPUS = re.compile(r"(?:prefill_|decode_)?(?:tp|pp|dp|pcp|workers)")
"""Axes on which the number of GPUs depends, and with it every sum over them."""
_TELLING = ("tput_per_gpu", "total_token_throughput", "output_throughput", "median_", "mean_")
"""Of several columns of a kind the first of these is told."""

Rest = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Pair:
    """Jobs that differ in one setting only."""

    low: Sequence[Cell]
    high: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class _Compared:
    """Two values of an axis."""

    kind: Kind
    effect: Effect
    deviations: float
    """The difference, in standard deviations of what runs of the same thing differ by."""


def effects(jobs: Sequence[Cell]) -> tuple[Effect, ...]:
    """The differences worth telling, largest first; one of a kind for each axis and pair of values."""
    found = [one for metric in _metrics(jobs) for one in _of_metric(metric, jobs)]
    looked = {
        (one.kind.name, one.effect.axis, frozenset((one.effect.low, one.effect.high)))
        for one in found
    }
    least = limit(len(looked))
    kept = [one for one in found if one.deviations >= least and _is_worth(one)]
    kept.sort(key=lambda one: (_telling(one.effect.metric), -one.deviations))
    best: dict[tuple[str, ...], Effect] = {}
    for one in kept:
        effect = one.effect
        name = "latency" if one.kind.name == "tail" else one.kind.name
        known = [e for (k, *_), e in best.items() if k == name]
        if any(effect.axis in e.also for e in known):
            continue
        best.setdefault((name, effect.axis, *sorted((effect.low, effect.high))), effect)
    return tuple(sorted(best.values(), key=lambda e: (-e.ratio, -e.pairs, e.metric))[:MOST])


def is_metric(name: str) -> bool:
    """Whether a column measures what a job is judged by: throughput, latency or accuracy."""
    return kind(name) is not None


def _metrics(jobs: Sequence[Cell]) -> list[str]:
    names = {name for job in jobs for name in job.numbers}
    return sorted(name for name in names if is_metric(name))


def _telling(metric: str) -> int:
    return next((at for at, part in enumerate(_TELLING) if metric.startswith(part)), len(_TELLING))


def _is_worth(one: _Compared) -> bool:
    """Whether the difference is large enough to matter, and enough pairs agree."""
    effect = one.effect
    low, high = one.kind.measure(effect.low_median), one.kind.measure(effect.high_median)
    if low is None or high is None or high - low < one.kind.least:
        return False
    as_many = sum(comb(effect.pairs, k) for k in range(effect.agreeing, effect.pairs + 1))
    return effect.agreeing == effect.pairs or as_many / 2**effect.pairs <= 0.05


def _of_metric(metric: str, given: Sequence[Cell]) -> Iterator[_Compared]:
    what = kind(metric)
    assert what is not None
    jobs = [j for j in given if metric in j.numbers and what.measure(j.numbers[metric]) is not None]
    config = [a for a in _axes(jobs, Where.CONFIG) if a not in IDENTITY]
    environment = [
        a for a in _axes(jobs, Where.ENV) if len({j.axes.get(a) for j in jobs}) <= MOST_VALUES
    ]
    repeated = [
        [_measured(what, metric, job) for job in group]
        for group in _grouped(jobs, [*config, *environment]).values()
        if len(group) > 1
    ]
    spread = deviation(what, repeated)
    for axis in (*config, *environment):
        if _is_bound(what, metric, axis):
            continue
        known = [job for job in jobs if axis in job.axes]
        rests = _grouped(known, [a for a in config if a != axis])
        values = sorted({job.axes[axis] for job in known})
        for position, one in enumerate(values):
            for other in values[position + 1 :]:
                pairs = list(_pairs(rests.values(), axis, one, other))
                if pairs:
                    yield _compared(what, metric, axis, pairs, spread)


def _is_bound(what: Kind, metric: str, axis: str) -> bool:
    """Whether a number is bound to depend on an axis, so that it is no finding that it does."""
    if what.name == "throughput" and "per_gpu" not in metric and _GPUS.fullmatch(axis):
        return True
    # A score does not follow from the load; from another model it does.
    scored = what.name == "accuracy" and not axis.startswith("model")
    return axis in _LOAD and not scored


def _axes(jobs: Sequence[Cell], where: Where) -> list[str]:
    names = sorted({axis for job in jobs for axis in job.axes})
    return [a for a in names if all(j.kinds.get(a, Where.CONFIG) is where for j in jobs)]


def _grouped(jobs: Sequence[Cell], axes: Sequence[str]) -> Mapping[Rest, Sequence[Cell]]:
    groups: dict[Rest, list[Cell]] = {}
    for job in jobs:
        groups.setdefault(tuple((a, job.axes.get(a, "")) for a in axes), []).append(job)
    return groups


def _pairs(groups: Iterable[Sequence[Cell]], axis: str, one: str, other: str) -> Iterator[_Pair]:
    for group in groups:
        low = [job for job in group if job.axes[axis] == one]
        high = [job for job in group if job.axes[axis] == other]
        if low and high:
            yield _Pair(low, high)


def _measured(what: Kind, metric: str, job: Cell) -> float:
    found = what.measure(job.numbers[metric])
    assert found is not None
    return found


def _compared(
    what: Kind, metric: str, axis: str, pairs: Sequence[_Pair], spread: float
) -> _Compared:
    differences = [
        median(_measured(what, metric, job) for job in pair.high)
        - median(_measured(what, metric, job) for job in pair.low)
        for pair in pairs
    ]
    variance = sum(1 / len(pair.low) + 1 / len(pair.high) for pair in pairs) / len(pairs) ** 2
    middle = median(differences)
    if middle < 0:
        pairs = [_Pair(pair.high, pair.low) for pair in pairs]
        differences = [-difference for difference in differences]
    effect = Effect(
        metric,
        axis,
        pairs[0].low[0].axes[axis],
        pairs[0].high[0].axes[axis],
        median(median(job.numbers[metric] for job in pair.low) for pair in pairs),
        median(median(job.numbers[metric] for job in pair.high) for pair in pairs),
        len(pairs),
        sum(difference > 0 for difference in differences),
        _also(axis, pairs),
    )
    # Of one large and several small differences the median speaks, of all of them the mean.
    least = min(fmean(differences), median(differences))
    return _Compared(what, effect, least / (spread * sqrt(variance)))


def _also(axis: str, pairs: Sequence[_Pair]) -> tuple[str, ...]:
    """What the two sides of every pair differ in beside the axis: a variable, or what the programs chose."""
    low = [job for pair in pairs for job in pair.low]
    high = [job for pair in pairs for job in pair.high]
    found: list[str] = []
    for other in sorted({a for job in (*low, *high) for a in job.axes} - {axis}):
        kinds = {job.kinds.get(other, Where.CONFIG) for job in (*low, *high)}
        here = {job.axes.get(other, "") for job in low}
        there = {job.axes.get(other, "") for job in high}
        if kinds <= {Where.ENV, Where.LOG} and not here & there and "" not in here | there:
            found.append(other)
    return tuple(found[:MOST_ALSO])
