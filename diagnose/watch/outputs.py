"""Where the command writes, and what is passed on from there.

Part of `watch`. The command writes to files, never to a pipe of ours: when this program is killed the command goes on
writing and notices nothing. Where our own output is a plain file it writes there itself, and nothing is passed on.
"""

from __future__ import annotations

import ctypes
import os
import select
import stat
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from diagnose.errors import InputError
from diagnose.watch.follow import Follower

KEPT_HEAD, KEPT_TAIL = 8 * 2**20, 32 * 2**20
"""What stays of a temporary file on disk: the settings, and how it ended."""
_FREED_AT_ONCE = 32 * 2**20
_PUNCH_HOLE = 0x01 | 0x02
"""FALLOC_FL_KEEP_SIZE and FALLOC_FL_PUNCH_HOLE."""
_AT_ONCE = 4096
"""What a pipe that says it is ready takes without making the writer wait."""


@dataclass(slots=True)
class Channel:
    """One stream of the command."""

    path: str
    """The file that it writes, for reading."""
    handle: int
    """What the command gets as its descriptor."""
    follower: Follower
    to: int = -1
    """The descriptor to pass it on to; -1 for nowhere."""
    begins: int = 0
    """Bytes that the file held before; they are of something else."""
    temporary: bool = False
    shown: str = ""
    """What reports call the file; empty for its path."""
    pending: memoryview = field(default_factory=lambda: memoryview(b""))
    _freed: int = KEPT_HEAD

    def pass_on(self, wait_s: float = 0.0) -> bool:
        """Writes what is pending as far as the other side takes it; whether all of it is written.

        Args:
            wait_s: How long to wait for a reader that is slow.
        """
        while self.pending and self.to >= 0:
            try:
                if not select.select((), (self.to,), (), wait_s)[1]:
                    return False
                written = os.write(self.to, self.pending[:_AT_ONCE])
            except BlockingIOError:
                return False
            except OSError:
                # The reader went away; the command must not notice.
                self.to, self.pending = -1, memoryview(b"")
                return True
            self.pending = self.pending[written:]
        return True

    def free(self) -> None:
        """Gives back the disk space of the middle of a long temporary file; its start and its end are kept."""
        passed = self.follower.at - KEPT_TAIL
        if not self.temporary or passed - self._freed < _FREED_AT_ONCE:
            return
        _punch(self.handle, self._freed, passed - self._freed)
        self._freed = passed


def channels(log: Path | None) -> tuple[Channel, Channel]:
    """What the command gets as standard output and standard error; twice the same where ours are the same.

    Args:
        log: The file that both go to, in which case both are passed on to our standard output.

    Raises:
        InputError: If the log cannot be written.
    """
    if log is not None:
        one = _logged(log)
        return one, one
    out = _channel(1)
    same = os.path.sameopenfile(1, 2) if _is_open(2) else True
    return out, out if same else _channel(2)


def _is_open(handle: int) -> bool:
    try:
        os.fstat(handle)
    except OSError:
        return False
    return True


def _logged(log: Path) -> Channel:
    try:
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o666)
    except OSError as error:
        raise InputError(f"cannot write {log}: {error.strerror}", "name another --log") from error
    same = os.path.sameopenfile(handle, 1) if _is_open(1) else True
    return Channel(str(log), handle, Follower(str(log), 0), -1 if same else 1)


def _channel(ours: int) -> Channel:
    if _is_open(ours):
        status = os.fstat(ours)
        if stat.S_ISREG(status.st_mode):
            path = f"/proc/{os.getpid()}/fd/{ours}"
            begins = status.st_size if _appends(ours) else os.lseek(ours, 0, os.SEEK_CUR)
            return Channel(os.path.realpath(path), ours, Follower(path, begins), begins=begins)
    handle, name = tempfile.mkstemp(prefix="diagnose-watch-", suffix=".log")
    os.close(handle)
    handle = os.open(name, os.O_WRONLY | os.O_APPEND)
    to = ours if _is_open(ours) else -1
    shown = "standard output" if ours == 1 else "standard error"
    return Channel(name, handle, Follower(name, 0), to, temporary=True, shown=shown)


def _appends(handle: int) -> bool:
    import fcntl

    return bool(fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_APPEND)


def _punch(handle: int, start: int, length: int) -> None:
    """Frees a part of a file; nothing happens where the file system cannot."""
    libc = ctypes.CDLL(None)
    offset = ctypes.c_int64
    libc.fallocate(handle, _PUNCH_HOLE, offset(start), offset(length))
