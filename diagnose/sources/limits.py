"""How much of an input is read before it is taken for a bomb, and what has been read so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from diagnose.sources.stream import DamagedError, amount


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what one input may cost; real logs stay far below all of them."""

    depth: int = 5
    """Archives within archives; a compressed tar counts as one."""
    files: int = 100_000
    """Files read from one folder or archive."""
    free: int = 4 << 30
    """Bytes that may come out of decompression whatever went in."""
    ratio: int = 200
    """Beyond `free`: bytes out for each byte in. A log of one repeated line reaches 1000, which is
    why the ratio alone decides nothing."""
    spool: int = 2 << 30
    """Bytes of an inner zip, which has to be kept whole because it is read from its end."""
    growth: int = 256 << 20
    """Bytes read past the size that a file had when it was opened."""


class Meter:
    """Counts what one given path costs, and stops it when that is too much.

    Args:
        limits: The bounds.
        progress: Called with each further number of bytes read from disk.
    """

    def __init__(self, limits: Limits, progress: Callable[[int], None] | None = None) -> None:
        self.limits = limits
        self._progress = progress
        self._read = self._made = self._files = 0
        self.spent = False
        """Whether a bound was reached, so that nothing more of the input is to be read."""

    def read(self, count: int) -> None:
        """Notes bytes read from disk, standard input or the network."""
        self._read += count
        if self._progress is not None and count:
            self._progress(count)

    def made(self, count: int) -> None:
        """Notes bytes that came out of a decompressor.

        Raises:
            DamagedError: If the input expands as only a decompression bomb does.
        """
        self._made += count
        if self._made > self.limits.free + self.limits.ratio * self._read:
            self.spent = True
            raise DamagedError(
                f"expands to more than {amount(self._made)} from {amount(self._read)}, as a "
                "decompression bomb does; read up to there"
            )

    def opened(self) -> None:
        """Notes one more file or archive member.

        Raises:
            DamagedError: If there are too many.
        """
        self._files += 1
        if self._files > self.limits.files:
            self.spent = True
            raise DamagedError(
                f"holds more than {self.limits.files:,} files; only the first ones were read"
            )
