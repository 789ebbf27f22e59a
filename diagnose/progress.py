"""How far a run came, when it last moved, and who is behind.

Floor 6: pure. A hang before the workers are ready is silent, so the phase that was not reached is
itself evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from diagnose.dialects import times
from diagnose.document import comparable
from diagnose.model import Evidence, Line, ProcessPhase, Progress, Writer
from diagnose.news import is_heartbeat, last_news
from diagnose.phases import READY, Phase, engines, phases
from diagnose.run import Run, before, known_before


def progress(run: Run, facts: Mapping[str, str]) -> Progress:
    """Reads the phases off the marker lines of a run."""
    engine = _engine(run, facts)
    reached = _current_start(_markers(run, engine))
    furthest = max((phase.index for phase, _ in reached), default=-1)
    table = phases(engine)
    current = table[furthest] if furthest >= 0 else None
    ready = [evidence for phase, evidence in reached if phase.id == READY]
    last = _last_progress(run)
    return Progress(
        engine=engine if current else facts.get("engine", ""),
        version=facts.get("version", ""),
        reached=current.id if current else "",
        reached_title=current.title if current else "",
        quiet=current.quiet if current else False,
        usual_s=current.usual_s if current else 0.0,
        ready=max(ready, key=lambda e: e.order) if ready else None,
        reached_at=tuple((phase.id, evidence) for phase, evidence in reached),
        processes=_processes(reached),
        behind=_behind(run, reached),
        last_progress=last,
        stalled_s=_stalled_s(run, last),
        wall_s=_wall_s(run),
        ended=_ended(run),
    )


def _engine(run: Run, facts: Mapping[str, str]) -> str:
    known = facts.get("engine", "")
    if phases(known):
        return known
    if known:
        return ""
    counts = {engine: len(list(_markers(run, engine))) for engine in engines()}
    best = max(counts, key=lambda engine: counts[engine], default="")
    return best if best and counts[best] else ""


def _markers(run: Run, engine: str) -> list[tuple[Phase, Evidence]]:
    found = [
        (phase, evidence)
        for phase in phases(engine)
        for marker in phase.markers
        for evidence in run.evidence(marker)
    ]
    return sorted(found, key=lambda item: item[1].order)


def _current_start(found: list[tuple[Phase, Evidence]]) -> list[tuple[Phase, Evidence]]:
    """Drops what belongs to an earlier server of the same log, started and ended before."""
    starts = [evidence for phase, evidence in found if phase.index == 0]
    readies = [evidence for phase, evidence in found if phase.id == READY]
    for start in reversed(starts):
        same = [r for r in readies if r.order[0] == start.order[0]]
        if any(r.order < start.order for r in same):
            return [
                (phase, evidence)
                for phase, evidence in found
                if evidence.order[0] != start.order[0] or evidence.order >= start.order
            ]
    return found


def _processes(reached: Iterable[tuple[Phase, Evidence]]) -> tuple[ProcessPhase, ...]:
    best: dict[tuple[str, str], tuple[Phase, Evidence]] = {}
    for phase, evidence in reached:
        writer = evidence.line.writer
        if not writer:
            continue
        key = writer.key
        known = best.get(key)
        if known is not None and phase.index < known[0].index:
            continue
        if not is_heartbeat(evidence.line):
            best[key] = (phase, evidence)
    return tuple(
        ProcessPhase(evidence.line.writer, phase.id, evidence.line)
        for phase, evidence in best.values()
    )


def _behind(run: Run, reached: Iterable[tuple[Phase, Evidence]]) -> tuple[Writer, ...]:
    """Workers without a line that most of their sisters printed.

    Since vLLM 0.20 many lines are printed by rank 0 alone, so a line counts only when at least half
    of the workers, and two at least, printed it.
    """
    workers = run.workers
    printed: dict[str, set[tuple[str, str]]] = {}
    for phase, evidence in reached:
        key = evidence.line.writer.key
        if key in workers:
            printed.setdefault(phase.id, set()).add(key)
    late: set[tuple[str, str]] = set()
    for keys in printed.values():
        if len(keys) >= 2 and 2 * len(keys) >= len(workers):
            late |= workers - keys
    return tuple(run.writers[key] for key in sorted(late))


def _last_progress(run: Run) -> Line | None:
    candidates = [line for scan in run.scans if (line := last_news((*scan.head, *scan.tail)))]
    timed = [line for line in candidates if line.time_s is not None]
    if len(timed) > 1 and all(comparable(timed[0], line) for line in timed):
        return max(timed, key=lambda line: line.time_s or 0.0)
    return candidates[-1] if candidates else None


def _stalled_s(run: Run, last: Line | None) -> float | None:
    """Seconds from the last timed line up to the last news, to the end of the run."""
    if last is None:
        return None
    anchor = _timed_before(run, last)
    if anchor is None or anchor.time_s is None:
        silence = max((s.silent_s for s in run.scans if s.source == last.source), default=0.0)
        return silence or None
    return max(0.0, (run.end_s(anchor) or anchor.time_s) - anchor.time_s)


def _timed_before(run: Run, last: Line) -> Line | None:
    if last.time_s is not None:
        return last
    for scan in run.scans:
        if scan.source != last.source:
            continue
        timed = [
            line
            for line in (*scan.head, *scan.tail)
            if line.time_s is not None and line.number <= last.number
        ]
        return timed[-1] if timed else None
    return None


def _wall_s(run: Run) -> float | None:
    longest = None
    for scan in run.scans:
        timed = [line for line in (*scan.head, *scan.tail) if line.time_s is not None]
        if len(timed) < 2 or not comparable(timed[0], timed[-1]):
            continue
        assert timed[0].time_s is not None
        assert timed[-1].time_s is not None
        span = timed[-1].time_s - timed[0].time_s + scan.silent_s
        longest = max(longest or 0.0, span)
    return longest


def _ended(run: Run) -> Line | None:
    dated = [
        line
        for scan in run.scans
        for line in scan.tail
        if line.time_s is not None and times.kind(line.time_s) == "posix"
    ]
    return max(dated, key=lambda line: line.time_s or 0.0, default=None)


def reached_after(progress: Progress, evidence: Evidence) -> bool:
    """Whether a later phase was entered after `evidence`, by the same process or the whole run."""
    order = {phase.id: phase.index for phase in phases(progress.engine)}
    at = -1
    for id, mark in progress.reached_at:
        if order[id] > at and before(mark, evidence):
            at = order[id]
    return any(
        order[id] > at
        and mark.order != evidence.order
        and before(evidence, mark)
        and not is_heartbeat(mark.line)
        for id, mark in progress.reached_at
    )


def came_up_after(progress: Progress, evidence: Evidence) -> bool:
    """Whether the server that `evidence` belongs to became ready after it.

    A file with a server of its own has its own readiness; a client's or launcher's file goes with
    whichever server came up.
    """
    source = evidence.order[0]
    own = [e for id, e in progress.reached_at if e.order[0] == source]
    if own:
        ready = [e for id, e in progress.reached_at if id == READY and e.order[0] == source]
        mark = max(ready, key=lambda e: e.order, default=None)
    else:
        mark = progress.ready
    return mark is not None and known_before(evidence, mark)


def served(progress: Progress) -> bool:
    """Whether something new was said after the server was ready."""
    ready, last = progress.ready, progress.last_progress
    return (
        ready is not None
        and last is not None
        and last.source == ready.line.source
        and last.number > ready.line.number
    )
