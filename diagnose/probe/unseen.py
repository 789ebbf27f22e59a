"""What could not be looked at, put together: one entry for each reason, with its remedy.

Part of the probe, floor 10.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from diagnose.errors import InputError
from diagnose.model import CouldNotLook, Process
from diagnose.probe import mounts, proc, rights
from diagnose.probe.find import Target
from diagnose.probe.handles import Handles
from diagnose.probe.proc import Stat
from diagnose.probe.rounds import Rounds

_MOST = 20
"""Pids that are listed."""


def check(
    target: Target, processes: Collection[Process], rounds: Rounds, files: Handles | None
) -> None:
    """Refuses a look that saw nothing but the kernel's list of processes, with nothing in it that tells.

    Raises:
        InputError: With the reason and the remedy.
    """
    alive = [one for one in processes if one.state not in "ZX"]
    if not alive:
        refused = next(iter(rounds.refused.values()), None)
        state = proc.stat(target.root)
        gone = not processes or state is None
        raise InputError(
            f"process {target.root} ended while it was looked at" if gone else
            f"process {target.root} has ended; its parent {state.ppid if state else 0} has not fetched its exit status (a zombie)",
            refused.how if refused else (f"diagnose attach {state.ppid}" if state else "name a process that runs"),
        )  # fmt: skip
    unseen = files is not None and set(files.denied) >= {one.pid for one in alive}
    if not rounds.samples and unseen and not any(one.state in "Tt" for one in alive):
        why, how = rights.memory(alive[0].pid)
        raise InputError(f"process {alive[0].pid} may not be looked at: {why}", how)


def merged(
    target: Target,
    after: Mapping[int, Stat],
    rounds: Rounds,
    files: Handles | None,
    others: Collection[CouldNotLook | None],
) -> tuple[CouldNotLook, ...]:
    """What could not be looked at, one entry for each reason."""
    found = [one for one in others if one is not None]
    by_reason: dict[str, list[int]] = {}
    hows: dict[str, str] = {}
    for pid, one in rounds.refused.items():
        if pid in after or pid in target.pids:
            by_reason.setdefault(one.why, []).append(pid)
            hows.setdefault(one.why, one.how.replace(f"attach {pid}", f"attach {target.root}"))
    for why, pids in by_reason.items():
        found.insert(0, CouldNotLook(f"the stacks of {_listed(pids)}", why, hows[why]))
    if files is None:
        found.append(CouldNotLook("open files and locks", "a file system did not answer in time"))
    elif files.denied:
        why, how = rights.memory(files.denied[0])
        how = how.replace(f"attach {files.denied[0]}", f"attach {target.root}")
        found.append(CouldNotLook(f"the open files of {_listed(files.denied)}", why, how))
    if files is not None:
        found += _outside(target, files)
    gone = [pid for pid in target.pids if pid not in after]
    if gone:
        found.append(
            CouldNotLook(
                _listed(gone),
                "it ended while it was looked at"
                if len(gone) == 1
                else "they ended while they were looked at",
            )
        )
    found += files.refused if files else ()
    return tuple(found)


def _outside(target: Target, files: Handles) -> list[CouldNotLook]:
    """Who else may hold a lock without being seen."""
    found = []
    if files.denied_outside:
        found.append(
            CouldNotLook(
                f"the open files of {_listed(files.denied_outside)} outside the server",
                "only their own user and root may look, and one of them may hold a lock",
                f"sudo diagnose attach {target.root}",
            )
        )
    shared = [o for o in files.lock_files if not o.holders and o.filesystem not in mounts.PRIVATE]
    if rights.contained() and shared:
        kind = f", which lies on {shared[0].filesystem}" if shared[0].filesystem else ""
        found.append(
            CouldNotLook(
                "lock holders outside this container",
                f"only its own processes can be seen, and {shared[0].path}{kind}, may be shared with others",
                "on the host: sudo diagnose attach --name …; or start the container with --pid=host",
            )
        )
    return found


def _listed(pids: Collection[int]) -> str:
    ordered = ", ".join(map(str, sorted(pids)[:_MOST]))
    if len(pids) > _MOST:
        ordered += f" and {len(pids) - _MOST} more"
    return f"process {ordered}" if len(pids) == 1 else f"processes {ordered}"
