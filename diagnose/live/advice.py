"""What to do now about what is in the way, where no signature says it.

Floor 9: pure. Commands are printed, never run.
"""

from __future__ import annotations

import shlex

from diagnose.live.look import Look
from diagnose.model import Block, Blocker, Fix, State

LOOK = (Block.ASLEEP, Block.BUSY, Block.UNSEEN)
"""Where only a further look can say what to do."""
_SUMMARY = {
    Block.STOPPED: "Let the stopped process go on; nothing else is wrong with the ones that wait for it.",
    Block.DEAD: "Stop the server and start it again: what it waits for has ended. The kernel's log and the process's own last lines say why it ended.",
    Block.NOBODY: "What it waits for will not come. Take the resource away or supply its other end, then start the server again.",
    Block.CYCLE: "Nothing inside can end this: stop the processes that wait for each other. Then see that locks are taken in one order, that a pipe is emptied before its writer is waited for, and who should have sent the message that each of them waits for.",
    Block.ABSENT: "Start the missing peer with the address that the waiting one uses, or stop the server and start it for as many ranks as there are.",
    Block.SILENT: "Look at the other end of the connection: it accepted and does not answer. Set a time limit for it.",
    Block.OUTSIDE: "Look at the process that holds it: it does not belong to this server. What it holds comes free when it lets go or ends.",
    Block.LOST: "Stop the server and start it again; keep this look, because it shows a message lost between processes. Where one of them was killed, the message went with it: its own last lines and the kernel's log say why.",
    Block.COLLECTIVE: "Compare what the ranks ran before it: every rank is in the collective, so its transport, a device or a rank on another host does not answer.",
    Block.ASLEEP: "Look at this process in more detail: why it sleeps there is not known here.",
    Block.BUSY: "Look for a minute: if it stays in the same function, and all other ranks wait for it, it will not end.",
    Block.UNSEEN: "Look at this process with more rights: it decides, and it could not be seen.",
    Block.MOVING: "Wait: it moves.",
}  # fmt: skip
_FOREIGN = "Look at this program with a debugger: it decides, and it is no Python process, whose stack could be read here."
_ELSEWHERE = "Look at the process that it waits for: it belongs to another tree."
_ALL = (
    "Look at the whole server on its machine: who decides is not among the stacks that were given."
)


def fix_for(seen: Look) -> Fix | None:
    """What unblocks it, for the kind of obstacle; None when nothing is in the way."""
    blocker = seen.blocker
    if blocker is None:
        return None
    if blocker.kind is Block.UNSEEN and seen.snapshot.partial:
        return Fix(summary=_ALL, now=("diagnose attach --save FILE",))
    if blocker.kind is Block.UNSEEN and blocker.pids and not seen.view.inside(blocker.pids[0]):
        return Fix(summary=_ELSEWHERE, now=(f"diagnose attach {blocker.pids[0]}",))
    if blocker.kind is Block.UNSEEN and _foreign(seen, blocker):
        return Fix(
            summary=_FOREIGN, now=(f"gdb --batch -p {blocker.pids[0]} -ex 'thread apply all bt'",)
        )
    return Fix(summary=_SUMMARY[blocker.kind], now=_now(seen, blocker))


def _foreign(seen: Look, blocker: Blocker) -> bool:
    """Whether it was looked at, and is no Python process whose stack could be read."""
    known = [seen.standings[pid] for pid in blocker.pids if pid in seen.standings]
    return bool(known) and not any(one.process.python for one in known)


def _now(seen: Look, blocker: Blocker) -> tuple[str, ...]:
    pids = " ".join(map(str, blocker.pids))
    first = blocker.pids[0] if blocker.pids else 0
    if blocker.kind is Block.STOPPED:
        return (f"kill -CONT {pids}",)
    if blocker.kind is Block.NOBODY and blocker.resource.startswith("/"):
        return (f"fuser -v {shlex.quote(blocker.resource)}",)
    if blocker.kind in (Block.OUTSIDE, Block.CYCLE) and pids:
        return (f"ps -o pid,ppid,user,stat,etime,args -p {pids.replace(' ', ',')}",)
    if blocker.kind is Block.BUSY and seen.state is State.UNCLEAR and not seen.snapshot.partial:
        return (f"diagnose attach {seen.snapshot.root} --interval 30",)
    if blocker.kind in (Block.ASLEEP, Block.BUSY, Block.UNSEEN) and first:
        return (f"py-spy dump --native --pid {first}",)
    return ()
