"""A look and its diagnosis, in a process of its own.

Part of `watch`. What waits for a process that nobody can end, or needs a lot of memory, does so there: this program goes
on passing output and signals meanwhile, and leaves a look alone that does not come back.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

_MOST = 2**24
_PUMP_S = 0.1
"""How often there is a look for other things while an answer is waited for."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a look said; everything as text, so that it comes over a pipe."""

    opinion: str = ""
    """As `decide.Opinion`; empty where no process was looked at."""
    place: str = ""
    summary: str = ""
    """One line: the verdict, and the cause where one is named."""
    report: str = ""
    """The whole report, ready to be shown."""
    code: int = 0
    """The exit code that `diagnose attach` or `diagnose log` would have."""
    saved: str = ""
    """The bundle's path."""
    unsaved: str = ""
    """Why there is no bundle, in one clause."""
    doing: str = ""
    """What the processes do, in a few words."""
    problem: str = ""
    """Why there is no answer, in one clause."""


class Aside:
    """Asks in a process of its own.

    Args:
        ask: The question; it runs there.
        now: The monotonic time.
        limit_s: After which the answer is of no use.
    """

    def __init__(self, ask: Callable[[], Answer], now: float, limit_s: float) -> None:
        self.began = now
        self._until = now + limit_s
        self.handle, there = os.pipe()
        self._data = b""
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _answer(ask, there)
        os.close(there)
        os.set_blocking(self.handle, False)

    def answer(self, now: float) -> Answer | None:
        """The answer, or that there is none; None while it is still awaited."""
        while True:
            try:
                data = os.read(self.handle, 65536)
            except BlockingIOError:
                return self._late() if now >= self._until else None
            if not data or len(self._data) > _MOST:
                break
            self._data += data
        self._close()
        try:
            return Answer(**json.loads(self._data))
        except (ValueError, TypeError):
            return Answer(problem="the look ended without an answer")

    def wait(self, until: float, interrupted: Callable[[], bool]) -> Answer:
        """The answer, waited for.

        Args:
            until: A monotonic time at which it is given up.
            interrupted: Asked again and again whether to give it up now.
        """
        self._until = min(self._until, until)
        while True:
            found = self.answer(time.monotonic())
            if found is not None:
                return found
            if interrupted():
                self.give_up()
                return Answer(problem="a signal came before it was done")
            select.select((self.handle,), (), (), _PUMP_S)

    def give_up(self) -> None:
        """Ends the look; its answer is of no use any more."""
        # It leads no group yet in the moment after it was forked.
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError):
                kill(self.pid, signal.SIGKILL)
                break
        self._close()

    def _late(self) -> Answer:
        self.give_up()
        return Answer(problem="the look did not come back in time")

    def _close(self) -> None:
        os.close(self.handle)


def _answer(ask: Callable[[], Answer], there: int) -> None:
    """The life of the process that looks; it never returns."""
    code = 70
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGCHLD,
                       signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH):  # fmt: skip
            signal.signal(number, signal.SIG_DFL)
        try:
            answer = ask()
        except Exception as error:
            answer = Answer(problem=f"{type(error).__name__}: {error}"[:500])
        data = json.dumps(asdict(answer)).encode()
        while data:
            data = data[os.write(there, data) :]
        code = 0
    finally:
        os._exit(code)
