"""A progress bar on standard error, for input that takes longer than a second."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

AFTER_S = 1.0


class Bar:
    """Counts the bytes read; draws only on a terminal, and only when it takes long enough to matter.

    Args:
        paths: What is read; the sizes of those that are plain files make the total.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._total = sum(_size(path) for path in paths)
        self._done = 0
        self._started = self._drawn = time.monotonic()
        self._shown = False

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def advance(self, amount: int) -> None:
        """Notes that so many more bytes were read from disk."""
        self._done += amount
        now = time.monotonic()
        if now - self._started < AFTER_S or now - self._drawn < 0.1 or not sys.stderr.isatty():
            return
        self._drawn, self._shown = now, True
        share = f"{min(100, 100 * self._done // self._total):3d} % of " if self._total else ""
        sys.stderr.write(f"\rreading: {share}{max(self._total, self._done) / 1e6:,.0f} MB\x1b[K")
        sys.stderr.flush()


def _size(path: str) -> int:
    """Bytes of a plain file; 0 for everything else, and for names the system refuses."""
    try:
        return Path(path).stat().st_size if Path(path).is_file() else 0
    except (OSError, ValueError):
        return 0
