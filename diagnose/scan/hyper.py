"""Hyperscan (Vectorscan), in block mode.

Floor 3: pure but for the cache. Source: python-hyperscan 0.9 and the measurements behind it:
block mode on line-aligned blocks, no start offsets, no stripping beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import hyperscan

from diagnose.scan.cache import Cache
from diagnose.scan.engine import Event, Text
from diagnose.scan.smooth import ODD
from diagnose.scan.weaken import Weakened, literal_only

# A literal of four bytes that no log holds. The literal matcher lays its tables out more slowly (by
# half) when all literals are long; one short one prevents it, and never costs anything.
_STRIDE_PIN = rb"\x01\x02\x03\x04"


class Hyperscan:
    """All patterns in one database; a second one, for floods, is made when it is needed."""

    name = "hyperscan"

    def __init__(self, weakened: Sequence[Weakened], cache: Cache) -> None:
        self._weakened = list(weakened)
        self._cache = cache
        self._every = self._database("every", 0)
        self._once: Any = None
        self._alone: dict[int, Any] = {}
        self._odd = _compiled(ODD, hyperscan.HS_FLAG_SINGLEMATCH)

    def scan(self, text: Text, most: int) -> list[Event] | None:
        """Every match; None if there are more than `most`."""
        events: list[Event] = []
        add, pin = events.append, len(self._weakened)

        def found(index: int, start: int, end: int, flags: int, context: object) -> bool | None:
            if index != pin:
                add((end, index))
            return True if len(events) > most else None

        try:
            self._every.scan(text, match_event_handler=found)
        except hyperscan.ScanTerminated:
            return None
        return events

    def once(self, text: Text) -> list[Event]:
        """One match of each pattern that matches at all."""
        if self._once is None:
            self._once = self._database("once", hyperscan.HS_FLAG_SINGLEMATCH)
        return [event for event in _events(self._once, text) if event[1] < len(self._weakened)]

    def only(self, index: int, text: Text) -> list[Event]:
        """Every match of one pattern."""
        if index not in self._alone:
            weakened = self._weakened[index]
            usable = weakened if _compiles(weakened) else literal_only(weakened)
            self._alone[index] = _compiled([usable.expression], 0)
        return [(end, index) for end, _ in _events(self._alone[index], text)]

    def is_odd(self, text: Text) -> bool:
        """Whether a text has what `smooth.ODD` describes."""
        return bool(_events(self._odd, text))

    def _database(self, name: str, flags: int) -> Any:
        stored = self._cache.read(name)
        if stored is not None:
            loaded = _loaded(stored)
            if loaded is not None:
                return loaded
        database = self._compiled_all(flags)
        self._cache.write(name, hyperscan.dumpb(database))
        return database

    def _compiled_all(self, flags: int) -> Any:
        try:
            return _compiled([*(w.expression for w in self._weakened), _STRIDE_PIN], flags)
        except hyperscan.HyperscanError:
            # The error does not say which expression it was.
            self._weakened = [w if _compiles(w) else literal_only(w) for w in self._weakened]
        return _compiled([*(w.expression for w in self._weakened), _STRIDE_PIN], flags)


def environment() -> bytes:
    """What a compiled database depends on beside its patterns."""
    version = getattr(hyperscan, "__version__", "")
    return f"{_compiled([_STRIDE_PIN], 0).info()!r} {version}".encode()


def _compiled(expressions: Sequence[bytes], flags: int) -> Any:
    database = hyperscan.Database()
    database.compile(
        expressions=list(expressions),
        ids=list(range(len(expressions))),
        elements=len(expressions),
        flags=[flags] * len(expressions),
    )
    return database


def _compiles(weakened: Weakened) -> bool:
    try:
        _compiled([weakened.expression], 0)
    except hyperscan.HyperscanError:
        return False
    return True


def _loaded(stored: bytes) -> Any:
    """A database from the cache; None if this machine or version cannot use it."""
    try:
        database = hyperscan.loadb(stored, hyperscan.HS_MODE_BLOCK)
        database.scratch = hyperscan.Scratch(database)
    except hyperscan.HyperscanError:
        return None
    return database


def _events(database: Any, text: Text) -> list[Event]:
    events: list[Event] = []
    add = events.append
    database.scan(text, match_event_handler=lambda index, start, end, flags, _: add((end, index)))
    return events
