"""Keeps what a monitor wrote in bounded memory: means over stretches that grow with the recording."""

from __future__ import annotations

from dataclasses import dataclass, field

from diagnose.metrics.columns import Columns, Sample, sample
from diagnose.model import GpuTrack, Recording

STRETCHES = 480
"""Values kept of each GPU at most; twice as long stretches are taken when they do not suffice."""
GPUS = 256
LONGEST_S = 30 * 86400.0
"""A row further than this from the first is of another clock."""


@dataclass(slots=True)
class _Sums:
    """Sums and counts of one quantity, one of each a stretch."""

    sums: list[float] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    def add(self, at: int, value: float | None) -> None:
        if value is None:
            return
        missing = at + 1 - len(self.sums)
        if missing > 0:
            self.sums += [0.0] * missing
            self.counts += [0] * missing
        self.sums[at] += value
        self.counts[at] += 1

    def halve(self) -> None:
        """Makes one stretch of every two."""
        self.sums = [sum(self.sums[n : n + 2]) for n in range(0, len(self.sums), 2)]
        self.counts = [sum(self.counts[n : n + 2]) for n in range(0, len(self.counts), 2)]

    def means(self, length: int) -> tuple[float | None, ...]:
        known = [s / n if n else None for s, n in zip(self.sums, self.counts, strict=True)]
        return tuple(known + [None] * (length - len(known)))


class Recorder:
    """Takes the rows of one file, and gives its recording at the end.

    Args:
        source: The file's name.
        columns: Of its header.
    """

    def __init__(self, source: str, columns: Columns) -> None:
        self._source = source
        self._columns = columns
        self._tracks: dict[str, tuple[_Sums, _Sums, _Sums]] = {}
        self._began_s: float | None = None
        self._stretch_s = 1.0
        self._length = 0

    def add(self, row: str) -> None:
        """Takes one row; damaged ones and repeated headers are passed over."""
        found = sample(row, self._columns)
        if found is not None:
            self._add(found)

    def recording(self) -> Recording | None:
        """What was recorded; None when no row could be read."""
        if self._began_s is None:
            return None
        tracks = tuple(
            GpuTrack(name, *(sums.means(self._length) for sums in self._tracks[name]))
            for name in sorted(self._tracks, key=_order)
        )
        return Recording(self._source, self._began_s, self._stretch_s, tracks)

    def _add(self, one: Sample) -> None:
        if self._began_s is None:
            self._began_s = one.time_s
        since_s = one.time_s - self._began_s
        if not 0 <= since_s <= LONGEST_S:
            return
        while since_s >= STRETCHES * self._stretch_s:
            self._stretch_s *= 2
            self._length = (self._length + 1) // 2
            for track in self._tracks.values():
                for sums in track:
                    sums.halve()
        if one.gpu not in self._tracks and len(self._tracks) >= GPUS:
            return
        at = int(since_s / self._stretch_s)
        self._length = max(self._length, at + 1)
        track = self._tracks.setdefault(one.gpu, (_Sums(), _Sums(), _Sums()))
        for sums, value in zip(track, (one.busy, one.memory, one.power), strict=True):
            sums.add(at, value)


def _order(name: str) -> tuple[int, int, str]:
    return (0, int(name), "") if name.isdecimal() else (1, 0, name)
