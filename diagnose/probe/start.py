"""What is noted before the first sample: views, variables, log files, and the sizes that may grow.

Part of the probe, floor 10.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from dataclasses import dataclass, field

from diagnose.model import CouldNotLook
from diagnose.probe import about, descriptors, growth, mounts, proc, titles
from diagnose.probe.find import Target
from diagnose.probe.proc import Stat


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
    sizes: dict[str, growth.Size] = field(default_factory=dict)


def note(target: Target, logs: Collection[str]) -> Before:
    """Notes the start of a look; `logs` are further files that the user names."""
    began, clock, table = time.time(), time.monotonic(), proc.processes()
    views = {pid: mounts.view(pid) for pid in target.pids}
    environments = {pid: proc.environ(pid) for pid in target.pids if pid in table}
    # The reader of a pipe that the log goes through may be anywhere.
    opened = descriptors.scan(list(table))
    found, missing = about.logs(opened, target.pids, views)
    for path in logs:
        shown = os.path.abspath(path)
        found.setdefault(shown, shown)
    before = Before(
        began, clock, table, views, environments, found, () if logs else missing, dict(found)
    )
    for one in descriptors.open_files(opened, target.pids, (), {}):
        if (
            "w" in one.mode
            and not one.deleted
            and one.path.startswith("/")
            and not one.path.startswith("/dev/")
        ):
            before.watched.setdefault(one.path, views[one.pid].here(one.path))
    for pid in target.pids:
        state = table.get(pid)
        if state and titles.identify(proc.title(pid), proc.argv(pid), state.comm).role == "builder":
            folder = proc.link(f"/proc/{pid}/cwd")
            before.watched.setdefault(folder, views[pid].here(folder))
    before.watched.pop("/", None)
    before.watched.pop("", None)
    before.sizes = growth.measure(before.watched)
    return before
