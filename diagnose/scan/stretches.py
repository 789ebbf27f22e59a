"""Stretches of a block, in which patterns that matched often are counted.

Floor 3: pure.
"""

from __future__ import annotations

from functools import cached_property

from diagnose.scan.blocks import Block
from diagnose.scan.pieces import Pieces
from diagnose.scan.smooth import Part


class Stretch:
    """One part of a block.

    Args:
        pieces: The block's pieces.
        part: Its bounds.
        most: Bytes of the longest that is counted in; a longer one is one very long piece.
    """

    def __init__(self, pieces: Pieces, part: Part, most: int) -> None:
        self._pieces = pieces
        self._part = part
        self.low, self.high = part.low, part.high
        self.newlines = pieces.newlines(part.low)
        """How many there are in the source before it."""
        self.countable = part.high - part.low <= most and not pieces.is_open(part.low, part.high)
        """Whether it holds whole pieces of ordinary length."""

    @cached_property
    def is_ascii(self) -> bool:
        """Whether all of it is ASCII."""
        return bytes(self._pieces.text.data[self.low : self.high]).isascii()

    @cached_property
    def copy(self) -> Copy:
        """Its raw bytes, for when the block is gone."""
        block, part = self._pieces.block, self._part
        data = block.data[part.raw_low : part.raw_high]
        line, piece, lead = self._pieces.context(part.raw_low)
        offset = block.offset + part.raw_low
        kept = Block(data, len(data), offset, end=len(data), line=line, piece=piece, lead=lead)
        return Copy(kept, self.newlines)


class Copy:
    """A stretch that outlives its block."""

    def __init__(self, block: Block, newlines: int) -> None:
        self.block = block
        self.newlines = newlines
        """How many there are in the source before it."""
        self.end = block.offset + block.size
        """Offset in the source."""
