"""What belongs to one job: its files, before any of them is read.

Floor 12.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class File:
    """One file of a job."""

    name: str
    """As it is shown."""
    path: str = ""
    """Where it is opened: a path, or a URL."""
    numbers: tuple[tuple[int, int], ...] = ()
    """Line numbers of the text it was taken out of; see `Source.numbers`."""
    data: bytes | None = None
    """Its contents, where the process that reads it cannot open `path`."""
    taken_out: bool = False
    """Whether `path` is a temporary copy."""
    problem: str = ""
    """What could not be copied of it."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One job."""

    name: str
    files: tuple[File, ...]
    given: dict[str, str] = field(default_factory=dict)
    """Settings that the user names for it."""
