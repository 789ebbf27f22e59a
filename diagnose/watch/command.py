"""Starts the command, hears of its end, ends all of it.

Part of `watch`. The command leads a session of its own: a key pressed at the terminal reaches this program alone, which
passes it on once, after it has looked. Orphans of the command arrive here (`prctl`), so that none is left behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Sequence

_SUBREAPER = 36
NOT_FOUND, NOT_EXECUTABLE = 127, 126
"""The exit codes that shells and `env` give for a command that cannot be started."""


class Command:
    """A command that runs.

    Args:
        argv: Program and arguments.
        out: Descriptor for its standard output.
        error: Descriptor for its standard error.

    Raises:
        OSError: If it cannot be started.
    """

    def __init__(self, argv: Sequence[str], out: int, error: int) -> None:
        _become_subreaper()
        self._process = subprocess.Popen(argv, stdout=out, stderr=error, start_new_session=True)
        self.pid = self._process.pid
        self.code: int | None = None
        """Its exit code, 128 and the number for a signal; None while it runs."""

    def reap(self) -> dict[int, int]:
        """Takes note of every child that ended; the exit codes by pid."""
        ended = {}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            code = os.waitstatus_to_exitcode(status)
            ended[pid] = code if code >= 0 else 128 - code
        if self.pid in ended:
            self.code = self._process.returncode = ended[self.pid]
        return ended

    def pass_on(self, number: signal.Signals) -> None:
        """Sends it a signal, and its whole group what a key at our terminal would have sent to a group."""
        if self.code is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            if number in (signal.SIGINT, signal.SIGQUIT) and _in_foreground():
                os.killpg(self.pid, number)
            else:
                os.kill(self.pid, number)


def _in_foreground() -> bool:
    """Whether keys at a terminal reach this program."""
    for handle in (0, 1, 2):
        with contextlib.suppress(OSError):
            return os.tcgetpgrp(handle) == os.getpgrp()
    return False


def _become_subreaper() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_SUBREAPER, 1, 0, 0, 0)
