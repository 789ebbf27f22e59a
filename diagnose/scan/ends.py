"""The first and the last lines of a source.

Floor 3: pure.
"""

from __future__ import annotations

from diagnose.model import Line
from diagnose.scan.blocks import Block
from diagnose.scan.confirm import shorten
from diagnose.scan.limits import Limits
from diagnose.scan.reader import Reader


class Ends:
    """Keeps raw bytes of both ends, and reads them as lines once the source is at its end."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._head = bytearray()
        self._newlines = 0
        self._before: Block | None = None
        self._block: Block | None = None

    def feed(self, block: Block) -> None:
        """Takes the next block."""
        self._before, self._block = self._block, block
        missing = self._limits.end_bytes - len(self._head)
        if missing > 0 and self._newlines <= self._limits.head_lines:
            part = block.data[block.fresh : min(block.size, block.fresh + missing)]
            self._newlines += part.count(b"\n")
            self._head += part

    def head(self, reader: Reader, size: int) -> tuple[Line, ...]:
        """The first lines.

        Args:
            reader: Reads them.
            size: Bytes in the whole source.
        """
        lines = bytes(self._head).split(b"\n")
        # The last one is empty behind a newline, and may be cut short where there is more.
        if len(lines) > 1 and (not lines[-1] or len(self._head) < size):
            lines.pop()
        return self._read(reader, 1, lines[: self._limits.head_lines]) if size else ()

    def tail(self, reader: Reader, count: int) -> tuple[Line, ...]:
        """The last lines.

        Args:
            reader: Reads them.
            count: Lines in the whole source.
        """
        raw, whole = self._last_bytes()
        lines = raw.removesuffix(b"\n").split(b"\n")
        if len(lines) > 1 and not whole:
            lines.pop(0)
        lines = lines[-self._limits.tail_lines :]
        return self._read(reader, count - len(lines) + 1, lines) if count else ()

    def _read(self, reader: Reader, first: int, lines: list[bytes]) -> tuple[Line, ...]:
        return tuple(
            reader.line(number, shorten(raw, self._limits))
            for number, raw in enumerate(lines, first)
        )

    def _last_bytes(self) -> tuple[bytes, bool]:
        """The last bytes of the source, and whether they start where a line does."""
        block, before, most = self._block, self._before, self._limits.end_bytes
        assert block is not None
        raw = bytes(block.data[max(block.fresh, block.size - most) : block.size])
        start = block.offset + block.size - len(raw)
        if before is not None and len(raw) < most:
            start_before = max(before.fresh, before.size - (most - len(raw)))
            raw = bytes(before.data[start_before : before.size]) + raw
            start = before.offset + start_before
            first_line = before.line if start == before.offset else None
            data, at = before.data, start_before
        else:
            first_line = block.line if start == block.offset else None
            data, at = block.data, start - block.offset
        whole = start == 0 or start == first_line or (at > 0 and data[at - 1] == 0x0A)
        return raw, whole
