"""The bytes that a file grew by.

Part of `watch`. A log may not exist yet, be cut to nothing, or be replaced by another of the same name.
"""

from __future__ import annotations

import contextlib
import os

PIECE = 2**20
_MOST_OLD = 2**24


class Follower:
    """Reads what is added to a file.

    Args:
        path: The file; it may come later.
        at: Where to begin; None for the start, or for the last 16 MiB of what is there already.
    """

    def __init__(self, path: str, at: int | None = None) -> None:
        self.path = path
        self._at = at
        self._handle = -1
        self._file: tuple[int, int] = (0, 0)

    @property
    def at(self) -> int:
        """How far the file was read."""
        return self._at or 0

    def read(self) -> bytes:
        """The next piece, of at most a mebibyte; empty when there is nothing new or nothing to be read."""
        if self._handle < 0 and not self._open():
            return b""
        try:
            data = os.pread(self._handle, PIECE, self._at or 0)
            if not data and self._changed():
                return self.read()
        except OSError:
            return b""
        self._at = (self._at or 0) + len(data)
        return data

    def close(self) -> None:
        """Lets go of the file."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _open(self) -> bool:
        try:
            self._handle = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return False
        status = os.fstat(self._handle)
        self._file = (status.st_dev, status.st_ino)
        if self._at is None:
            self._at = max(0, status.st_size - _MOST_OLD)
        return True

    def _changed(self) -> bool:
        """Whether there is something to be read from the start: the file was cut, or is another one."""
        if os.fstat(self._handle).st_size < (self._at or 0):
            self._at = 0
            return True
        with contextlib.suppress(OSError):
            status = os.stat(self.path)
            if (status.st_dev, status.st_ino) != self._file and status.st_size:
                self.close()
                self._at = 0
                return self._open()
        return False
