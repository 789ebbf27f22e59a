"""Whether a log is of this moment: a start that is still being logged may go on.

Floor 5: pure. That a file was written a moment ago proves little, for a copy is written too; that its last
line is of the same moment proves that its writer was at work.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from diagnose.model import Line

NEAR_S = 600.0


def is_of(written_s: float, lines: Sequence[Line], *, zone_s: float = 0.0) -> bool:
    """Whether the last line with a date was printed when the file was written.

    Args:
        written_s: POSIX time at which the file was last written.
        lines: The end of the log, in order.
        zone_s: How far this machine's clock is ahead of UTC; logs print either.
    """
    timed = [line.time_s for line in lines if line.time_s is not None and line.time_s >= _YEARLESS]
    if not timed:
        return False
    if timed[-1] < _POSIX:
        # A date without a year is told as one of the year 2000.
        written_s = datetime.fromtimestamp(written_s, UTC).replace(year=2000).timestamp()
    return any(abs(written_s + zone - timed[-1]) < NEAR_S for zone in (0.0, zone_s))


_YEARLESS = datetime(2000, 1, 1, tzinfo=UTC).timestamp()
_POSIX = datetime(2001, 1, 1, tzinfo=UTC).timestamp()
