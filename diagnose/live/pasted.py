"""Stack dumps that somebody pasted, as a snapshot: the same reasoning with less to stand on.

Floor 9: pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from diagnose.dialects.vllm import named
from diagnose.model import CouldNotLook, Line, Process, Sample, Snapshot
from diagnose.stacks import main_thread, pasted, titles

_TITLE = re.compile(r"(?:VLLM|sglang)::(\S+)")
_FRONT = re.compile(r"\bvllm serve\b|\bsglang\.launch_server\b|\bsglang serve\b")
_SGLANG_RANK = re.compile(r"_(PP|TP|EP|DP)(\d{1,5})(?=_|$)")
_MISSING = (
    CouldNotLook(
        "the states, open files and locks of the processes",
        "only their stacks were given",
        "diagnose attach",
    ),
)


def from_lines(lines: Sequence[Line]) -> Snapshot | None:
    """A snapshot of every process whose stacks are in `lines`; None when there are none.

    Args:
        lines: Consecutive lines of one source.
    """
    return from_samples(pasted(lines), titles(lines))


def from_samples(samples: Sequence[Sample], called: Mapping[int, str]) -> Snapshot | None:
    """A snapshot of stacks alone; None when there are none.

    What a dump does not tell (states, parents, processor time) is unknown: nothing is then called stale,
    and a process without a parent counts as part of the server.

    Args:
        samples: In order of time.
        called: By pid: the title or command line, where the dump tells.
    """
    if not samples:
        return None
    last = {sample.pid: sample for sample in samples}
    processes = [_process(sample, called.get(pid, "")) for pid, sample in last.items()]
    root = next((p.pid for p in processes if p.role == "api-server"), processes[0].pid)
    below = _below(processes, root)
    return Snapshot(
        taken_s=samples[0].time_s,
        duration_s=samples[-1].time_s - samples[0].time_s,
        host="",
        root=root,
        processes=tuple(replace(p, ppid=below[p.pid]) for p in processes),
        samples=tuple(samples),
        could_not=_MISSING,
        partial=True,
    )


def _process(sample: Sample, title: str) -> Process:
    main = main_thread(sample) or (sample.threads[0] if len(sample.threads) == 1 else None)
    runs = main is not None and main.active
    found = _TITLE.search(title)
    who = named(found[1] if found else title)
    role = who.role or ("api-server" if _FRONT.search(title) else "")
    ranks = who.ranks
    if found and found[1].startswith("scheduler"):
        role = "scheduler"
        ranks = tuple((axis, int(rank)) for axis, rank in _SGLANG_RANK.findall(found[1]))
    name = found[1] if found else "APIServer" if role == "api-server" else ""
    name = name or ("" if sample.pid else "the process")
    return Process(
        pid=sample.pid, ppid=0, title=title, comm=name[:15], state="R" if runs else "S",
        started_s=0.0, cpu_share=float(runs), cpu_s=0.0, threads=0, rss=0, role=role, ranks=ranks, name=name, python=True,
    )  # fmt: skip


def _below(processes: Sequence[Process], root: int) -> dict[int, int]:
    """The likely parent of each: workers below the one engine core, everything else below the root."""
    cores = [p.pid for p in processes if p.role == "engine-core"]
    engine = cores[0] if len(cores) == 1 else root
    parents = {p.pid: engine if p.role == "worker" else root for p in processes}
    return {pid: 0 if pid == root else parent for pid, parent in parents.items()}
