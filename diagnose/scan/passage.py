"""One source on its way through the scanner.

Floor 3: pure. Each block is smoothed, the engine names the candidates in it, and `Look` reads or counts
them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from diagnose.model import Evidence, Hits, Line
from diagnose.scan import windows
from diagnose.scan.blocks import Block, blocks
from diagnose.scan.confirm import Confirmer
from diagnose.scan.ends import Ends
from diagnose.scan.look import Look
from diagnose.scan.names import Names
from diagnose.scan.often import Often
from diagnose.scan.pieces import Pieces
from diagnose.scan.protocol import Event, Tuned
from diagnose.scan.reader import Reader
from diagnose.scan.search import Search
from diagnose.scan.segments import Part as SegmentPart
from diagnose.scan.segments import Segment
from diagnose.scan.smooth import Part, Smooth
from diagnose.scan.state import State
from diagnose.scan.stretches import Copy, Stretch
from diagnose.scan.windows import Window, Windows


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found in one source."""

    source: str
    lines: int
    size: int
    """Bytes, decompressed."""
    hits: Mapping[int, Hits]
    """By position of the pattern; only those that matched."""
    windows: tuple[Sequence[Line], ...]
    """For window patterns: the line that matched and those after it, in observed order; the first
    192 and the last 64."""
    head: tuple[Line, ...]
    """The first lines, at most 200 and 256 KiB of them."""
    tail: tuple[Line, ...]
    """The last lines, at most 400 and 256 KiB of them; may share lines with `head`."""
    problems: tuple[str, ...] = ()
    """One sentence for each pattern that could not be searched for everywhere."""
    unread: str = ""
    """Why some lines were not looked at: one sentence, without a capital and a full stop."""
    silent_s: float = 0.0
    """How long nothing was written after the last line, where that is known from elsewhere."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in some segments of a source: the fields are those of a `Scan`."""

    hits: Mapping[int, Hits]
    windows: tuple[Window, ...]
    """Not read yet."""
    problems: tuple[str, ...]
    unread: str = ""


class Passage:
    """Takes the blocks of one source and says at the end what was in them.

    Args:
        index: The source's position in the run.
        source: Its name.
        search: What to look for.
        expected: Bytes that it has at least, where that is known.
    """

    def __init__(self, index: int, source: str, search: Search, expected: int = 0) -> None:
        self._source = source
        self._reader = Reader(source)
        self._expected = expected
        self._search = search
        self._limits = search.limits
        self._state = State(
            search,
            Names(search.engine, search.limits),
            Confirmer(
                index,
                self._reader,
                search.patterns,
                search.compiled,
                search.plain_form,
                search.limits,
            ),
            Windows(search.windows, search.limits),
        )
        self._ends = Ends(search.limits)
        self._newlines = 0
        self._size = 0
        self._unended = False
        self._counts: dict[int, int] = {}
        self._tuned: Tuned | None = None
        self._tunings = 0
        self._compiled = False
        self._untuned = 0
        self._settled = 0
        self._hot: set[int] = set()
        self._noisy: dict[int, bytes] = {}

    def take(self, block: Block) -> None:
        """Looks at the next block."""
        if self._is_worth_tuning(block):
            self._tune(block)
        self._ends.feed(block)
        self._state.windows.feed(block)
        pieces = self._pieces(block, self._newlines)
        self._newlines += self._look_at(pieces)
        self._size = block.offset + block.size
        if block.size:
            self._unended = block.data[block.size - 1] != 0x0A

    def segment(self, segment: Segment) -> None:
        """Looks at a segment; of those of one source, later ones come later."""
        self._newlines = segment.newlines
        with memoryview(segment.data) as view, view[: segment.size] as own:
            for block in blocks(SegmentPart(own, segment.rest), self._limits, segment.offset):
                self.take(block)

    def apart(self, segment: Segment) -> None:
        """Looks at a segment whose neighbours are looked at elsewhere."""
        self.segment(segment)
        ahead = bytearray(segment.data[segment.size : segment.shown])
        self._state.windows.feed(Block(ahead, len(ahead), segment.offset + segment.size))
        self._state.windows.close()

    def part(self, segment: Segment) -> None:
        """Makes ready for a segment, and all after it, to be looked at elsewhere."""
        ahead = bytearray(segment.data[: segment.shown])
        self._state.windows.feed(Block(ahead, segment.shown, segment.offset))
        self._state.windows.close()
        self._counts = {index: tally.count for index, tally in self._state.tallies.items()}

    def go_apart(self) -> None:
        """Leaves what was found so far to the passage that this one is a copy of."""
        self._state.windows.part()
        for tally in self._state.tallies.values():
            tally.part()

    def skip(self, segment: Segment) -> None:
        """Notes a segment that is looked at elsewhere."""
        self._ends.feed(segment.last(self._limits.end_bytes + 1))
        self._size = segment.offset + segment.size
        self._newlines = segment.newlines + segment.inside
        self._unended = segment.size > 0 and segment.data[segment.size - 1] != 0x0A

    def found(self) -> Found:
        """What was found so far, for another process."""
        return Found(self._hits(), self._state.windows.gathered(), self._problems())

    def _hits(self) -> dict[int, Hits]:
        # Many patterns ask for the same stretches.
        looks: dict[Copy, tuple[Look, Stretch]] = {}
        return {
            index: tally.hits(partial(self._again, index, looks))
            for index, tally in sorted(self._state.tallies.items())
            if tally.count
        }

    def _problems(self) -> tuple[str, ...]:
        return tuple(self._state.confirmer.problems.values())

    def _look_at(self, pieces: Pieces) -> int:
        """Looks at one block; returns how many newlines are in it."""
        text = pieces.text
        look = Look(self._state, pieces)
        aside = pieces.own(self._aside(text))
        often = Often(self._state, pieces, look)
        if self._tuned:
            self._untuned += often.take(self._tuned, aside, self._stretch_bytes())
        else:
            with memoryview(text.data) as view, view[: text.size] as window:
                events = pieces.own(self._search.engine.scan(window)) + aside
            self._untuned += len(events)
            look.every(events)
        often.close()
        return pieces.newlines(text.size) - self._newlines

    def _stretch_bytes(self) -> int:
        """How much is looked at together: more, once it is known what is common in a long source."""
        limits = self._limits
        settled = self._compiled and self._size >= limits.settled_bytes
        return limits.wide_stretch_bytes if settled else limits.stretch_bytes

    def _is_worth_tuning(self, block: Block) -> bool:
        """Whether enough of what was looked at is common, and enough is left to look at.

        Every block but the last is nearly full.
        """
        limits = self._limits
        if 2 * block.size < limits.block_bytes or self._tunings >= limits.tunings:
            return False
        worth = limits.untuned << 2 * self._tunings
        return self._untuned > worth or (self._is_long() and not self._compiled)

    def _is_long(self) -> bool:
        """Whether compiling pays: it costs as much as looking at some ten megabytes without.

        Of a source without a known end, as much is still to come as was seen.
        """
        left = max(self._expected - self._size, self._size)
        return left >= self._limits.compile_bytes and self._size >= self._limits.learnt_bytes

    def _tune(self, block: Block) -> None:
        """Makes the scanner faster for what is common in this source."""
        size, self._settled = self._size - self._settled, self._size
        common = {i: t for i, t in self._state.tallies.items() if t.is_common(size)}
        # What is still noisy when it is looked for as a whole is better looked for once a stretch.
        hot = {i for i, t in common.items() if t.hot and (not t.is_noisy or i in self._noisy)}
        noisy = {index for index, tally in common.items() if tally.is_noisy}
        for tally in self._state.tallies.values():
            tally.settle()
        self._untuned = 0
        compiled, self._compiled = self._compiled, self._is_long()
        if not self._compiled:
            if not hot <= self._hot:
                self._hot |= hot
                self._state.names.forget()
                self._tuned = self._search.engine.sorted_out(self._hot)
            return
        self._tunings += 1
        if compiled and hot <= self._hot and noisy <= self._noisy.keys():
            return
        from diagnose.scan.dialect import parse
        from diagnose.scan.trim import expression

        self._hot |= hot
        for index in noisy - self._noisy.keys():
            self._noisy[index] = expression(parse(self._search.patterns[index]).node)
        self._state.names.forget()
        sample = bytes(block.data[: min(block.size, self._limits.sample_bytes)])
        self._tuned = self._search.engine.tuned(self._hot, self._noisy, sample)

    def result(self, others: Sequence[Found] = ()) -> Scan:
        """What was found.

        Args:
            others: What other processes found that went on from here with segments of their own.
        """
        count = self._newlines + self._unended
        found = self.found()
        if others:
            found = self._joined([found, *others])
        return Scan(
            source=self._source,
            lines=count,
            size=self._size,
            hits=found.hits,
            windows=windows.read(found.windows, self._reader, self._limits),
            head=self._ends.head(self._reader, self._size),
            tail=self._ends.tail(self._reader, count),
            problems=found.problems,
            unread=found.unread,
        )

    def _joined(self, parts: Sequence[Found]) -> Found:
        own, *others = parts
        hits: dict[int, Hits] = {}
        for index in sorted({index for part in parts for index in part.hits}):
            theirs = [part.hits[index] for part in others if index in part.hits]
            tally, before = self._state.tally(index), self._counts.get(index, 0)
            hits[index] = tally.joined(own.hits.get(index), theirs, before)
        problems = dict.fromkeys(problem for part in parts for problem in part.problems)
        kept = windows.joined([part.windows for part in parts], self._limits)
        unread = next((part.unread for part in parts if part.unread), "")
        return Found(hits, kept, tuple(problems), unread)

    def _pieces(self, block: Block, newlines: int) -> Pieces:
        text = Smooth(block.data, block.size, self._limits, self._search.engine.is_odd)
        return Pieces(block, text, newlines, self._limits)

    def _aside(self, text: Smooth) -> list[Event]:
        """Candidates in what is only seen when lines are cleaned, at the places of those lines."""
        if not text.side:
            return []
        events = self._search.engine.scan(text.side)
        return [(text.place(end - 1) + 1, index) for end, index in events]

    def _again(
        self, index: int, looks: dict[Copy, tuple[Look, Stretch]], copy: Copy
    ) -> Iterator[Evidence]:
        """Reads what was only counted."""
        if copy not in looks:
            pieces = self._pieces(copy.block, copy.newlines)
            part = Part(0, pieces.text.size, 0, copy.block.size)
            stretch = Stretch(pieces, part, self._limits.piece_bytes)
            looks[copy] = (Look(self._state, pieces), stretch)
        look, stretch = looks[copy]
        return look.again(index, stretch)
