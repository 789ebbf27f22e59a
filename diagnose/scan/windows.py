"""The lines after a match, gathered over blocks.

Floor 3: pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import overload

from diagnose.model import Line
from diagnose.scan.blocks import Block
from diagnose.scan.confirm import Candidate, shorten
from diagnose.scan.limits import Limits
from diagnose.scan.reader import Reader


class Window:
    """One match and the raw lines after it, as far as they were read."""

    def __init__(self, candidate: Candidate, lines: int) -> None:
        self.candidate = candidate
        self.missing = lines
        self.raw = b""
        self.in_matched_line = True
        """Whether the newline that ends the matched line is still to come."""

    def feed(self, block: Block, at: int, most: int) -> None:
        """Takes what a block has of it from an offset on, up to so many bytes in all."""
        if self.in_matched_line:
            at = block.data.find(b"\n", at, block.size) + 1
            if not at:
                return
            self.in_matched_line = False
        end = at
        while self.missing and end < block.size:
            newline = block.data.find(b"\n", end, block.size)
            if newline < 0:
                end = block.size
            else:
                end = newline + 1
                self.missing -= 1
        self.raw += bytes(block.data[at : min(end, at + most - len(self.raw))])
        if len(self.raw) >= most:
            self.missing = 0

    def numbered(self, limits: Limits) -> Iterator[tuple[int, bytes]]:
        """Its lines, with their numbers."""
        yield self.candidate.number, self.candidate.raw
        following = self.raw.removesuffix(b"\n").split(b"\n") if self.raw else []
        for number, raw in enumerate(following, self.candidate.number + 1):
            yield number, shorten(raw, limits)


class Windows:
    """The windows of one source: the first ones and the last ones.

    Args:
        wanted: How many lines to keep after a match, by pattern.
        limits: How many windows, and how long.
    """

    def __init__(self, wanted: Mapping[int, int], limits: Limits) -> None:
        self._wanted = wanted
        self._limits = limits
        self._room = limits.windows_first
        self._first: list[Window] = []
        self._last: list[Window] = []

    def of(self, pattern: int) -> bool:
        """Whether a pattern's matches open windows."""
        return pattern in self._wanted

    def open(self, pattern: int, candidate: Candidate, block: Block, at: int) -> None:
        """Starts a window at a match.

        Args:
            pattern: The pattern that matched.
            candidate: The piece that it matched.
            block: The block the piece is in.
            at: Where the piece ends in it.
        """
        window = Window(candidate, self._wanted[pattern])
        window.feed(block, at, self._limits.window_bytes)
        if len(self._first) < self._room:
            self._first.append(window)
            return
        self._last.append(window)
        if len(self._last) > 2 * self._limits.windows_last:
            self._prune()

    def feed(self, block: Block) -> None:
        """Takes the next block, before its own matches are looked at."""
        self._prune()
        for window in (*self._first, *self._last):
            if window.missing:
                window.feed(block, block.fresh, self._limits.window_bytes)

    def gathered(self) -> tuple[Window, ...]:
        """What was gathered, in observed order."""
        self._prune()
        return _ordered((*self._first, *self._last))

    def part(self) -> None:
        """Leaves the windows so far to those that these are a copy of, and goes on from there."""
        self._room -= len(self._first)
        self._first.clear()
        self._last.clear()

    def close(self) -> None:
        """Ends every window: what is fed from now on does not follow."""
        for window in (*self._first, *self._last):
            window.missing = 0

    def _prune(self) -> None:
        self._last.sort(key=lambda window: window.candidate.order)
        del self._last[: -self._limits.windows_last]


def joined(parts: Iterable[Sequence[Window]], limits: Limits) -> tuple[Window, ...]:
    """What is left of what was gathered in several parts of a source: the first ones and the last ones."""
    every = _ordered(window for part in parts for window in part)
    return (*every[: limits.windows_first], *every[limits.windows_first :][-limits.windows_last :])


class Lines(Sequence[Line]):
    """The lines of a window, each read when it is asked for.

    Args:
        window: The raw lines.
        reader: Reads them.
        known: Those of the same source that were read: windows of neighbours share most of their lines.
        limits: How long a line may be.
    """

    def __init__(
        self, window: Window, reader: Reader, known: dict[tuple[int, bytes], Line], limits: Limits
    ) -> None:
        self._window = window
        self._reader = reader
        self._known = known
        self._limits = limits

    @cached_property
    def _numbered(self) -> tuple[tuple[int, bytes], ...]:
        return tuple(self._window.numbered(self._limits))

    def __len__(self) -> int:
        return len(self._numbered)

    @overload
    def __getitem__(self, index: int) -> Line: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Line, ...]: ...
    def __getitem__(self, index: int | slice) -> Line | tuple[Line, ...]:
        if isinstance(index, slice):
            return tuple(map(self._line, self._numbered[index]))
        if index == 0:
            return self._line((self._window.candidate.number, self._window.candidate.raw))
        return self._line(self._numbered[index])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(self[0])

    def _line(self, numbered: tuple[int, bytes]) -> Line:
        line = self._known.get(numbered)
        if line is None:
            line = self._known[numbered] = self._reader.line(*numbered)
        return line


def read(windows: Iterable[Window], reader: Reader, limits: Limits) -> tuple[Lines, ...]:
    """Windows as lines."""
    known: dict[tuple[int, bytes], Line] = {}
    return tuple(Lines(window, reader, known, limits) for window in windows)


def _ordered(windows: Iterable[Window]) -> tuple[Window, ...]:
    return tuple(sorted(windows, key=lambda window: window.candidate.order))
