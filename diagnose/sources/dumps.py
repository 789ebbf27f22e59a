"""Several jobs in one text: `gh run view --log` writes `job TAB step TAB time line` for a whole run.

The lines of one job are no evidence about another, so each job's lines go to a file of their own in a
folder that the caller removes; which line was which is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from diagnose.expressions import later
from diagnose.redact import redact
from diagnose.sources.stream import Readable, pieces

HEAD = 1 << 14
"""Bytes of a text that are looked at to see whether it is such a dump."""
_LINE = later(
    rb"(?P<job>[^\t\r\n]{1,500})\t[^\t\r\n]{0,500}\t(?:\xef\xbb\xbf)?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z"
)


@dataclass(slots=True)
class Part:
    """The lines of one job."""

    job: str
    """Its name, as the dump has it."""
    path: Path
    numbers: list[tuple[int, int]] = field(default_factory=list)
    """For each stretch of lines: its first line here, and the same line in the dump; both 1-based."""


def is_dump(head: bytes) -> bool:
    """Whether the first bytes of a text look like a dump of jobs: its first two lines do."""
    lines = [line for line in head[:HEAD].split(b"\n")[:3] if line.strip()]
    whole = lines[:-1] if len(lines) > 2 else lines
    return bool(whole) and all(_LINE.match(line) for line in whole)


def split(stream: Readable, folder: Path) -> list[Part]:
    """Writes each job's lines to a file in `folder`, in the order in which the jobs first appear.

    Args:
        stream: The text; read to its end.
        folder: An empty folder.

    Raises:
        OSError: If there is no room.
    """
    writer = _Writer(folder)
    try:
        for number, line in enumerate(_lines(stream), start=1):
            writer.write(number, line)
    finally:
        writer.close()
    return list(writer.parts.values())


class _Writer:
    """Appends lines to the files of their jobs; a line without a prefix goes with the one before."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._prefix = b""
        self._job = ""
        self._file: BinaryIO | None = None
        self._written: dict[str, int] = {}
        self.parts: dict[str, Part] = {}

    def write(self, number: int, line: bytes) -> None:
        if self._file is None or not line.startswith(self._prefix):
            match = _LINE.match(line)
            if match or self._file is None:
                self._turn(number, match["job"] if match else b"")
        assert self._file is not None
        self._file.write(line)
        self._written[self._job] += 1

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _turn(self, number: int, job: bytes) -> None:
        name = redact(job.decode("utf-8", "replace"))
        self._prefix = job + b"\t"
        if self._file is not None and name == self._job:
            return
        self.close()
        self._job = name
        part = self.parts.setdefault(name, Part(name, self._folder / f"{len(self.parts)}.log"))
        self._file = part.path.open("ab")
        part.numbers.append((self._written.setdefault(name, 0) + 1, number))


def _lines(stream: Readable) -> Iterator[bytes]:
    """Lines with their ends; the last one may have none."""
    rest = b""
    for piece in pieces(stream):
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line + b"\n"
    if rest:
        yield rest
