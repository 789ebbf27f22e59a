"""What is read from a log: lines, who wrote them, and what a pattern took from them.

Floor 0. Times are seconds (`time_s`, a POSIX time where the log gives a date with a year, else seconds
of an unknown year, so that only differences mean anything). Line numbers are 1-based and those of the
raw file; offsets are 0-based bytes of the decompressed file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Writer:
    """The process that wrote a line, as far as the line says; all empty when it does not."""

    name: str = ""
    """As printed, such as `Worker_TP3_EP3`; for people, never a key (names change, pids do not)."""
    pid: int | None = None
    role: str = ""
    """`api-server`, `engine-core`, `worker`, `coordinator`, `scheduler`, `detokenizer`, `launcher`
    or `kernel`; empty when unknown."""
    ranks: tuple[tuple[str, int], ...] = ()
    """Parallel ranks in the order printed, such as `(("TP", 3), ("EP", 3))`."""
    node: str = ""
    """Host name or address, where the line gives it."""

    def __bool__(self) -> bool:
        return bool(self.name or self.role or self.ranks) or self.pid is not None

    def __str__(self) -> str:
        label = self.name or self.role
        pid = f"pid={self.pid}" if self.pid is not None else ""
        return " ".join(part for part in (label, pid, self.node and f"on {self.node}") if part)

    @property
    def key(self) -> tuple[str, str]:
        """Equal for lines of one process: by pid where there is one, else by ranks or name."""
        if self.pid is not None:
            return (self.node, str(self.pid))
        ranks = "_".join(f"{axis}{rank}" for axis, rank in self.ranks)
        return (self.node, ranks or self.name or self.role)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log with its envelope taken off."""

    source: str
    """The file's name as the user gave it; `archive.zip!member` inside an archive."""
    number: int
    """1-based, in the raw file; the pieces of a line redrawn with carriage returns share it."""
    text: str
    """Without colour, control characters, carriage returns and the CI system's stamp."""
    message: str
    """`text` without process prefix and log header: what the program said."""
    writer: Writer = Writer()
    level: str = ""
    """`DEBUG`, `INFO`, `WARNING`, `ERROR`, `CRITICAL`; empty when the line does not say."""
    time_s: float | None = None
    stamp: str = ""
    """The time as printed."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A line that a pattern matched, and what the pattern took from it."""

    line: Line
    captures: Mapping[str, str] = field(default_factory=dict)
    order: tuple[int, int] = (0, 0)
    """Source index and byte offset: observed order, meaningful within one source."""


@dataclass(frozen=True, slots=True)
class Hits:
    """Every match of one pattern in one source; bounded however often it matched."""

    count: int
    exact: bool
    """False when `count` is a lower bound."""
    evidence: tuple[Evidence, ...]
    """The first matches, the first of each writer, and the last ones, in observed order."""
