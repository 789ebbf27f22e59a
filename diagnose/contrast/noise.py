"""How much a measured number differs between two runs of the same thing, and from where a difference is one.

Floor 6: pure. Throughput and latency vary by a factor, and are compared as logarithms; a score varies by points. What is
usual is assumed, and corrected by jobs of the matrix that are equal in all settings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log
from statistics import NormalDist, fmean

USUAL_RUNS = 4
"""How many repeated runs what is assumed counts for, beside those that are there."""
MISTAKEN = 0.05
"""How often any difference at all may be told that is none."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of measured number."""

    name: str
    pattern: re.Pattern[str]
    usual: float
    """The usual standard deviation of a run: of the logarithm, or in points of a hundred."""
    least: float
    """The smallest difference that is worth telling, in the same measure."""
    factor: bool = True
    """Whether it varies by a factor."""

    def measure(self, number: float) -> float | None:
        """A number on the scale on which it is compared; None where it has no place there."""
        if self.factor:
            return log(number) if number > 0 else None
        return 100 * number if abs(number) <= 1 else number


KINDS = (
    Kind("accuracy", re.compile(r"score|accuracy|exact_match|acc\b|pass@?1"), 1.0, 3.0, False),
    Kind(
        "throughput",
        re.compile(r"tput|throughput|(?<![a-z])tok(?:ens)?[_/ ]?(?:per_?)?s"),
        0.08,
        log(1.2),
    ),
    Kind("tail", re.compile(r"p9\d[\d.]*_(?:ttft|tpot|itl|e2el|intvty)"), 0.4, log(1.5)),
    Kind(
        "latency",
        re.compile(r"(?:mean|median|p50)_(?:ttft|tpot|itl|e2el|intvty)|intvty"),
        0.15,
        log(1.2),
    ),
)
"""A column is of the first kind that fits."""
_NONE = re.compile(
    r"stderr|_err\b|_se\b|std_|seed|version|timestamp|time_s\b|min_|max_|threshold", re.IGNORECASE
)


def kind(metric: str) -> Kind | None:
    """What kind of number a column holds; None where it is nothing that a job is judged by."""
    name = metric.lower()
    if _NONE.search(name):
        return None
    return next((one for one in KINDS if one.pattern.search(name)), None)


def deviation(of: Kind, repeated: Iterable[Sequence[float]]) -> float:
    """The standard deviation of one run.

    Args:
        of: The kind of number.
        repeated: Groups of numbers, measured, each of jobs that are equal in all settings.
    """
    squares = of.usual**2 * USUAL_RUNS
    freedom = USUAL_RUNS
    for group in repeated:
        centre = fmean(group)
        squares += sum((number - centre) ** 2 for number in group)
        freedom += len(group) - 1
    return float((squares / freedom) ** 0.5)


def limit(comparisons: int) -> float:
    """From how many standard deviations a difference is told, of so many that were looked for."""
    return NormalDist().inv_cdf(1 - MISTAKEN / 2 / max(1, comparisons))
