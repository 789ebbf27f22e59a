"""Stacks as py-spy prints them, and dumps that were pasted into a log read back into samples.

Floor 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from diagnose.dialects.stackdumps import StackDump, stack_dumps
from diagnose.model import Frame, Line, Process, Sample, Thread
from diagnose.stacks.cut import shown

_MAIN = "MainThread"
_KERNEL_NAMES = ("pystack", "gdb")
"""Tools that give each thread the kernel's number and name, and no name of Python's."""


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
        if last is not None and same and not _again(last, thread):
            samples[-1] = replace(last, threads=(*last.threads, thread))
        else:
            samples.append(Sample(pid, time_s + len(samples), (thread,), found.tool))
    return tuple(_with_pid(sample) for sample in samples)


def titles(lines: Sequence[Line]) -> dict[int, str]:
    """What the dumps in `lines` call each process, by pid."""
    found: dict[int, str] = {}
    for dumped in stack_dumps(lines):
        # Where no pid is told, the main thread's number is the pid, and its kernel name the process's.
        own = _number(dumped) if dumped.tool in _KERNEL_NAMES else 0
        title = dumped.process or (dumped.thread if own else "")
        if title:
            found[dumped.pid or own] = title
    return found


def _again(sample: Sample, thread: Thread) -> bool:
    """Whether a dump of the same process, or of another one without a number, begins anew."""
    if not sample.pid and sample.how == "pystack" and sample.threads[-1].name == _MAIN:
        return True
    return any(
        known.os_id == thread.os_id and known.name == thread.name for known in sample.threads
    )


def _with_pid(sample: Sample) -> Sample:
    """A sample under the number of its main thread, where the tool prints the kernel's numbers and no pid."""
    if sample.pid or sample.how not in _KERNEL_NAMES:
        return sample
    main = [thread for thread in sample.threads if thread.name == _MAIN]
    first = min((thread.os_id for thread in main or sample.threads), default=0)
    return replace(sample, pid=first)


def _thread(found: StackDump) -> Thread:
    name = "" if found.tool in _KERNEL_NAMES else found.thread
    if not name and found.frames and found.frames[-1].func == "<module>":
        # What a program runs first, it runs in its main thread.
        name = _MAIN
    return Thread(
        os_id=_number(found),
        name=name,
        active=bool(found.active),
        owns_gil=False,
        frames=tuple(
            Frame(f.func, f.file, f.line, native=found.tool == "gdb") for f in found.frames
        ),
    )


def _number(found: StackDump) -> int:
    number = found.thread_id
    return int(number, 16) if number.startswith("0x") else int(number) if number.isdigit() else 0
