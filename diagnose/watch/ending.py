"""Ends a tree of processes: TERM, grace, KILL of that tree only.

Part of `watch`.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from diagnose.watch.server import Server
from diagnose.watch.tree import Tree

_STEP_S = 0.1
_LINGER_S = 2.0
"""How long what is left of a server that ended gets to end by itself."""

_KILLS = 5


@dataclass(frozen=True, slots=True)
class Ending:
    """How to end it.

    Args:
        server: Whose head is asked first.
        tree: All of it.
        grace_s: From TERM to KILL.
        pump: Passes on output meanwhile, and takes note of ends.
    """

    server: Server
    tree: Tree
    grace_s: float
    pump: Callable[[], None]

    def stop(self) -> int:
        """Ends all of it; the number of processes that had to be killed."""
        if not self.server.pass_on(signal.SIGTERM):
            self.tree.send(signal.SIGTERM)
        if self._wait(self.grace_s / 2):
            return 0
        return self._force(self.grace_s / 2)

    def clean_up(self) -> int:
        """Ends what a server that ended has left; the number of processes that had to be killed."""
        if self._wait(min(_LINGER_S, self.grace_s)):
            return 0
        return self._force(self.grace_s)

    def _force(self, grace_s: float) -> int:
        self.tree.send(signal.SIGTERM)
        if self._wait(grace_s):
            return 0
        killed = self.tree.send(signal.SIGKILL)
        for _ in range(_KILLS):
            # Again for what was just forked; what is inside the kernel ends when it comes out.
            if self._wait(1.0):
                break
            self.tree.send(signal.SIGKILL)
        return killed

    def _wait(self, seconds: float) -> bool:
        """Waits for the whole tree to end; whether it did."""
        until = time.monotonic() + seconds
        while True:
            self.pump()
            if not self.tree.members():
                return True
            if time.monotonic() >= until:
                return False
            time.sleep(_STEP_S)
