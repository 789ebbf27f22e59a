"""Without Hyperscan: literals by `bytes.find`, optionally narrowed down by RE2.

Floor 3: pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from diagnose.scan.engine import Event, Text
from diagnose.scan.limits import DEFAULT
from diagnose.scan.smooth import is_odd, piece_at
from diagnose.scan.weaken import Weakened, literal_only

_SLICE = 4096


class Plain:
    """Looks for each literal of each pattern; slow, but needs nothing."""

    name = "regex"

    def __init__(self, weakened: Sequence[Weakened]) -> None:
        self._weakened = list(weakened)
        self._compiled: dict[int, re.Pattern[bytes]] = {}

    def scan(self, text: Text, most: int) -> list[Event] | None:
        """A match in every piece that has one, or more; None if there are more than `most`."""
        events = self._all(bytes(text))
        return events if len(events) <= most else None

    def once(self, text: Text) -> list[Event]:
        """The first match of each pattern that matches at all."""
        first: dict[int, Event] = {}
        for event in sorted(self._all(bytes(text))):
            first.setdefault(event[1], event)
        return list(first.values())

    def only(self, index: int, text: Text) -> list[Event]:
        """A match of one pattern in every piece that has one."""
        data = bytes(text)
        return list(self._matches(index, data, data.lower()))

    def is_odd(self, text: Text) -> bool:
        """Whether a text has what `smooth.ODD` describes."""
        return is_odd(text)

    def _all(self, data: bytes) -> list[Event]:
        lowered = data.lower()
        indexes = range(len(self._weakened))
        return [event for index in indexes for event in self._matches(index, data, lowered)]

    def _matches(self, index: int, data: bytes, lowered: bytes) -> Iterator[Event]:
        for literal in self._weakened[index].literals:
            at = 0
            while (at := lowered.find(literal, at)) >= 0:
                at += len(literal)
                start, end = piece_at(data, len(data), at - 1)
                # In a very long piece only what is near counts, and this is near.
                if end - start > DEFAULT.piece_bytes:
                    yield at, index
                    continue
                found = self._expression(index).search(data, start, end)
                if found:
                    yield found.end(), index
                at = end

    def _expression(self, index: int) -> re.Pattern[bytes]:
        if index not in self._compiled:
            self._compiled[index] = re.compile(self._weakened[index].expression)
        return self._compiled[index]


class Re2(Plain):
    """Asks RE2 which patterns occur in each four kilobytes, and looks for those alone."""

    name = "re2"

    def __init__(self, weakened: Sequence[Weakened]) -> None:
        super().__init__(weakened)
        self._set = _re2_set(self._weakened)

    def _all(self, data: bytes) -> list[Event]:
        found: list[Event] = []
        start = 0
        while start < len(data):
            end = _slice_end(data, start)
            part = data[start:end]
            indexes = self._set.Match(part)
            if indexes:
                lowered = part.lower()
                for index in indexes:
                    found += ((start + at, i) for at, i in self._matches(index, part, lowered))
            start = end
        return found


def _slice_end(data: bytes, start: int) -> int:
    """The end of a slice, behind a line end: no match crosses one."""
    if len(data) - start <= _SLICE:
        return len(data)
    end = data.rfind(b"\n", start, start + _SLICE) + 1
    return end or data.find(b"\n", start + _SLICE) + 1 or len(data)


def _re2_set(weakened: Sequence[Weakened]) -> Any:
    import re2

    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    options.max_mem = 256 << 20
    patterns = re2.Set.SearchSet(options)
    for entry in weakened:
        try:
            patterns.Add(entry.expression)
        except re2.error:
            patterns.Add(literal_only(entry).expression)
    patterns.Compile()
    return patterns
