"""Snapshots for tests: recorded ones by name, and hand-made ones of a few processes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

from diagnose.bundle import from_json
from diagnose.live import conclude, documents
from diagnose.model import Diagnosis, Frame, Process, Sample, Snapshot, Thread
from diagnose.pipeline import Examiner
from diagnose.sources import Source

SNAPSHOTS = Path(__file__).parent.parent / "fixtures" / "snapshots"
NOW = 1000.0


def recorded(name: str) -> Snapshot:
    """A look at a real server."""
    return from_json(json.loads((SNAPSHOTS / f"{name}.json").read_text(encoding="utf-8")))


def frames(*calls: str, values: dict[str, str] | None = None) -> tuple[Frame, ...]:
    """Frames written `name file:line`, innermost first; `values` are locals of the innermost."""
    made = []
    for position, call in enumerate(calls):
        name, _, place = call.partition(" ")
        file, _, line = place.partition(":")
        made.append(Frame(name, file, int(line or 0), (values or {}) if position == 0 else {}))
    return tuple(made)


def thread(
    *calls: str, name: str = "MainThread", os_id: int = 0, syscall: str = "", **values: str
) -> Thread:
    """One thread that sleeps in these calls."""
    return Thread(os_id, name, False, False, frames(*calls, values=values), syscall)


def process(pid: int, name: str = "python", role: str = "", **more: Any) -> Process:
    """One process that sleeps, a child of 1 where nothing else is said."""
    fields: dict[str, Any] = {
        "ppid": 1, "title": name, "comm": name[:15], "state": "S", "started_s": NOW - 60,
        "cpu_share": 0.0, "cpu_s": 1.0, "threads": 1, "rss": 0, "python": True,
    }  # fmt: skip
    return Process(pid=pid, name=name, role=role, **{**fields, **more})


def worker(pid: int, rank: int, **more: Any) -> Process:
    """One rank of a tensor-parallel group below engine core 10."""
    more = {"ppid": 10, "ranks": (("TP", rank),), **more}
    return process(pid, f"Worker_TP{rank}", "worker", **more)


def snapshot(
    processes: Iterable[Process],
    stacks: dict[int, list[Thread] | Thread],
    later: dict[int, list[Thread] | Thread] | None = None,
    root: int = 0,
    **more: Any,
) -> Snapshot:
    """Two samples of every process; of one with an entry in `later` the second is that one."""
    processes = tuple(processes)
    samples = [
        Sample(pid, NOW + moment, tuple(found if isinstance(found, list) else [found]))
        for moment, which in enumerate((stacks, {**stacks, **(later or {})}))
        for pid, found in which.items()
    ]
    return Snapshot(
        taken_s=NOW, duration_s=2.0, host="here", root=root or processes[0].pid, processes=processes,
        samples=tuple(samples), **more,
    )  # fmt: skip


def sources(snapshot: Snapshot, log: str = "") -> list[Source]:
    """The documents of a snapshot after a log, as they go into the examiner."""
    data = log.encode()
    made = [Source("server.log", BytesIO(data), len(data))] if log else []
    for document in documents(snapshot):
        data = document.text.encode()
        made.append(Source(document.name, BytesIO(data), len(data), channel=document.channel))
    return made


def diagnose(examiner: Examiner, snapshot: Snapshot, log: str = "") -> Diagnosis:
    """What is concluded from a snapshot and a log."""
    return conclude(snapshot, examiner.diagnose(sources(snapshot, log)))
