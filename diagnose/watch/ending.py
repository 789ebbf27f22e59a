"""Ends a tree of processes: TERM, grace, KILL of that tree only.

Part of `watch`. TERM goes to the head alone, which knows best in which order its parts are ended; what it leaves
behind has a head of its own.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from diagnose.watch.tree import Tree, send

_STEP_S = 0.1
_LINGER_S = 2.0
"""How long what is left of a server that ended gets to end by itself."""
_KILLS = 5


@dataclass(frozen=True, slots=True)
class Ending:
    """How to end it.

    Args:
        tree: All of it.
        grace_s: From TERM to KILL.
        pump: Passes on output meanwhile, and takes note of ends.
    """

    tree: Tree
    grace_s: float
    pump: Callable[[], None]

    def stop(self) -> str:
        """Ends all of it; what is to be said about that, in one clause."""
        return self._end() or "stopped"

    def clean_up(self) -> str:
        """Ends what a server that ended has left; what is to be said about that, or nothing."""
        if self._wait(min(_LINGER_S, self.grace_s), ask=False):
            return ""
        return self._end()

    def _end(self) -> str:
        if self._wait(self.grace_s, ask=True):
            return ""
        killed = self._kill()
        for _ in range(_KILLS):
            # Again for what was just forked; what is inside the kernel ends when it comes out.
            if self._wait(1.0, ask=False):
                return f"{killed} of its processes had to be killed"
            self._kill()
        pids = ", ".join(str(one.pid) for one in self.tree.members())
        return f"these of its processes could not be ended: {pids}"

    def _kill(self) -> int:
        return sum(send(one, signal.SIGKILL) for one in self.tree.killable())

    def _wait(self, seconds: float, *, ask: bool) -> bool:
        """Waits for the whole tree to end; whether it did.

        Args:
            seconds: How long.
            ask: Whether to ask every head for its end once.
        """
        until = time.monotonic() + seconds
        asked: set[tuple[int, int]] = set()
        while True:
            self.pump()
            heads = self.tree.heads()
            if not heads:
                return True
            for one in heads if ask else ():
                if one.identity not in asked:
                    asked.add(one.identity)
                    send(one, signal.SIGTERM)
            if time.monotonic() >= until:
                return False
            time.sleep(_STEP_S)
