"""One block, looked at: candidates to evidence, or to counts.

Floor 3: pure. A pattern is read wherever it may match until it has matched often. From then on it is
counted: one by one at first, and by stretches of the block once the scanner is tuned to what is common
in the source (see `often`).
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import chain

from diagnose.model import Evidence
from diagnose.scan.confirm import Candidate
from diagnose.scan.names import who
from diagnose.scan.pieces import Pieces, Place
from diagnose.scan.protocol import Event
from diagnose.scan.search import NO, UNKNOWN, YES
from diagnose.scan.smooth import Part
from diagnose.scan.state import State
from diagnose.scan.stretches import Stretch
from diagnose.scan.tally import Tally

_NONE: Mapping[int, int] = {}
# Reading that many lines costs less than compiling an expression to tell them apart.
_UNTOLD = 4


class Look:
    """Looks at the candidates of one block, in ascending order.

    Args:
        state: What is looked for, and what is known of the source; is added to.
        pieces: The block.
    """

    def __init__(self, state: State, pieces: Pieces) -> None:
        self._search = state.search
        self._state = state
        self._pieces = pieces
        self._text = pieces.text
        self._odd = self._text.beside
        self._done = defaultdict[int, int](int)
        self._start = self._stop = 0
        self.followed: dict[int, list[Stretch]] = {}
        """For window patterns, the stretches in which matches were counted and not read."""
        self.read_at: dict[int, int] = {}
        """Where in the block a match of each pattern was read last."""

    def every(self, events: list[Event]) -> None:
        """Takes all candidates of the block."""
        self.parted(events, list(self._text.parts(self._search.limits.stretch_bytes)))

    def parted(
        self,
        events: list[Event],
        parts: Sequence[Part],
        hot: Mapping[int, int] = _NONE,
        *,
        from_below: bool = False,
    ) -> None:
        """Takes candidates of some parts of the block; see `take`."""
        events.sort()
        taken = 0
        for part in parts:
            behind = bisect_right(events, (part.high, sys.maxsize), taken)
            if behind > taken:
                stretch = self.stretch((part,))
                self.take(events[taken:behind], stretch, hot, from_below=from_below)
            taken = behind

    def take(
        self,
        events: Iterable[Event],
        stretch: Stretch,
        hot: Mapping[int, int] = _NONE,
        *,
        from_below: bool = False,
    ) -> None:
        """Takes candidates of one stretch, in ascending order.

        Most are told by one search of the raw piece: no match, or one more of what is only counted.

        Args:
            events: The candidates.
            stretch: Where they are.
            hot: Patterns that are counted by stretches: only what is new is read.
            from_below: Whether counts need not be exact any more.
        """
        if not stretch.countable:
            for end, index in events:
                self.candidate(end, index, stretch, hot)
            return
        data, odd, tallies, done = self._text.data, self._odd, self._state.tallies, self._done
        enter, test = self._enter, self._search.test
        simple, is_ascii, start, stop = False, False, 0, 0
        for end, index in events:
            if end <= done[index]:
                continue
            if index in hot:
                self.candidate(end, index, stretch, hot)
                continue
            if not start < end <= stop:
                start, stop = enter(end - 1)
                simple = start not in odd
                is_ascii = stretch.is_ascii or bytes(data[start:stop]).isascii()
            tally = tallies.get(index)
            if not simple or tally is None or tally.candidates < _UNTOLD:
                self.candidate(end, index, stretch)
                continue
            told = test(index)(data, start, stop, is_ascii)
            if told != NO:
                enough = tally.is_enough(self._name or self._who())
                if not ((told == YES or from_below) if enough else told != UNKNOWN):
                    self.candidate(end, index, stretch)
                    continue
                if enough:
                    # What is not told may be no match: it is kept, and not counted.
                    tally.add_unread(stretch.copy, exact=told == YES, new=told == YES)
                    self.follow(index, stretch)
                else:
                    place = Place(start, stop, end - 1, self._pieces.newlines(start))
                    self._keep(index, tally, place, stretch)
            done[index] = stop
            tally.candidates += 1

    def again(self, index: int, stretch: Stretch) -> Iterator[Evidence]:
        """The matches of one pattern in a stretch, read, the last one first."""
        for place in self.places(index, stretch):
            evidence = self._state.confirmer.evidence(index, self.read(place))
            if evidence:
                yield evidence

    def places(self, index: int, stretch: Stretch) -> Iterator[Place]:
        """Where a pattern matches in a stretch, or may match if that cannot be told; the last comes first."""
        data, low, needle = self._text.data, stretch.low, self._search.needles[index]
        said = (low + end - 1 for end in needle.backwards(bytes(data[low : stretch.high])))
        odd = sorted((place for place in self._odd if low <= place < stretch.high), reverse=True)
        start = stretch.high
        for at in merge(said, odd, reverse=True):
            if at < start:
                start, end = self._pieces.bounds(at)
                if self._may_match(index, start, end, stretch):
                    newlines = stretch.newlines + data.count(b"\n", low, start)
                    yield Place(start, end, at, newlines)

    def stretch(self, parts: Sequence[Part]) -> Stretch:
        """A stretch of parts that follow each other."""
        part = Part(parts[0].low, parts[-1].high, parts[0].raw_low, parts[-1].raw_high)
        return Stretch(self._pieces, part, len(parts) * self._search.limits.piece_bytes)

    def candidate(
        self, end: int, index: int, stretch: Stretch, hot: Mapping[int, int] = _NONE
    ) -> None:
        """Looks at one candidate, unless it is in a piece that this pattern is done with.

        Args:
            end: The offset behind it.
            index: The pattern.
            stretch: Where it is.
            hot: Patterns that are counted by stretches: only what is new is read.
        """
        if end <= self._done[index]:
            return
        if not self._start < end <= self._stop:
            self._enter(end - 1)
        start, stop = self._start, self._stop
        tally = self._state.tallies.get(index) or self._state.tally(index)
        if index in hot:
            if tally.is_settled(self._who()):
                self._done[index] = stop
                return
        elif self._is_counted(index, tally, stretch) and tally.is_settled(self._who()):
            self._done[index] = stop
            tally.candidates += 1
            if self._may_match(index, start, stop, stretch):
                tally.add_unread(stretch.copy, exact=True)
                self.follow(index, stretch)
            return
        place = Place(start, stop, end - 1, self._pieces.newlines(start))
        self._done[index] = self._look(index, tally, place, stretch)

    def _is_counted(self, index: int, tally: Tally, stretch: Stretch) -> bool:
        """Whether a match of a pattern in the piece that is looked at need not be read."""
        return tally.hot and stretch.countable and self._is_certain(index, self._start)

    def _enter(self, at: int) -> tuple[int, int]:
        """Makes the piece at an offset the one that is looked at: several patterns may match there."""
        self._start, self._stop = bounds = self._pieces.bounds(at)
        self._name: bytes | None = None
        return bounds

    def _who(self) -> bytes:
        """The process that wrote the piece that is looked at."""
        if self._name is None:
            self._name = who(self._text.data, self._start, self._stop)
        return self._name

    def has_match(self, index: int, stretch: Stretch, at: int) -> bool:
        """Whether a pattern matches in a stretch.

        Args:
            index: The pattern.
            stretch: The stretch.
            at: Offset of one candidate in it.
        """
        if self._search.needles[index].local:
            for place in chain((at,), self._said(index, at, stretch.high)):
                start, stop = self._pieces.bounds(place)
                if start not in self._odd and self._may_match(index, start, stop, stretch):
                    return True
        return any(
            self._is_certain(index, place.start)
            or self._state.confirmer.evidence(index, self.read(place))
            for place in self.places(index, stretch)
        )

    def _said(self, index: int, low: int, high: int) -> Iterator[int]:
        """Where words of a pattern are, the nearest ones first; a few are left out."""
        size, ends = self._search.limits.stretch_bytes, self._search.needles[index].ends
        for begin in range(low, high, size):
            text = bytes(self._text.data[begin : min(begin + size, high)])
            yield from (begin + end - 1 for end in ends(text))

    def follow(self, index: int, stretch: Stretch) -> None:
        """Notes a stretch whose matches may open windows."""
        if self._state.windows.of(index):
            stretches = self.followed.setdefault(index, [])
            if not stretches or stretches[-1] is not stretch:
                stretches.append(stretch)

    def _look(self, index: int, tally: Tally, place: Place, stretch: Stretch) -> int:
        """Looks at one candidate; returns up to where this pattern needs no further look."""
        pieces, (start, stop, at, _) = self._pieces, place
        is_open, is_long = pieces.is_open(start, stop), pieces.is_long(start, stop)
        if is_open and tally.piece == pieces.order(start):
            return stop
        tally.candidates += 1
        # Most candidates that do not match are told apart before the line is read.
        told = not is_long and tally.candidates > _UNTOLD
        if told and not self._may_match(index, start, stop, stretch):
            return stop
        candidate = self._keep(index, tally, place, stretch)
        if candidate is None:
            # Of a long piece only what is near was searched.
            return at + self._search.limits.reach_bytes // 4 if is_long else stop
        if is_open:
            tally.piece = candidate.order
        return stop

    def _keep(self, index: int, tally: Tally, place: Place, stretch: Stretch) -> Candidate | None:
        """Reads a candidate; returns it if it matches."""
        candidate = self.read(place)
        evidence = self._state.confirmer.evidence(index, candidate)
        if evidence is None:
            return None
        tally.add(evidence, self._who())
        self.read_at[index] = place.start
        if self._state.windows.of(index):
            raw_end = self._pieces.raw_end(place.end)
            self._state.windows.open(index, candidate, self._pieces.block, raw_end)
        return candidate

    def read(self, place: Place) -> Candidate:
        """A candidate to be read as a line."""
        return self._pieces.candidate(place.at, place.start, place.end, place.newlines)

    def _is_certain(self, index: int, start: int) -> bool:
        """Whether what may match in a piece does match in the line read from it."""
        return self._search.needles[index].local and start not in self._odd

    def _may_match(self, index: int, start: int, stop: int, stretch: Stretch) -> bool:
        """Whether a pattern may match what is read from a piece."""
        if self._may_be_in(index, self._text.data, start, stop, stretch):
            return True
        return start in self._odd and any(
            self._may_be_in(index, text, 0, len(text), stretch) for text in self._odd[start]
        )

    def _may_be_in(
        self, index: int, data: bytes | bytearray, start: int, stop: int, stretch: Stretch
    ) -> bool:
        needle = self._search.needles[index]
        if needle.is_word:
            return any(literal.is_in(data, start, stop) for literal in needle.literals)
        ascii_only = data is self._text.data and stretch.is_ascii
        short = stop - start <= needle.ascii_reach
        if short and (ascii_only or bytes(data[start:stop]).isascii()):
            if self._search.ascii_form(index).search(data, start, stop) is None:
                return False
            if needle.ascii_exact:
                return True
        if not needle.local:
            return True
        text = bytes(data[start:stop]).decode("utf-8", "replace")
        return self._state.confirmer.matches(index, text, stretch.newlines)
