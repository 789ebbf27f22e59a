"""Raw lines of one source to lines; most are asked for more than once, and read once.

Floor 3: pure.
"""

from __future__ import annotations

from diagnose.document import read_line
from diagnose.model import Line

_FIRST = 512
"""What stands at the start of a source is asked for again at its end."""
_RECENT = 1024


class Reader:
    """Reads lines of one source.

    Args:
        source: Its name.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._first: dict[tuple[int, bytes], Line] = {}
        self._recent: dict[tuple[int, bytes], Line] = {}

    def line(self, number: int, raw: bytes) -> Line:
        """A line, or a piece of one.

        Args:
            number: 1-based line number.
            raw: As `read_line` takes it.
        """
        key = (number, raw)
        line = self._first.get(key) or self._recent.get(key)
        if line is None:
            line = read_line(self._source, number, raw)
            if len(self._first) < _FIRST:
                self._first[key] = line
            else:
                if len(self._recent) >= _RECENT:
                    self._recent.clear()
                self._recent[key] = line
        return line
