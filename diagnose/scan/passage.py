"""One source on its way through the scanner.

Floor 3: pure. Candidates of a block come from the engine; each becomes evidence, or, once a pattern has
shown itself often enough, is only counted. In a flood the engine reports one match of each pattern in
each slice of a block, and only patterns that are not yet counted are looked for in full.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diagnose.model import Hits, Line
from diagnose.scan.blocks import Block
from diagnose.scan.confirm import Confirmer
from diagnose.scan.counting import Counting, Place
from diagnose.scan.ends import Ends
from diagnose.scan.engine import Engine, Event
from diagnose.scan.limits import Limits
from diagnose.scan.pieces import Pieces
from diagnose.scan.smooth import Smooth
from diagnose.scan.tally import Tally
from diagnose.scan.weaken import Weakened
from diagnose.scan.windows import Windows

if TYPE_CHECKING:
    import regex


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found in one source."""

    source: str
    lines: int
    size: int
    """Bytes, decompressed."""
    hits: Mapping[int, Hits]
    """By position of the pattern; only those that matched."""
    windows: tuple[tuple[Line, ...], ...]
    """For window patterns: the line that matched and those after it, in observed order; the first
    192 and the last 64."""
    head: tuple[Line, ...]
    """The first lines, at most 200 and 256 KiB of them."""
    tail: tuple[Line, ...]
    """The last lines, at most 400 and 256 KiB of them; may share lines with `head`."""
    problems: tuple[str, ...] = ()
    """One sentence for each pattern that could not be searched for everywhere."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for: the same for all sources."""

    patterns: Sequence[str]
    weakened: Sequence[Weakened]
    engine: Engine
    windows: Mapping[int, int]
    limits: Limits
    compiled: dict[int, regex.Pattern[str]]
    """Expressions that were hit; filled as they are."""


class Passage:
    """Takes the blocks of one source and says at the end what was in them.

    Args:
        index: The source's position in the run.
        source: Its name.
        search: What to look for.
    """

    def __init__(self, index: int, source: str, search: Search) -> None:
        self._source = source
        self._search = search
        self._limits = search.limits
        self._confirmer = Confirmer(
            index, source, search.patterns, search.compiled, search.limits.timeout_s
        )
        self._windows = Windows(search.windows, search.limits)
        self._ends = Ends(search.limits)
        self._tallies: dict[int, Tally] = {}
        self._newlines = 0
        self._size = 0
        self._unended = False

    def take(self, block: Block) -> None:
        """Looks at the next block."""
        self._ends.feed(block)
        self._windows.feed(block)
        engine = self._search.engine
        text = Smooth(block.data, block.size, self._limits, engine.is_odd)
        pieces = Pieces(block, text, self._newlines, self._limits)
        looking = _Look(self._search, pieces, self._confirmer, self._windows, self._tallies)
        with memoryview(text.data)[: text.size] as view:
            beside = engine.scan(text.side, sys.maxsize) if text.side else None
            aside = sorted((text.place(end - 1) + 1, index) for end, index in beside or ())
            events = engine.scan(view, text.size // self._limits.flood_bytes + 64)
            if events is None:
                looking.in_slices(view, aside)
            else:
                looking.at(sorted(events + aside))
        looking.close()
        self._newlines = pieces.newlines(text.size)
        self._size = block.offset + block.size
        if block.size:
            self._unended = block.data[block.size - 1] != 0x0A

    def result(self) -> Scan:
        """What was found."""
        count = self._newlines + self._unended
        hits = {
            index: tally.hits(index, self._confirmer)
            for index, tally in sorted(self._tallies.items())
            if tally.count
        }
        return Scan(
            source=self._source,
            lines=count,
            size=self._size,
            hits=hits,
            windows=self._windows.lines(self._source),
            head=self._ends.head(self._source, self._size),
            tail=self._ends.tail(self._source, count),
            problems=tuple(self._confirmer.problems.values()),
        )


class _Look:
    """One block, looked at."""

    def __init__(
        self,
        search: Search,
        pieces: Pieces,
        confirmer: Confirmer,
        windows: Windows,
        tallies: dict[int, Tally],
    ) -> None:
        self._search = search
        self._limits = search.limits
        self._engine = search.engine
        self._pieces = pieces
        self._confirmer = confirmer
        self._windows = windows
        self._tallies = tallies
        self._counting = Counting(
            pieces, confirmer, search.engine, search.weakened, windows, search.limits
        )
        self._done: dict[int, int] = {}

    def tally(self, index: int) -> Tally:
        """What is kept of a pattern."""
        if index not in self._tallies:
            local = self._search.weakened[index].local
            windows = self._windows.of(index)
            self._tallies[index] = Tally(self._limits, local=local, windows=windows)
        return self._tallies[index]

    def at(self, events: Sequence[Event]) -> None:
        """Looks at candidates, in ascending order."""
        block, text, done = self._pieces.block, self._pieces.text, self._done
        if block.begin or block.open_end:
            events = [e for e in events if block.begin <= text.raw(e[0] - 1) < block.end]
        for end, index in events:
            if end > done.get(index, 0):
                done[index] = self._one(index, end - 1)

    def in_slices(self, view: memoryview, aside: Sequence[Event]) -> None:
        """Looks at a block with very many candidates.

        Args:
            view: The smooth text.
            aside: Candidates that are not in it as it is, in ascending order.
        """
        low = 0
        waiting = list(reversed(aside))
        while low < len(view):
            high = self._slice_end(low)
            events: list[Event] = []
            while waiting and waiting[-1][0] <= high:
                events.append(waiting.pop())
            part = (low, high, self._pieces.newlines(low))
            with view[low:high] as window:
                for end, index in self._engine.once(window):
                    tally = self.tally(index)
                    if tally.hot and self._counting.takes_slice(index, tally, part, low + end - 1):
                        continue
                    found = self._engine.only(index, window)
                    events += ((low + at, index) for at, _ in found)
            self.at(sorted(events))
            low = high

    def close(self) -> None:
        """Keeps the last ones of what was only counted."""
        self._counting.close(self.tally)

    def _one(self, index: int, at: int) -> int:
        """Looks at one candidate; returns up to where this pattern needs no further look."""
        pieces, tally = self._pieces, self.tally(index)
        start, end = pieces.bounds(at)
        is_open = pieces.is_open(start, end)
        if is_open and tally.piece == pieces.order(start):
            return end
        place = Place(start, end, at, pieces.newlines(start))
        if tally.hot and self._counting.takes(index, tally, place):
            return end
        tally.checked += 1
        # Most candidates that do not match are told apart before the line is read.
        if self._counting.is_as_read(index, place) and not self._counting.matches(index, place):
            return end
        candidate = pieces.candidate(at, start, end, place.newlines)
        evidence = self._confirmer.evidence(index, candidate)
        if evidence is None:
            # Of a long piece only what is near was searched.
            near = at + self._limits.reach_bytes // 2
            return near if pieces.is_long(start, end) else end
        tally.add(evidence)
        tally.settle(evidence, self._counting.who(start, end))
        if is_open:
            tally.piece = candidate.order
        if self._windows.of(index):
            self._windows.open(index, candidate, pieces.block, pieces.raw_end(end))
        return end

    def _slice_end(self, low: int) -> int:
        """The end of a slice, behind the end of a line or piece: no match crosses one."""
        data, size = self._pieces.text.data, self._pieces.text.size
        high = low + self._limits.slice_bytes
        if high >= size:
            return size
        for separator in (b"\n", b"\r"):
            end = data.rfind(separator, low, high) + 1 or data.find(separator, high, size) + 1
            if end:
                return end
        return size
