"""What is looked for in a run's sources, and how much of it is kept.

Floor 8: pure but for the cache. The expressions of the catalogue, of the settings, of the phases and of the errors are one
list, which is scanned for at once; a channel decides afterwards which of them count in a source.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diagnose import catalogue, facts, phases, trouble
from diagnose.cache import FORMAT, Cache
from diagnose.catalogue import lines_of, patterns_of
from diagnose.model import Channel, Condition, Signature
from diagnose.packed import Catalogue

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
    ids: tuple[str, ...]
    """The signatures that are looked for, in id order."""
    owners: Mapping[int, Sequence[int]]
    """For an expression whose matches show a signature, by position: which of `ids`."""

    def possible(self, hits: Iterable[int]) -> list[str]:
        """Ids of the signatures that may hold where these expressions matched."""
        numbers = {number for index in hits for number in self.owners.get(index, ())}
        return [self.ids[number] for number in sorted(numbers)]


def prepared(signatures: Mapping[str, Signature], cache: Path | None) -> Wanted:
    """What to look for with a catalogue in what was left behind; kept, where the catalogue is.

    A launch script is no source of lines: `lint` looks at it, way by way.
    """
    kept = Cache(None, ())
    if isinstance(signatures, Catalogue):
        kept = Cache(cache, _depends_on(signatures.digest))
        stored = kept.read("wanted")
        if stored is not None:
            patterns, windows, few, seen, ids, owners = marshal.loads(stored)
            by_channel = {Channel(name): frozenset(numbers) for name, numbers in seen.items()}
            return Wanted(patterns, windows, frozenset(few), by_channel, ids, owners)
    made = wanted(s for s in signatures.values() if s.channel is not Channel.RECIPE)
    seen = {str(channel): sorted(numbers) for channel, numbers in made.seen.items()}
    fields: Any = (made.patterns, made.windows, sorted(made.few), seen, made.ids, made.owners)
    kept.write("wanted", marshal.dumps(fields, FORMAT))
    return made


def _depends_on(digest: str) -> Iterator[bytes]:
    yield digest.encode()
    for path in (Path(__file__), Path(catalogue.__file__)):
        yield path.read_bytes() if path.is_file() else b""
    others = (*facts.PATTERNS, *trouble.PATTERNS, *phases.patterns())
    yield repr((others, facts.WINDOWS, trouble.WINDOWS)).encode()


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
    owners: dict[int, list[int]] = {}
    for number, (signature, _) in enumerate(own):
        for pattern in dict.fromkeys(lines_of(signature.match)):
            owners.setdefault(index[pattern], []).append(number)
    return Wanted(
        patterns,
        {index[pattern]: lines for pattern, lines in windows.items()},
        frozenset(number for number, pattern in enumerate(patterns) if pattern not in many),
        seen,
        tuple(signature.id for signature, _ in own),
        owners,
    )


def _read_one_by_one(condition: Condition) -> Iterator[str]:
    """Expressions below a condition of which any single match may decide, and not only the first ones."""
    yield from condition.sequence
    yield from condition.near
    picky = condition.where or condition.role or condition.count > 1
    if picky or condition.silent_s:
        yield from lines_of(condition)
    for inner in (*condition.all, *condition.any, *condition.none):
        yield from _read_one_by_one(inner)
