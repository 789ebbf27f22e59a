"""Signals to this program, as a queue that the loop reads.

Part of `watch`.
"""

from __future__ import annotations

import os
import signal

ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)
"""Before these are passed on there is a look."""
PASSED = (*ENDING, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH)


class Signals:
    """Catches what is to be passed on, and that a child ended; what was ignored stays ignored."""

    def __init__(self) -> None:
        self.handle, self._there = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._there, warn_on_full_buffer=False)
        for number in (*PASSED, signal.SIGCHLD):
            if signal.getsignal(number) is not signal.SIG_IGN or number is signal.SIGCHLD:
                signal.signal(number, _nothing)

    def take(self) -> list[signal.Signals]:
        """Those that came since the last time, in order."""
        try:
            data = os.read(self.handle, 4096)
        except BlockingIOError:
            return []
        return [signal.Signals(number) for number in data if number in PASSED]


def _nothing(number: int, frame: object) -> None:
    """The wake-up descriptor carries the news."""
