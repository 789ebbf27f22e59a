"""A stream of bytes to blocks that end where a line or a redrawn piece of one ends.

Floor 3. Two buffers take turns, so memory does not grow with the input and the block before the
current one stays readable. A piece longer than a block cannot be cut where it ends: then blocks
overlap, and each says which part of it is its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from diagnose.scan.limits import Limits

LEAD_BYTES = 256
"""Kept from the start of a line: its stamp and the process that wrote it are there."""


class Readable(Protocol):
    """Where bytes come from; a file opened in binary mode will do."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fills a buffer from its start; returns how many bytes, 0 at the end."""


@dataclass(slots=True)
class Block:
    """A stretch of a source."""

    data: bytearray
    """Valid up to `size`, until the block after the next one is asked for."""
    size: int
    offset: int
    """Of `data[0]` in the source."""
    fresh: int = 0
    """Where the bytes start that the block before did not hold."""
    begin: int = 0
    end: int = 0
    """Matches whose last byte is at `begin <= at < end` belong to this block, others to a neighbour."""
    line: int = 0
    """Offset in the source of the start of the line that `data[0]` is part of."""
    piece: int = 0
    """The same for the piece between carriage returns."""
    lead: bytes = b""
    """The start of that line, where it lies before `data[0]`."""
    open_end: bool = False
    """Whether its last piece goes on in the next block."""


def blocks(stream: Readable, limits: Limits, offset: int = 0) -> Iterator[Block]:
    """Reads a stream to its end, at least one block.

    Args:
        stream: Begins where a line of the source does.
        limits: How much to read at once.
        offset: Where in the source that is.
    """
    buffers = (bytearray(limits.block_bytes), bytearray(limits.block_bytes))
    reach = min(limits.reach_bytes, limits.block_bytes // 8)
    block, carried = Block(buffers[0], 0, offset, line=offset, piece=offset), 0
    for turn in _forever():
        filled = fill(stream, block.data, carried)
        block.size = block.end = filled
        if filled < limits.block_bytes:
            yield block
            return
        following = Block(buffers[1 - turn], 0, 0)
        cut = block.data.rfind(b"\n", block.fresh) + 1 or block.data.rfind(b"\r", block.fresh) + 1
        if cut:
            block.size = block.end = cut
            carried = filled - cut
        else:
            block.end, block.open_end = filled - reach, True
            carried = following.fresh = 2 * reach
            following.begin = reach
        following.offset = block.offset + filled - carried
        _continue(block, following)
        yield block
        following.data[:carried] = memoryview(block.data)[filled - carried : filled]
        block = following


def _forever() -> Iterator[int]:
    while True:
        yield 0
        yield 1


def fill(stream: Readable, data: bytearray, start: int) -> int:
    """Reads until the buffer is full or the stream ends; returns how much is in it."""
    with memoryview(data) as view:
        while start < len(view):
            with view[start:] as free:
                read = stream.readinto(free)
            if not read:
                break
            start += read
    return start


def _continue(block: Block, following: Block) -> None:
    """Notes which line and piece the block after `block` starts in."""
    newline = block.data.rfind(b"\n", 0, block.size) + 1
    separator = max(newline, block.data.rfind(b"\r", newline, block.size) + 1)
    following.piece = block.offset + separator if separator else block.piece
    if newline:
        following.line = block.offset + newline
        following.lead = bytes(block.data[newline : min(newline + LEAD_BYTES, block.size)])
    else:
        following.line = block.line
        missing = LEAD_BYTES - len(block.lead)
        following.lead = block.lead
        if missing > 0:
            start = max(following.line - block.offset + len(block.lead), 0)
            following.lead += bytes(block.data[start : min(start + missing, block.size)])
    if following.line == following.offset:
        following.lead = b""
