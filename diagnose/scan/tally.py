"""What is kept of one pattern's matches in one source.

Floor 3: pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from diagnose.model import Evidence, Hits
from diagnose.scan.confirm import Candidate, Confirmer
from diagnose.scan.limits import Limits

_LOOKS = 8
_NAMES = 4096
"""Of processes, that are remembered."""


class Tally:
    """Counts without end, keeps the first matches, the first of each process, and the last ones.

    Args:
        limits: How many of each.
        local: Whether searching a piece of a line says the same as searching the line read from it.
        windows: Whether the lines after its matches are kept too.
    """

    def __init__(self, limits: Limits, *, local: bool, windows: bool) -> None:
        self._limits = limits
        self._read_first = limits.windows_first if windows else limits.first
        self._first: list[Evidence] = []
        self._others: list[Evidence] = []
        self._writers: dict[tuple[str, str], int] = {}
        self._last: deque[Evidence | Candidate] = deque(maxlen=limits.last)
        self.count = 0
        self.exact = True
        self.checked = 0
        """Candidates that were read as lines."""
        self.local = local
        self._settled: set[bytes] = set()
        self._met: dict[bytes, int] = {}
        self.piece = -1
        """Offset of the piece that was counted last, where it goes on in the next block."""

    @property
    def hot(self) -> bool:
        """Whether further candidates may be counted and not read."""
        if self.count < self._read_first:
            return False
        return self.local or self.checked >= self._limits.confirmations

    def add(self, evidence: Evidence) -> None:
        """Takes a match; matches come in observed order."""
        self.count += 1
        key = evidence.line.writer.key
        known = self._writers.get(key, 0)
        if known or not self._full:
            self._writers[key] = known + 1
        else:
            known = self._limits.each_writer
        if len(self._first) < self._limits.first:
            self._first.append(evidence)
        elif known < self._limits.each_writer:
            self._others.append(evidence)
        self._last.append(evidence)

    def settle(self, evidence: Evidence, name: bytes) -> None:
        """Remembers a process by name once no more of its matches will be kept but for the last.

        Args:
            evidence: A match that was added.
            name: What is equal in most lines of its process; see `Counting.who`.
        """
        known = self._writers.get(evidence.line.writer.key, 0)
        enough = known >= self._limits.each_writer if known else self._full
        if enough and len(self._settled) < _NAMES:
            self._settled.add(name)

    def is_settled(self, name: bytes) -> bool:
        """Whether a line of this process need not be read."""
        return name in self._settled or len(self._settled) >= _NAMES

    def meets(self, names: frozenset[bytes]) -> bool:
        """Whether a stretch of text with these names may hold the first matches of a process.

        A name is worth a close look only so many times: most processes never match.
        """
        new = [n for n in names if not self.is_settled(n) and self._met.get(n, 0) < _LOOKS]
        if not new or len(self._met) >= _NAMES:
            return False
        for name in new:
            self._met[name] = self._met.get(name, 0) + 1
        return True

    @property
    def _full(self) -> bool:
        return len(self._writers) >= self._limits.writers

    def end_with(self, last: Iterable[Candidate]) -> None:
        """Takes the last of matches that were counted without being read."""
        ordered = sorted((*self._last, *last), key=_offset)
        self._last.clear()
        self._last.extend(ordered)

    def hits(self, pattern: int, confirmer: Confirmer) -> Hits:
        """What is left, with its ends read."""
        last = [
            confirmer.evidence(pattern, entry) if isinstance(entry, Candidate) else entry
            for entry in self._last
        ]
        kept = {e.order: e for e in (*self._first, *self._others, *last) if e is not None}
        evidence = tuple(kept[order] for order in sorted(kept))
        return Hits(max(self.count, len(evidence)), self.exact, evidence)


def _offset(entry: Evidence | Candidate) -> int:
    return entry.order if isinstance(entry, Candidate) else entry.order[1]
