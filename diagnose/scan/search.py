"""What is looked for in every source, and how candidates of a pattern are told apart.

Floor 3: pure. Expressions are compiled when they are first needed, and shared between sources.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from diagnose.scan.limits import Limits
from diagnose.scan.needles import Needle
from diagnose.scan.protocol import Engine
from diagnose.scan.written import compiled

if TYPE_CHECKING:
    import regex

_WORD = frozenset(b"0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


NO, YES, MAYBE, UNKNOWN = range(4)
"""What a search of a raw piece says: the line read from it does not match, it does, it may because
something was found, or nothing was searched for."""
Test = Callable[[bytes | bytearray, int, int, bool], int]
"""Searches a raw piece with a candidate, given its bounds and whether it is all ASCII."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for: the same for all sources."""

    patterns: Sequence[str]
    needles: Sequence[Needle]
    engine: Engine
    windows: Mapping[int, int]
    few: Set[int]
    limits: Limits
    compiled: dict[int, regex.Pattern[str]] = field(default_factory=dict)
    """Expressions that were hit, as they were written."""
    ascii_forms: dict[int, re.Pattern[bytes]] = field(default_factory=dict)
    """The same in their form for ASCII text."""
    plain_forms: dict[int, re.Pattern[Any]] = field(default_factory=dict)
    """Expressions that `re` reads, for ASCII text and symbols."""
    tests: dict[int, Test] = field(default_factory=dict)

    def ascii_form(self, index: int) -> re.Pattern[bytes]:
        """A pattern's form for ASCII text, compiled."""
        form = self.ascii_forms.get(index)
        if form is None:
            form = self.ascii_forms[index] = re.compile(self.needles[index].ascii_form)
        return form

    def test(self, index: int) -> Test:
        """How candidates of a pattern are told apart in short pieces that are as they are read."""
        test = self.tests.get(index)
        if test is None:
            needle = self.needles[index]
            if needle.is_word and needle.local:
                test = _holds
            elif needle.ascii_form:
                certain = needle.local and needle.ascii_exact
                test = _searcher(self.ascii_form(index), needle.ascii_reach, certain=certain)
            else:
                test = _says_nothing
            self.tests[index] = test
        return test

    def plain_form(self, index: int, length: int) -> re.Pattern[Any] | None:
        """An expression that finds and captures in ASCII text and symbols what the pattern does.

        Args:
            index: The pattern.
            length: Characters of the text that is to be searched.

        Returns:
            None if none is known that takes bounded time; one of text for a pattern that holds symbols.
        """
        needle = self.needles[index]
        if length > needle.plain_reach:
            return None
        form = self.plain_forms.get(index)
        if form is None:
            pattern = self.patterns[index]
            is_form = not needle.written or needle.ascii_form == pattern.encode()
            form = self.plain_forms[index] = (
                self.ascii_form(index) if is_form else compiled(pattern)
            )
        return form


def _holds(data: bytes | bytearray, start: int, stop: int, is_ascii: bool) -> int:
    return YES


def _says_nothing(data: bytes | bytearray, start: int, stop: int, is_ascii: bool) -> int:
    return UNKNOWN


def _searcher(expression: re.Pattern[bytes], reach: int, *, certain: bool) -> Test:
    search, inside, found_is = (
        expression.search,
        b"\\B" in expression.pattern,
        YES if certain else MAYBE,
    )

    def test(data: bytes | bytearray, start: int, stop: int, is_ascii: bool) -> int:
        if stop - start > reach:
            return UNKNOWN
        found = search(data, start, stop)
        if is_ascii:
            return found_is if found else NO
        # Where what is found is ASCII, and no letter may continue it: more is not known of such a piece.
        if not found or not certain or not found[0].isascii():
            return UNKNOWN
        low, high = found.span()
        before = low == start or data[low - 1] < 0x80 or not (inside or data[low] in _WORD)
        behind = high == stop or data[high] < 0x80 or not (inside or data[high - 1] in _WORD)
        return YES if before and behind else UNKNOWN

    return test
