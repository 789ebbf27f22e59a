"""What is kept of one pattern's matches in one source.

Floor 3: pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice

from diagnose.model import Evidence, Hits
from diagnose.scan.limits import Limits
from diagnose.scan.stretches import Copy

_NAMES_SETTLED = 4096


class Tally:
    """Counts without end; keeps the first matches, the first of each process, and the last ones.

    Args:
        limits: How many of each.
        local: Whether searching a piece of a line says the same as searching the line read from it.
        windows: Whether the lines after its matches are kept too.
        few: Whether less of each will do.
    """

    def __init__(self, limits: Limits, *, local: bool, windows: bool, few: bool) -> None:
        self._limits = limits
        self._confirmed = limits.confirmed
        self._few = few
        self._keep = limits.few if few else limits.first
        self._each_writer = limits.few_each_writer if few else limits.each_writer
        self._ends = limits.few_last if few else limits.last
        self._must_read = max(self._keep, limits.windows_first if windows else 0)
        self._first: list[Evidence] = []
        self._others: list[Evidence] = []
        self._writers: dict[tuple[str, str], int] = {}
        self._last: deque[Evidence] = deque(maxlen=self._ends)
        self._copies: deque[Copy] = deque(maxlen=2 * self._ends)
        self._settled: set[bytes] = set()
        self._before = (0, 0)
        self.local = local
        self.count = 0
        self.exact = True
        self.candidates = 0
        """Places that were looked at."""
        self.piece = -1
        """Offset of the piece that was counted last, where it goes on in the next block."""

    @property
    def hot(self) -> bool:
        """Whether further matches may be counted and not read."""
        if self.count < self._must_read:
            return False
        return self.local or self.candidates >= self._confirmed

    def is_common(self, size: int) -> bool:
        """Whether it has so many candidates that the scanner should be tuned to it.

        Args:
            size: Bytes of the source since `settle`.
        """
        return (self.candidates - self._before[0]) * self._limits.common_bytes > size

    @property
    def is_noisy(self) -> bool:
        """Whether most candidates since `settle` do not match."""
        candidates, count = self._before
        return self.candidates - candidates > 4 * (self.count - count)

    def settle(self) -> None:
        """Lets `is_common` and `is_noisy` begin anew."""
        self._before = (self.candidates, self.count)

    def add(self, evidence: Evidence, name: bytes) -> None:
        """Takes a match; matches come in observed order.

        Args:
            evidence: The match.
            name: What the lines of its process share; see `who`.
        """
        self.count += 1
        key = evidence.line.writer.key
        known = self._writers.get(key, 0)
        if known or len(self._writers) < self._limits.writers:
            self._writers[key] = known + 1
        else:
            known = self._each_writer
        if len(self._first) < self._keep:
            self._first.append(evidence)
        elif known < self._each_writer:
            self._others.append(evidence)
        self._last.append(evidence)
        if known + 1 >= self._each_writer and len(self._settled) < _NAMES_SETTLED:
            self._settled.add(name)

    def is_enough(self, name: bytes) -> bool:
        """Whether a further match of this process need not be read."""
        settled = self._settled
        return (name in settled or len(settled) >= _NAMES_SETTLED) and self.hot

    def add_unread(self, copy: Copy, *, exact: bool, new: bool = True) -> None:
        """Takes a match that is in a stretch.

        Args:
            copy: The stretch.
            exact: Whether it is one match, and not at least one.
            new: Whether none of its matches was added on its own.
        """
        self.count += new
        self.exact = self.exact and exact
        if not self._copies or self._copies[-1] is not copy:
            self._copies.append(copy)

    def part(self) -> None:
        """Leaves what was kept so far to the tally that this one is a copy of, and goes on from there."""
        self._keep -= len(self._first)
        self._first.clear()
        self._others.clear()
        self._last.clear()
        self._copies.clear()

    def is_settled(self, name: bytes) -> bool:
        """Whether no more matches of this process will be kept but for the last ones."""
        return name in self._settled or len(self._settled) >= _NAMES_SETTLED

    def hits(self, again: Callable[[Copy], Iterable[Evidence]]) -> Hits:
        """What is left.

        Args:
            again: Finds the matches in a stretch that were counted and not read, the last one first.
        """
        last = {e.order: e for e in self._last}
        for copy in reversed(self._copies):
            ends = sorted(last)[-self._ends :]
            oldest = ends[0][1] if len(ends) == self._ends else -1
            if copy.end <= oldest:
                break
            for match in islice(again(copy), self._ends):
                if match.order[1] <= oldest:
                    break
                last[match.order] = match
        ends = sorted(last)[-self._ends :]
        kept = {e.order: e for e in (*self._first, *self._others, *(last[end] for end in ends))}
        evidence = tuple(kept[order] for order in sorted(kept))
        return Hits(max(self.count, len(evidence)), self.exact, evidence)

    def joined(self, own: Hits | None, others: Iterable[Hits], before: int) -> Hits:
        """What is left of what this tally and copies of it took.

        Args:
            own: What is left of this one.
            others: The same of its copies.
            before: How many matches this one had when they were copied.
        """
        parts = [*([own] if own else ()), *others]
        every = {e.order: e for part in parts for e in part.evidence}
        whole = Tally(self._limits, local=self.local, windows=False, few=self._few)
        for order in sorted(every):
            whole.add(every[order], b"")
        kept = whole.hits(lambda _: ()).evidence
        count = before + sum(max(part.count - before, 0) for part in parts)
        return Hits(max(count, len(kept)), all(part.exact for part in parts), kept)
