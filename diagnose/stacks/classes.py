"""Processes with equal stacks, sets of ranks, the odd one out, and who is least far.

Floor 6. What is equal in STAT's sense: the same functions from the outside in, whatever the line of the
innermost one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from diagnose.model import Process, RankGroup
from diagnose.phases import phases
from diagnose.stacks.cut import settled, shown
from diagnose.stacks.frames import last_name
from diagnose.stacks.standing import Standing
from diagnose.units import ranges

FRAMES = 8
"""Frames that a group shows."""
_ORDER = ("worker", "scheduler", "engine-core", "coordinator", "api-server", "detokenizer")
_UNTOLD = ("resource-tracker", "shell")


def groups(standings: Mapping[int, Standing]) -> tuple[RankGroup, ...]:
    """The equivalence classes of every role, workers first, larger classes first."""
    roles: dict[str, dict[object, list[Standing]]] = {}
    for standing in standings.values():
        role = standing.process.role
        if role not in _UNTOLD and (standing.stacks or role or standing.stopped):
            roles.setdefault(role, {}).setdefault(_key(standing), []).append(standing)
    found = []
    for role in sorted(roles, key=lambda r: (_ORDER.index(r) if r in _ORDER else len(_ORDER), r)):
        classes = sorted(roles[role].values(), key=len, reverse=True)
        odd = _odd([len(members) for members in classes]) if role != "builder" else set()
        found += [_group(role, members, odd=n in odd) for n, members in enumerate(classes)]
    return tuple(found)


def rank_set(processes: Iterable[Process]) -> str:
    """`0-6`, `PP0_TP1`, `EngineCore`, or pids: how people call these processes."""
    members = list(processes)
    ranks = [_rank(process) for process in members]
    if all(rank is not None for rank in ranks):
        return ranges(sorted({rank for rank in ranks if rank is not None}))
    names = [process.name for process in members]
    if all(names) and len(set(names)) == len(names):
        return ", ".join(names)
    if len(members) == 1:
        return names[0] or f"pid {members[0].pid}"
    return "pids " + ranges(sorted(process.pid for process in members))


def least_progressed(standings: Iterable[Standing], engine: str = "vllm") -> list[Standing]:
    """Those whose stack shows the earliest phase, when others of them show a later one."""
    order = {phase.id: phase.index for phase in phases(engine)}
    known = [(order[s.phase], s) for s in standings if s.phase in order]
    first = min((index for index, _ in known), default=0)
    if all(index == first for index, _ in known):
        return []
    return [standing for index, standing in known if index == first]


def _rank(process: Process) -> int | None:
    """The one number that tells a worker from its sisters; None when it has several that differ."""
    numbers = {number for _, number in process.ranks}
    single = process.role in ("worker", "scheduler") and len(numbers) == 1
    return numbers.pop() if single else None


def _key(standing: Standing) -> object:
    if standing.stopped or standing.dead or standing.main is None:
        return standing.state
    main = standing.main
    place = main.wait.id if main.wait else ""
    frames = settled(main.frames)
    return (
        place,
        standing.state,
        tuple((last_name(f.name), f.file) for f in frames if _own(f.file)),
    )


def _own(file: str) -> bool:
    """Code of a cache of generated code has another name on each rank."""
    name = file.rpartition("/")[2]
    return not (len(name) > 45 and name.startswith("c") and name.endswith(".py"))


def _odd(sizes: Sequence[int]) -> set[int]:
    """Positions of the classes of one, where most of the role stands together; of two, the second."""
    if len(sizes) < 2:
        return set()
    counts = Counter(sizes)
    if sizes[0] > 1 and counts[1]:
        return {position for position, size in enumerate(sizes) if size == 1}
    return set()


def _group(role: str, members: Sequence[Standing], *, odd: bool) -> RankGroup:
    first = members[0]
    frames = settled(first.main.frames) if first.main else ()
    return RankGroup(
        ranks=rank_set(member.process for member in members),
        role=role,
        pids=tuple(member.pid for member in members),
        state=first.state,
        doing=first.does,
        frames=tuple(shown(frame) for frame in frames[:FRAMES]),
        odd=odd,
    )
