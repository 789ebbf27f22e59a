"""Quantities in words.

Floor 0.
"""

from __future__ import annotations


def duration(seconds: float) -> str:
    """`47 s`, `12 min`, `8 h 20 min`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
