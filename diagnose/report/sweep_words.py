"""Sentences that the reports of a sweep share.

Floor 10: pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from diagnose.model.sweep import (
    Contradiction,
    Effect,
    Outcome,
    Predicate,
    Rival,
    Separation,
    Sweep,
    Term,
    Way,
)

NAMED = 5
"""Jobs that are named before the rest is counted."""
_NOT_COUNTED = {
    Outcome.CANCELLED: "cancelled",
    Outcome.UNKNOWN: "not decided by the log",
    Outcome.UNREADABLE: "not readable",
}


def headline(sweep: Sweep) -> str:
    """`26 jobs: 14 hung, 12 passed`, and what was left out of the comparison."""
    counted = [
        f"{count} {outcome}"
        for outcome in (Outcome.FAILED, Outcome.HUNG, Outcome.PASSED)
        if (count := sweep.count(outcome))
    ]
    left_out = [
        f"{count} {words}"
        for outcome, words in _NOT_COUNTED.items()
        if (count := sweep.count(outcome))
    ]
    jobs = plural(len(sweep.jobs), "job")
    if sweep.unread:
        jobs += f" (stopped; {sweep.unread:,} more were not read)"
    text = f"{jobs}: {', '.join(counted) or 'none of them counts'}"
    return text + (f" (left out: {', '.join(left_out)})" if left_out else "")


def ends(sweep: Sweep, jobs: Iterable[str]) -> tuple[str, str]:
    """The verbs for the two sides: `hung` if all failed ones did; what is only presumed is not called passed.

    Args:
        sweep: The answer.
        jobs: Names of the failed jobs that are spoken of.
    """
    spoken_of = set(jobs)
    bad = {j.outcome for j in sweep.jobs if j.outcome.bad and j.name in spoken_of}
    return (
        "hung" if bad == {Outcome.HUNG} else "failed",
        "show no failure" if sweep.presumed else "passed",
    )


def compared(sweep: Sweep) -> list[str]:
    """The names of the failed jobs that `separation` speaks of."""
    apart = set(sweep.apart)
    return [j.name for j in sweep.jobs if j.outcome.bad and j.name not in apart]


def qualified(separation: Separation, apart: Sequence[str] = ()) -> list[str]:
    """What stands beside a statement: how sure it is, what the logs say, whom it does not fit, and what it mixes.

    Args:
        separation: What separates.
        apart: Failed jobs that it says nothing about.
    """
    told = [certainty(separation)]
    if separation.said:
        said = "; ".join(term_phrase(term) for term in separation.said)
        told.append(f"the logs of exactly these jobs say: {said}")
    if separation.exceptions:
        count = plural(len(separation.exceptions), "exception")
        told.append(f"{count}: {names(separation.exceptions)}")
    if separation.ways > 1:
        told.append(
            f"these jobs failed in {separation.ways} different ways: one setting need not be behind all of them"
        )
    if apart:
        told.append(
            f"not among them: {plural(len(apart), 'job')} that failed in other ways ({names(apart)})"
        )
    return told


def own_separation(way: Way, sweep: Sweep) -> Separation | None:
    """What separates the jobs of one way, where that was not said of all failed jobs already."""
    if way.separation is None:
        return None
    whole = sweep.separation
    if whole is not None and whole.predicate == way.separation.predicate:
        return None
    return way.separation


def statement(separation: Separation, ends: tuple[str, str]) -> str:
    """`14 of 14 with ep > 1 hung; 12 of 12 without passed`."""
    inside = separation.inside_bad + separation.inside_good
    outside = separation.outside_bad + separation.outside_good
    other = opposite(separation.predicate)
    return (
        f"{separation.inside_bad} of {inside} with {phrase(separation.predicate)} {ends[0]}; "
        f"{separation.outside_good} of {outside} {f'with {other}' if other else 'others'} {ends[1]}"
    )


def phrase(predicate: Predicate) -> str:
    """A predicate in words."""
    return " and ".join(term_phrase(term) for term in predicate.terms)


def term_phrase(term: Term) -> str:
    """A term in words; what a log says is told from what was set."""
    if term.axis.startswith("backend:"):
        sign = "not " if term.op == "!=" else ""
        return f"{axis_phrase(term.axis)} {sign}{term.value}"
    return f"{axis_phrase(term.axis)} {term.comparison}"


def axis_phrase(axis: str) -> str:
    """An axis in words: `moe backend`, `nccl`, `ep`."""
    if axis.startswith("backend:"):
        return f"{axis.removeprefix('backend:')} backend"
    return axis.removeprefix("version:")


def opposite(predicate: Predicate) -> str:
    """What holds for the others, where that can be said as shortly."""
    term = predicate.terms[0]
    if len(predicate.terms) != 1 or term.axis.startswith("backend:"):
        return ""
    turned = {">": "≤", ">=": "<", "<=": ">", "<": "≥", "=": "≠", "!=": "="}[term.op]
    if term.op == ">" and term.value in ("0", "1"):
        turned = "="
    return f"{term.axis} {turned} {term.value}"


def certainty(separation: Separation) -> str:
    """What the exact test says."""
    p = probability(separation.p)
    if separation.tried == 1:
        return f"Fisher's exact test: p {p}"
    tried = f"p {p}; {probability(separation.chance)} after {separation.tried:,} predicates tried"
    if separation.by_chance:
        return f"so few jobs that it may be chance (Fisher's exact test: {tried})"
    return f"Fisher's exact test: {tried}"


def probability(p: float) -> str:
    """`= 0.03`, `= 1e-07`, `< 1e-12`."""
    if p < 1e-12:
        return "< 1e-12"
    return f"= {p:.2g}"


def rival(one: Rival, predicate: Predicate) -> str:
    """What cannot be told apart, and what would."""
    text = f"{phrase(predicate)} and {phrase(one.predicate)} "
    if one.differs:
        text += f"are told apart by {plural(len(one.differs), 'job')} only ({names(one.differs)})"
    else:
        text += "cannot be told apart: they hold for the same jobs"
    if one.probe:
        text += f"; run this one: {settings(one.probe)}"
    return text


def settings(axes: Mapping[str, str]) -> str:
    """`ep=8 conc=32`."""
    return " ".join(f"{axis}={value}" for axis, value in axes.items())


def disputed(sweep: Sweep) -> list[str]:
    """The settings that the sources of a job disagree about, each kind of dispute once."""
    kinds: dict[Contradiction, list[str]] = {}
    for job in sweep.jobs:
        for one in job.contradictions:
            kinds.setdefault(one, []).append(job.name)
    told = [
        f"{one.axis} is {one.value} in {one.place} and {one.other} in {one.other_place}; {one.value} is believed"
        f" ({plural(len(jobs), 'job')}: {names(jobs)})"
        for one, jobs in list(kinds.items())[:NAMED]
    ]
    return told + ([f"and {len(kinds) - NAMED} more"] if len(kinds) > NAMED else [])


def effect(one: Effect) -> str:
    """`tput_per_gpu: 434 with ep = 8, 905 with ep = 1 (−52 %), 6 of 6 pairs`."""
    less = 100 * (1 - one.low_median / one.high_median)
    text = (
        f"{one.metric}: {figure(one.low_median)} with {one.axis} = {one.low},"
        f" {figure(one.high_median)} with {one.axis} = {one.high} (−{less:.0f} %),"
        f" {one.agreeing} of {plural(one.pairs, 'pair')} of jobs equal in all else"
    )
    if one.also:
        text += f" that is set; they differ in {', '.join(map(axis_phrase, one.also))} too"
    return text


def figure(value: float) -> str:
    """A measured number with three to four digits."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def names(jobs: Sequence[str]) -> str:
    """The first few names, and how many more."""
    more = len(jobs) - NAMED
    return ", ".join(jobs[:NAMED]) + (f" and {more} more" if more > 0 else "")


def plural(count: int, noun: str) -> str:
    """`1 job`, `2 jobs`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
