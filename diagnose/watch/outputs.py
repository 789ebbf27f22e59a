"""Where the command writes, and what is passed on from there.

Part of `watch`. The command writes to files, never to a pipe of ours: when this program is killed the command goes on
writing and notices nothing. Where our own output is a plain file it writes there itself, and nothing is passed on.
"""

from __future__ import annotations

import ctypes
import fcntl
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
    """The file that it writes, as its processes know it."""
    here: str
    """Where this program opens it."""
    handle: int
    """What the command gets as its descriptor."""
    follower: Follower
    to: int = -1
    """The descriptor to pass it on to; -1 for nowhere."""
    begins: int = 0
    """Bytes that the file held before; they are of something else."""
    temporary: bool = False
    """Whether the file is only for us, and has no name any more."""
    name: str = ""
    """What reports call it; empty for its path."""
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
    path = str(log)
    return Channel(path, path, handle, Follower(path, 0), -1 if same else 1)


def _channel(ours: int) -> Channel:
    if _is_open(ours):
        status = os.fstat(ours)
        if stat.S_ISREG(status.st_mode):
            here = _ours(ours)
            begins = status.st_size if _appends(ours) else os.lseek(ours, 0, os.SEEK_CUR)
            path = os.path.realpath(here)
            return Channel(path, here, ours, Follower(here, begins), begins=begins)
    name = "standard output" if ours == 1 else "standard error"
    path, handle = _nameless(f"diagnose-watch-{name[9:]}")
    here, to = _ours(handle), ours if _is_open(ours) else -1
    return Channel(path, here, handle, Follower(here, 0), to, temporary=True, name=name)


def _ours(handle: int) -> str:
    """Where this program, and what it forks, opens a file again that it has open."""
    return f"/proc/self/fd/{handle}"


def _nameless(name: str) -> tuple[str, int]:
    """A temporary file that is gone with the last process that has it open: the path it had, and a descriptor.

    Where the disk has no room it is in memory: a command whose output finds none may end of that.
    """
    try:
        first, path = tempfile.mkstemp(prefix=f"{name}-", suffix=".log")
        try:
            room = os.fstatvfs(first)
            handle = os.open(path, os.O_WRONLY | os.O_APPEND)
        finally:
            os.close(first)
            os.unlink(path)
        if room.f_bavail * room.f_frsize >= KEPT_HEAD + KEPT_TAIL + _FREED_AT_ONCE:
            return path, handle
        os.close(handle)
    except OSError:
        pass  # read-only, full, or out of inodes
    handle = os.memfd_create(name)
    fcntl.fcntl(handle, fcntl.F_SETFL, os.O_APPEND)
    return f"/memfd:{name}", handle


def _appends(handle: int) -> bool:
    return bool(fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_APPEND)


def _punch(handle: int, start: int, length: int) -> None:
    """Frees a part of a file; nothing happens where the file system cannot."""
    libc = ctypes.CDLL(None)
    offset = ctypes.c_int64
    libc.fallocate(handle, _PUNCH_HOLE, offset(start), offset(length))
