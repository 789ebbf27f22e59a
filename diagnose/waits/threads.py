"""Threads of one process that wait for each other: pools, queues, locks.

Floor 7.
"""

from __future__ import annotations

from collections.abc import Sequence

from diagnose.model import Block, Frame
from diagnose.stacks.cut import shown
from diagnose.stacks.frames import last_name
from diagnose.stacks.standing import Stack, Standing
from diagnose.waits.files import by_call
from diagnose.waits.view import Arrow, View

_INNER = ("thread", "future")


def within(view: View, standing: Standing) -> list[Arrow]:
    """What the threads say that a main thread waits for."""
    main = standing.main
    if main is None or any(stack.moved for stack in standing.stacks):
        return []
    pool = [stack for stack in standing.stacks if _of_pool(stack)]
    others = [s for s in standing.stacks[1:] if not s.idle]
    if main.wait is not None and main.wait.waits == "future" and pool:
        return _pool(view, standing, pool)
    if others:
        return outward(view, standing, others) or _locked(standing, others)
    return []


def outward(view: View, standing: Standing, stacks: Sequence[Stack]) -> list[Arrow]:
    """What other threads of a process wait for outside it."""
    for stack in stacks:
        if found := by_call(view, standing, stack):
            return found
    return []


def _pool(view: View, standing: Standing, pool: Sequence[Stack]) -> list[Arrow]:
    at_work = [stack for stack in pool if not stack.idle]
    if found := outward(view, standing, at_work):
        return found
    stuck = [s for s in at_work if s.wait is not None and s.wait.waits in _INNER]
    if not stuck or len(stuck) < len(pool):
        return []
    where = shown(_caller(stuck[0]))
    what = (
        f"all {len(pool)} threads of a pool in {standing.label} wait for tasks, and no thread of it is free to"
        f" run one; they wait in {where}"
    )
    return [
        Arrow(standing.pid, "pool", f"{len(pool)} pool threads", (standing.pid,), Block.CYCLE, what)
    ]


def _locked(standing: Standing, others: Sequence[Stack]) -> list[Arrow]:
    main = standing.main
    assert main is not None
    asleep = [s for s in (main, *others) if _on_lock(s)]
    if len(asleep) < 2 or len(asleep) <= len(others):
        return []
    names = " and ".join(f"{s.thread.name or s.thread.os_id}" for s in asleep[:4])
    where = "; ".join(shown(_caller(s)) for s in asleep[:3])
    what = f"the threads {names} of {standing.label} all wait for each other, and no thread of it runs: {where}"
    return [
        Arrow(standing.pid, "thread", f"{len(asleep)} threads", (standing.pid,), Block.CYCLE, what)
    ]


def _on_lock(stack: Stack) -> bool:
    inner = stack.wait is not None and stack.wait.waits in _INNER
    return inner or (stack.wait is None and stack.thread.syscall.startswith("futex"))


def _of_pool(stack: Stack) -> bool:
    return any(
        last_name(f.name) == "_worker" and f.file.endswith("concurrent/futures/thread.py")
        for f in stack.frames
    )


def _caller(stack: Stack) -> Frame:
    """The innermost frame outside the standard library's waits."""
    library = (
        "threading.py",
        "queue.py",
        "concurrent/futures/_base.py",
        "concurrent/futures/thread.py",
    )
    return next((f for f in stack.frames if not f.file.endswith(library)), stack.frames[0])
