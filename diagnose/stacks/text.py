"""Stacks as py-spy prints them, and dumps that were pasted into a log read back into samples.

Floor 6.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from diagnose.document import StackDump, stack_dumps
from diagnose.model import Frame, Line, Process, Sample, Thread
from diagnose.stacks.cut import shown


def dump(process: Process, sample: Sample) -> str:
    """One process the way `py-spy dump` prints it, the main thread first."""
    lines = [f"Process {process.pid}: {process.title or process.name or process.comm}"]
    for thread in sorted(sample.threads, key=lambda t: t.name != "MainThread"):
        active = "active+gil" if thread.owns_gil else "active" if thread.active else "idle"
        name = f': "{thread.name}"' if thread.name else ""
        lines.append(f"Thread {thread.os_id} ({active}){name}")
        lines += [f"    {shown(frame)}" for frame in thread.frames]
    return "\n".join(lines) + "\n"


def pasted(lines: Sequence[Line], time_s: float = 0.0) -> tuple[Sample, ...]:
    """The stack dumps in `lines`, one sample a process and dump, in order.

    Args:
        lines: Consecutive lines of one source.
        time_s: What stands for the time of the first; each later dump counts as a second later.
    """
    samples: list[Sample] = []
    for found in stack_dumps(lines):
        thread = _thread(found)
        pid = found.pid or 0
        last = samples[-1] if samples else None
        same = last is not None and last.pid == pid and last.how == found.tool
        if last is not None and same and not _again(last.threads, thread):
            samples[-1] = Sample(pid, last.time_s, (*last.threads, thread), found.tool)
        else:
            samples.append(Sample(pid, time_s + len(samples), (thread,), found.tool))
    return tuple(samples)


def _again(threads: Iterable[Thread], thread: Thread) -> bool:
    """Whether a dump of the same process begins anew."""
    return any(known.os_id == thread.os_id and known.name == thread.name for known in threads)


def _thread(found: StackDump) -> Thread:
    number = found.thread_id
    os_id = int(number, 16) if number.startswith("0x") else int(number) if number.isdigit() else 0
    return Thread(
        os_id=os_id,
        name=found.thread,
        active=bool(found.active),
        owns_gil=False,
        frames=tuple(
            Frame(f.func, f.file, f.line, native=found.tool == "gdb") for f in found.frames
        ),
    )
