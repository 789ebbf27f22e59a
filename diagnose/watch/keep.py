"""Where the bundle of a look is kept.

Part of `watch`. A name appears with the whole bundle behind it or not at all; a device or a pipe is written as it is.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def keep(path: Path, data: bytes) -> None:
    """Writes a bundle.

    Raises:
        OSError: If it cannot be written; nothing is left then.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    part = _part(path)
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def check(path: Path) -> None:
    """Finds out, hours before there is anything to keep, whether a bundle can be written there; nothing is left.

    Raises:
        OSError: If it cannot.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        if not os.access(path, os.W_OK):
            raise PermissionError(None, "Permission denied")
        return
    part = _part(path)
    part.touch(0o600)
    part.unlink()


def beside(log: Path | None, name: str) -> Path:
    """A file in the folder of the log or else the current one; in that for temporary files where neither is writable."""
    first = (log.parent if log is not None else Path()) / name
    try:
        check(first)
    except OSError:
        return Path(tempfile.gettempdir()) / name
    return first


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")
