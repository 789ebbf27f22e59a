"""One look at one server: samples of every process, and what the kernel, the locks and the devices say meanwhile.

Part of the probe, floor 10. Nothing is changed: no signal, no file written, nothing started in the target. A
plain py-spy dump stops each Python process for some 20 ms a round, and that is all a server notices.
"""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import psutil

from diagnose.bundle import encodable, strings
from diagnose.model import CouldNotLook, Process, Snapshot
from diagnose.probe import about, devices, facts, proc, pyspy, titles, unseen
from diagnose.probe.aside import Aside
from diagnose.probe.find import Target, without_us
from diagnose.probe.handles import Handles, handles, outside, seats
from diagnose.probe.kernel import kernel_lines
from diagnose.probe.proc import Stat
from diagnose.probe.rounds import Rounds, wait_until
from diagnose.probe.start import Before, note

_PATIENCE_S = 3.0
_ROUND_S = 4.0
"""For the first round. Later ones ask those that it reached, and so take about as long."""
_HANDLES_S = 8.0
_DEVICES_S = 6.0
_VERSIONS_S = 2.0
_NO_STACKS = frozenset({"resource-tracker"})
_NOTHING = Handles((), (), (), (), (), (), (), (), ())


@dataclass(frozen=True, slots=True)
class Plan:
    """How to look."""

    samples: int = 3
    interval_s: float = 1.0
    native: bool = False
    """Whether to ask every process for its C frames, once; else only those whose Python frames do not say what
    they do."""
    timeout_s: float = 5.0
    """For one py-spy."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen, and where its logs can be read from here."""

    snapshot: Snapshot
    logs: Mapping[str, str]
    """By the path that the server knows: the path to open."""


def look(target: Target, plan: Plan | None = None, logs: Mapping[str, str] | None = None) -> Look:
    """Looks at a server.

    Args:
        target: What `find` found.
        plan: How often and how long.
        logs: Further log files, by the path that is shown: the path to open.

    Raises:
        InputError: If not a single thing about it could be looked at.
    """
    plan = plan or Plan()
    before = note(target, logs or {})
    devices_asked = Aside(lambda: devices.gpus(_DEVICES_S - 1), _DEVICES_S)
    rounds = Rounds(plan.timeout_s)
    tree = _sampled(target, plan, rounds, before.clock)
    after = proc.processes()
    processes = _processes(tree, before, after, rounds)
    found = Aside(lambda: handles(processes, rounds, before, list(after)), _HANDLES_S).answer()
    unseen.check(target, processes, rounds, found)
    others = outside(found, tree, after) if found else ()
    rounds.once([pid for pid in others if _wants_stack(pid, after[pid])])
    processes += _processes(others, before, after, rounds)
    started, comms = min(one.started_s for one in processes), {one.comm for one in processes}
    kernel, no_kernel = kernel_lines(tree, started, comms)
    late = CouldNotLook("the GPUs", "their tool did not answer in time")
    gpus, no_gpus = devices_asked.answer() or ((), late)
    seen = found or _NOTHING
    shm_free, shm_total = Aside(lambda: _shm(before, target), _VERSIONS_S).answer() or (None, None)
    snapshot = Snapshot(
        taken_s=before.began,
        duration_s=time.monotonic() - before.clock,
        host=socket.gethostname(),
        root=target.root,
        processes=processes,
        samples=rounds.result(),
        files=seen.files,
        locks=seen.locks,
        lock_files=seen.lock_files,
        growth=seen.growth,
        connections=seen.connections,
        pipes=seen.pipes,
        gpus=gpus,
        kernel=kernel,
        shm_free=shm_free,
        shm_total=shm_total,
        logs=tuple(before.logs),
        environment=_steering(before),
        versions=Aside(lambda: _versions(processes, before, rounds), _VERSIONS_S).answer() or {},
        could_not=unseen.merged(
            target, after, rounds, found, (*before.no_logs, no_kernel, no_gpus)
        ),
    )
    logs_here = {encodable(shown): here for shown, here in before.logs.items()}
    return Look(strings(snapshot, encodable), logs_here)


def _processes(
    tree: Collection[int], before: Before, after: Mapping[int, Stat], rounds: Rounds
) -> tuple[Process, ...]:
    elapsed = time.monotonic() - before.clock
    sampled = {sample.pid for sample in rounds.samples}
    called = pyspy.spawn_names(rounds.samples)
    return tuple(
        facts.process(
            pid,
            before.table,
            after[pid],
            elapsed,
            sampled=sampled,
            not_python=rounds.not_python,
            called=called,
            calls=rounds.calls,
        )
        for pid in tree
        if pid in after
    )


def _sampled(target: Target, plan: Plan, rounds: Rounds, clock: float) -> tuple[int, ...]:
    """Takes the rounds; returns every process that was part of the server in one of them."""
    tree = dict.fromkeys(target.pids)
    python: list[int] = []
    for number in range(plan.samples):
        last = number == plan.samples - 1
        spent = time.monotonic() - clock
        if number and not last and spent > max(_PATIENCE_S, 2 * number * plan.interval_s):
            # Hundreds of processes on few processors: two samples of each tell what moves.
            continue
        wait_until(clock + number * plan.interval_s)
        table = proc.processes()
        for head in (target.root, *target.orphans):
            tree.update(dict.fromkeys(without_us(proc.family(head))))
        python = [pid for pid in tree if pid in table and _wants_stack(pid, table[pid])]
        python.sort(key=lambda pid: not _serves(pid, table[pid]))
        native = python if plan.native else rounds.unexplained()
        rounds.once(
            python,
            locals_=number == 1 or (last and rounds.wants_locals()),
            native=native if last else (),
            within_s=_ROUND_S if number == 0 else math.inf,
        )
    if plan.samples == 1:
        if rounds.wants_locals():
            rounds.once(python, locals_=True)
        wait_until(clock + min(plan.interval_s, 1.0))
    return tuple(tree)


def _wants_stack(pid: int, state: Stat) -> bool:
    argv = proc.argv(pid)
    if state.state in "ZX" or not titles.is_python(argv, proc.executable(pid), state.comm):
        return False
    return titles.identify(proc.title(pid), argv, state.comm).role not in _NO_STACKS


def _serves(pid: int, state: Stat) -> bool:
    """Whether a process says that it is a part of a server: those are asked first."""
    return bool(titles.identify(proc.title(pid), proc.argv(pid), state.comm).engine)


def _steering(before: Before) -> dict[str, str]:
    """Of all processes: workers get variables that the front end does not have."""
    merged: dict[str, str] = {}
    for environment in before.environments.values():
        for name, value in about.steering(environment).items():
            merged.setdefault(name, value)
    return dict(sorted(merged.items()))


def _versions(processes: Collection[Process], before: Before, rounds: Rounds) -> dict[str, str]:
    for seat in seats(processes, before, rounds):
        found = about.versions(seat.view, seat.packages)
        if found:
            return found
    return {}


def _shm(before: Before, target: Target) -> tuple[int | None, int | None]:
    """Free and total bytes of the server's /dev/shm, which is another one in a container."""
    view = before.views.get(target.root)
    try:
        use = psutil.disk_usage(view.here("/dev/shm") if view else "/dev/shm")
    except OSError:
        return None, None
    return use.free, use.total
