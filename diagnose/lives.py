"""Several servers in one log: a run cut where a new server starts.

Floor 6: pure. A job may start a server, lose it, and start another; that the second becomes ready
proves nothing about the first. Each part is a run of its own: one stretch of one file, with all files
that hold a single server or none.
"""

from __future__ import annotations

from collections.abc import Sequence

from diagnose.model import Evidence
from diagnose.phases import engines, phases
from diagnose.run import Run

MOST = 16
"""Parts looked at: the first few and the last ones, when a log holds more."""

Mark = tuple[int, int]
"""Source index and line number."""


def lives(run: Run, errors: Sequence[str], done: Sequence[str] = ()) -> list[list[Run]]:
    """The run itself, or for each file that holds several servers one part for each, in observed order.

    Which of two servers came later is known within a file only.

    Args:
        run: Everything that was seen.
        errors: Expressions for lines that show that something broke.
        done: Expressions for lines that show that the work was done: what follows one belongs to the next.
    """
    starts, progress = _marks(run)
    broke = {_mark(e) for pattern in errors for e in run.evidence(pattern)}
    ends = {_mark(e) for pattern in done for e in run.evidence(pattern)}
    cuts: dict[int, list[int]] = {}
    for source, number in sorted(starts):
        begin = cuts.get(source, [0])[-1]
        # What went wrong before the first server was started is no server's end.
        first = min(
            (n for where, n in starts if where == source and begin <= n < number), default=number
        )
        if _any(progress | broke, source, range(first, number)):
            after = [n + 1 for where, n in ends if where == source and begin < n < number]
            cuts.setdefault(source, [0]).append(max(after, default=number))
    parts = [
        [
            run.part(source, range(begin, end), [other for other in cuts if other != source])
            for begin, end in _few(list(zip(begins, [*begins[1:], 1 << 62], strict=True)))
        ]
        for source, begins in cuts.items()
    ]
    return parts or [[run]]


def _few(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return spans if len(spans) <= MOST else [*spans[: MOST // 4], *spans[-(MOST - MOST // 4) :]]


def _marks(run: Run) -> tuple[set[Mark], set[Mark]]:
    """Where a server's first phase begins, and where one got further than its own configuration."""
    starts: set[Mark] = set()
    progress: set[Mark] = set()
    for engine in engines():
        for phase in phases(engine):
            for marker in phase.markers:
                marks = {_mark(e) for e in run.evidence(marker)}
                if phase.index == 0:
                    starts |= marks
                elif phase.index > 1:
                    progress |= marks
    return starts, progress


def _mark(evidence: Evidence) -> Mark:
    return evidence.order[0], evidence.line.number


def _any(marks: set[Mark], source: int, lines: range) -> bool:
    return any(where == source and number in lines for where, number in marks)
