"""Streams of bytes that can be looked into, put together from pieces, or cut short by damage.

A stream has one method, `readinto`; 0 means the end. What cannot be read any further raises
`DamagedError` after everything before it has been delivered, and raises it again when asked again: so
every layer (compression, archive, encoding) passes on what is good and no layer has to know what
the others found.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

PIECE = 1 << 13
"""Bytes that go into and come out of a decompressor at once: as fast as larger pieces, and all
that is lost before a place where the compressed data are damaged."""
_REFILL = 1 << 16


class Readable(Protocol):
    """A stream of bytes."""

    def readinto(self, view: memoryview, /) -> int:
        """Fills the start of `view` and returns how many bytes; 0 at the end."""
        ...


class DamagedError(Exception):
    """The rest of a stream cannot be read.

    Args:
        problem: Why, and how far it was read: one sentence without a capital and a full stop.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.reported = False
        """Whether the user has been told, as the problem of some source."""


class Pieces:
    """Makes a stream of an iterator of bytes."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece = memoryview(b"")
        self._damage: DamagedError | None = None

    def readinto(self, view: memoryview, /) -> int:
        """Fills the whole of `view` unless the pieces come to an end."""
        filled = 0
        while filled < len(view):
            if not self._piece and not self._advance():
                break
            count = min(len(view) - filled, len(self._piece))
            view[filled : filled + count] = self._piece[:count]
            self._piece = self._piece[count:]
            filled += count
        if not filled and self._damage is not None:
            raise self._damage
        return filled

    def _advance(self) -> bool:
        if self._damage is not None:
            return False
        try:
            self._piece = memoryview(next(self._pieces, b""))
        except DamagedError as damage:
            self._damage = damage
        return bool(self._piece)


class Peeked:
    """A stream whose first bytes can be looked at before they are read.

    Args:
        stream: What to read.
        size: How many bytes to look at.
    """

    def __init__(self, stream: Readable, size: int) -> None:
        self._stream = stream
        self._damage: DamagedError | None = None
        self.head = self._look(size)
        """The first bytes; fewer than asked for only if the stream has no more."""
        self._left = memoryview(self.head)

    def _look(self, size: int) -> bytes:
        buffer = bytearray(size)
        filled = 0
        with memoryview(buffer) as view:
            while filled < size:
                try:
                    count = self._stream.readinto(view[filled:])
                except DamagedError as damage:
                    self._damage = damage
                    break
                if not count:
                    break
                filled += count
        return bytes(buffer[:filled])

    @property
    def damage(self) -> DamagedError | None:
        """What went wrong within the first bytes."""
        return self._damage

    def drop(self, count: int) -> None:
        """Leaves out the first bytes, such as a byte order mark."""
        self._left = self._left[count:]

    def readinto(self, view: memoryview, /) -> int:
        """Fills `view` from the bytes looked at, then from the stream itself."""
        if self._left:
            count = min(len(view), len(self._left))
            view[:count] = self._left[:count]
            self._left = self._left[count:]
            return count
        if self._damage is not None:
            raise self._damage
        return self._stream.readinto(view)

    def skip(self, count: int) -> int:
        """Leaves out what can be left out without reading; returns how many bytes that was."""
        skipped = min(count, len(self._left))
        self._left = self._left[skipped:]
        leap = getattr(self._stream, "skip", None)
        if leap is not None and count > skipped and self._damage is None:
            skipped += leap(count - skipped)
        return skipped


class Feed:
    """Takes a stream apart: so many bytes, some bytes, and bytes put back.

    Args:
        stream: What to read.
        refill: How many bytes to ask it for at once.
    """

    def __init__(self, stream: Readable, refill: int = _REFILL) -> None:
        self._stream = stream
        self._space = memoryview(bytearray(refill))
        self._data = b""
        self._at = 0

    def some(self, most: int = PIECE) -> bytes:
        """The next bytes, at least one and at most so many; none at the end."""
        if self._at >= len(self._data):
            count = self._stream.readinto(self._space)
            self._data, self._at = bytes(self._space[:count]), 0
        piece = self._data[self._at : self._at + most]
        self._at += len(piece)
        return piece

    def exactly(self, count: int) -> bytes:
        """The next `count` bytes; fewer only at the end."""
        parts: list[bytes] = []
        while count and (piece := self.some(count)):
            parts.append(piece)
            count -= len(piece)
        return b"".join(parts)

    def unread(self, data: bytes) -> None:
        """Puts bytes back, to be read next."""
        self._data, self._at = data + self._data[self._at :], 0

    def peek(self, count: int) -> bytes:
        """The next bytes, which stay to be read."""
        data = self.exactly(count)
        self.unread(data)
        return data

    def skip(self, count: int) -> None:
        """Leaves out bytes, without reading them where the stream is a file on disk."""
        held = min(count, len(self._data) - self._at)
        self._at += held
        count -= held
        leap = getattr(self._stream, "skip", None)
        if count and leap is not None:
            count -= leap(count)
        while count and (piece := self.some(count)):
            count -= len(piece)


def pieces(stream: Readable) -> Iterator[bytes]:
    """The bytes of a stream, some at a time."""
    feed = Feed(stream)
    while piece := feed.some(_REFILL):
        yield piece


def amount(count: int) -> str:
    """A number of bytes for a person, such as `1.2 MB` (10^6 bytes)."""
    if count < 1000:
        return f"{count} byte" + ("s" if count != 1 else "")
    value = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.95 or unit == "TB":
            break
    return f"{value:.1f} {unit}"
