"""The part of a log that is kept: all of it, or for a long one its start and its end.

Part of the probe, floor 10. The start holds the settings, the end what went wrong.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Mapping

from diagnose.model import CouldNotLook
from diagnose.probe.aside import Aside

HEAD = 8 * 2**20
TAIL = 24 * 2**20
_TIMEOUT_S = 10.0
_COUNT_S = 5.0
_CHUNK = 4 * 2**20
_LONG_LINE = 2**20
_MOST_LINES = 64 * 2**20


def read_logs(
    paths: Mapping[str, str], begins: Mapping[str, int] | None = None
) -> tuple[dict[str, bytes], tuple[CouldNotLook, ...]]:
    """Reads log files by shown path, from where they can be opened here; what cannot be read has its reason.

    Args:
        paths: By shown path: the path to open.
        begins: By shown path: how many bytes at the start are of something else. They are left out, but for
            their line ends.
    """
    begins = begins or {}
    asked = {
        shown: Aside(functools.partial(_answer, here, begins.get(shown, 0)), _TIMEOUT_S)
        for shown, here in paths.items()
    }
    found: dict[str, bytes] = {}
    missing = []
    for shown, aside in asked.items():
        answer = aside.answer()
        if isinstance(answer, bytes):
            found[shown] = answer
        elif answer is None:
            missing.append(CouldNotLook(f"the log {shown}", "its file system does not answer"))
        else:
            how = "sudo diagnose attach …" if isinstance(answer, PermissionError) else ""
            missing.append(
                CouldNotLook(f"the log {shown}", answer.strerror or "it cannot be read", how)
            )
    return found, tuple(missing)


def _answer(path: str, begins: int) -> bytes | OSError:
    try:
        return _read(path, begins)
    except OSError as error:
        return error


def _read(path: str, begins: int = 0) -> bytes:
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with open(handle, "rb", buffering=0) as file:
        size = os.fstat(handle).st_size
        # A file that was cut since has nothing else in it.
        begins = begins if begins <= size else 0
        before = b"\n" * (_newlines(handle, 0, begins) or 0)
        file.seek(begins)
        if size - begins <= HEAD + TAIL:
            return before + (file.read(HEAD + TAIL) or b"")
        start = file.read(HEAD) or b""
        file.seek(size - TAIL)
        end = file.read(TAIL) or b""
        # Only whole lines, unless they are very long.
        start = start[: start.rfind(b"\n", -_LONG_LINE) + 1] or start
        end = end[end.find(b"\n", 0, _LONG_LINE) + 1 :]
        left = size - begins - len(start) - len(end)
        count = _newlines(handle, begins + len(start), left)
    if count is None:
        return (
            before
            + start
            + f"[{left} bytes left out; lines are numbered as if there were none]\n".encode()
            + end
        )
    # As many empty lines as there were keep the numbers of those that follow true.
    return before + start + f"[{left} bytes left out]".encode() + b"\n" * count + end


def _newlines(handle: int, at: int, size: int) -> int | None:
    """How many line ends a part of a file has; None when it is too long to count them in time."""
    until = time.monotonic() + _COUNT_S
    count = 0
    for offset in range(at, at + size, _CHUNK):
        if count > _MOST_LINES or time.monotonic() > until:
            return None
        count += os.pread(handle, min(_CHUNK, at + size - offset), offset).count(b"\n")
    return count
