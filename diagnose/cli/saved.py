"""Files that `diagnose attach --save` and `diagnose watch` wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from diagnose.errors import InputError

if TYPE_CHECKING:
    from diagnose.model import Snapshot

_HEAD = 64 * 1024


def open_bundle(path: str) -> tuple[Snapshot, dict[str, bytes]]:
    """The snapshot and the logs of a bundle.

    Raises:
        InputError: If it cannot be read.
    """
    from diagnose.bundle import unpack

    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", "name a file that can be read") from error
    return unpack(data, path)


def names_bundle(path: str) -> bool:
    """Whether a path is a file that `diagnose attach --save` wrote."""
    try:
        if not Path(path).is_file():
            return False
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    except (OSError, ValueError):
        return False
    # Most files are logs, and a log needs none of what reads a bundle.
    if not head.startswith(b"\x1f\x8b") and head.lstrip()[:1] != b"{":
        return False
    from diagnose.bundle import is_bundle

    return is_bundle(head)
