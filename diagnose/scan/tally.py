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


class Tally:
    """Counts without end, keeps the first matches, the first of each process, and the last ones."""

    def __init__(self, limits: Limits, *, local: bool) -> None:
        self._limits = limits
        self._first: list[Evidence] = []
        self._others: list[Evidence] = []
        self._writers: dict[tuple[str, str], int] = {}
        self._last: deque[Evidence | Candidate] = deque(maxlen=limits.last)
        self.count = 0
        self.exact = True
        self.checked = 0
        """Candidates that were read as lines."""
        self.local = local
        """Whether searching a piece of a line says the same as searching the line that was read."""
        self.settled: set[bytes] = set()
        """How lines start of whose process enough is kept."""
        self._met: dict[bytes, int] = {}
        self.piece = -1
        """Offset of the piece that was counted last, where it goes on in the next block."""

    @property
    def hot(self) -> bool:
        """Whether further candidates are counted and not read."""
        limits = self._limits
        return self.checked >= limits.confirmations and len(self._first) >= limits.first

    def add(self, evidence: Evidence) -> None:
        """Takes a match; matches come in observed order."""
        self.count += 1
        key = evidence.line.writer.key
        known = self._writers.get(key, 0)
        if known or len(self._writers) < self._limits.writers:
            self._writers[key] = known + 1
        else:
            known = self._limits.each_writer
        if len(self._first) < self._limits.first:
            self._first.append(evidence)
        elif known < self._limits.each_writer:
            self._others.append(evidence)
        self._last.append(evidence)

    def enough_of(self, evidence: Evidence) -> bool:
        """Whether no more matches of this process will be kept but for the last ones."""
        known = self._writers.get(evidence.line.writer.key, 0)
        return known >= self._limits.each_writer or (
            not known and len(self._writers) >= self._limits.writers
        )

    def meets(self, names: frozenset[bytes]) -> bool:
        """Whether a stretch of text with these names may hold the first matches of a process.

        A name is worth a close look only so many times: most processes never match.
        """
        new = [
            name for name in names if name not in self.settled and self._met.get(name, 0) < _LOOKS
        ]
        for name in new:
            self._met[name] = self._met.get(name, 0) + 1
        return bool(new)

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
