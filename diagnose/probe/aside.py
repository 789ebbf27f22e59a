"""Questions that may never be answered, asked aside: a dead file system or a wedged driver must not hang the look.

Part of the probe, floor 10.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Aside(Generic[T]):
    """Runs a question in a thread that nobody has to wait for at the end.

    Args:
        ask: The question.
        timeout_s: How long after the start its answer is of use.
    """

    def __init__(self, ask: Callable[[], T], timeout_s: float) -> None:
        self._ask = ask
        self._answers: list[T] = []
        self._errors: list[BaseException] = []
        self._until = time.monotonic() + timeout_s
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def answer(self) -> T | None:
        """The answer; None when it did not come in time. What the question raises is raised here."""
        self._thread.join(max(0.0, self._until - time.monotonic()))
        if self._errors:
            raise self._errors[0]
        return self._answers[0] if self._answers else None

    def _run(self) -> None:
        try:
            self._answers.append(self._ask())
        except BaseException as error:
            self._errors.append(error)
