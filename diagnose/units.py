"""Quantities in words.

Floor 0.
"""

from __future__ import annotations


def number(text: str) -> float | None:
    """The value of `1,233,392`, `63%`, `9.87` or of a time such as `08:51` (in seconds); None for anything else."""
    try:
        value = 0.0
        for part in text.replace(",", "").rstrip("%").split(":"):
            value = value * 60 + float(part)
    except ValueError:
        return None
    return value


def duration(seconds: float) -> str:
    """`47 s`, `12 min`, `8 h 20 min`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
