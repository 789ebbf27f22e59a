"""What is known of a server without looking at its stacks: its log, its processes, its URL.

Part of `watch`.
"""

from __future__ import annotations

import math
import time
from collections import deque

from diagnose.watch import health
from diagnose.watch.decide import Observation
from diagnose.watch.hearing import Ear
from diagnose.watch.motion import Counters
from diagnose.watch.tree import Tree

_HEALTH_S = (2.0, 15.0)
"""How often to ask the URL: while it starts, and once it is up."""
_MOST_PIECES = 16
"""Of a mebibyte at most, that are kept of a flood between two observations."""
_BUSY_CORES = 0.7
_DOUBT_S = 30.0
"""How long after its log said that it is ready a server gets to answer."""


class Senses:
    """Observes one server.

    Args:
        tree: Its processes.
        url: What answers when it is ready; empty where its log says so.
        now: The monotonic time.
    """

    def __init__(self, tree: Tree, url: str, now: float) -> None:
        self.tree = tree
        self.ear = Ear()
        self.started_s = time.time()
        self._url = url
        self._unhealthy = "it was not asked yet"
        self._doubted: float | None = None
        self._unheard: dict[str, deque[bytes]] = {}
        self._up = False
        self._asked = now - _HEALTH_S[0]

    @property
    def printed(self) -> bool:
        """Whether something was printed since the last observation."""
        return bool(self._unheard)

    @property
    def refusal(self) -> str:
        """That the URL does not answer, and why, as a clause; empty when it does, or where there is none."""
        return (
            f"{self._url} does not answer: {self._unhealthy}"
            if self._url and self._unhealthy
            else ""
        )

    def doubts(self, now: float) -> bool:
        """Whether, for the first time, the log has said for a while that it is ready while the URL does not answer."""
        if not (self.ear.ready and self.refusal):
            self._doubted = None
        elif self._doubted is None:
            self._doubted = now
        elif now - self._doubted >= _DOUBT_S:
            self._doubted = math.inf
            return True
        return False

    def hear(self, source: str, data: bytes) -> None:
        """Keeps what was printed until the next observation."""
        pieces = self._unheard.setdefault(source, deque(maxlen=_MOST_PIECES))
        pieces.append(data)

    def observe(self, now: float) -> Observation:
        """What is known now."""
        ear, tree = self.ear, self.tree
        tree.read(now)
        for source, pieces in self._unheard.items():
            ear.hear(source, b"".join(pieces))
        self._unheard.clear()
        counters = Counters(
            news=ear.news,
            phase=ear.changes,
            io_bytes=tree.io_bytes,
            memory_bytes=tree.memory_bytes,
            builder_s=tree.builder_s,
            kinds=len(tree.kinds),
        )
        sick = self._sick(now)
        return Observation(
            counters=counters,
            engine=ear.phase.engine if ear.phase else "",
            phase=ear.phase.id if ear.phase else "",
            ready=not sick if self._url else ear.ready,
            owing=ear.owes or tree.cores >= _BUSY_CORES or sick,
            giving_up=ear.giving_up,
        )

    def _sick(self, now: float) -> bool:
        if not self._url:
            return False
        if now - self._asked >= _HEALTH_S[self._up]:
            self._asked = now
            self._unhealthy = health.answers(self._url)
            self._up = self._up or not self._unhealthy
        return bool(self._unhealthy)
