"""Finds the server to look at, and every process that belongs to it.

Part of the probe, floor 10. A server is a tree: the front end, the engine core, the workers, what they
compile with. Parts whose parent died belong to it too when they say what they are and share its session or
one of its shared-memory segments.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from diagnose.errors import InputError, UsageError
from diagnose.probe import proc, titles
from diagnose.probe.proc import Stat
from diagnose.redact import redact

_SHOWN = 20
_US = os.getpid()
"""This program, also where it has forked itself to look aside."""


@dataclass(frozen=True, slots=True)
class Target:
    """What to look at."""

    root: int
    """The head of the tree."""
    pids: tuple[int, ...]
    """The whole tree, parents first, then parts that left it."""
    orphans: tuple[int, ...] = ()


def find(pid: int | None = None, port: int | None = None, name: str | None = None) -> Target:
    """The server that the user means.

    Args:
        pid: Any process of it; a part of a vLLM or SGLang server stands for the whole of it.
        port: A TCP port that one of its processes listens on.
        name: A part of a title or a command line.

    Raises:
        InputError: If there is no such process.
        UsageError: If several servers fit; the message lists them.
    """
    _check_numbers()
    table = proc.processes()
    identities = _identities(table)
    if pid is not None:
        return _target(_head(_existing(pid, table), identities), table, identities)
    if port is not None:
        owners = _listening(port, table)
        heads = {_head(owner, identities) for owner in owners}
        missing = InputError(f"nothing that can be seen listens on port {port}", _rights())
        return _only(heads, table, identities, missing)
    if name is not None:
        if not name.strip():
            raise UsageError("--name is empty", "give a part of the server's title or command line")
        heads = {
            _head(one, identities)
            for one in _strangers(table)
            if name in proc.title(one) or name == table[one].comm
        }
        heads = _topmost(heads)
        missing = InputError(f"no process has `{name}` in its title", "name a pid, or --port")
        return _only(heads, table, identities, missing)
    heads = {_head(one, identities) for one in identities if identities[one].engine}
    missing = InputError(
        "no vLLM or SGLang server was found among the processes that can be seen",
        "name a pid, --port or --name; a server in a container is seen from inside it, or from the host as root",
    )
    return _only(_merged(heads, table, identities), table, identities, missing)


def below(pid: int) -> Target:
    """The server whose head is known: nothing above it is a part of it.

    Raises:
        InputError: If there is no such process.
    """
    table = proc.processes()
    return _target(_existing(pid, table), table, _identities(table))


def _check_numbers() -> None:
    """Refuses a /proc whose numbers of processes mean others to the kernel than to us."""
    told = proc.link("/proc/self")
    if told and told != str(os.getpid()):
        raise InputError(
            "/proc shows the processes of another PID namespace than the one that this program runs in",
            "mount it anew in here (`mount -t proc proc /proc`; `unshare --pid --fork --mount-proc`), or look from outside",
        )
    if not told:
        raise InputError("/proc is not mounted here", "mount -t proc proc /proc")


def _existing(pid: int, table: dict[int, Stat]) -> int:
    if pid in table:
        return pid
    if leader := proc.status(pid).get("Tgid"):
        raise InputError(f"{pid} is a thread of process {leader}", f"diagnose attach {leader}")
    if pid > 0 and _exists(pid):
        raise InputError(
            f"process {pid} is hidden from this user (/proc is mounted with hidepid)",
            f"sudo diagnose attach {pid}",
        )
    raise InputError(
        f"there is no process {pid}",
        "it ended, or it is known by another number in another PID namespace: list those seen here with `ps -ef`",
    )


def _exists(pid: int) -> bool:
    """Whether the kernel knows a process that /proc does not show."""
    try:
        os.getsid(pid)
    except (OSError, OverflowError):
        return False
    return True


def _identities(table: dict[int, Stat]) -> dict[int, titles.Identity]:
    return {
        pid: titles.identify(proc.title(pid), proc.argv(pid), one.comm)
        for pid, one in table.items()
    }


def _strangers(table: dict[int, Stat]) -> list[int]:
    """Everything but this program and what started it."""
    ours = {_US, os.getpid(), *proc.ancestors(_US)}
    return [pid for pid in table if pid not in ours]


def _head(pid: int, identities: dict[int, titles.Identity]) -> int:
    """The topmost process above `pid` that is part of a server; `pid` itself where there is none."""
    chain = [a for a in proc.ancestors(pid) if a in identities and identities[a].engine]
    return chain[-1] if chain else pid


def _topmost(heads: Iterable[int]) -> set[int]:
    """Those that have none of the others above them."""
    heads = set(heads)
    return {head for head in heads if not heads.intersection(proc.ancestors(head))}


def _merged(
    heads: Iterable[int], table: dict[int, Stat], identities: dict[int, titles.Identity]
) -> set[int]:
    """One head for each server: what left its tree stands for the tree it left."""
    left = set(heads)
    for head in sorted(left, key=lambda pid: (_orphaned(pid, table), pid)):
        if head in left:
            left -= set(_target(head, table, identities).pids) - {head}
    return left


def _orphaned(pid: int, table: dict[int, Stat]) -> bool:
    parent = table.get(table[pid].ppid)
    return parent is None or parent.pid == 1 or parent.session != table[pid].session


def _only(
    heads: set[int],
    table: dict[int, Stat],
    identities: dict[int, titles.Identity],
    missing: InputError,
) -> Target:
    if not heads:
        raise missing
    if len(heads) > 1:
        lines = [f"  {pid}  {redact(proc.title(pid))[:100]}" for pid in sorted(heads)[:_SHOWN]]
        raise UsageError(
            f"{len(heads)} servers fit: name one of them, as in `diagnose attach {min(heads)}`",
            "\n".join(lines).strip(),
        )
    return _target(next(iter(heads)), table, identities)


def _target(root: int, table: dict[int, Stat], identities: dict[int, titles.Identity]) -> Target:
    tree = [pid for pid in without_us(proc.family(root)) if pid in table]
    orphans: list[int] = []
    if any(identities[pid].engine for pid in tree):
        for head in _lost(tree, table, identities):
            orphans += [pid for pid in proc.family(head) if pid in table and pid not in tree]
    return Target(root, tuple(dict.fromkeys((*tree, *orphans))), tuple(orphans))


def without_us(tree: Iterable[int]) -> list[int]:
    """A tree without this program and what it starts, when it was itself started from within the tree."""
    tree = list(tree)
    if _US not in tree:
        return tree
    ours = set(proc.family(_US))
    return [pid for pid in tree if pid not in ours]


def _lost(
    tree: list[int], table: dict[int, Stat], identities: dict[int, titles.Identity]
) -> list[int]:
    """Parts of servers outside the tree that share its session or its shared memory."""
    sessions = {table[pid].session for pid in tree}
    engines = {identities[pid].engine for pid in tree if identities[pid].engine}
    ray = any(" ray" in proc.title(pid) for pid in tree)
    segments: set[str] | None = None
    found = []
    for pid, identity in identities.items():
        if pid in tree or not (
            identity.engine in engines or (ray and identity.name.startswith("ray::"))
        ):
            continue
        if identity.role in ("api-server", "launcher") and not _orphaned(pid, table):
            continue
        if segments is None:
            segments = _segments(tree)
        same_session = table[pid].session in sessions and _orphaned(pid, table)
        is_actor = ray and identity.role == "worker"
        if same_session or is_actor or segments & _segments([pid]):
            found.append(pid)
    return found


def _segments(pids: Iterable[int]) -> set[str]:
    """Shared-memory files with a name of their own that the processes have open."""
    return {
        target
        for pid in pids
        for target in (proc.descriptors(pid) or {}).values()
        if target.startswith("/dev/shm/") and "(deleted)" not in target
    }


def _listening(port: int, table: dict[int, Stat]) -> list[int]:
    """The processes that have a listening socket on this TCP port."""
    inodes: set[str] = set()
    seen: set[str] = set()
    for pid in table:
        network = proc.namespace(pid, "net")
        if not network or network in seen:
            continue
        seen.add(network)
        for family in ("tcp", "tcp6"):
            for line in proc.text(f"/proc/{pid}/net/{family}", 2**26).splitlines()[1:]:
                fields = line.split()
                if (
                    len(fields) > 9
                    and fields[3] == "0A"
                    and int(fields[1].rpartition(":")[2], 16) == port
                ):
                    inodes.add(f"socket:[{fields[9]}]")
    return [
        pid
        for pid in _strangers(table)
        if inodes and inodes & set((proc.descriptors(pid) or {}).values())
    ]


def _rights() -> str:
    if os.geteuid() == 0:
        return "name a pid; a server in another network namespace is seen from inside it"
    return "name a pid, or run `sudo diagnose attach …` to see other users' sockets"
