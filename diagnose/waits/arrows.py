"""What one process waits for, by the place where its threads stand.

Floor 7.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from diagnose.model import Block
from diagnose.stacks import Standing, call_of, shown
from diagnose.stacks.standing import Stack
from diagnose.waits import engine, files, threads
from diagnose.waits.loops import loop
from diagnose.waits.view import SERVES, Arrow, View

__all__ = ["Arrow", "arrows"]

_BY_KIND: Mapping[str, Callable[[View, Standing], list[Arrow]]] = {
    "baton": files.baton,
    "flock": files.flock,
    "workers": engine.workers,
    "ranks": engine.ranks,
    "answer": engine.answer,
    "readers": engine.readers,
    "engine": engine.engine,
    "front": engine.front,
    "coordinator": engine.coordinator,
    "collective": engine.collective,
    "rendezvous": engine.rendezvous,
    "child": files.child,
    "thread": threads.within,
    "future": threads.within,
}


def arrows(view: View, standing: Standing) -> list[Arrow]:
    """Everything that a process waits for; empty when it waits for nothing that is known.

    A process that is stopped or has ended waits for nobody: it is what others wait for.
    """
    if standing.stopped or standing.dead:
        return []
    main = standing.main
    # What helps a server beside its parts may wait for ever: it is looked into only where somebody waits for it.
    helps = standing.process.role not in SERVES and bool(view.with_role(*SERVES))
    if main is None:
        found = _without_stack(view, standing)
    elif main.moved or view.listens(standing):
        return []
    elif main.idle:
        return [] if helps or standing.process.role in SERVES else loop(view, standing)
    else:
        found = _of_stack(view, standing, main)
    return found or ([] if helps else threads.stuck(standing))


def _of_stack(view: View, standing: Standing, main: Stack) -> list[Arrow]:
    kind = main.wait.waits if main.wait else ""
    generic = main.wait is None or main.wait.generic
    if generic and (found := files.by_call(view, standing, main)):
        return found
    if kind in _BY_KIND:
        return _BY_KIND[kind](view, standing)
    if kind == "socket":
        return files.any_socket(view, standing)
    if kind == "pipe":
        return _from_parent(view, standing)
    inside = call_of(main.thread.syscall).name in ("", "futex")
    return (
        threads.within(view, standing) if main.wait is None and inside and not standing.busy else []
    )


def inner(view: View, standing: Standing) -> list[Arrow]:
    """What the other threads of a process wait for whose main thread is idle although others wait for it."""
    others = [stack for stack in standing.stacks[1:] if not stack.idle]
    found = threads.outward(view, standing, others)
    if found or not others or any(stack.moved for stack in others):
        return found
    stack = others[0]
    place = (stack.wait or stack.work) if stack else None
    name = stack.thread.name or str(stack.thread.os_id)
    where = stack.frames[0] if stack.frames else None
    doing = place.does if place else "stands still"
    inside = f" in {shown(where)}" if where else ""
    what = f"the thread {name} of {standing.label} {doing}{inside}"
    return [Arrow(standing.pid, "thread", f"thread {name}", (), Block.ASLEEP, what)]


def _without_stack(view: View, standing: Standing) -> list[Arrow]:
    """A program that is not Python: a build tool waits for what it started, else the kernel knows."""
    if found := files.by_call(view, standing, None):
        return found
    if standing.process.role in ("builder", "shell") and not standing.busy:
        return files.child(view, standing)
    return []


def _from_parent(view: View, standing: Standing) -> list[Arrow]:
    parent = standing.process.ppid
    if parent not in view.standings:
        return []
    return [Arrow(standing.pid, "pipe", "a message of its parent", (parent,))]
