"""Signals that mean an end: held back for the evidence, then passed on.

Part of `watch`.
"""

from __future__ import annotations

import signal
import time

from diagnose.units import duration
from diagnose.watch.options import Options
from diagnose.watch.server import Server
from diagnose.watch.status import Voice


class Held:
    """The signals of a cancel on their way to the server.

    Args:
        server: Whom they are for.
        voice: Where to say what became of them.
        options: How long they are held, and how long the server gets to end.
    """

    def __init__(self, server: Server, voice: Voice, options: Options) -> None:
        self.looking = False
        """Whether there was a look because of one."""
        self.hurry = False
        """Whether somebody sent a second one meanwhile."""
        self.passed = False
        """Whether any was passed on."""
        self.code: int | None = None
        """Our exit code where a signal ends us alone, because the server is not ours."""
        self._server = server
        self._voice = voice
        self._options = options
        self._held: list[signal.Signals] = []
        self._since = 0.0
        self._asked: tuple[signal.Signals, float] | None = None

    def __bool__(self) -> bool:
        return bool(self._held)

    def take(self, number: signal.Signals, now: float, *, watching: bool) -> bool:
        """Takes one that came; whether it waits for a look that is to be begun now.

        Args:
            number: The signal.
            now: The time.
            watching: Whether the server is watched at all.
        """
        self._held.append(number)
        if watching and not self.looking:
            self.looking, self._since = True, now
            return True
        # Who sends it again is in a hurry.
        self.hurry = self.hurry or self.looking
        self.release()
        return False

    def check(self, now: float) -> None:
        """Passes on what was held for long enough, and says so when a server outlives it: some lose one."""
        if self._held and now - self._since >= self._options.hold_s:
            self.release()
        if self._asked is not None and now - self._asked[1] >= self._options.grace_s:
            (number, at), self._asked = self._asked, None
            took = duration(now - at)
            self._voice.say(f"{number.name} was passed on {took} ago, and the command goes on")

    def release(self) -> None:
        """Passes on every signal that was held back."""
        for number in self._held:
            self.passed = True
            if self._server.pass_on(number):
                self._asked = (number, time.monotonic())
            else:
                self.code = 128 + number
        self._held.clear()
