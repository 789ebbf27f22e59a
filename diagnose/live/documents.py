"""A snapshot as documents: every stack as py-spy prints it, the host facts one plain line each.

Floor 9: pure. The wording of the host lines is fixed: signatures of the channels `host` and `stack` are
written against it, and docs/signature-format.md shows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from diagnose.live.gpus import devices, users
from diagnose.live.look import Look, look
from diagnose.model import Channel, LockFile, Snapshot
from diagnose.stacks import Standing, dump
from diagnose.units import duration
from diagnose.waits import merged

_ENGINE = {"vllm": "vLLM", "sglang": "SGLang"}


@dataclass(frozen=True, slots=True)
class Document:
    """One text made of a snapshot."""

    name: str
    """`stack 395 (Worker_TP3_EP3)`, `host` or `kernel log`."""
    channel: Channel
    text: str
    """Lines, each with its newline."""


def documents(snapshot: Snapshot, seen: Look | None = None) -> list[Document]:
    """One document a process that has a stack, one of host facts, and one of the kernel's log.

    Args:
        snapshot: What was seen.
        seen: The reasoning over it, where that has been done.
    """
    seen = seen or look(snapshot)
    last = {sample.pid: sample for sample in snapshot.samples if sample.threads}
    found = [
        Document(f"stack {s.pid} ({s.name})", Channel.STACK, dump(s.process, last[s.pid]))
        for s in seen.view.standings.values()
        if s.pid in last
    ]
    found.append(Document("host", Channel.HOST, "".join(f"{line}\n" for line in _host(seen))))
    if snapshot.kernel:
        found.append(
            Document("kernel log", Channel.LOG, "".join(f"{k}\n" for k in snapshot.kernel))
        )
    return found


def _host(seen: Look) -> Iterator[str]:
    """Every host fact, the most telling last."""
    view, snapshot = seen.view, seen.snapshot
    for engine in ("vllm", "sglang"):
        if version := snapshot.versions.get(engine):
            yield f"{_ENGINE[engine]} server version {version}"
    for name, value in snapshot.environment.items():
        yield f"export {name}={value}"
    yield f"state of the server: {seen.state}"
    for standing in view.standings.values():
        yield _process(standing)
    for standing in view.with_role("builder"):
        yield _child(seen, standing)
    for lock in snapshot.lock_files:
        yield _lock(seen, lock)
    for growth in snapshot.growth:
        grew = growth.after - growth.before
        yield f"growth {growth.path} by {grew} bytes to {growth.after}"
    for gpu in snapshot.gpus:
        busy = "unknown" if gpu.busy is None else f"{gpu.busy:.0f} %"
        by = users(view, gpu)
        yield f"gpu {gpu.index} {gpu.name} busy {busy}" + (f" by {by}" if by else "")
    if line := devices(view).line:
        yield line
    if snapshot.shm_total:
        yield f"/dev/shm free {snapshot.shm_free or 0} of {snapshot.shm_total} bytes"
    for wait in merged(view, seen.arrows):
        holder = wait.holder or "nobody"
        yield f"wait {wait.kind}: {wait.waiter} for {wait.resource}, held by {holder}"
    for problem in snapshot.could_not:
        yield f"could not look at {problem.what}: {problem.why}"
    for end in seen.ends[:1]:
        caveat = f"; but {end.caveat}" if end.caveat else ""
        where = f" [{end.resource}]" if end.resource else ""
        yield f"blocker {end.kind}{where}: {end.what}{caveat}"


def _process(standing: Standing) -> str:
    process = standing.process
    wchan = f" in {process.wchan}" if process.wchan else ""
    word = f" {standing.state}" if standing.state in ("stopped", "dead") else ""
    return (
        f"process {process.pid} {standing.name} role {process.role or 'unknown'} state {process.state}{word}"
        f" cpu {process.cpu_share:.2f}{wchan}"
    )


def _child(seen: Look, standing: Standing) -> str:
    process = standing.process
    at = seen.snapshot.taken_s + seen.snapshot.duration_s
    return (
        f"child {process.pid} {standing.name} of {process.ppid}"
        f" running {max(0.0, at - process.started_s):.0f} s at {process.cpu_share:.2f} cores"
    )


def _lock(seen: Look, lock: LockFile) -> str:
    arrows = [a for a in seen.arrows if a.resource == lock.path]
    holders = sorted({pid for a in arrows for pid in a.holders} or set(lock.holders))
    held = seen.view.names(holders) if holders else "nobody"
    waiters = seen.view.names([a.waiter for a in arrows])
    waited = f", waited for by {waiters}" if waiters else ""
    how = "existence" if lock.by_existence else "flock"
    return (
        f"lock {lock.family} {lock.path} ({how}) held by {held}{waited}, age {duration(lock.age_s)},"
        f" filesystem {lock.filesystem or 'unknown'}"
    )
