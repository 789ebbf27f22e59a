"""A stream to segments that can be looked at apart from each other.

Floor 3: pure. A segment ends where a line does; what follows it is shown with it, for the windows that
its matches open. Where no line ends for longer than a segment, the rest of the stream stays in one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from diagnose.scan.blocks import Block, Readable, fill
from diagnose.scan.limits import Limits


@dataclass(slots=True)
class Segment:
    """A stretch of a source that begins where a line does."""

    data: bytearray | memoryview
    """Valid until the next segment is asked for."""
    size: int
    """Bytes of it in `data`."""
    shown: int
    """Bytes in `data`, with what follows it."""
    offset: int
    """Of `data[0]` in the source."""
    newlines: int
    """How many there are in the source before it."""
    inside: int = 0
    """How many there are in it, where that was counted."""
    rest: Readable | None = None
    """What is left of the stream behind `data`, where it could not be cut."""

    def last(self, most: int) -> Block:
        """Its last bytes, for when the segment is gone."""
        start = max(self.size - most, 0)
        return Block(bytearray(self.data[start : self.size]), self.size - start, self.offset + start,
                     line=self.offset)  # fmt: skip


class Part:
    """The bytes of a segment as a stream, and what is left of the stream behind it.

    Args:
        data: The bytes.
        rest: What comes after them.
    """

    def __init__(self, data: memoryview, rest: Readable | None = None) -> None:
        self._data = data
        self._rest = rest

    def readinto(self, view: memoryview, /) -> int | None:
        """Fills the start of `view`; returns how many bytes, 0 at the end."""
        if not self._data and self._rest is not None:
            return self._rest.readinto(view)
        count = min(len(view), len(self._data))
        view[:count] = self._data[:count]
        self._data = self._data[count:]
        return count


def segments(stream: Readable, limits: Limits) -> Iterator[Segment]:
    """Reads a stream to its end, at least one segment."""
    ahead = limits.window_bytes
    data = bytearray(limits.segment_bytes + ahead)
    offset = newlines = filled = 0
    while True:
        filled = fill(stream, data, filled)
        if filled < len(data):
            inside = data.count(b"\n", 0, filled)
            yield Segment(data, filled, filled, offset, newlines, inside)
            return
        cut = data.rfind(b"\n", 0, filled - ahead) + 1
        if not cut:
            yield Segment(data, filled, filled, offset, newlines, rest=stream)
            return
        inside = data.count(b"\n", 0, cut)
        yield Segment(data, cut, filled, offset, newlines, inside)
        newlines += inside
        offset += cut
        filled -= cut
        data[:filled] = data[cut : cut + filled]
