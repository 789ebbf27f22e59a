"""What is noted before the first sample: views, variables, log files, and the sizes that may grow.

Part of the probe, floor 10.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

from diagnose.model import CouldNotLook
from diagnose.probe import about, descriptors, growth, mounts, proc, titles
from diagnose.probe.aside import Aside
from diagnose.probe.find import Target
from diagnose.probe.proc import Stat

_SIZES_S = 3.0


@dataclass(slots=True)
class Before:
    """What was noted before the first sample."""

    began: float
    """POSIX time."""
    clock: float
    """Monotonic time."""
    table: dict[int, Stat]
    views: dict[int, mounts.View]
    environments: dict[int, dict[str, str]]
    logs: dict[str, str]
    """By the path that the server knows: the path to open here."""
    no_logs: tuple[CouldNotLook, ...]
    watched: dict[str, str]
    """Files and folders that may grow, as `logs`."""
    sizes: dict[str, growth.Size]


def note(target: Target, logs: Mapping[str, str]) -> Before:
    """Notes the start of a look; `logs` are further files, by the path that is shown: the path to open."""
    began, clock, table = time.time(), time.monotonic(), proc.processes()
    views = {pid: mounts.view(pid) for pid in target.pids}
    environments = {pid: proc.environ(pid) for pid in target.pids if pid in table}
    # The reader of a pipe that the log goes through may be anywhere.
    opened = descriptors.scan(list(table))
    found, missing = about.logs(opened, target.pids, views)
    for shown, here in logs.items():
        found.setdefault(os.path.abspath(shown), here)
    # Sizes are asked aside: a log on a file system that is gone would never answer.
    measured = Aside(lambda: _watched(target, table, opened, views, found), _SIZES_S).answer()
    watched, sizes = measured or ({}, {})
    return Before(
        began, clock, table, views, environments, found, () if logs else missing, watched, sizes
    )


def _watched(
    target: Target,
    table: Mapping[int, Stat],
    opened: descriptors.Descriptors,
    views: Mapping[int, mounts.View],
    logs: Mapping[str, str],
) -> tuple[dict[str, str], dict[str, growth.Size]]:
    """What may grow, by the path that the server knows: logs, what it writes, where its compilers work."""
    watched = dict(logs)
    for one in descriptors.open_files(opened, target.pids, (), {}):
        named = one.path.startswith("/") and not one.path.startswith("/dev/")
        if named and "w" in one.mode and not one.deleted:
            watched.setdefault(one.path, views[one.pid].here(one.path))
    for pid in target.pids:
        state = table.get(pid)
        if state and titles.identify(proc.title(pid), proc.argv(pid), state.comm).role == "builder":
            folder = proc.link(f"/proc/{pid}/cwd")
            if folder not in ("", "/"):
                watched.setdefault(folder, views[pid].here(folder))
    return watched, growth.measure(watched)
