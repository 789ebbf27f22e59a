"""What is said of the ends of a chain, as clauses.

Floor 7.
"""

from __future__ import annotations

from diagnose.model import Block
from diagnose.stacks import Call, Standing, call_of, shown
from diagnose.stacks.call import SLEEPS
from diagnose.units import duration
from diagnose.waits.files import ROOM
from diagnose.waits.view import HOLDABLE, TALKS, Arrow

_COMMAND = 160


def command(standing: Standing) -> str:
    """The command line of a process, cut where it gets long."""
    title = standing.process.title
    return title if len(title) <= _COMMAND else f"{title[:_COMMAND]}…"


def foreign(standing: Standing) -> str:
    """A clause on a process that is not Python, from what the kernel says of it; empty for others."""
    process = standing.process
    if process.python or not process.title:
        return ""
    if process.title == f"[{process.comm}]":
        return f"{standing.label} is a thread of the kernel"
    call = process.syscall.partition(" ")[0] or process.wchan
    does = f"sits in `{call}`" if call else f"is in state {process.state}"
    if standing.busy:
        does = f"runs at {process.cpu_share:.2f} cores"
    return f"{standing.label} is not a Python process; it {does}"


def sitting(standing: Standing) -> Call:
    """The system call that the main thread sits in."""
    call = standing.main.thread.syscall if standing.main else ""
    return call_of(call or standing.process.syscall)


def _sleeps(standing: Standing) -> bool:
    """Whether the main thread sits in a sleep whose length it chose itself."""
    return sitting(standing).name in SLEEPS


def clause(standing: Standing, kind: Block) -> str:
    """What an end of this kind does, without a full stop."""
    main = standing.main
    where = f" in {shown(main.frames[0])}" if main and main.frames else ""
    phase = (
        next((h.place.does for h in main.found if h.place.work or h.place.phase), "")
        if main
        else ""
    )
    under = f", while it {phase}" if phase else ""
    share = f"{standing.process.cpu_share:.2f} cores"
    if kind is Block.STOPPED:
        return f"{standing.label} is stopped (state {standing.process.state})"
    if kind is Block.DEAD:
        return f"{standing.label} has ended (state {standing.process.state})"
    if kind is Block.MOVING:
        does = standing.does or ("runs" if standing.process.role != "builder" else "is at work")
        return f"{standing.label} {does}, at {share}{where}"
    if kind is Block.BUSY:
        return (
            f"{standing.label} uses {share} and did not leave{where.replace(' in ', ' ', 1)}{under}"
        )
    if kind is Block.UNSEEN:
        return foreign(standing) or f"{standing.label} could not be looked at"
    if standing.process.state == "D":
        wchan = f" ({standing.process.wchan})" if standing.process.wchan else ""
        return (
            f"{standing.label} waits inside the kernel for a disk or a device{wchan}{where}{under}"
        )
    if _sleeps(standing):
        left = sitting(standing).left_s
        more = f" (for at most {duration(max(1.0, left))} more)" if left is not None else ""
        return f"{standing.label} sleeps for a time that it sets itself{where}{under}{more}"
    if locked := _own_lock(standing):
        return f"{standing.label} {locked}{where}{under}"
    return f"{standing.label} sleeps or waits for something unknown{where}{under}"


def _own_lock(standing: Standing) -> str:
    """What is known of a lock in memory, whose holder nothing tells; empty where it does not wait for one."""
    call = sitting(standing)
    if call.name != "futex" or not call.words & {"private", "shared"}:
        return ""
    limit = "without a time limit" if "forever" in call.words else "for a while"
    if call.left_s is not None:
        limit = f"for at most {duration(max(1.0, call.left_s))} more"
    if "private" in call.words:
        return f"waits {limit} for one of its own threads"
    return f"waits {limit} for a lock or an event that it shares with other processes"


def step(arrow: Arrow | None, name: str, other: str) -> str:
    """One step of a circle, as a clause."""
    if arrow is None:
        return f"{name} waits for {other}"
    if arrow.kind == "child":
        return f"{name} waits for {other} to end"
    if arrow.resource.startswith(ROOM):
        return f"{name} waits for {arrow.resource}, which {other} does not empty"
    if arrow.kind in HOLDABLE and arrow.kind not in TALKS:
        return f"{name} waits for {arrow.resource}, which {other} holds"
    return f"{name} waits for {arrow.resource} from {other}"
