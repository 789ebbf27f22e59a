"""What a scanner's engine is asked, and what it answers.

Floor 3: pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Protocol, TypeAlias

from diagnose.scan.needles import Literal, Needle

Text: TypeAlias = bytes | bytearray | memoryview
Event: TypeAlias = tuple[int, int]
"""Where a literal ends (the offset after its last byte) and the pattern's index."""


class Engine(Protocol):
    """Needles, ready to be looked for."""

    name: str

    def scan(self, text: Text) -> list[Event]:
        """Where literals of patterns are, in any order.

        In a piece of a line that has several literals of a pattern, one is reported at least; in a
        piece of more than 64 KiB, all.
        """

    def tuned(self, hot: Set[int], noisy: Mapping[int, bytes], sample: Text) -> Tuned:
        """The same for a source in which some patterns are common.

        Args:
            hot: Patterns that match all the time.
            noisy: Patterns that do not, although their literals are there all the time, with
                expressions for them as wholes.
            sample: Some of the source.
        """

    def sorted_out(self, hot: Set[int]) -> Tuned:
        """The same, made at once and slower to scan with."""

    def finder(self, expressions: Sequence[bytes]) -> Callable[[Text], list[Event]] | None:
        """Finds where some expressions match, and by their position which; None if it is no faster."""

    def is_odd(self, text: Text) -> bool:
        """Whether a text has what `smooth.ODD` describes."""


class Tuned(Protocol):
    """Needles, ready to be looked for in one source."""

    def scan(self, text: Text) -> tuple[list[Event], dict[int, int]]:
        """Where patterns that are not hot may match, in any order, and one place for each hot one."""


def owners(needles: Sequence[Needle]) -> dict[Literal, tuple[int, ...]]:
    """Every literal, with the patterns it is one of."""
    found: dict[Literal, list[int]] = {}
    for index, entry in enumerate(needles):
        for literal in entry.literals:
            found.setdefault(literal, []).append(index)
    return {literal: tuple(indexes) for literal, indexes in found.items()}
