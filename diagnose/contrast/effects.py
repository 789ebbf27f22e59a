"""What one setting does to a measured number, all other settings being equal.

Floor 6: pure. Only jobs that differ in one axis are compared, so that no other setting can be the
reason. What a number is bound to depend on (load, lengths, the number of GPUs) is no finding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from diagnose.contrast.fisher import greater
from diagnose.model.sweep import Cell, Effect, Where

LEAST = 1.2
"""Ratio of two medians from which a difference is told."""
MOST = 12
_IDENTITY = frozenset(("recipe",))
"""Axes that follow from all others: a fingerprint of the configuration."""
_LOAD = frozenset(
    (
        "conc",
        "isl",
        "osl",
        "model",
        "max_model_len",
        "max_num_seqs",
        "random_range_ratio",
        "hardware",
    )
)
_METRIC = re.compile(
    r"tput|throughput|(?<![a-z])tok(?:ens)?[_/ ]?(?:per_?)?s|intvty|score|accuracy|exact_match|acc\b|pass@?1"
    r"|(?:mean|median|p50|p99)_(?:ttft|tpot|itl|e2el)",
    re.IGNORECASE,
)
_CONFIDENCE = re.compile(r"stderr|_err\b|std_|seed|version|timestamp|time_s$", re.IGNORECASE)


def effects(jobs: Sequence[Cell]) -> tuple[Effect, ...]:
    """The differences worth telling, largest first; one metric of a kind for each axis and pair."""
    found = [
        effect
        for metric in _metrics(jobs)
        for effect in _of_metric(metric, [job for job in jobs if metric in job.numbers])
    ]
    best: dict[tuple[str, str, str], Effect] = {}
    for effect in sorted(found, key=lambda e: (-e.ratio, -e.pairs, e.metric)):
        kind = "accuracy" if _is_accuracy(effect.metric) else effect.metric
        best.setdefault((effect.axis, kind, "".join(sorted((effect.low, effect.high)))), effect)
    return tuple(best.values())[:MOST]


def _metrics(jobs: Sequence[Cell]) -> list[str]:
    names = {name for job in jobs for name in job.numbers}
    return sorted(name for name in names if is_metric(name))


def is_metric(name: str) -> bool:
    """Whether a column measures what a job is judged by: throughput, latency or accuracy."""
    return _METRIC.search(name) is not None and _CONFIDENCE.search(name) is None


def _is_accuracy(metric: str) -> bool:
    return re.search(r"score|accuracy|exact_match|acc\b|pass@", metric) is not None


def _of_metric(metric: str, jobs: Sequence[Cell]) -> Iterator[Effect]:
    axes = sorted({axis for job in jobs for axis in job.axes})
    config = [
        a
        for a in axes
        if a not in _IDENTITY and all(j.kinds.get(a, Where.CONFIG) is Where.CONFIG for j in jobs)
    ]
    for axis in config:
        if axis in _LOAD and not (axis != "model" and _is_accuracy(metric)):
            continue
        groups: dict[tuple[tuple[str, str], ...], dict[str, list[float]]] = {}
        for job in jobs:
            if axis in job.axes:
                rest = tuple((a, job.axes.get(a, "")) for a in config if a != axis)
                by_value = groups.setdefault(rest, {})
                by_value.setdefault(job.axes[axis], []).append(job.numbers[metric])
        yield from _of_axis(metric, axis, groups)


def _of_axis(
    metric: str, axis: str, groups: Mapping[tuple[tuple[str, str], ...], Mapping[str, list[float]]]
) -> Iterator[Effect]:
    values = sorted({value for group in groups.values() for value in group})
    for position, one in enumerate(values):
        for other in values[position + 1 :]:
            pairs = [
                (median(group[one]), median(group[other]))
                for group in groups.values()
                if one in group and other in group
            ]
            if pairs:
                effect = _effect(metric, axis, one, other, pairs)
                if effect is not None:
                    yield effect


def _effect(
    metric: str, axis: str, one: str, other: str, pairs: Sequence[tuple[float, float]]
) -> Effect | None:
    first, second = median(a for a, _ in pairs), median(b for _, b in pairs)
    low, high = (one, other) if first <= second else (other, one)
    small, large = min(first, second), max(first, second)
    agreeing = sum((a < b) if first <= second else (b < a) for a, b in pairs)
    if large <= 0 or (small > 0 and large / small < LEAST):
        return None
    # With one or two pairs they must agree; with more, so many agreeing must be no chance.
    disagreeing = len(pairs) - agreeing
    if disagreeing and greater(agreeing, disagreeing, disagreeing, agreeing) > 0.05:
        return None
    return Effect(metric, axis, low, high, small, large, len(pairs), agreeing)
