"""Files of stack dumps as a look at a server: `py-spy dump`, its JSON, faulthandler, pystack, gdb."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from diagnose.errors import InputError

if TYPE_CHECKING:
    from diagnose.model import Line, Snapshot

_MOST = 64 * 2**20
_HEAD = 4096
# One of these is in the first lines of every dump; without one, nothing has to be loaded to say so.
_SIGNS = (b"hread", b"rocess", b"PID ", b"TID ", b"Stack ")


@dataclass(frozen=True, slots=True)
class Stacks:
    """What a file of stack dumps gives."""

    snapshot: Snapshot
    logs: dict[str, bytes]
    """The file itself, where it holds lines of a log as well; else nothing."""


def read_stacks(path: str) -> Stacks | None:
    """The stacks in a file, an archive or standard input (`-`); None when there are none.

    Raises:
        InputError: If it cannot be read, or is longer than any collection of stacks.
    """
    from diagnose.document import read_line
    from diagnose.live import from_lines, from_samples
    from diagnose.probe.pyspy import pasted

    lines: list[Line] = []
    for name, data in _texts(path):
        if data.lstrip()[:1] == b"[" and (samples := pasted(data.decode("utf-8", "replace"))):
            snapshot = from_samples(samples, {})
            return Stacks(snapshot, {}) if snapshot else None
        lines += [read_line(name, number, raw) for number, raw in enumerate(data.split(b"\n"), 1)]
    snapshot = from_lines(lines)
    if snapshot is None:
        return None
    logged = any(line.time_s is not None for line in lines)
    return Stacks(snapshot, dict(_texts(path)) if logged and path != "-" else {})


def begins_with_stacks(path: str) -> bool:
    """Whether a file starts as a stack dump does, so that it is one and not a log with one in it."""
    try:
        if not Path(path).is_file():
            return False
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    except (OSError, ValueError):
        return False
    if head.lstrip()[:1] == b"[":
        from diagnose.probe.pyspy import pasted

        with open(path, "rb") as file:
            return bool(pasted(file.read(_MOST).decode("utf-8", "replace")))
    first = [raw for raw in head.split(b"\n") if raw.strip()][:8]
    if not any(sign in raw for raw in first for sign in _SIGNS):
        return False
    from diagnose.document import read_line
    from diagnose.live import from_lines

    lines = [read_line(path, number, raw) for number, raw in enumerate(first, 1)]
    return from_lines(lines) is not None and all(line.time_s is None for line in lines)


def _texts(path: str) -> Iterator[tuple[str, bytes]]:
    from diagnose.sources import open_paths

    stdin = sys.stdin.buffer if sys.stdin is not None else None
    left = _MOST
    for source in open_paths((path,), stdin):
        data, buffer = bytearray(), memoryview(bytearray(2**16))
        while count := source.stream.readinto(buffer):
            data += buffer[:count]
            if len(data) > left:
                raise InputError(
                    f"{path} is longer than {_MOST // 2**20} MiB, too long for stack dumps",
                    f"for a log: diagnose log {path}",
                )
        if source.problem and not data:
            raise InputError(f"{source.name}: {source.problem}", "name a file of stack dumps")
        left -= len(data)
        yield source.name, bytes(data)
