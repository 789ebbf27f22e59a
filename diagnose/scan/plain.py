"""Without Hyperscan: literals by `bytes.find`, optionally narrowed down by RE2.

Floor 3: pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

from diagnose.scan.limits import DEFAULT
from diagnose.scan.needles import Literal, Needle
from diagnose.scan.protocol import Event, Text, Tuned, owners
from diagnose.scan.smooth import is_odd, part_end, piece_at

_SLICE = 4096


class Plain:
    """Looks for one literal after the other; slow, but needs nothing."""

    name = "regex"

    def __init__(self, needles: Sequence[Needle]) -> None:
        self._owners = owners(needles)

    def scan(self, text: Text) -> list[Event]:
        """Where literals of patterns are, in any order."""
        return list(self._all(bytes(text)))

    def tuned(self, hot: Set[int], noisy: Mapping[int, bytes], sample: Text) -> Tuned:
        """The same for a source in which some patterns are common; noise costs nothing here."""
        return _Tuned(self, hot)

    def sorted_out(self, hot: Set[int]) -> Tuned:
        """The same."""
        return _Tuned(self, hot)

    def finder(self, expressions: Sequence[bytes]) -> None:
        """Nothing that is faster than `re`."""
        return

    def is_odd(self, text: Text) -> bool:
        """Whether a text has what `smooth.ODD` describes."""
        return is_odd(text)

    def _all(self, data: bytes) -> Iterator[Event]:
        yield from self._find(self._owners, data)

    def _find(self, literals: Iterable[Literal], data: bytes) -> Iterator[Event]:
        lowered = data.lower()
        for literal in literals:
            for end in _ends(literal, data, lowered):
                for index in self._owners[literal]:
                    yield end, index


class _Tuned:
    """The same events, told apart."""

    def __init__(self, engine: Plain, hot: Set[int]) -> None:
        self._engine = engine
        self._hot = hot

    def scan(self, text: Text) -> tuple[list[Event], dict[int, int]]:
        """Where patterns that are not hot may match, and one place for each hot one."""
        events = self._engine.scan(text)
        cold = [event for event in events if event[1] not in self._hot]
        return cold, {index: end for end, index in events if index in self._hot}


class Re2(Plain):
    """Asks RE2 which literals occur in each four kilobytes, and looks for those alone."""

    name = "re2"

    def __init__(self, needles: Sequence[Needle]) -> None:
        super().__init__(needles)
        self._literals = list(self._owners)
        self._set = _re2_set(self._literals)

    def _all(self, data: bytes) -> Iterator[Event]:
        start = 0
        while start < len(data):
            end = part_end(data, start, len(data), _SLICE)
            part = data[start:end]
            numbers = self._set.Match(part)
            if numbers:
                for at, index in self._find([self._literals[n] for n in numbers], part):
                    yield start + at, index
            start = end


def _ends(literal: Literal, data: bytes, lowered: bytes) -> Iterator[int]:
    text, at = (lowered if literal.any_case else data), 0
    while (at := text.find(literal.text, at)) >= 0:
        at += len(literal.text)
        yield at
        start, end = piece_at(data, len(data), at - 1)
        if end - start <= DEFAULT.piece_bytes:
            at = end


def _re2_set(literals: Sequence[Literal]) -> Any:
    import re2

    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    options.max_mem = 256 << 20
    patterns = re2.Set.SearchSet(options)
    for text, any_case in literals:
        escaped = b"".join(b"\\x%02x" % byte for byte in text)
        patterns.Add(b"(?i:%b)" % escaped if any_case else escaped)
    patterns.Compile()
    return patterns
