"""Implementation frames out of a stack, and what of it counts as standing still.

Floor 6. What is noise stands in `noise.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from diagnose.model import Frame, Thread
from diagnose.stacks.call import WRITES, call_of
from diagnose.stacks.frames import FramePattern, parse, short_file


@dataclass(frozen=True, slots=True)
class Noise:
    """The table."""

    cut: tuple[FramePattern, ...]
    keep: tuple[FramePattern, ...]
    spin: tuple[FramePattern, ...]
    idle_threads: tuple[str, ...]
    """Beginnings of thread names."""


@cache
def noise() -> Noise:
    """Reads `noise.toml` once."""
    table = tomllib.loads((Path(__file__).parent / "noise.toml").read_text(encoding="utf-8"))
    return Noise(
        tuple(parse(text) for text in table["cut"]),
        tuple(parse(text) for text in table["keep"]),
        tuple(parse(text) for text in table["spin"]),
        tuple(table["idle_threads"]),
    )


def cut(frames: Iterable[Frame], *, native: bool = False) -> tuple[Frame, ...]:
    """The frames that say what is done, innermost first.

    Args:
        frames: Innermost first.
        native: Whether frames of C libraries stay; they differ between samples of one wait.
    """
    frames = tuple(frames)
    kept = tuple(f for f in frames if (native or not f.native) and not _noise(f))
    return kept or tuple(f for f in frames if not f.native) or frames


def settled(frames: Sequence[Frame]) -> tuple[Frame, ...]:
    """A stack without the loop that polls at its inner end."""
    inner = 0
    while inner < len(frames) - 1 and _any(noise().spin, frames[inner]):
        inner += 1
    return tuple(frames[inner:])


def proves_nothing(thread: Thread) -> bool:
    """Whether a thread is one of those that wait all their life; one whose writing is held up proves something."""
    known = bool(thread.name) and thread.name.startswith(noise().idle_threads)
    return known and call_of(thread.syscall).name not in WRITES


def shown(frame: Frame) -> str:
    """`FileBaton.wait (torch/utils/file_baton.py:50)`."""
    place = short_file(frame.file)
    line = f":{frame.line}" if frame.line else ""
    return f"{frame.name} ({place}{line})" if place else frame.name


def _noise(frame: Frame) -> bool:
    return _any(noise().cut, frame) and not _any(noise().keep, frame)


def _any(patterns: Iterable[FramePattern], frame: Frame) -> bool:
    return any(pattern.matches(frame) for pattern in patterns)
