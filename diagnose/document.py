"""One raw line of a log to `Line`: who wrote it, when, at which level, and what it said.

Floor 2: pure. The formats themselves are in `dialects`; nothing here knows one. A line that no
dialect knows has the empty `Writer` and no time: neither is ever guessed from its neighbours.
Reading never fails, whatever the bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from diagnose.dialects import envelopes, headers, text, times
from diagnose.dialects.reading import Reading
from diagnose.dialects.text import clean
from diagnose.model import Line
from diagnose.redact import redact

if TYPE_CHECKING:
    from diagnose.dialects.tracebacks import Traceback

__all__ = [
    "clean",
    "comparable",
    "read_line",
    "tracebacks",
]


def read_line(source: str, number: int, raw: bytes) -> Line:
    """Reads one line, or one piece of a line redrawn with carriage returns.

    Args:
        source: The file's name as the user gave it.
        number: 1-based line number in the raw file.
        raw: Without its newline; may hold damage, colour and carriage returns.
    """
    reading = Reading()
    if b"bk;t=" in raw:
        envelopes.hidden(raw, reading)
    shown = redact(text.last_piece(envelopes.take_off(text.decode(raw), reading)))
    message = headers.take_off(shown, reading)
    return Line(
        source,
        number,
        shown,
        message,
        reading.author(),
        reading.level,
        reading.time_s,
        reading.stamp,
    )


def comparable(a: Line, b: Line) -> bool:
    """Whether the difference of two lines' times means anything: both known and of one kind."""
    kind = times.kind(a.time_s)
    return bool(kind) and kind == times.kind(b.time_s)


def elapsed_s(earlier: Line, later: Line) -> float:
    """Seconds from one line to the other; 0 where their times do not compare."""
    if not comparable(earlier, later):
        return 0.0
    return (later.time_s or 0.0) - (earlier.time_s or 0.0)


def tracebacks(lines: Sequence[Line]) -> tuple[Traceback, ...]:
    """Every traceback in `lines`, in the order of their first lines.

    Args:
        lines: Consecutive lines of one source, or a window of them; a message of several lines
            (from a JSON log) is read line by line.
    """
    # What only a log with a traceback needs is loaded for one.
    from diagnose.dialects import pytest_failures
    from diagnose.dialects.tracebacks import printed

    order = {id(line): number for number, line in enumerate(lines)}
    found = [*printed(lines), *pytest_failures.failures(lines)]
    return tuple(sorted(found, key=lambda block: order[id(block.first)]))
