"""What the server has open at the end of the look: files, locks, sockets, pipes, and what grew.

Part of the probe, floor 10.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass

from diagnose.model import (
    Connection,
    CouldNotLook,
    FileLock,
    Growth,
    LockFile,
    OpenFile,
    Pipe,
    Process,
)
from diagnose.probe import about, descriptors, growth, locks, mounts, proc, titles
from diagnose.probe.connections import connections
from diagnose.probe.lockfiles import Seat, lock_files
from diagnose.probe.rounds import Rounds
from diagnose.probe.start import Before
from diagnose.stacks.call import CHILD, READS, WRITES, call_of

_MOST_PEERS = 200


@dataclass(frozen=True, slots=True)
class Handles:
    """One pass over descriptors, locks and folders."""

    files: tuple[OpenFile, ...]
    locks: tuple[FileLock, ...]
    lock_files: tuple[LockFile, ...]
    connections: tuple[Connection, ...]
    pipes: tuple[Pipe, ...]
    growth: tuple[Growth, ...]
    refused: tuple[CouldNotLook, ...]
    denied: tuple[int, ...]
    """The server's processes whose descriptors may not be read."""
    denied_outside: tuple[int, ...]
    """Other Python and compiler processes that may not be read either: one may hold a build's lock unseen."""
    far: tuple[int, ...] = ()
    """Who has the other end of a pipe that one of the server's threads sits reading or writing."""


def handles(
    processes: Collection[Process], rounds: Rounds, before: Before, everybody: Collection[int]
) -> Handles:
    """Reads them.

    Args:
        processes: The server's.
        rounds: The samples, whose system calls and locals name descriptors and paths.
        before: What was noted at the start.
        everybody: All pids of this machine, for holders outside the server.
    """
    tree = [one.pid for one in processes]
    table = descriptors.scan(everybody)
    entries = locks.entries()
    asked = _asked(processes, rounds)
    files = descriptors.open_files(table, tree, {entry.key for entry in entries}, asked)
    found, refused = lock_files(seats(processes, before, rounds), table, files, rounds.result())
    watched = dict(before.watched)
    for one in found:
        folder = os.path.dirname(one.path)
        if (
            one.by_existence
            and one.family in ("torch-extension", "aiter")
            and folder.count("/") > 2
        ):
            watched.setdefault(folder, _view(before, processes).here(folder))
    fresh = {path: here for path, here in watched.items() if path not in before.watched}
    # A folder that a lock made known now is compared with what it was when the look began, if it has not changed.
    sizes = growth.measure(fresh)
    earlier = {path: size for path, size in sizes.items() if size.newest_s < before.began}
    ends = descriptors.pipes(table, tree, files, _opening(processes, rounds, before))
    return Handles(
        files=files,
        locks=locks.file_locks(table, tree, entries, {one.inode for one in found}),
        lock_files=found,
        connections=connections(table, tree),
        pipes=ends,
        growth=growth.compare(
            {**before.sizes, **earlier}, {**growth.measure(before.watched), **sizes}
        ),
        refused=refused,
        denied=tuple(pid for pid in table.denied if pid in tree),
        denied_outside=tuple(p for p in table.denied if p not in tree and _could_build(p)),
        far=_far(processes, rounds, files, ends),
    )


def _far(
    processes: Collection[Process],
    rounds: Rounds,
    files: Collection[OpenFile],
    pipes: Collection[Pipe],
) -> tuple[int, ...]:
    calls = [(pid, call_of(text)) for pid, text in _calls(processes, rounds)]
    found: list[int] = []
    for names, side in ((READS, "writers"), (WRITES, "readers")):
        sat = {(pid, n) for pid, call in calls if call.name in names for n in call.numbers}
        inodes = {one.inode for one in files if (one.pid, one.fd) in sat}
        found += [pid for pipe in pipes if pipe.inode in inodes for pid in getattr(pipe, side)]
    return tuple(found)


def outside(found: Handles, tree: Collection[int], alive: Collection[int]) -> tuple[int, ...]:
    """Processes that do not belong to the server and may be in its way: lock holders, and peers of its sockets.

    Who connected to a port that the server listens on is its client: the server waits for no answer of it, and it is
    left in peace, unless it is a part of a server itself.

    Args:
        found: What the server has open.
        tree: The server's processes.
        alive: All processes.
    """
    holders = [lock.pid for lock in found.locks if not lock.waiting]
    holders += [pid for one in found.lock_files for pid in one.holders]
    ports = {_port(one.local) for one in found.connections if one.state == "LISTEN"}
    calls = [one for one in found.connections if one.state != "unix" and one.peer_pid]
    served = {one.peer_pid for one in calls if _port(one.local) in ports}
    parts = {pid for pid in served if pid not in tree and _of_engine(pid)}
    peers = [
        one.peer_pid for one in calls if _port(one.local) not in ports or one.peer_pid in parts
    ]
    others = dict.fromkeys((*holders, *found.far, *peers[:_MOST_PEERS]))
    return tuple(pid for pid in others if pid in alive and pid not in tree and pid != os.getpid())


def _port(address: str) -> str:
    return address.rpartition(":")[2]


def _of_engine(pid: int) -> bool:
    """Whether a process, or one that it was started by, says that it is a part of a server."""
    for one in (pid, *proc.ancestors(pid)):
        state = proc.stat(one)
        if state and titles.identify(proc.title(one), proc.argv(one), state.comm).engine:
            return True
    return False


def _could_build(pid: int) -> bool:
    """Whether a process is of a kind that builds or serves; a daemon has no business with a build's lock."""
    argv, state = proc.argv(pid), proc.stat(pid)
    if state is None or state.state in "ZX":
        return False
    who = titles.identify(proc.title(pid), argv, state.comm)
    return (
        titles.is_python(argv, "", state.comm)
        or who.role in ("builder", "shell")
        or bool(who.engine)
    )


def _calls(processes: Collection[Process], rounds: Rounds) -> list[tuple[int, str]]:
    """Every system call that was seen, with its process."""
    calls = [(one.pid, one.syscall) for one in processes]
    return calls + [(s.pid, t.syscall) for s in rounds.samples for t in s.threads]


def _opening(processes: Collection[Process], rounds: Rounds, before: Before) -> dict[str, str]:
    """Paths of files whose opening does not return, with where to find them here."""
    found = {}
    for pid, call in _calls(processes, rounds):
        path = call_of(call).path
        if path.startswith("/"):
            view = before.views.get(pid) or mounts.view(pid)
            found[path] = view.here(path)
    return found


def _asked(processes: Collection[Process], rounds: Rounds) -> dict[int, set[int]]:
    """Descriptors that a system call of some thread works on, by pid."""
    asked: dict[int, set[int]] = {}
    for pid, call in _calls(processes, rounds):
        one = call_of(call)
        if one.name not in CHILD:
            asked.setdefault(pid, set()).update(one.numbers)
    return asked


def _view(before: Before, processes: Collection[Process]) -> mounts.View:
    """The first Python process's view; a server lives in one container."""
    for one in processes:
        if one.python and one.pid in before.views:
            return before.views[one.pid]
    return mounts.View(os.getpid(), "")


def seats(processes: Collection[Process], before: Before, rounds: Rounds) -> tuple[Seat, ...]:
    """One seat for each set of folders; ranks nearly always share theirs."""
    names = ("HOME", "XDG_CACHE_HOME", "TORCH_EXTENSIONS_DIR", "AITER_JIT_DIR")
    found: dict[tuple[str, ...], Seat] = {}
    for one in processes:
        if not one.python:
            continue
        view = before.views.get(one.pid) or mounts.view(one.pid)
        environment = before.environments.get(one.pid) or proc.environ(one.pid)
        key = (view.prefix and one.container, *(environment.get(name, "") for name in names))
        if key not in found:
            mine = [sample for sample in rounds.samples if sample.pid == one.pid]
            found[key] = Seat(view, environment, about.packages(view, environment, mine))
    return tuple(found.values()) or (Seat(_view(before, processes), {}),)
