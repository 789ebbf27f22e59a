"""Whether a log is of this moment: a start that is still being logged may go on.

Floor 5: pure. That a file was written a moment ago proves little, for a copy is written too; that its last
line is of the same moment proves that its writer was at work.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from diagnose.model import Line

NEAR_S = 600.0
ZONE_S = 1800.0
"""Time zones are whole numbers of half hours from each other; a log rarely says its own."""
DAY_S = 86400.0


def is_of(written_s: float, lines: Sequence[Line]) -> bool:
    """Whether the last line with a date was printed when the file was written, in whatever time zone.

    Args:
        written_s: POSIX time at which the file was last written.
        lines: The end of the log, in order.
    """
    timed = [line.time_s for line in lines if line.time_s is not None and line.time_s >= _YEARLESS]
    if not timed:
        return False
    written = datetime.fromtimestamp(written_s, UTC)
    if timed[-1] < _POSIX:
        # A date without a year is told as one of the year 2000.
        written_s = written.replace(year=2000).timestamp()
    apart = abs(written_s - timed[-1])
    return apart < DAY_S + NEAR_S and min(apart % ZONE_S, ZONE_S - apart % ZONE_S) < NEAR_S


_YEARLESS = datetime(2000, 1, 1, tzinfo=UTC).timestamp()
_POSIX = datetime(2001, 1, 1, tzinfo=UTC).timestamp()
