"""The waits inside a server: workers, answers, the other ranks, the engine, rendezvous.

Floor 7.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from diagnose.model import Block
from diagnose.stacks import Standing, rank_set, shown
from diagnose.waits.view import Arrow, View

_DP_SIZE = re.compile(r"--data[-_]parallel[-_]size[= ](\d+)|-dp[= ](\d+)")
_NODES = re.compile(r"--nnodes[= ](\d+)")


def workers(view: View, standing: Standing) -> list[Arrow]:
    """A parent waits for all its workers to report ready."""
    own = view.workers_of(standing.pid)
    late = [s for s in own if not _loaded(s)]
    if late:
        return [Arrow(standing.pid, "workers", "all workers ready", _pids(late))]
    if not own:
        return [_without(view, standing, "workers", "all workers ready", "its workers")]
    what = f"all workers of {standing.label} have loaded the model, and it still waits for one to say so"
    return [Arrow(standing.pid, "workers", "all workers ready", (), Block.LOST, what)]


def ranks(view: View, standing: Standing) -> list[Arrow]:
    """A rank waits for the others to come as far."""
    late = [s for s in view.sisters(standing.pid) if not _loaded(s)]
    if late:
        return [Arrow(standing.pid, "ranks", "the other ranks", _pids(late))]
    nodes = _nodes(view)
    if nodes > 1:
        what = f"every rank here waits for those of the other {nodes - 1} node(s)"
        return [Arrow(standing.pid, "ranks", "ranks on other nodes", (), Block.ABSENT, what)]
    return []


def answer(view: View, standing: Standing) -> list[Arrow]:
    """The engine waits for the workers to answer a call."""
    own = view.workers_of(standing.pid) or view.ranked()
    call = standing.local("collective_rpc.send_method", "collective_rpc.method")
    resource = f"the answer to {call}" if call else "an answer"
    owing = [s for s in own if not (s.main and s.main.idle) or s.stopped or s.dead]
    inner = [s for s in own if s not in owing and any(not t.idle for t in s.stacks[1:])]
    if owing or inner:
        return [Arrow(standing.pid, "answer", resource, _pids(owing or inner))]
    if not own:
        return [_without(view, standing, "answer", resource, f"{resource} of its workers")]
    if standing.moved or standing.samples < 2:
        return []
    what = f"{standing.label} waits for {resource}, and every worker waits for its next message: one was lost between them"  # fmt: skip
    return [Arrow(standing.pid, "answer", resource, (), Block.LOST, what)]


def readers(view: View, standing: Standing) -> list[Arrow]:
    """A writer waits for room in the ring: somebody no longer reads."""
    own = view.workers_of(standing.pid) or view.sisters(standing.pid)
    behind = [s for s in own if not (s.main and s.main.idle) or s.stopped or s.dead]
    return [Arrow(standing.pid, "answer", "room to write", _pids(behind))] if behind else []


def engine(view: View, standing: Standing) -> list[Arrow]:
    """A front end waits for the engine cores."""
    cores = view.with_role("engine-core")
    busy = [s for s in cores if not (s.main and s.main.idle) or s.stopped]
    if busy:
        return [Arrow(standing.pid, "engine", "the engine core", _pids(busy))]
    remote = standing.local("wait_for_engine_startup.remote_count")
    if remote.isdigit() and int(remote):
        where = standing.local("launch_core_engines.handshake_address")
        what = f"{standing.label} waits for {remote} engine core(s) on other nodes{_at(where)}"
        return [
            Arrow(standing.pid, "engine", where or "engines on other nodes", (), Block.ABSENT, what)
        ]
    if not cores and not view.with_role("scheduler"):
        return [_without(view, standing, "engine", "the engine core", "an engine core")]
    return []


def front(view: View, standing: Standing) -> list[Arrow]:
    """An engine core waits for the front end to greet it."""
    where = standing.local("__init__.handshake_address", "startup_handshake.handshake_address")
    parent = standing.process.ppid
    if parent in view.standings and view.standings[parent].process.role == "api-server":
        return [Arrow(standing.pid, "engine", where or "the front end", (parent,))]
    what = f"{standing.label} waits for a front end{_at(where)} that does not answer"
    return [Arrow(standing.pid, "engine", where or "the front end", (), Block.ABSENT, what)]


def coordinator(view: View, standing: Standing) -> list[Arrow]:
    """An engine core of a data-parallel group waits until all of them are known."""
    cores = view.with_role("engine-core")
    late = [s for s in cores if not (s.main and s.main.wait and s.main.wait.waits == "coordinator")]
    late = [s for s in late if s.pid != standing.pid]
    if late:
        return [Arrow(standing.pid, "coordinator", "the other engine cores", _pids(late))]
    size, where = _engines(view), _handshake(view)
    if size > len(cores):
        here = ", ".join(s.label for s in cores)
        missing = size - len(cores)
        what = f"of {size} data-parallel engines only {here} is here; the other {missing} never came{_to(where)}"

        return [
            Arrow(
                standing.pid,
                "coordinator",
                where or "engines on other nodes",
                (),
                Block.ABSENT,
                what,
            )
        ]
    found = view.with_role("coordinator")
    return [Arrow(standing.pid, "coordinator", "the coordinator", _pids(found))] if found else []


def collective(view: View, standing: Standing) -> list[Arrow]:
    """A rank inside a collective waits for those that are not."""
    sisters = view.sisters(standing.pid)
    resource = _collective(standing)
    outside = [s for s in sisters if not _collects(s)]
    if outside and all(s.main is not None and s.main.idle and not s.stopped for s in outside):
        idle = view.names(_pids(outside))
        what = f"{standing.label} is inside {resource}, while {idle} wait for the next message and do not come"
        return [Arrow(standing.pid, "collective", resource, (), Block.COLLECTIVE, what)]
    if outside:
        return [Arrow(standing.pid, "collective", resource, _pids(outside))]
    kinds = {_collective(s) for s in (*sisters, standing)}
    if len(kinds) > 1:
        parts = [
            f"{rank_set(s.process for s in (standing, *sisters) if _collective(s) == kind)} in {kind}"
            for kind in sorted(kinds)
        ]
        what = f"the ranks are inside different collectives and wait for each other: {'; '.join(parts)}"
        return [Arrow(standing.pid, "collective", resource, (), Block.CYCLE, what)]
    if not sisters and not standing.process.ranks:
        return []
    nodes = _nodes(view)
    note = f"the ranks of the other {nodes - 1} node(s) were not looked at" if nodes > 1 else ""
    note = note or (
        "there may be ranks whose stacks were not given" if view.snapshot.partial else ""
    )
    what = f"every rank here is inside {resource}, and none of them leaves it"
    return [Arrow(standing.pid, "collective", resource, (), Block.COLLECTIVE, what, note)]


def rendezvous(view: View, standing: Standing) -> list[Arrow]:
    """A rank waits where all ranks are to meet."""
    where, world = _meeting(standing), _world(standing)
    late = [s for s in view.sisters(standing.pid) if not _meets(s)]
    if late:
        return [Arrow(standing.pid, "rendezvous", where or "the rendezvous", _pids(late))]
    here = [standing, *view.sisters(standing.pid)]
    own = standing.local("_create_c10d_store.rank", "init_process_group.rank")
    if world and len(here) < world:
        missing = world - len(here)
        rest = f"the other {missing} never came to {where}"
        if own not in ("", "0") and len(here) == 1:
            rest = f"nobody answers for rank 0 at {where}"
        present = (
            f"rank {own} of {world}"
            if own and len(here) == 1
            else f"one of {len(here)} ranks here, of {world}"
        )
        what = f"{standing.label} is {present}, and {rest}"
        if view.snapshot.partial:
            what = f"{standing.label} waits for the other ranks at {where}, and not all stacks were given"
            return [Arrow(standing.pid, "rendezvous", where, (), Block.UNSEEN, what)]
        return [Arrow(standing.pid, "rendezvous", where, (), Block.ABSENT, what)]
    what = (
        f"{standing.label} waits at {where or 'a rendezvous'} for ranks that are not on this host"
    )
    end = Block.COLLECTIVE if world and len(here) >= world else Block.ABSENT
    if end is Block.COLLECTIVE:
        what = (
            f"all {world} ranks are at {where or 'the rendezvous'}, and it does not come to an end"
        )
    return [Arrow(standing.pid, "rendezvous", where or "the rendezvous", (), end, what)]


def _without(view: View, standing: Standing, kind: str, resource: str, wanted: str) -> Arrow:
    """A wait for processes of the server of which there is none: they ended, unless only some were given."""
    if view.snapshot.partial:
        what = f"{standing.label} waits for {wanted}, whose stacks were not given"
        return Arrow(standing.pid, kind, resource, (), Block.UNSEEN, what)
    what = f"{standing.label} waits for {wanted}, and there is none"
    return Arrow(standing.pid, kind, resource, (), Block.DEAD, what)


def _loaded(standing: Standing) -> bool:
    if standing.stopped or standing.dead or standing.main is None or standing.main.wait is None:
        return False
    return standing.main.idle or standing.main.wait.id == "worker-loaded"


def _collects(standing: Standing) -> bool:
    wait = standing.main.wait if standing.main and not standing.stopped else None
    return wait is not None and wait.waits == "collective"


def _meets(standing: Standing) -> bool:
    wait = standing.main.wait if standing.main and not standing.stopped else None
    return wait is not None and wait.waits == "rendezvous"


def _collective(standing: Standing) -> str:
    """The call that the rank made: the outermost frame of the collective's own code."""
    if standing.main is None:
        return ""
    own = [h.index for h in standing.main.found if h.place.waits == "collective"]
    return shown(standing.main.frames[min(max(own, default=0), len(standing.main.frames) - 1)])


def _meeting(standing: Standing) -> str:
    host = standing.local("_create_c10d_store.hostname")
    port = standing.local("_create_c10d_store.port", "init_distributed_environment.port")
    if host and port:
        return f"{host}:{port}"
    method = standing.local("init_distributed_environment.distributed_init_method")
    return method.removeprefix("tcp://")


def _world(standing: Standing) -> int:
    text = standing.local(
        "_create_c10d_store.world_size", "_tcp_rendezvous_handler.world_size",
        "init_process_group.world_size", "init_distributed_environment.world_size",
    )  # fmt: skip
    return int(text) if text.isdigit() else 0


def _engines(view: View) -> int:
    for standing in view.with_role("api-server", "launcher"):
        counts = [standing.local(f"wait_for_engine_startup.{n}_count") for n in ("local", "remote")]
        if all(count.isdigit() for count in counts):
            return sum(map(int, counts))
        if found := _DP_SIZE.search(standing.process.title):
            return int(found[1] or found[2])
    return 0


def _handshake(view: View) -> str:
    names = ("launch_core_engines.handshake_address", "__init__.handshake_address")
    return next((text for s in view.standings.values() if (text := s.local(*names))), "")


def _nodes(view: View) -> int:
    titles = [s.process.title for s in view.standings.values()]
    return max((int(m[1]) for title in titles if (m := _NODES.search(title))), default=1)


def _at(where: str) -> str:
    return f" at {where}" if where else ""


def _to(where: str) -> str:
    return f" to {where}" if where else ""


def _pids(standings: Iterable[Standing] | Sequence[Standing]) -> tuple[int, ...]:
    return tuple(sorted(s.pid for s in standings))
