"""Threads of one process that wait for each other: pools, queues, locks.

Floor 7.
"""

from __future__ import annotations

from collections.abc import Sequence

from diagnose.model import Block, Frame
from diagnose.stacks.call import call_of
from diagnose.stacks.cut import shown
from diagnose.stacks.frames import last_name
from diagnose.stacks.standing import Stack, Standing
from diagnose.waits.files import by_call
from diagnose.waits.view import Arrow, View

_INNER = ("thread", "future")


def within(view: View, standing: Standing) -> list[Arrow]:
    """What the threads say that a main thread waits for."""
    main = standing.main
    if main is None or any(stack.moved for stack in standing.stacks) or _comes_back(main):
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
    name, free = standing.label, "no thread of it is free to run one"
    count = f"{len(pool)} pool threads"
    what = f"all {len(pool)} threads of a pool in {name} wait for tasks, and {free}; they wait in {where}"
    if len(pool) == 1:
        count = "1 pool thread"
        what = (
            f"the only thread of a pool in {name} waits for a task, and {free}; it waits in {where}"
        )
    return [Arrow(standing.pid, "pool", count, (standing.pid,), Block.CYCLE, what)]


def stuck(standing: Standing) -> list[Arrow]:
    """A process that sleeps in its own locks with every thread: nothing inside can wake it any more."""
    if not standing.process.locked_inside or any(stack.moved for stack in standing.stacks):
        return []
    main, count = standing.main, standing.process.threads
    where = f" in {shown(_caller(main))}" if main and main.frames else ""
    if count == 1:
        what = (
            f"{standing.label} waits without a time limit for a lock of its own{where}, and it has no other thread"
            " that could release it"
        )
    else:
        what = (
            f"all {count} threads of {standing.label} wait without a time limit for locks of their own process, and"
            f" none is left to release one{where}"
        )
    if main is not None and main.wait is not None:
        # An event, a condition, a queue: some programs wait so for a signal that ends them.
        what = f"{what}; only a signal could wake it"
        return [Arrow(standing.pid, "thread", "a lock inside it", (), Block.ASLEEP, what)]
    kind = f"{count} thread{'s' if count > 1 else ''}"
    return [Arrow(standing.pid, "thread", kind, (standing.pid,), Block.CYCLE, what)]


def _locked(standing: Standing, others: Sequence[Stack]) -> list[Arrow]:
    main = standing.main
    assert main is not None
    asleep = [s for s in (main, *others) if _on_lock(s)]
    if len(asleep) < 2 or len(asleep) <= len(others):
        return []
    named = [f"{s.thread.name or s.thread.os_id}" for s in asleep[:3]]
    more = [f"{len(asleep) - 3} others"] if len(asleep) > 3 else []
    names = " and ".join([*named, *more])
    where = "; ".join(shown(_caller(s)) for s in asleep[:3])
    what = f"the threads {names} of {standing.label} all wait for each other, and no thread of it runs: {where}"
    return [
        Arrow(standing.pid, "thread", f"{len(asleep)} threads", (standing.pid,), Block.CYCLE, what)
    ]


def _comes_back(stack: Stack) -> bool:
    """Whether a wait for another thread ends by itself."""
    return call_of(stack.thread.syscall).left_s is not None


def _on_lock(stack: Stack) -> bool:
    if _comes_back(stack):
        return False
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
