"""Where bytes come from: files, pipes, standard input, and temporary copies of inner archives."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
from collections.abc import Callable
from typing import IO, Any, BinaryIO, cast

from diagnose.sources.limits import Meter
from diagnose.sources.stream import DamagedError, Readable, amount, pieces

_SPOOL_MEMORY = 32 << 20
_FLAGS = sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))

_REASONS: dict[type[OSError], str] = {
    FileNotFoundError: "no such file or folder",
    PermissionError: "not permitted to read it",
    NotADirectoryError: "no such file or folder",
}


class Input(io.RawIOBase):
    """An open file whose reading is counted, bounded, and fails as a `DamagedError`.

    Args:
        file: Anything that has `readinto` or `read`; closed with this object.
        meter: Told of every byte.
        size: Bytes it had when it was opened; None where that means nothing.
        fd: Its file descriptor where it is a file on disk, to see whether it shrank.
        counted: Whether the meter is told; not for what was counted before it was copied here.
    """

    def __init__(
        self,
        file: IO[bytes],
        meter: Meter,
        size: int | None = None,
        fd: int | None = None,
        *,
        counted: bool = True,
    ) -> None:
        super().__init__()
        self._file = file
        self._meter = meter
        self._fd = fd
        self._counted = counted
        self._at = 0
        self.size = size
        # readinto1 returns what a pipe has, where readinto would wait for more.
        self._into = cast(
            "Callable[[memoryview], int | None] | None",
            getattr(file, "readinto1", None) or getattr(file, "readinto", None),
        )

    def readinto(self, buffer: Any, /) -> int:
        """Reads some bytes; 0 at the end.

        Raises:
            DamagedError: If the file cannot be read any further, shrank or never stops growing.
        """
        view = memoryview(buffer)
        if self.size and self._at > self.size + self._meter.limits.growth:
            raise DamagedError(f"grows faster than it can be read; read up to {amount(self._at)}")
        try:
            count = self._read(view)
        except Exception as error:  # whatever a remote file system may raise
            raise DamagedError(f"stops after {amount(self._at)}: {reason(error)}") from error
        if not count and len(view):
            self._check_end()
        self._at += count
        if self._counted:
            self._meter.read(count)
        return count

    @property
    def identity(self) -> tuple[int, int] | None:
        """Device and inode of a file on disk: equal for all links to it."""
        if self._fd is None:
            return None
        status = os.fstat(self._fd)
        return status.st_dev, status.st_ino

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Whether an archive that is read from its end can be read where it is."""
        try:
            return self._file.seekable()
        except (OSError, AttributeError, ValueError):
            return False

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Moves to another place."""
        self._at = self._file.seek(offset, whence)
        return self._at

    def tell(self) -> int:
        """The number of bytes before the next one to be read."""
        return self._at

    def skip(self, count: int) -> int:
        """Leaves out bytes of a file on disk; returns how many, 0 where they have to be read."""
        if self._fd is None:
            return 0
        count = max(0, min(count, os.fstat(self._fd).st_size - self._at))
        self.seek(count, os.SEEK_CUR)
        self._meter.read(count)
        return count

    def close(self) -> None:
        """Closes the file too."""
        if not self.closed:
            self._file.close()
        super().close()

    def _read(self, view: memoryview) -> int:
        if self._into is not None:
            return self._into(view) or 0
        data = self._file.read(len(view))
        view[: len(data)] = data
        return len(data)

    def _check_end(self) -> None:
        if self._fd is None or self.size is None or self._at >= self.size:
            return
        if os.fstat(self._fd).st_size < self.size:
            raise DamagedError(
                f"was cut short while it was read: {amount(self._at)} of {amount(self.size)}"
            )


class _Borrowed(io.RawIOBase):
    """Standard input, which stays open when what reads it is closed."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._into = getattr(file, "readinto1", None) or file.readinto  # type: ignore[attr-defined]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        return self._into(buffer) or 0


def open_file(path: str, meter: Meter) -> Input:
    """Opens a file or a named pipe.

    Raises:
        DamagedError: If it cannot be opened, or is nothing that a log can be read from.
    """
    try:
        mode = os.stat(path).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            # Looking first, because merely opening some devices has an effect.
            raise DamagedError(_special(mode))
        # Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
        fd = os.open(path, os.O_RDONLY | _FLAGS)
    except (OSError, ValueError) as error:
        raise DamagedError(unopened(path, error)) from error
    status = os.fstat(fd)
    if stat.S_ISREG(status.st_mode):
        return Input(io.FileIO(fd), meter, status.st_size, fd)
    os.set_blocking(fd, True)
    return Input(io.FileIO(fd), meter)


def open_stdin(stdin: BinaryIO | None, meter: Meter) -> Input:
    """Standard input, which is never closed.

    Raises:
        DamagedError: If there is none.
    """
    if stdin is None:
        raise DamagedError("standard input is closed")
    # Some object in memory has no file descriptor. A pipe that a parent made non-blocking (Node.js
    # does) would seem to end early.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.set_blocking(stdin.fileno(), True)
    try:
        return Input(cast("IO[bytes]", _Borrowed(stdin)), meter)
    except (OSError, ValueError, AttributeError) as error:
        raise DamagedError(f"standard input cannot be read: {reason(error)}") from error


def spool(stream: Readable, meter: Meter) -> tuple[Input, DamagedError | None]:
    """A temporary copy of a stream that can be read from any place.

    Small ones stay in memory; larger ones go to an unnamed file in the temporary folder.

    Returns:
        The copy, and what kept it from being whole.
    """
    import tempfile

    # Closed by the caller, with the Input around it.
    copy = tempfile.SpooledTemporaryFile(_SPOOL_MEMORY)  # noqa: SIM115
    damage = None
    total = 0
    try:
        for piece in pieces(stream):
            total += len(piece)
            if total > meter.limits.spool:
                raise DamagedError(
                    f"is a zip of more than {amount(meter.limits.spool)} within something else: "
                    "unpack it first"
                )
            copy.write(piece)
    except DamagedError as found:
        damage = found
    except OSError as error:
        damage = DamagedError(f"no room for a temporary copy: {reason(error)}")
    copy.seek(0)
    return Input(cast("IO[bytes]", copy), meter, counted=False), damage


def reason(error: Exception) -> str:
    """An exception in words for a user, in one line."""
    for kind, words in _REASONS.items():
        if isinstance(error, kind):
            return words
    words = (getattr(error, "strerror", None) or str(error)).strip().partition("\n")[0]
    # The first letter of a sentence, and not that of a name such as HTTPFileSystem.
    return words[:1].lower() + words[1:] if words[1:2].islower() else words or type(error).__name__


def unopened(path: str, error: Exception) -> str:
    """Why a path cannot be opened, for a user."""
    if isinstance(error, ValueError):
        return "not a file name"
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return "a symbolic link that leads back to itself"
    if isinstance(error, FileNotFoundError) and os.path.islink(path):
        return "a symbolic link that leads nowhere"
    return reason(error)


def _special(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a socket, not a log" if stat.S_ISSOCK(mode) else "a device, not a log"
