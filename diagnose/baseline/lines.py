"""The different lines of a run, each once, however long its logs are.

Floor 11: pure. Lines that differ in numbers only are one, so that what is kept of a log is small; what is
left is mined for templates afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from diagnose.document import read_line
from diagnose.model import Line

MOST = 20_000
"""Different lines that are kept of one source."""
LONGEST = 4096
"""Bytes of a line that are kept."""
_VARIABLE = re.compile(rb"0x[0-9a-fA-F]+|[0-9]+|[\xe2\x96\x88-\x8f#=>.-]{3,}")


@dataclass(slots=True)
class _Kept:
    number: int
    raw: bytes
    count: int


class Lines:
    """Collects lines as they are read; `source` gives the ear for one source."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[bytes, _Kept]] = {}
        self._ends: list[Callable[[], None]] = []
        self.partial = False
        """Whether some source had more different lines than are kept."""

    def source(
        self, name: str, numbers: Callable[[int], int] = lambda number: number
    ) -> Callable[[bytes], None]:
        """What to call with each further piece of a source.

        Args:
            name: The source's name.
            numbers: The number of a line in the text that it was taken out of.
        """
        kept = self._kept.setdefault(name, {})
        rest = b""
        number = 0

        def hear(piece: bytes) -> None:
            nonlocal rest, number
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                number += 1
                self._note(kept, line, number, numbers)
            if len(rest) > 1 << 20:
                rest = rest[:LONGEST]

        def end() -> None:
            nonlocal rest
            if rest:
                self._note(kept, rest, number + 1, numbers)
                rest = b""

        self._ends.append(end)
        return hear

    def _note(
        self, kept: dict[bytes, _Kept], raw: bytes, number: int, numbers: Callable[[int], int]
    ) -> None:
        raw = raw.rstrip(b"\r").rpartition(b"\r")[2][:LONGEST]
        key = _VARIABLE.sub(b"0", raw)
        known = kept.get(key)
        if known is not None:
            known.count += 1
        elif len(kept) < MOST:
            kept[key] = _Kept(numbers(number), raw, 1)
        else:
            self.partial = True

    def __iter__(self) -> Iterator[tuple[Line, int]]:
        """The first line of each kind, and how many there were, source by source in observed order."""
        for end in self._ends:
            end()
        for name, kept in self._kept.items():
            for one in kept.values():
                yield read_line(name, one.number, one.raw), one.count
