"""What is looked for in a run's sources, and how much of it is kept.

Floor 8: pure. The expressions of the catalogue, of the settings, of the phases and of the errors are one
list, which is scanned for at once; a channel decides afterwards which of them count in a source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from diagnose import facts, phases, trouble
from diagnose.catalogue import lines_of, patterns_of
from diagnose.model import Channel, Condition, Signature

SEES: Mapping[Channel, tuple[Channel, ...]] = {
    Channel.LOG: (Channel.LOG, Channel.STACK, Channel.HOST),
    Channel.STACK: (Channel.STACK, Channel.HOST),
    Channel.HOST: (Channel.HOST, Channel.STACK),
    Channel.RECIPE: (Channel.RECIPE,),
}
"""Which sources the signatures of a channel look at: a log may hold a pasted stack or listing, so its
signatures see live ones as well; what only a live look can show is not taken from a log."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Expressions by position, and what is wanted of each."""

    patterns: tuple[str, ...]
    windows: Mapping[int, int]
    """How many lines to keep after a match, by position."""
    few: frozenset[int]
    """Positions of those of which it only counts that, when and by whom they were printed."""
    seen: Mapping[Channel, frozenset[int]]
    """Positions of those that count in a source of a channel."""


def wanted(signatures: Iterable[Signature]) -> Wanted:
    """What to look for with a catalogue."""
    own = [(s, patterns_of(s)) for s in signatures]
    windows = {**facts.WINDOWS, **trouble.WINDOWS}
    always = (*facts.PATTERNS,)
    of_logs = (*phases.patterns(), *trouble.PATTERNS, *windows)
    patterns = tuple(dict.fromkeys((*(p for _, ps in own for p in ps), *always, *of_logs)))
    index = {pattern: number for number, pattern in enumerate(patterns)}
    many = {
        *always,
        *trouble.PATTERNS,
        *windows,
        *(p for s, _ in own for p in _read_one_by_one(s.match)),
    }
    seen = {}
    for channel in Channel:
        counted = [p for s, ps in own if channel in SEES[s.channel] for p in ps]
        counted += always
        if channel is Channel.LOG:
            counted += of_logs
        seen[channel] = frozenset(index[pattern] for pattern in counted)
    return Wanted(
        patterns,
        {index[pattern]: lines for pattern, lines in windows.items()},
        frozenset(number for number, pattern in enumerate(patterns) if pattern not in many),
        seen,
    )


def _read_one_by_one(condition: Condition) -> Iterator[str]:
    """Expressions below a condition of which any single match may decide, and not only the first ones."""
    yield from condition.sequence
    yield from condition.near
    picky = condition.where or condition.role or condition.count > 1
    if picky or condition.last or condition.silent_s:
        yield from lines_of(condition)
    for inner in (*condition.all, *condition.any, *condition.none):
        yield from _read_one_by_one(inner)
