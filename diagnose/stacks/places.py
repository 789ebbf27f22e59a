"""Where a stack stands: what a process does there, what it waits for, which start-up phase that is.

Floor 6. The places stand in `places.toml`; a new engine version or a new library is a new entry there.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from diagnose.model import Frame
from diagnose.stacks.frames import FramePattern, parse

NEAR = 4
"""How many frames further out a place of ours still explains a generic wait."""


@dataclass(frozen=True, slots=True)
class Place:
    """One known place of a program."""

    id: str
    does: str
    """What a process does there: a clause with a verb, without a subject."""
    frames: tuple[FramePattern | None, ...]
    """From the inside out; None stands for any number of frames."""
    waits: str = ""
    """The kind of thing it waits for; empty when it works or only contains other places."""
    work: str = ""
    """`build`, `compile`, `load`, `download`, `capture` or `device`; empty when it does not compute."""
    phase: str = ""
    usual: str = ""
    """How long it takes in an ordinary start, in words."""
    generic: bool = False
    innermost: bool = False
    covers: bool = False
    """Whether the places inside it do not count."""


@dataclass(frozen=True, slots=True)
class Found:
    """A place on a stack."""

    place: Place
    index: int
    """Of its innermost frame."""
    length: int
    """How many frames its description names."""


@cache
def places() -> tuple[Place, ...]:
    """Reads `places.toml` once."""
    table = tomllib.loads((Path(__file__).parent / "places.toml").read_text(encoding="utf-8"))
    return tuple(
        Place(
            frames=tuple(None if text == "*" else parse(text) for text in entry["frames"]),
            **{key: value for key, value in entry.items() if key != "frames"},
        )
        for entry in table["place"]
    )


def places_of(frames: Sequence[Frame]) -> tuple[Found, ...]:
    """Every place on a stack, innermost first; of those that begin together the most exact first.

    Args:
        frames: Innermost first, without implementation frames.
    """
    found = [hit for place in places() if (hit := _find(place, frames))]
    inner = max((hit.index for hit in found if hit.place.covers), default=0)
    kept = [hit for hit in found if hit.index >= inner]
    return tuple(sorted(kept, key=lambda hit: (hit.index, -hit.length)))


def waiting(found: Sequence[Found]) -> Found | None:
    """The place that says what a stack waits for; None when it waits for nothing that is known."""
    waits = [hit for hit in found if hit.place.waits]
    if not waits or not waits[0].place.generic:
        return waits[0] if waits else None
    ours = [h for h in waits if not h.place.generic and h.index <= waits[0].index + NEAR]
    if ours:
        return ours[0]
    # Of library calls right inside each other the outer one says more: a future, not its condition.
    outer = waits[0]
    for hit in waits:
        outer = hit if hit.index == outer.index + 1 else outer
    return outer


def working(found: Sequence[Found]) -> Place | None:
    """The innermost place where a stack computes; one of ours before a generic one."""
    works = [hit.place for hit in found if hit.place.work]
    return next((place for place in works if not place.generic), works[0] if works else None)


def phase_of(found: Sequence[Found]) -> str:
    """The start-up phase: that of the outermost place that has one; empty when none has."""
    return next((hit.place.phase for hit in reversed(found) if hit.place.phase), "")


def _find(place: Place, frames: Sequence[Frame]) -> Found | None:
    python = next((n for n, frame in enumerate(frames) if not frame.native), 0)
    starts = range(python, python + 1) if place.innermost else range(len(frames))
    for start in starts:
        if frames and _matches(place.frames, frames, start):
            return Found(place, start, sum(pattern is not None for pattern in place.frames))
    return None


def _matches(
    patterns: Sequence[FramePattern | None], frames: Sequence[Frame], position: int
) -> bool:
    gap = False
    for pattern in patterns:
        if pattern is None:
            gap = True
            continue
        if gap:
            while position < len(frames) and not pattern.matches(frames[position]):
                position += 1
        if position >= len(frames) or not pattern.matches(frames[position]):
            return False
        position, gap = position + 1, False
    return True
