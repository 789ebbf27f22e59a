"""Printed times to seconds.

Floor 1: pure. Logs print times of four kinds, and only differences between two of one kind mean
anything. The kinds lie in ranges that no real time of another kind falls into:

    boot      below 1999: seconds since the machine started (`[312044.118820]`)
    clock     in 1999:    a time of day without a date (`05:37:37`)
    yearless  in 2000:    month and day without a year (`11-21 22:19:35`); 2000 is a leap year
    posix     from 2001:  a full date; without a zone it is read as UTC

A time without a year jumps back by a year at New Year, one without a date at midnight. A full date
before 2001 is a clock that was never set, and counts as no time.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from diagnose.expressions import later

DAY_S = 86400
_EPOCH = date(1970, 1, 1).toordinal()
_CLOCK_START = (date(1999, 1, 1).toordinal() - _EPOCH) * DAY_S
_YEARLESS_START = (date(2000, 1, 1).toordinal() - _EPOCH) * DAY_S
_POSIX_START = (date(2001, 1, 1).toordinal() - _EPOCH) * DAY_S
_POSIX_END = 10_000_000_000
YEARLESS = 2000
"""The year that stands in for an unknown one."""

MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}

FULL = (
    r"\d{4}[-/]\d\d[-/]\d\d[T :_-]\d\d:\d\d:\d\d(?:[.,]\d+){0,2}"
    r"(?:Z| ?UTC|(?<=[\d]) ?[+-]\d\d:?\d\d(?!\d))?"
)
"""A full date and time in any of the usual spellings; no groups."""
_AFTER_SECOND = later(r"(?:[.,](\d+))?(?:[.,](\d+))?(?:Z| ?UTC| ?([+-])(\d\d):?(\d\d))?")
_DATED = later(r"(\d{4})[-/](\d\d)[-/](\d\d)[T :_-](\d\d:\d\d:\d\d)")


def kind(time_s: float | None) -> str:
    """`boot`, `clock`, `yearless`, `posix`, or empty for no time."""
    if time_s is None:
        return ""
    if time_s < _CLOCK_START:
        return "boot"
    if time_s < _YEARLESS_START:
        return "clock"
    return "yearless" if time_s < _POSIX_START else "posix"


def full(stamp: str) -> float | None:
    """Seconds of a stamp that `FULL` matches; None where it names no day."""
    time_s = _second(stamp[:19])
    rest = stamp[19:]
    if time_s is None or rest in {"", "Z"}:
        return time_s
    if rest[0] == "." and rest[-1] == "Z" and rest[1:-1].isdecimal():
        return time_s + float(rest[:-1])
    found = _AFTER_SECOND.match(rest)
    if found is None:
        return time_s
    fraction, finer, sign, hours, minutes = found.groups()
    if fraction:
        time_s += float(f"0.{fraction}{finer or ''}")
    if sign:
        offset_s = int(hours) * 3600 + int(minutes) * 60
        time_s += -offset_s if sign == "+" else offset_s
    return time_s


@lru_cache(maxsize=8192)
def _second(stamp: str) -> float | None:
    """Seconds of a date and time without a fraction; cached, since many lines share a second."""
    found = _DATED.match(stamp)
    if found is None:
        return None
    year, month, day, clock = found.groups()
    time_s = on_day(int(year), int(month), int(day), clock)
    return time_s if time_s is not None and time_s >= _POSIX_START else None


def on_day(year: int, month: int, day: int, clock: str) -> float | None:
    """Seconds of a day and an `HH:MM:SS` with any fraction; None where there is no such day."""
    try:
        days = date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        return None
    return days * DAY_S + _of_day(clock)


@lru_cache(maxsize=8192)
def yearless(month: int, day: int, clock: str) -> float | None:
    """Seconds of a day of an unknown year."""
    return on_day(YEARLESS, month, day, clock)


def clock_only(clock: str) -> float:
    """Seconds of a time of an unknown day."""
    return _CLOCK_START + _of_day(clock)


def epoch(value: float) -> float | None:
    """POSIX seconds of a number that may count milli-, micro- or nanoseconds."""
    for scale in (1, 1_000, 1_000_000, 1_000_000_000):
        if _POSIX_START * scale <= value < _POSIX_END * scale:
            return value / scale
    return None


def _of_day(clock: str) -> float:
    return int(clock[:2]) * 3600 + int(clock[3:5]) * 60 + float(clock[6:].replace(",", "."))
