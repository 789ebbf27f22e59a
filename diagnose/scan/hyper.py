"""Hyperscan (Vectorscan), in block mode.

Floor 3: pure but for the cache. Source: python-hyperscan 0.9 and the measurements behind it:
block mode on line-aligned blocks, no start offsets, literals alone.
"""

from __future__ import annotations

import marshal
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from functools import cached_property, partial
from typing import Any

import hyperscan

from diagnose.cache import Cache
from diagnose.scan.needles import Literal, Needle
from diagnose.scan.protocol import Event, Text, Tuned, owners
from diagnose.scan.smooth import ODD

# A literal of four bytes that no log holds. The literal matcher lays its tables out more slowly (by
# half) when all literals are long; one short one prevents it, and never costs anything.
_STRIDE_PIN = rb"\x01\x02\x03\x04"

Expression = tuple[bytes, int]
"""With its flags."""


class Hyperscan:
    """All literals in one database."""

    name = "hyperscan"

    def __init__(self, needles: Sequence[Needle], cache: Cache) -> None:
        self._needles = needles
        self._every = _Owned(*(_stored(cache) or self._made(cache)))
        self._odd = _loaded(cache.read("odd")) or self._made_odd(cache)

    def _made_odd(self, cache: Cache) -> Any:
        database = _compiled((odd, hyperscan.HS_FLAG_SINGLEMATCH) for odd in ODD)
        cache.write("odd", hyperscan.dumpb(database))
        return database

    def _made(self, cache: Cache) -> tuple[Any, Sequence[Sequence[int]]]:
        """The database of every pattern, and whose each of its expressions is."""
        whole, literals = self._whole, self._literals
        wholes = [(form, 0) for form in whole.values()]
        database = _compiled([*_expressions(literals), (_STRIDE_PIN, 0), *wholes])
        # The pin belongs to nobody.
        owned = [*map(tuple, literals.values()), (), *((index,) for index in whole)]
        cache.write("database", hyperscan.dumpb(database))
        cache.write("owners", marshal.dumps(owned))
        return database, owned

    @cached_property
    def _whole(self) -> dict[int, bytes]:
        return {index: n.whole for index, n in enumerate(self._needles) if n.whole}

    @cached_property
    def _literals(self) -> dict[Literal, list[int]]:
        return _only(owners(self._needles), lambda index: index not in self._whole)

    def scan(self, text: Text) -> list[Event]:
        """Where literals of patterns are, in any order."""
        return self._every.events(text)

    def tuned(self, hot: Set[int], noisy: Mapping[int, bytes], sample: Text) -> Tuned:
        """The same for a source in which some patterns are common."""
        whole = {index: self._whole[index] for index in self._paying(sample)}
        return _Tuned(owners(self._needles), hot, {**whole, **noisy})

    def _paying(self, sample: Text) -> Iterator[int]:
        """Patterns that are better looked for as wholes in a source.

        Their words are there, and most of the pieces of lines with one do not match.
        """
        words = _only(owners(self._needles), lambda index: index in self._whole)
        database = _compiled([*_expressions(words), (_STRIDE_PIN, 0)])
        said = _pieces(sample, _Owned(database, [*words.values(), ()]).events(sample))
        matched = _pieces(sample, self._every.events(sample))
        return (index for index in self._whole if said[index] > 2 * matched[index])

    def sorted_out(self, hot: Set[int]) -> Tuned:
        """The same for a source that is not worth compiling for."""
        return _SortedOut(self._every, hot)

    def finder(self, expressions: Sequence[bytes]) -> Callable[[Text], list[Event]] | None:
        """Finds where some expressions match, and by their position which; None if they are too long."""
        try:
            database = _compiled((form, 0) for form in expressions)
        except hyperscan.HyperscanError:
            return None
        return partial(_events, database)

    def is_odd(self, text: Text) -> bool:
        """Whether a text has what `smooth.ODD` describes."""
        return bool(_events(self._odd, text))


class _Owned:
    """A database, and the patterns that each of its expressions belongs to."""

    def __init__(self, database: Any, owners: Sequence[Sequence[int]]) -> None:
        self.database = database
        self.owners = owners

    def events(self, text: Text) -> list[Event]:
        owners = self.owners
        found = _events(self.database, text)
        return [(end, index) for end, number in found for index in owners[number]]


class _SortedOut:
    """Everything is reported, and what hot patterns alone look for is left out of it."""

    def __init__(self, every: _Owned, hot: Set[int]) -> None:
        self._database = every.database
        self._cold = [[i for i in indexes if i not in hot] for indexes in every.owners]
        self._hot = [[i for i in indexes if i in hot] for indexes in every.owners]

    def scan(self, text: Text) -> tuple[list[Event], dict[int, int]]:
        """Where patterns that are not hot may match, in any order, and one place for each hot one."""
        cold, places = self._cold, dict[int, int]()
        events: list[Event] = []
        for end, number in _events(self._database, text):
            places[number] = end
            if cold[number]:
                events += [(end, index) for index in cold[number]]
        hot = {index: end for number, end in places.items() for index in self._hot[number]}
        return events, hot


class _Tuned:
    """Hot patterns are reported once, noisy ones are looked for as wholes; one database has them all."""

    def __init__(
        self,
        literals: Mapping[Literal, Sequence[int]],
        hot: Set[int],
        noisy: Mapping[int, bytes],
    ) -> None:
        try:
            self._build(literals, hot, noisy)
        except hyperscan.HyperscanError:
            # The error does not say which expression it was.
            usable = {index: form for index, form in noisy.items() if _compiles(form)}
            self._build(literals, hot, usable)

    def _build(
        self, literals: Mapping[Literal, Sequence[int]], hot: Set[int], whole: Mapping[int, bytes]
    ) -> None:
        rest = _only(literals, lambda index: index not in hot and index not in whole)
        common = _only(literals, lambda index: index in hot and index not in whole)
        still = [index for index in whole if index not in hot]
        both = [index for index in whole if index in hot]
        self._database = _compiled(
            [
                *_expressions(rest),
                *((whole[index], 0) for index in still),
                (_STRIDE_PIN, 0),
                *_expressions(common, hyperscan.HS_FLAG_SINGLEMATCH),
                *((whole[index], hyperscan.HS_FLAG_SINGLEMATCH) for index in both),
            ]
        )
        self._owners = [*rest.values(), *((index,) for index in still), ()]
        self._often = [*common.values(), *((index,) for index in both)]

    def scan(self, text: Text) -> tuple[list[Event], dict[int, int]]:
        """Where patterns that are not hot may match, in any order, and one place for each hot one."""
        owners, often, first = self._owners, self._often, len(self._owners)
        cold: list[Event] = []
        hot: dict[int, int] = {}
        for end, number in _events(self._database, text):
            if number < first:
                cold += [(end, index) for index in owners[number]]
            else:
                for index in often[number - first]:
                    hot.setdefault(index, end)
        return cold, hot


def _pieces(text: Text, events: Iterable[Event]) -> Counter[int]:
    """In how many pieces of lines each pattern is."""
    ends = [found.end() for found in re.finditer(rb"[\r\n]", text)]
    return Counter(index for _, index in {(bisect_left(ends, end), index) for end, index in events})


def _only(
    literals: Mapping[Literal, Sequence[int]], wanted: Callable[[int], bool]
) -> dict[Literal, list[int]]:
    kept = {literal: [i for i in indexes if wanted(i)] for literal, indexes in literals.items()}
    return {literal: indexes for literal, indexes in kept.items() if indexes}


def _expressions(literals: Iterable[Literal], flags: int = 0) -> Iterator[Expression]:
    for text, any_case in literals:
        escaped = b"".join(b"\\x%02x" % byte for byte in text)
        yield escaped, flags | (hyperscan.HS_FLAG_CASELESS if any_case else 0)


def _compiles(expression: bytes) -> bool:
    try:
        _compiled([(expression, 0)])
    except hyperscan.HyperscanError:
        return False
    return True


def environment() -> str:
    """What a compiled database depends on beside its literals."""
    version = getattr(hyperscan, "__version__", "")
    return f"{_compiled([(_STRIDE_PIN, 0)]).info()!r} {version}"


def _compiled(expressions: Iterable[Expression]) -> Any:
    texts, flags = zip(*expressions, strict=True)
    database = hyperscan.Database()
    database.compile(
        expressions=list(texts), ids=list(range(len(texts))), elements=len(texts), flags=list(flags)
    )
    return database


def _stored(cache: Cache) -> tuple[Any, Sequence[Sequence[int]]] | None:
    """What `_made` kept; None if this machine or version cannot use it."""
    database, owned = _loaded(cache.read("database")), cache.read("owners")
    return None if database is None or owned is None else (database, marshal.loads(owned))


def _loaded(stored: bytes | None) -> Any:
    """A database that was kept; None if there is none, or this machine or version cannot use it."""
    if stored is None:
        return None
    try:
        database = hyperscan.loadb(stored, hyperscan.HS_MODE_BLOCK)
        database.scratch = hyperscan.Scratch(database)
    except hyperscan.HyperscanError:
        return None
    return database


def _events(database: Any, text: Text) -> list[Event]:
    """Pairs of an end and a literal's number."""
    events: list[Event] = []
    add = events.append
    database.scan(text, match_event_handler=lambda number, start, end, flags, _: add((end, number)))
    return events
