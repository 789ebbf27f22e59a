"""Quantities and sets of numbers in words.

Floor 0.
"""

from __future__ import annotations

from collections.abc import Sequence


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


def ranges(numbers: Sequence[int]) -> str:
    """`0-6,8` of sorted numbers."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ",".join(f"{p[0]}-{p[-1]}" if len(p) > 1 else str(p[0]) for p in parts)
