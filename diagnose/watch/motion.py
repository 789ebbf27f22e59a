"""Which counters show that something moves.

Part of `watch`, pure. Computing is no sign of progress: a rank that spins inside a collective waits. Compilers that
compute, bytes that are read or written, and memory that fills are.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

WINDOW_S = 60.0
"""A counter moved when it grew by its least amount within this time."""


@dataclass(frozen=True, slots=True)
class Counters:
    """What was counted up to now; none ever falls."""

    news: int = 0
    """Log lines that say something which was not said before."""
    phase: int = 0
    """Changes of phase."""
    io_bytes: int = 0
    """Read and written by the processes."""
    memory_bytes: int = 0
    """By how much the memory of the processes grew and shrank."""
    builder_s: float = 0.0
    """Processor time of compilers."""
    kinds: int = 0
    """Kinds of programs that were started."""


LEAST = Counters(
    news=1, phase=1, io_bytes=2**18, memory_bytes=2**23, builder_s=1.0, kinds=1
)  # fmt: skip
"""The growth of each counter within the window that counts; a process that only waits stays below."""
WORDS = {
    "news": "the log",
    "phase": "the phase",
    "io_bytes": "reading or writing",
    "memory_bytes": "memory",
    "builder_s": "a compiler",
    "kinds": "a new process",
}


class Motion:
    """Remembers where each counter stood."""

    def __init__(self) -> None:
        self._marks: dict[str, tuple[float, float]] = {}

    def moved(self, counters: Counters, now: float) -> tuple[str, ...]:
        """The counters that moved, in words; nothing for the first time."""
        found = []
        for one in fields(Counters):
            value = float(getattr(counters, one.name))
            at, stood = self._marks.setdefault(one.name, (now, value))
            if value - stood >= getattr(LEAST, one.name):
                found.append(WORDS[one.name])
            elif now - at < WINDOW_S:
                continue
            self._marks[one.name] = (now, value)
        return tuple(found)
