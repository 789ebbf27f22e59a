"""What a live look concludes of processes: who stands where, who waits for whom, and what is in the way.

Floor 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What a live server is doing as a whole; finer than the verdict that goes with it."""

    HUNG = "hung"
    SLOW = "slow"
    IDLE = "idle"
    WORKING = "working"
    STOPPED = "stopped"
    DEAD_PEER = "dead-peer"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class RankGroup:
    """Processes of one role whose stacks are equal once implementation frames are cut."""

    ranks: str
    """Such as `0-6` for workers, `EngineCore` for a single process, pids where nothing else is known."""
    role: str
    pids: tuple[int, ...]
    state: str
    """`waiting`, `idle`, `running`, `moving`, `stopped`, `dead` or `unknown`."""
    doing: str = ""
    """What they do, as a clause with a verb; empty when the stack is not known."""
    frames: tuple[str, ...] = ()
    """Innermost first, as `wait (torch/utils/file_baton.py:50)`, without implementation frames."""
    odd: bool = False
    """Whether it is the one that differs from most of its role."""


@dataclass(frozen=True, slots=True)
class Wait:
    """One arrow of the wait-for graph, merged over waiters that wait for the same."""

    waiter: str
    """Ranks or names, for people."""
    waiters: tuple[int, ...]
    kind: str
    """`file-existence`, `flock`, `pipe`, `fifo`, `socket`, `child`, `workers`, `ranks`, `answer`, `engine`,
    `collective`, `rendezvous`, `coordinator`, `thread` or `pool`."""
    resource: str = ""
    """A path, `HOST:PORT`, or what is waited for in words."""
    holder: str = ""
    """Who holds it, for people; empty for nobody, or nobody who could be seen."""
    holders: tuple[int, ...] = ()
    note: str = ""
    """What limits the statement: where a holder could not be seen."""


class Block(StrEnum):
    """What the waits lead to in the end."""

    STOPPED = "stopped"
    DEAD = "dead"
    NOBODY = "nobody"
    CYCLE = "cycle"
    ABSENT = "absent"
    SILENT = "silent-peer"
    OUTSIDE = "outside"
    LOST = "lost-message"
    COLLECTIVE = "collective"
    ASLEEP = "asleep"
    BUSY = "busy"
    MOVING = "moving"
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True)
class Blocker:
    """The end of the chain of waits: what has to change before anything else can."""

    kind: Block
    what: str
    """One clause that names process and pid, resource and frame."""
    pids: tuple[int, ...] = ()
    resource: str = ""
    waiters: tuple[int, ...] = ()
    """Everybody who waits for it, directly or not."""
    caveat: str = ""
    """Why it may not be so: what could not be looked at; empty when everything was."""
