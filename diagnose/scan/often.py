"""Patterns that match all the time: one block, looked at by stretches.

Floor 3: pure. In each stretch one match of such a pattern is looked for. The last stretches of the block
that have one are kept and count one each; the first lines of every process are read, so that it is known
who printed what.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from diagnose.scan.look import Look
from diagnose.scan.pieces import Pieces
from diagnose.scan.protocol import Event, Tuned
from diagnose.scan.smooth import Part
from diagnose.scan.state import State
from diagnose.scan.stretches import Stretch


class Often:
    """Looks at one block with a scanner that is tuned to its source.

    Args:
        state: What is looked for, and what is known of the source; is added to.
        pieces: The block.
        look: Looks at the candidates that are read or counted one by one.
    """

    def __init__(self, state: State, pieces: Pieces, look: Look) -> None:
        self._search = state.search
        self._state = state
        self._pieces = pieces
        self._look = look
        self._text = pieces.text
        self._common: dict[int, list[tuple[Stretch, int]]] = {}

    def take(self, tuned: Tuned, aside: list[Event], size: int) -> int:
        """Takes all candidates of patterns that are not hot, and one of each other in every stretch.

        Args:
            tuned: Finds them.
            aside: Candidates in what is only seen when lines are cleaned.
            size: Bytes of a stretch.

        Returns:
            How many candidates there were of patterns that are not hot.
        """
        aside.sort(reverse=True)
        taken = 0
        with memoryview(self._text.data) as view:
            for parts in self._parts(size):
                stretch = self._look.stretch(parts)
                low = stretch.low
                with view[low : stretch.high] as window:
                    cold, hot = tuned.scan(window)
                    if hot and not stretch.countable:
                        text, needles = bytes(window), self._search.needles
                        cold += [(end, index) for index in hot for end in needles[index].ends(text)]
                        hot = {}
                events = self._pieces.own([(low + end, index) for end, index in cold])
                while aside and aside[-1][0] <= stretch.high:
                    event = aside.pop()
                    if event[1] not in hot:
                        events.append(event)
                taken += len(events)
                if hot:
                    events += self._of_new_processes(hot, stretch, view)
                self._look.parted(events, parts, hot, from_below=True)
                for index, end in hot.items():
                    self._common.setdefault(index, []).append((stretch, low + end - 1))
        for index, found in self._common.items():
            self._count(index, found)
        return taken

    def _parts(self, size: int) -> Iterator[list[Part]]:
        """The block in parts that are looked at together; a very long piece is one alone."""
        limits, parts = self._search.limits, list[Part]()
        for part in self._text.parts(limits.stretch_bytes):
            is_long = part.high - part.low > limits.piece_bytes
            if parts and (is_long or part.high - parts[0].low > size):
                yield parts
                parts = []
            parts.append(part)
            if is_long:
                yield parts
                parts = []
        if parts:
            yield parts

    def _of_new_processes(
        self, hot: Mapping[int, int], stretch: Stretch, view: memoryview
    ) -> list[Event]:
        """Candidates of hot patterns in the first lines of each process."""
        data, found = self._text.data, list[Event]()
        bounds, names = self._pieces.bounds, self._state.names
        for start, stop in names.first_lines(data, stretch.low, stretch.high, bounds):
            events = self._search.engine.scan(view[start:stop])
            found += [(start + end, index) for end, index in events if index in hot]
        return found

    def _count(self, index: int, found: list[tuple[Stretch, int]]) -> None:
        """Keeps the last stretches of the block that may have a match; counts from below.

        The last of them is one that has a match. The others are read at the end, if they are still
        among the last of the source then.
        """
        look, limits = self._look, self._search.limits
        while found and not look.has_match(index, *found[-1]):
            found.pop()
        if not found:
            return
        is_window = self._state.windows.of(index)
        kept = found[-(limits.windows_last if is_window else limits.last) :]
        tally = self._state.tally(index)
        for stretch, _ in kept:
            is_last = stretch is found[-1][0]
            new = is_last and look.read_at.get(index, -1) < stretch.low
            tally.add_unread(stretch.copy, exact=False, new=new)
            look.follow(index, stretch)

    def close(self) -> None:
        """Keeps the lines after the last ones of what was only counted."""
        look, most = self._look, self._search.limits.windows_last
        for index, stretches in look.followed.items():
            places = (p for stretch in reversed(stretches) for p in look.places(index, stretch))
            for place in reversed(list(islice(places, most))):
                self._state.windows.open(
                    index, look.read(place), self._pieces.block, self._pieces.raw_end(place.end)
                )
