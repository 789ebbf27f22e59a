"""The pieces of one block: their bounds, their line numbers, and their raw bytes as candidates.

Floor 3: pure. Offsets are those of the smooth text unless their name says raw.
"""

from __future__ import annotations

from typing import NamedTuple

from diagnose.scan.blocks import LEAD_BYTES, Block
from diagnose.scan.confirm import CUT, Candidate
from diagnose.scan.limits import Limits
from diagnose.scan.protocol import Event
from diagnose.scan.smooth import Smooth, piece_at


class Place(NamedTuple):
    """A candidate, by where it is in the block."""

    start: int
    end: int
    at: int
    newlines: int


class Pieces:
    """Looks pieces up, in ascending order of offset.

    Args:
        block: The block.
        text: Its smooth text.
        newlines: How many there are in the source before the block.
        limits: How long a piece may be that is read whole.
    """

    def __init__(self, block: Block, text: Smooth, newlines: int, limits: Limits) -> None:
        self.block = block
        self.text = text
        self._limits = limits
        self._bounds = (0, 0)
        self._counted_to = 0
        self._newlines = newlines
        self._last: tuple[int, Candidate] | None = None

    def own(self, events: list[Event]) -> list[Event]:
        """Without the candidates that belong to a neighbouring block."""
        block, raw = self.block, self.text.raw
        if not block.begin and not block.open_end:
            return events
        return [event for event in events if block.begin <= raw(event[0] - 1) < block.end]

    def bounds(self, at: int) -> tuple[int, int]:
        """Where the piece that holds the byte at `at` starts and ends."""
        start, end = self._bounds
        if not start <= at < end:
            self._bounds = piece_at(self.text.data, self.text.size, at)
        return self._bounds

    def newlines(self, at: int) -> int:
        """How many there are in the source before `at`; counts forward only."""
        if at > self._counted_to:
            self._newlines += self.text.data.count(b"\n", self._counted_to, at)
            self._counted_to = at
        return self._newlines

    def is_long(self, start: int, end: int) -> bool:
        """Whether a piece is too long to be read whole, or reaches beyond the block."""
        return end - start > self._limits.piece_bytes or self.is_open(start, end)

    def is_open(self, start: int, end: int) -> bool:
        """Whether a piece reaches beyond the block."""
        begins_before = start == 0 and self.block.piece < self.block.offset
        return begins_before or (end == self.text.size and self.block.open_end)

    def raw_end(self, end: int) -> int:
        """The raw offset in the block at which a piece ends."""
        return self.text.raw(end) if end < self.text.size else self.block.size

    def order(self, start: int) -> int:
        """The offset in the source of a piece."""
        return self.block.offset + self._raw_start(start) if start else self.block.piece

    def candidate(self, at: int, start: int, end: int, newlines: int) -> Candidate:
        """A piece to be read, or what is around `at` if it is long.

        Args:
            at: Offset of a byte of the match.
            start: Where the piece starts.
            end: Where it ends.
            newlines: How many there are in the source before it.
        """
        if self._last and self._last[0] == start and not self.is_long(start, end):
            return self._last[1]
        raw_start, raw_end = self._raw_start(start), self.raw_end(end)
        if self.is_long(start, end):
            candidate = self._stretch(self.text.raw(at), start, (raw_start, raw_end), newlines)
        else:
            raw = self._lead(raw_start) + bytes(self.block.data[raw_start:raw_end])
            candidate = Candidate(raw, newlines + 1, self.order(start))
        self._last = (start, candidate)
        return candidate

    def context(self, raw: int) -> tuple[int, int, bytes]:
        """For a raw offset behind a separator: where its line and piece start, and the line's start."""
        block = self.block
        if not raw:
            return block.line, block.piece, block.lead
        newline = block.data.rfind(b"\n", 0, raw) + 1
        if newline == raw:
            return block.offset + raw, block.offset + raw, b""
        lead = bytes(block.data[newline : min(newline + LEAD_BYTES, raw)])
        line = block.offset + newline if newline else block.line
        return line, block.offset + raw, lead if newline else (block.lead + lead)[:LEAD_BYTES]

    def _raw_start(self, start: int) -> int:
        return self.text.raw(start - 1) + 1 if start else 0

    def _lead(self, raw_start: int) -> bytes:
        """The start of the line, with its stamp, for a piece behind a carriage return."""
        line = self.block.data.rfind(b"\n", 0, raw_start) + 1
        if line == raw_start and (line or self.block.line == self.block.offset):
            return b""
        lead = bytes(self.block.data[line : min(line + LEAD_BYTES, raw_start)])
        if not line:
            lead = (self.block.lead + lead)[:LEAD_BYTES]
        return lead.partition(b"\r")[0] + b"\r"

    def _stretch(self, at: int, start: int, raw: tuple[int, int], newlines: int) -> Candidate:
        """What is around a raw offset in a long piece, behind the start of its line."""
        block, reach = self.block, self._limits.reach_bytes
        low, high = max(raw[0], at - reach), min(raw[1], at + reach)
        begins_before = start == 0 and block.piece < block.offset
        cut_before, cut_after = low > raw[0] or begins_before, high < raw[1] or block.open_end
        if begins_before and block.piece == block.line:
            lead = block.lead
        elif begins_before:
            lead = block.lead.partition(b"\r")[0] + b"\r"
        else:
            lead = self._lead(raw[0])
            if not lead and cut_before:
                lead = bytes(block.data[raw[0] : min(raw[0] + LEAD_BYTES, low)])
        parts = [lead, CUT * cut_before, bytes(block.data[low:high]), CUT * cut_after]
        return Candidate(b"".join(parts), newlines + 1, self.order(start), cut_before, cut_after)
