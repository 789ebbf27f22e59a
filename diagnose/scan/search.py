"""What is looked for in every source, and how candidates of a pattern are told apart.

Floor 3: pure. Expressions are compiled when they are first needed, and shared between sources.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from diagnose.scan.limits import Limits
from diagnose.scan.needles import Needle
from diagnose.scan.protocol import Engine

if TYPE_CHECKING:
    import regex

_WORD = frozenset(b"0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_NAMED = re.compile(r"\(\?P?[<'](?![=!])")


Test = Callable[[bytes | bytearray, int, int, bool], bool | None]
"""What a search of a raw piece with a candidate says, given its bounds and whether it is all ASCII: that
the pattern matches the line read from it, that it does not, or nothing."""


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
    plain: dict[int, re.Pattern[bytes] | None] = field(default_factory=dict)
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
                test = _searcher(self.ascii_form(index), certain=certain)
            else:
                test = _says_nothing
            self.tests[index] = test
        return test

    def plain_form(self, index: int) -> re.Pattern[bytes] | None:
        """The same, where it says all that the pattern says: it captures as much, and looks at no more."""
        if index not in self.plain:
            needle = self.needles[index]
            form = None
            if needle.ascii_exact and needle.ascii_form and needle.local:
                form = self.ascii_form(index)
                if not form.groupindex and _NAMED.search(self.patterns[index]):
                    form = None
            self.plain[index] = form
        return self.plain[index]


def _holds(data: bytes | bytearray, start: int, stop: int, is_ascii: bool) -> bool:
    return True


def _says_nothing(data: bytes | bytearray, start: int, stop: int, is_ascii: bool) -> None:
    return None


def _searcher(expression: re.Pattern[bytes], *, certain: bool) -> Test:
    search, inside = expression.search, b"\\B" in expression.pattern

    def test(data: bytes | bytearray, start: int, stop: int, is_ascii: bool) -> bool | None:
        found = search(data, start, stop)
        if is_ascii:
            return None if found and not certain else found is not None
        # Where what is found is ASCII, and no letter may continue it: more is not known of such a piece.
        if not found or not certain or not found[0].isascii():
            return None
        low, high = found.span()
        before = low == start or data[low - 1] < 0x80 or not (inside or data[low] in _WORD)
        behind = high == stop or data[high] < 0x80 or not (inside or data[high - 1] in _WORD)
        return True if before and behind else None

    return test
