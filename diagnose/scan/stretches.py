"""Stretches of a block, in which patterns that matched often are counted.

Floor 3: pure.
"""

from __future__ import annotations

import re
from functools import cached_property

from diagnose.scan.blocks import Block
from diagnose.scan.pieces import Pieces
from diagnose.scan.smooth import Part

# What the lines of one process share, found at memory speed; `dialects` reads the real thing.
_NAMES = (
    (re.compile(rb"pid=\d+"), b"pid="),
    (re.compile(rb"\[rank\d+\]"), b"[rank"),
    (re.compile(rb"TP\d+(?: EP\d+)?\]"), b" TP"),
)
_WHO = re.compile(b"|".join(expression.pattern for expression, _ in _NAMES))
# NCCL and RCCL name the process in the first word: `node-1:612:612 [3] NCCL INFO`.
_NCCL = b"] NCCL "
_NCCL_KEY = 16
_FIRST_WORD = re.compile(rb"(?:\[?\d{4}-\d\d-\d\d[T ][\d:.,+]+Z?\]? *)?(\S{0,24})")
_WHERE = 160


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
    def names(self) -> set[bytes]:
        """The processes it names."""
        data, names = self._pieces.text.data, set[bytes]()
        for expression, sign in _NAMES:
            if data.find(sign, self.low, self.high) >= 0:
                names.update(expression.findall(data, self.low, self.high))
        at, keys = self.low, dict[bytes, int]()
        while (at := data.find(_NCCL, at, self.high)) >= 0:
            keys[bytes(data[at - _NCCL_KEY : at])] = at
            at += len(_NCCL)
        for at in keys.values():
            names.add(who(data, data.rfind(b"\n", self.low, at) + 1 or self.low, at))
        return names

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


def who(data: bytes | bytearray, start: int, end: int) -> bytes:
    """Something that most lines of one process share, and no line of another one has."""
    end = min(end, start + _WHERE)
    named = _WHO.search(data, start, end)
    if named:
        return named[0]
    found = _FIRST_WORD.match(data, start, end)
    return found[1] if found else b""
