"""The smallest predicate that separates two sets of jobs, and every other that does it as well.

Floor 6: pure. A predicate is judged by how much better two rates of failure, one inside and one
outside, explain the ends of the jobs than one rate does (the logarithm of a likelihood), less what it
costs to have chosen it among so many (Schwarz's penalty). So a few mislabelled jobs neither hide a
predicate nor add a term to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import nlargest
from math import log

from diagnose.contrast.terms import Cut

BEAM = 200
"""Pairs that are tried with a third term."""
WIDE = 600
"""Cuts that are tried in pairs: those that say most by themselves."""
CLOSE = 3.0
"""Difference of the logarithms of two likelihoods below which the jobs do not decide (20 to 1)."""


@dataclass(frozen=True, slots=True)
class Found:
    """A predicate, as cuts."""

    cuts: tuple[Cut, ...]
    mask: int
    gain: float
    """How much better it explains the ends than nothing does."""
    score: float
    """`gain` less the penalty."""


class Search:
    """All predicates over some cuts, for one set of failed jobs.

    Args:
        cuts: In order of preference; of equal ones the first is kept.
        bad: The jobs that failed, as bits.
        total: How many jobs there are.
    """

    def __init__(self, cuts: Sequence[Cut], bad: int, total: int) -> None:
        self._bad = bad
        self._total = total
        self._failed = bad.bit_count()
        self._xlogx = [0.0, *(n * log(n) for n in range(1, total + 1))]
        self._base = self._likelihood(self._failed, total)
        distinct: dict[int, Cut] = {}
        for cut in cuts:
            distinct.setdefault(cut.mask, cut)
        self._cuts = list(distinct.values())
        self._same = _grouped(cuts)
        # What naming one of so many costs, and what one rate more costs.
        self._penalty = log(max(2, len(self._cuts))) + 0.5 * log(max(2, total))
        self._tried: list[int] = []

    def _likelihood(self, bad: int, total: int) -> float:
        table = self._xlogx
        return table[bad] + table[total - bad] - table[total]

    def _gain(self, mask: int) -> float:
        """0 where failures are not more frequent inside."""
        inside = mask.bit_count()
        bad = (mask & self._bad).bit_count()
        if bad * self._total <= self._failed * inside:
            return 0.0
        outside = self._likelihood(self._failed - bad, self._total - inside)
        return self._likelihood(bad, inside) + outside - self._base

    @cached_property
    def all(self) -> list[Found]:
        """Every predicate worth keeping: the best ones of each number of terms, best first."""
        singles = self._kept((cut,) for cut in self._cuts)
        wide = self._widest()
        pairs = self._kept((a, b) for i, a in enumerate(wide) for b in wide[i + 1 :])
        triples = self._kept(
            (*pair.cuts, cut)
            for pair in pairs[:BEAM]
            for cut in wide
            if pair.mask & cut.mask not in (0, pair.mask)
        )
        found = [f for f in (*singles, *pairs, *triples) if f.gain > 0]
        return sorted(found, key=lambda f: (-f.score, len(f.cuts), _preference(f.cuts)))

    @property
    def best(self) -> Found | None:
        """The predicate that explains most for its size; None where none is worth its penalty."""
        found = self.all
        return found[0] if found and found[0].score > 0 else None

    @property
    def fitting(self) -> Found | None:
        """The first comparison that holds for exactly the failed jobs, whatever so few of them prove."""
        return next((f for f in self.all if len(f.cuts) == 1 and f.mask == self._bad), None)

    def rivals(self, best: Found) -> list[Found]:
        """Predicates of the same size or smaller, on other axes, that the jobs hardly tell from `best`."""
        axes = {cut.term.axis for cut in best.cuts}
        close: dict[frozenset[str], Found] = {}
        for found in self._alternatives(best):
            own = frozenset(cut.term.axis for cut in found.cuts)
            if own <= axes or best.gain - found.gain > CLOSE:
                continue
            known = close.get(own)
            if known is None or _rank(found, best) < _rank(known, best):
                close[own] = found
        kept = [found for own, found in close.items() if not any(other < own for other in close)]
        return sorted(kept, key=lambda f: _rank(f, best))

    def tried(self, terms: int) -> int:
        """How many different predicates of so many terms or fewer were looked at."""
        return max(1, sum(self._tried[:terms]))

    def same(self, mask: int) -> list[Cut]:
        """The cuts that hold for exactly these jobs."""
        return self._same.get(mask, [])

    def _alternatives(self, best: Found) -> Iterable[Found]:
        """What was found, and `best` with any of its terms exchanged for any other."""
        size = len(best.cuts)
        yield from (found for found in self.all if len(found.cuts) <= size)
        for position in range(size):
            others = best.cuts[:position] + best.cuts[position + 1 :]
            rest = -1
            for cut in others:
                rest &= cut.mask
            for cuts in self._same.values():
                mask = rest & cuts[0].mask
                gain = self._gain(mask)
                if best.gain - gain <= CLOSE:
                    for cut in cuts:
                        yield Found((*others, cut), mask, gain, gain - self._penalty * size)

    def _kept(self, candidates: Iterable[tuple[Cut, ...]]) -> list[Found]:
        seen: dict[int, Found] = {}
        for cuts in candidates:
            mask = cuts[0].mask
            for cut in cuts[1:]:
                mask &= cut.mask
            if mask in seen or not mask:
                continue
            gain = self._gain(mask)
            seen[mask] = Found(cuts, mask, gain, gain - self._penalty * len(cuts))
        self._tried.append(len(seen))
        return nlargest(2000, seen.values(), key=lambda f: f.gain)

    def _widest(self) -> list[Cut]:
        if len(self._cuts) <= WIDE:
            return self._cuts
        chosen = nlargest(
            WIDE, range(len(self._cuts)), key=lambda i: self._gain(self._cuts[i].mask)
        )
        return [self._cuts[i] for i in sorted(chosen)]


def _grouped(cuts: Iterable[Cut]) -> dict[int, list[Cut]]:
    same: dict[int, list[Cut]] = {}
    for cut in cuts:
        same.setdefault(cut.mask, []).append(cut)
    return same


def _preference(cuts: Iterable[Cut]) -> tuple[str, ...]:
    return tuple(str(cut.term) for cut in cuts)


def _rank(found: Found, best: Found) -> tuple[bool, int, float]:
    return found.mask != best.mask, len(found.cuts), -found.gain
