"""What the kernel adds to a sample: where each thread really is, and the system call it sits in.

Part of the probe, floor 10.
"""

from __future__ import annotations

import dataclasses
import time

from diagnose.model import Sample, Thread
from diagnose.probe import proc
from diagnose.probe.syscalls import Calls

_TRIES = 3


def enrich(sample: Sample, calls: Calls) -> Sample:
    """The same sample with system calls; in another PID namespace also with this one's thread numbers.

    Args:
        sample: As py-spy gave it.
        calls: Noted before.
    """
    outer = _numbers(sample.pid)
    return dataclasses.replace(
        sample,
        threads=tuple(_thread(sample.pid, thread, outer, calls) for thread in sample.threads),
    )


def _thread(pid: int, thread: Thread, outer: dict[int, int], calls: Calls) -> Thread:
    tid = outer.get(thread.os_id, thread.os_id)
    if tid == thread.os_id:
        active = thread.active
        call = "" if active else _settled(pid, tid, calls)
    else:
        # py-spy asked the kernel about the number that counts inside, and so about some other thread.
        call = _settled(pid, tid, calls)
        active = not call and _state(pid, tid) == "R"
    # A program that never imported `threading` has no names; the first thread is the kernel's leader.
    name = thread.name or ("MainThread" if tid == pid else "")
    return dataclasses.replace(thread, os_id=tid, name=name, active=active, syscall=call)


def _settled(pid: int, tid: int, calls: Calls) -> str:
    """The system call of a thread that sleeps; one that py-spy just let go may still be on its way back into it."""
    for _ in range(_TRIES):
        call = calls.of(pid, tid)
        if call:
            return call
        time.sleep(0.001)
    return ""


def _state(pid: int, tid: int) -> str:
    return proc.text(f"/proc/{pid}/task/{tid}/stat").rpartition(")")[2].strip()[:1]


def _numbers(pid: int) -> dict[int, int]:
    """This namespace's number of each thread, by the number that counts inside; empty where they agree."""
    if len(proc.status(pid).get("NSpid", "").split()) < 2:
        return {}
    found = {}
    for tid in proc.tasks(pid):
        numbers = proc.status(f"{pid}/task/{tid}").get("NSpid", "").split()
        if len(numbers) > 1:
            found[int(numbers[-1])] = tid
    return found
