"""What a growing log says: the phase, whether anything is new, who waits.

Part of `watch`, pure: bytes in. A line is new when nothing like it was said before; numbers do not make a line new,
unless they are those of a progress bar, so that a heartbeat that counts its own seconds stays a heartbeat.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from diagnose.document import read_line
from diagnose.model import Line, Writer
from diagnose.news import is_bar, is_ending, is_heartbeat, said
from diagnose.phases import READY, Phase, engines, patterns, phases
from diagnose.scan.derive import needle

OWN = "diagnose watch: "
"""What this program's own lines begin with, for a log that they go to as well."""
_OWN = OWN.encode()
_MOST_LINES = 100
"""Of one piece; of a flood only the last ones are read for news."""
_MOST_PARTIAL = 2**16
_MOST_SAID = 20_000
_LOOK = 4000
_NUMBERS = re.compile(r"0x[0-9a-fA-F]+|[0-9a-f]{8}-[0-9a-f-]{27}|\d+")
_ENDS = re.compile(rb"[\n\r]")
_GIVES_UP = (
    "RPC call to ",
    "Timed out waiting for engine core",
    "Watchdog timeout",
    "Watchdog caught collective operation timeout",
    "watchdog timeout",
    "Dumping input data for V1 LLM engine",
)
"""Words of an engine that runs into a time limit of its own; the first one only with `timed out`."""


_OWES = re.compile(
    r"No available (?:shared memory broadcast )?block found"
    r"|throughput: 0\.0 tokens/s, Running: [1-9]|#running-req: [1-9].{0,200}gen throughput \(token/s\): 0\.0"
)
"""Heartbeats of a server that has work and does none; others say only that it idles."""


@dataclass(frozen=True, slots=True)
class Doing:
    """How far one process came."""

    writer: Writer
    phase: Phase


class Ear:
    """Hears pieces of one server's logs, in the order in which they were written."""

    def __init__(self) -> None:
        self.news = 0
        self.changes = 0
        self.phase: Phase | None = None
        self.ready = False
        self.giving_up = False
        self.owes = False
        """Whether it said since the last news that it has work and does none."""
        self.last = ""
        """The last line that was news."""
        self.doing: dict[tuple[str, str], Doing] = {}
        self._partial: dict[str, bytes] = {}
        self._said: set[int] = set()
        self._counts = dict.fromkeys(engines(), 0)
        self._furthest: dict[str, Phase] = {}

    def hear(self, source: str, data: bytes) -> None:
        """Takes the next bytes of a log; what has no end of line yet is kept for the next time."""
        data = self._partial.get(source, b"") + data
        *lines, rest = _ENDS.split(data)
        self._partial[source] = rest[-_MOST_PARTIAL:]
        lines = [line for line in lines if line.strip()]
        words = [word for word in _words() if word in data] if len(data) > _LOOK else _words()
        for number, raw in enumerate(lines):
            telling = any(word in raw for word in words)
            if (telling or number >= len(lines) - _MOST_LINES) and not raw.startswith(_OWN):
                self._take(read_line(source, 0, raw[:_LOOK]), telling=telling)

    def name(self, pid: int) -> str:
        """What a process calls itself in the log; empty where it does not."""
        writers = (one.writer for one in self.doing.values())
        return next((one.name for one in writers if one.pid == pid), "")

    def _take(self, line: Line, *, telling: bool) -> None:
        beat = is_heartbeat(line)
        if telling:
            for phase in _marks(line.text):
                self._reaches(line, phase, beat=beat)
            self.giving_up = self.giving_up or _gives_up(line.message)
        if beat:
            self.owes = self.owes or _OWES.search(line.message) is not None
            return
        words = said(line)
        key = hash(words if is_bar(line) else _NUMBERS.sub("#", words))
        if key in self._said or is_ending(line):
            return
        if len(self._said) >= _MOST_SAID:
            self._said.clear()
        self._said.add(key)
        self.news += 1
        self.owes = False
        self.last = line.message

    def _reaches(self, line: Line, phase: Phase, *, beat: bool) -> None:
        if phase.index == 0 and self.ready:
            # Another server starts in the same log.
            self._furthest.clear()
            self.doing.clear()
            self.ready = False
        self._counts[phase.engine] += 1
        known = self._furthest.get(phase.engine)
        if known is None or phase.index > known.index:
            self._furthest[phase.engine] = phase
        self._notes(line, phase, beat=beat)
        engine = max(self._counts, key=lambda name: self._counts[name])
        now = self._furthest.get(engine)
        if now != self.phase:
            # A heartbeat tells which phase waits, and no more.
            self.phase, self.changes = now, self.changes + (not beat)
        self.ready = self.phase is not None and self.phase.id == READY

    def _notes(self, line: Line, phase: Phase, *, beat: bool) -> None:
        if not line.writer or beat:
            return
        known = self.doing.get(line.writer.key)
        if known is None or phase.engine != known.phase.engine or phase.index >= known.phase.index:
            self.doing[line.writer.key] = Doing(line.writer, phase)


@cache
def _table() -> tuple[tuple[re.Pattern[str], tuple[Phase, ...]], ...]:
    """For each engine: all markers as one expression, a group a phase."""
    return tuple(
        (
            re.compile("|".join(f"({'|'.join(p.markers)})" for p in phases(engine))),
            phases(engine),
        )
        for engine in engines()
    )


@cache
def _words() -> tuple[bytes, ...]:
    """Every line that tells something holds one of these."""
    words = {literal.text for pattern in patterns() for literal in needle(pattern).literals}
    return tuple(sorted(words | {word.encode() for word in _GIVES_UP}))


def _gives_up(message: str) -> bool:
    first, *others = _GIVES_UP
    return (first in message and "timed out" in message) or any(word in message for word in others)


def _marks(text: str) -> tuple[Phase, ...]:
    """The phases that a line shows, at most one of each engine."""
    found = []
    for expression, table in _table():
        match = expression.search(text)
        if match is not None and match.lastindex is not None:
            found.append(table[match.lastindex - 1])
    return tuple(found)
