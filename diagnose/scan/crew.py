"""Further processes for one long source: each looks at some of its segments.

Floor 3: the only module of the scanner that starts processes. They are copies of this one, made when
the first megabytes were looked at, so what was learnt there they know; they read segments from memory that
is shared with them, and send back what they found.
"""

from __future__ import annotations

import contextlib
import mmap
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING

from diagnose.scan.passage import Found, Passage
from diagnose.scan.segments import Segment

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

_SLOTS = 2
"""Segments in one process's hands: one that it looks at, and the next."""
_LOST = "a part of it could not be looked at: the process that did so was killed"


def may_copy() -> bool:
    """Whether this process can be copied.

    Not every system can, and the locks of other threads would be copied as they are and never let go.
    """
    return hasattr(os, "fork") and threading.active_count() == 1


@dataclass(slots=True)
class _Helper:
    process: BaseProcess
    said: Connection
    shared: mmap.mmap
    free: list[int]
    lost: str = ""


class Crew:
    """Hands segments to processes, and ends them when it is left.

    Args:
        passage: What they are copies of; `Passage.part` has been called.
        count: How many processes.
        room: Bytes of the longest segment, with what is shown behind it.
    """

    def __init__(self, passage: Passage, count: int, room: int) -> None:
        self._room = room
        fork = multiprocessing.get_context("fork")
        self._helpers: list[_Helper] = []
        for _ in range(count):
            shared = mmap.mmap(-1, _SLOTS * room)
            here, there = fork.Pipe()
            args = (passage, there, here, shared, room)
            process = fork.Process(target=_help, args=args, daemon=True)
            process.start()
            there.close()
            self._helpers.append(_Helper(process, here, shared, list(range(_SLOTS))))

    def give(self, segment: Segment) -> None:
        """Hands over the next segment, when there is a process for it."""
        helper = self._next()
        if helper is None:
            return
        slot = helper.free.pop()
        start = slot * self._room
        with memoryview(segment.data) as view, view[: segment.shown] as data:
            helper.shared[start : start + segment.shown] = data
        self._tell(helper, (slot, segment.size, segment.shown, segment.offset, segment.newlines))

    def found(self) -> Iterator[Found]:
        """What each of the processes found; of one that was lost, that it was."""
        for helper in self._helpers:
            self._tell(helper, None)
        for helper in self._helpers:
            answer = None
            while answer is None and not helper.lost:
                answer = self._hear(helper)
            yield answer or Found({}, (), (), _LOST)

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *error: object) -> None:
        """Ends the processes."""
        for helper in self._helpers:
            helper.said.close()
            helper.process.kill()
            helper.process.join()
            helper.shared.close()

    def _next(self) -> _Helper | None:
        while True:
            left = [helper for helper in self._helpers if not helper.lost]
            ready = max(left, key=lambda helper: len(helper.free), default=None)
            if ready is None or ready.free:
                return ready
            talking = wait([helper.said for helper in left])
            for helper in left:
                if helper.said in talking:
                    self._hear(helper)

    def _tell(self, helper: _Helper, message: tuple[int, ...] | None) -> None:
        try:
            helper.said.send(message)
        except OSError as error:
            helper.lost = str(error) or "gone"

    def _hear(self, helper: _Helper) -> Found | None:
        try:
            answer = helper.said.recv()
        except (EOFError, OSError) as error:
            helper.lost = str(error) or "gone"
            return None
        if isinstance(answer, int):
            helper.free.append(answer)
            return None
        assert isinstance(answer, Found)
        return answer


def _help(
    passage: Passage, said: Connection, other_end: Connection, shared: mmap.mmap, room: int
) -> None:
    """What a copy does: it ends with the process that it is a copy of, and with nothing else."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    other_end.close()
    passage.go_apart()
    view = memoryview(shared)
    with contextlib.suppress(EOFError, OSError):
        while message := said.recv():
            slot, size, shown, offset, newlines = message
            with view[slot * room : slot * room + shown] as data:
                passage.apart(Segment(data, size, shown, offset, newlines))
            said.send(slot)
        said.send(passage.found())
    os._exit(0)
