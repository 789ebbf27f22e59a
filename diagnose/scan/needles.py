"""What is looked for in place of an expression: its words, or a simpler expression for all of it.

Floor 3: pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge
from typing import NamedTuple


class Literal(NamedTuple):
    """A word, as it is looked for."""

    text: bytes
    """In lower case if `any_case`."""
    any_case: bool

    def is_in(self, data: bytes | bytearray, start: int, stop: int) -> bool:
        """Whether it is between two offsets of `data`."""
        if self.any_case:
            return self.text in data[start:stop].lower()
        return data.find(self.text, start, stop) >= 0


class Needle(NamedTuple):
    """What the scanner looks for in place of one pattern."""

    literals: tuple[Literal, ...]
    """Every match of the pattern holds one of them."""
    is_word: bool
    """Whether the pattern matches wherever one of them is, and nowhere else."""
    ascii_form: bytes
    """An expression that matches ASCII text wherever the pattern does, the pattern itself if `re` reads
    it so; empty if none is known that takes bounded time."""
    ascii_exact: bool
    """Whether `ascii_form` matches nothing else."""
    ascii_reach: int
    """The longest text, in characters, that may be searched for `ascii_form` without a time limit."""
    written: bool
    """Whether `re` reads the pattern as it was written, and as `regex` does."""
    plain_reach: int
    """The longest ASCII text, in characters, in which `re` may search for what is known to find and to
    capture as much as the pattern does; 0 if nothing is."""
    local: bool
    """Whether a match depends on nothing but the text matched: no anchors, no look-around."""
    whole: bytes
    """For a pattern whose words are in every healthy log, an expression over raw bytes that is found
    wherever the pattern matches; empty for all others."""

    def backwards(self, data: bytes) -> Iterator[int]:
        """Where its literals end in `data`, the last one first."""
        lowered = data.lower() if any(literal.any_case for literal in self.literals) else b""
        found = (
            _backwards(lowered if literal.any_case else data, literal.text)
            for literal in self.literals
        )
        return merge(*found, reverse=True)

    def ends(self, data: bytes) -> Iterator[int]:
        """Where its literals end in `data`, in no order."""
        lowered = data.lower() if any(literal.any_case for literal in self.literals) else b""
        for literal in self.literals:
            text, at = (lowered if literal.any_case else data), 0
            while (at := text.find(literal.text, at)) >= 0:
                at += len(literal.text)
                yield at


def _backwards(data: bytes, text: bytes) -> Iterator[int]:
    at = len(data)
    while (at := data.rfind(text, 0, at)) >= 0:
        yield at + len(text)
        at += len(text) - 1
