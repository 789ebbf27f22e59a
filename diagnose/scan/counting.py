"""Patterns that have matched so often that further candidates are counted and not read.

Floor 3: pure. What is counted without being read is exact where a match depends on nothing but the
text matched; for other patterns the count stays what was confirmed, a lower bound. The last matches
are read in either case.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from diagnose.scan.confirm import Candidate, Confirmer
from diagnose.scan.engine import Engine
from diagnose.scan.limits import Limits
from diagnose.scan.pieces import Pieces
from diagnose.scan.tally import Tally
from diagnose.scan.weaken import Weakened
from diagnose.scan.windows import Windows

# Tells the lines of two processes apart without reading them; see `dialects` for the real thing.
_WHO = re.compile(
    rb"pid=\d+|\[rank\d+\]|[A-Z]{1,4}P\d+(?:[ _][A-Z]{1,4}P\d+)*"
    rb"|[\w.-]+:\d+:\d+ \[\d+\]|^ ?\d+: |\[default\d+\]"
)
_FIRST_WORD = re.compile(rb"(?:\[?\d{4}-\d\d-\d\d[T ][\d:.,+]+Z?\]? *)?(\S{0,24})")
# The commonest of them, each found at memory speed.
_NAMES = ((re.compile(rb"pid=\d+"), b"pid="), (re.compile(rb"\[rank\d+\]"), b"[rank"))
_WHERE = 160
_TRIED = 64
_T = TypeVar("_T")


class Place(NamedTuple):
    """A candidate, by where it is in the block."""

    start: int
    end: int
    at: int
    newlines: int


class Counting:
    """Counts in one block.

    Args:
        pieces: The block's pieces.
        confirmer: Reads the last ones.
        engine: Finds them again in slices that were only counted.
        weakened: All patterns.
        windows: Keeps the lines after the last ones.
        limits: How many are the last ones.
    """

    def __init__(
        self,
        pieces: Pieces,
        confirmer: Confirmer,
        engine: Engine,
        weakened: Sequence[Weakened],
        windows: Windows,
        limits: Limits,
    ) -> None:
        self._pieces = pieces
        self._text = pieces.text
        self._confirmer = confirmer
        self._engine = engine
        self._weakened = weakened
        self._windows = windows
        self._limits = limits
        self._odd = frozenset(self._text.places)
        self._sorted_odd = sorted(self._odd)
        self._recent: dict[int, deque[Place]] = {}
        self._slices: dict[int, deque[tuple[int, int, int]]] = {}
        self._named: tuple[int, frozenset[bytes]] = (-1, frozenset())

    def who(self, start: int, end: int) -> bytes:
        """Something that most lines of one process share, and no line of another one has."""
        end = min(end, start + _WHERE)
        named = _WHO.search(self._text.data, start, end)
        if named:
            return named[0]
        found = _FIRST_WORD.match(self._text.data, start, end)
        return found[1] if found else b""

    def is_as_read(self, pattern: int, place: Place) -> bool:
        """Whether searching a piece as it is says the same as searching the line read from it."""
        return (
            self._weakened[pattern].local
            and place.start not in self._odd
            and not self._pieces.is_long(place.start, place.end)
        )

    def matches(self, pattern: int, place: Place) -> bool:
        """Whether a pattern matches a piece as it is."""
        piece = bytes(self._text.data[place.start : place.end])
        return self._confirmer.matches(
            pattern, piece.decode("utf-8", "replace"), place.newlines + 1
        )

    def takes(self, pattern: int, tally: Tally, place: Place) -> bool:
        """Counts a candidate; False if it must be read."""
        start, end = place.start, place.end
        if not tally.is_settled(self.who(start, end)):
            return False
        if tally.local:
            if not self.is_as_read(pattern, place):
                return False
            if not self.matches(pattern, place):
                return True
            tally.count += 1
        else:
            tally.exact = False
        self._add(self._recent, pattern, place)
        return True

    def takes_slice(
        self, pattern: int, tally: Tally, part: tuple[int, int, int], first: int
    ) -> bool:
        """Counts all of a slice; False if its candidates must be looked at one by one.

        Args:
            pattern: The pattern.
            tally: Its tally.
            part: Where the slice starts and ends, and how many newlines there are before it.
            first: Offset of a byte of the first match in it.
        """
        low, high, _ = part
        start, end = self._pieces.bounds(first)
        if not tally.is_settled(self.who(start, end)) or self._pieces.is_long(low, high):
            return False
        if tally.meets(self._names(low, high)):
            return False
        if tally.local:
            expression = self._counter(pattern)
            data = bytes(self._text.data[low:high])
            if expression is None or not data.isascii() or self._has_odd(low, high):
                return False
            tally.count += len(expression.findall(data))
        else:
            tally.exact = False
        self._add(self._slices, pattern, part)
        return True

    def close(self, tally_of: Callable[[int], Tally]) -> None:
        """Keeps the last ones of what was counted."""
        for pattern in sorted({*self._recent, *self._slices}):
            tally = tally_of(pattern)
            last = []
            for place, candidate in self._confirmed_backwards(pattern, tally):
                last.append(candidate)
                if self._windows.of(pattern):
                    at = self._pieces.raw_end(place.end)
                    self._windows.open(pattern, candidate, self._pieces.block, at)
            if not tally.local:
                tally.count += len(last)
            tally.end_with(last)

    def _confirmed_backwards(self, pattern: int, tally: Tally) -> Iterator[tuple[Place, Candidate]]:
        kept = 0
        for tried, place in enumerate(self._backwards(pattern)):
            if kept == self._most(pattern) or tried == _TRIED + self._most(pattern):
                return
            candidate = self._pieces.candidate(place.at, place.start, place.end, place.newlines)
            good = tally.local or self._confirmer.evidence(pattern, candidate) is not None
            if good:
                kept += 1
                yield place, candidate

    def _backwards(self, pattern: int) -> Iterator[Place]:
        """The candidates that were counted, last one first."""
        recent = list(self._recent.get(pattern, ()))
        for low, high, newlines in reversed(self._slices.get(pattern, ())):
            while recent and recent[-1].start >= high:
                yield recent.pop()
            yield from reversed(list(self._in_slice(pattern, low, high, newlines)))
        yield from reversed(recent)

    def _in_slice(self, pattern: int, low: int, high: int, newlines: int) -> Iterator[Place]:
        data = bytes(self._text.data[low:high])
        local = self._weakened[pattern].local
        counted_to = done = 0
        for end, _ in sorted(self._engine.only(pattern, data)):
            if end <= done:
                continue
            start, done = self._pieces.bounds(low + end - 1)
            done -= low
            newlines += data.count(b"\n", counted_to, start - low)
            counted_to = start - low
            place = Place(start, done + low, low + end - 1, newlines)
            if not local or self.matches(pattern, place):
                yield place

    def _counter(self, pattern: int) -> re.Pattern[bytes] | None:
        """Matches once in each piece of ASCII text that the pattern matches; None if there is none."""
        count = self._weakened[pattern].count
        if not count or pattern in self._confirmer.problems:
            return None
        return re.compile(rb"(?:%b)[^\r\n]*" % count)

    def _names(self, low: int, high: int) -> frozenset[bytes]:
        """The processes that a slice names, as `who` would say it."""
        if self._named[0] != low:
            data, names = self._text.data, set[bytes]()
            for expression, start in _NAMES:
                if data.find(start, low, high) >= 0:
                    names.update(expression.findall(data, low, high))
            self._named = (low, frozenset(names))
        return self._named[1]

    def _has_odd(self, low: int, high: int) -> bool:
        number = bisect_left(self._sorted_odd, low)
        return number < len(self._sorted_odd) and self._sorted_odd[number] < high

    def _most(self, pattern: int) -> int:
        return self._limits.windows_last if self._windows.of(pattern) else self._limits.last

    def _add(self, kept: dict[int, deque[_T]], pattern: int, entry: _T) -> None:
        if pattern not in kept:
            # Of those that may not match, more are needed.
            spare = 0 if self._weakened[pattern].local else _TRIED
            kept[pattern] = deque(maxlen=self._most(pattern) + spare)
        kept[pattern].append(entry)
