"""Sentences about what tells a run from good ones.

Floor 10: pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnose.report.words import place
from diagnose.units import duration

if TYPE_CHECKING:
    from diagnose.model.baseline import Baseline, Difference, NewLine, SlowPhase


def notes(baseline: Baseline) -> list[str]:
    """What is not a line: phases, settings, and what limits the comparison."""
    told = [slow(one) for one in baseline.slower]
    told += [different(one) for one in baseline.settings]
    if baseline.left_out:
        told.append(
            f"not taken for good, because it went wrong itself: {', '.join(baseline.left_out)}"
        )
    if baseline.partial:
        told.append("a log has too many different lines to compare all of them")
    return told


def compared_with(baseline: Baseline) -> str:
    """`compared with good.log`, or with how many runs."""
    if len(baseline.runs) == 1:
        return f"compared with {baseline.runs[0]}"
    return f"compared with {len(baseline.runs)} good runs"


def slow(one: SlowPhase) -> str:
    """A phase that took far longer."""
    took = duration(one.took_s)
    did = f"took {took}" if one.ended else f"had lasted {took} when the log ended"
    return f"phase {one.phase} {did}; in good runs {duration(one.good_s)} at most"


def different(one: Difference) -> str:
    """A setting with another value."""
    name = one.name.removeprefix("env:").replace("version:", "version of ")
    good = " or ".join(one.good) if one.good else "not set"
    return f"{name} is {one.value}; in good runs {good}"


def new(one: NewLine) -> str:
    """Where a new line stands, and how often."""
    times = f", {one.count:,} times" if one.count > 1 else ""
    return f"{place(one.line)}{times}"
