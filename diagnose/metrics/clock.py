"""A recording on the clock of a log, where the two seem to be the same."""

from __future__ import annotations

from datetime import UTC, datetime

from diagnose.model import Recording

NEAR_S = 600.0
"""A monitor is started with the job: one that begins further from a log's first line is on another clock, or
belongs to something else. Clocks of different zones are half an hour apart at least."""

_YEARLESS_FROM = datetime(2000, 1, 1, tzinfo=UTC).timestamp()
_YEARLESS_UNTIL = datetime(2001, 1, 1, tzinfo=UTC).timestamp()


def began_on(recording: Recording, like_s: float) -> float:
    """When a recording began, as a log that prints times like `like_s` would tell it.

    Args:
        recording: With its own clock.
        like_s: A time of the log; one of the year 2000 was printed without a year.
    """
    if not _YEARLESS_FROM <= like_s < _YEARLESS_UNTIL:
        return recording.began_s
    return datetime.fromtimestamp(recording.began_s, UTC).replace(year=2000).timestamp()


def silence(recording: Recording, first_s: float, last_s: float) -> float:
    """How long a job still lived after the last line of a log, in seconds; 0 where that cannot be told.

    Args:
        recording: Of the same job, it is said.
        first_s: The time of the log's first line.
        last_s: That of its last line.
    """
    began = began_on(recording, first_s)
    if abs(began - first_s) > NEAR_S:
        return 0.0
    return max(0.0, began + recording.lasted_s - last_s)
