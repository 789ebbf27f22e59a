"""A source: one stream of text with a name, and what could not be read of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from diagnose.model import Channel
from diagnose.sources.stream import DamagedError, Peeked, Readable

MOMENT_S = 300.0
"""A log that nobody wrote to for so long is not that of a start that goes on; no phase that prints is
silent for longer without a build or a download."""


@dataclass(slots=True)
class Source:
    """One log, or an input that could not be read."""

    name: str
    """As the user gave it, made printable; `archive.zip!member` inside archives, relative below a
    folder, `-` for standard input."""
    stream: Readable
    """UTF-8, unpacked, to be read before the next source is asked for; never raises."""
    size: int | None = None
    """Bytes on disk; None where that is not known before it is read, or it is part of a packed
    archive."""
    problem: str = ""
    """What could not be read, once the stream has been: one sentence, without a capital and a full
    stop; empty when it was read whole."""
    path: str = ""
    """The file to open to see it again; empty inside archives, for URLs and standard input."""
    fresh_s: float | None = None
    """When it was last written to (POSIX time), if that was a moment ago: its writer may go on. None
    for everything older, and for what is no file."""
    zone_s: float = 0.0
    """How far this machine's clock is ahead of UTC, in seconds."""
    silent_s: float = 0.0
    """How long nobody wrote to it before the job ended, where that is known."""
    channel: Channel = Channel.LOG
    """Decides which signatures see it; what was read from a live server is not a log."""
    numbers: tuple[tuple[int, int], ...] = ()
    """For lines taken out of a larger text: the first line of each stretch here, and the same line
    there, 1-based and ascending; evidence is quoted with the numbers of the larger text."""


class Delivery:
    """The stream of a source: ends where the data do, and tells the source why."""

    def __init__(self, stream: Readable | None = None) -> None:
        self._stream = stream
        self._source: Source | None = None
        self.count = 0
        """Bytes delivered."""
        self.asked = False
        """Whether anybody read it."""
        self.tap: Callable[[bytes], None] | None = None
        """Called with each piece that is delivered, for who wants to read along."""

    def readinto(self, view: memoryview, /) -> int:
        """Fills the start of `view` and returns how many bytes; 0 at the end."""
        self.asked = True
        if self._stream is None or not len(view):
            return 0
        try:
            count = self._stream.readinto(view)
        except DamagedError as damage:
            damage.reported = True
            self._end(damage.problem)
            return 0
        self.count += count
        if count and self.tap is not None:
            self.tap(bytes(view[:count]))
        if not count:
            self._end("" if self.count else "empty")
        return count

    def peek(self, size: int) -> bytes:
        """The first bytes, which stay to be read; none once reading has begun."""
        if self._stream is None or self.asked:
            return b""
        peeked = Peeked(self._stream, size)
        self._stream = peeked
        return peeked.head

    def close(self) -> None:
        """Ends it, wherever it is."""
        self._stream = None

    def tell(self, source: Source) -> None:
        """Names the source whose problem is to be filled in."""
        self._source = source

    def _end(self, problem: str) -> None:
        self.close()
        if self._source is not None:
            self._source.problem = problem


def readable(name: str, stream: Readable, size: int | None = None, path: str = "") -> Source:
    """A source of text."""
    delivery = Delivery(stream)
    source = Source(name, delivery, size, path=path, fresh_s=_fresh_s(name, path), zone_s=_zone_s())
    delivery.tell(source)
    return source


def _fresh_s(name: str, path: str) -> float | None:
    now = time.time()
    if name == "-":
        return now
    try:
        written = os.stat(path).st_mtime if path else 0.0
    except OSError:
        return None
    return written if now - written < MOMENT_S else None


def _zone_s() -> float:
    return float(time.localtime().tm_gmtoff)


def unreadable(name: str, problem: str, path: str = "") -> Source:
    """A source that stands for what could not be read."""
    return Source(name, Delivery(), None, problem, path)


def of_head(name: str, peeked: Peeked, stream: Readable, size: int | None, path: str) -> Source:
    """A source of text whose first bytes are known: an empty one says so at once."""
    if peeked.head:
        return readable(name, stream, size, path)
    if peeked.damage is None:
        return unreadable(name, "empty", path)
    peeked.damage.reported = True
    return unreadable(name, peeked.damage.problem, path)
