"""Processes as nouns of the model: who they are, what the kernel says, how much they computed meanwhile.

Part of the probe, floor 10.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import psutil

from diagnose.dialects.vllm import named
from diagnose.model import Process
from diagnose.probe import mounts, proc, titles
from diagnose.probe.proc import HZ, Stat
from diagnose.probe.syscalls import Calls
from diagnose.redact import redact

_PLAIN = re.compile(r"^(?:Spawn|Fork|ForkServer)?(?:Pool)?(?:Process|PoolWorker)-[\d:]+$")
"""Names that multiprocessing makes up."""
_OWN_LOCK = "futex private forever"
_MOST_THREADS = 256


def identity(pid: int, state: Stat, called: str = "") -> titles.Identity:
    """Who a process is; what has no title yet goes by its spawned name, else by the part that started it."""
    found = titles.identify(proc.title(pid), proc.argv(pid), state.comm)
    if found.name != titles.SPAWNED:
        return found
    if called and not _PLAIN.match(called):
        writer = named(called)
        return titles.Identity(called, writer.role, writer.ranks)
    parent = proc.stat(state.ppid)
    if parent is None:
        return found
    above = titles.identify(proc.title(parent.pid), proc.argv(parent.pid), parent.comm)
    role = "worker" if above.role == "engine-core" else ""
    return titles.Identity(f"spawned by {above.name}", role)


def process(
    pid: int,
    before: Mapping[int, Stat],
    after: Stat,
    elapsed_s: float,
    *,
    sampled: Collection[int],
    not_python: Collection[int],
    called: Mapping[int, str],
    calls: Calls,
) -> Process:
    """One process at the end of the look.

    Args:
        pid: Which.
        before: Everything at the start of the look; a process that is not in it started meanwhile.
        after: The process now.
        elapsed_s: From `before` to `after`.
        sampled: Those that gave stacks, and so are Python.
        not_python: Those that py-spy says are not.
        called: Names that the server gave to processes it spawned, for those without a title.
        calls: System calls noted with the samples.
    """
    who = identity(pid, after, called.get(pid, ""))
    earlier = before.get(pid)
    same = earlier is not None and earlier.identity == after.identity
    spent = after.ticks - (earlier.ticks if earlier and same else 0)
    reaped = after.reaped - (earlier.reaped if earlier and same else 0)
    status = proc.status(pid)
    numbers = status.get("NSpid", "").split()
    read, written = proc.counters(pid)
    argv = proc.argv(pid)
    python = pid in sampled or (
        pid not in not_python and titles.is_python(argv, proc.executable(pid), after.comm)
    )
    wchan = proc.text(f"/proc/{pid}/wchan").strip()
    return Process(
        pid=pid,
        ppid=after.ppid,
        title=redact(proc.title(pid)) or f"[{after.comm}]",
        comm=after.comm,
        state=after.state,
        started_s=psutil.boot_time() + after.started / HZ,
        cpu_share=max(0.0, spent / HZ / elapsed_s) if elapsed_s > 0 else 0.0,
        cpu_s=after.ticks / HZ,
        threads=after.threads,
        rss=after.rss,
        user=proc.user(pid),
        wchan="" if wchan == "0" else wchan,
        syscall=calls.of(pid, pid) if after.state in "SD" else "",
        session=after.session,
        role=who.role,
        ranks=who.ranks,
        name=who.name,
        ns_pid=int(numbers[-1]) if len(numbers) > 1 else 0,
        container=mounts.container(pid),
        python=python,
        read_bytes=read,
        write_bytes=written,
        reaped_s=reaped / HZ,
        locked_inside=_locked_inside(pid, after, calls),
    )


def _locked_inside(pid: int, state: Stat, calls: Calls) -> bool:
    tids = proc.tasks(pid)
    if state.state != "S" or len(tids) > _MOST_THREADS:
        return False
    return bool(tids) and all(calls.of(pid, tid) == _OWN_LOCK for tid in tids)
