"""A diagnosis of the logs and documents, with what only a live look can say.

Floor 9: pure. Logs say what led here; the look says what is so now. Where they differ the look counts: a
cause of a hang is not named for a server that moves or idles.
"""

from __future__ import annotations

from dataclasses import replace

from diagnose.live.advice import LOOK, fix_for
from diagnose.live.look import VERDICT, Look, look
from diagnose.model import (
    Block,
    Diagnosis,
    Fix,
    Kind,
    ProcessPhase,
    Progress,
    Snapshot,
    State,
    Unknown,
    Verdict,
    Writer,
)
from diagnose.phases import phases
from diagnose.stacks import Standing, groups, least_progressed, tree, tree_lines
from diagnose.waits import merged

_HANGS = (Kind.STARTUP_HANG, Kind.RUNTIME_HANG)
_ATTACH = "diagnose attach"


def conclude(snapshot: Snapshot, diagnosis: Diagnosis, seen: Look | None = None) -> Diagnosis:
    """Adds what processes stand where, who waits for whom and what is in the way, and settles the verdict.

    Args:
        snapshot: What was seen.
        diagnosis: Of the logs and of `documents(snapshot)` together.
        seen: The reasoning over the snapshot, where that has been done.
    """
    seen = seen or look(snapshot)
    if _disproved(diagnosis, seen):
        cause = diagnosis.cause
        diagnosis = replace(
            diagnosis,
            cause=None,
            confidence=0.0,
            chain=(),
            alternatives=(),
            fix=None,
            retry=None,
            retry_why="",
            also=(*([cause] if cause else []), *diagnosis.also),
        )
    verdict, why = VERDICT[seen.state], seen.why
    if seen.state is State.UNCLEAR and seen.blocker is None and diagnosis.verdict is Verdict.FAILED:
        verdict, why = diagnosis.verdict, diagnosis.verdict_why
    healthy = verdict is Verdict.HEALTHY
    advice = None if healthy or diagnosis.cause else fix_for(seen)
    looks = seen.blocker is not None and seen.blocker.kind in LOOK
    return replace(
        diagnosis,
        verdict=verdict,
        verdict_why=why,
        state=seen.state,
        blocker=None if healthy else seen.blocker,
        ranks=groups(seen.standings),
        waits=merged(seen.view, seen.arrows),
        tree=_tree(seen),
        fix=_once(diagnosis.fix) if diagnosis.cause else None if looks else advice,
        look=advice if looks else None if healthy or advice else diagnosis.look,
        progress=_progress(diagnosis.progress, seen),
        unknowns=_unknowns(diagnosis, seen),
        mystery=None if healthy else diagnosis.mystery,
    )


def _tree(seen: Look) -> tuple[str, ...]:
    """The ranks' stacks as a tree; those of all processes where none holds a rank."""
    members = seen.view.ranked() or list(seen.view.standings.values())
    return tuple(tree_lines(tree(members)))


def _once(fix: Fix | None) -> Fix | None:
    """A fix without lines that came out equal once their placeholders were filled in."""
    return fix and replace(fix, now=tuple(dict.fromkeys(fix.now)))


def _disproved(diagnosis: Diagnosis, seen: Look) -> bool:
    """Whether what the logs and stacks suggest is not so now."""
    if VERDICT[seen.state] is Verdict.HEALTHY:
        return True
    cause = diagnosis.cause
    if cause is None:
        return False
    hang = cause.signature.kind in _HANGS
    return seen.state is State.SLOW and hang


def _progress(progress: Progress, seen: Look) -> Progress:
    """The phase that the stacks show, where no log shows one."""
    ranked = [s for s in seen.view.ranked() if s.phase]
    # The workers know better than the engine that waits for all of them.
    shown = ranked or [s for s in seen.view.with_role("engine-core") if s.phase]
    if progress.reached or not shown:
        return progress
    engine = progress.engine or "vllm"
    table = {phase.id: phase for phase in phases(engine)}
    known = [s for s in shown if s.phase in table]
    if not known:
        return progress
    current = max((table[s.phase] for s in known), key=lambda phase: phase.index)
    return replace(
        progress,
        engine=engine,
        reached=current.id,
        reached_title=current.title,
        quiet=current.quiet,
        usual_s=current.usual_s,
        processes=tuple(ProcessPhase(_writer(s), s.phase) for s in known),
        behind=tuple(_writer(s) for s in least_progressed(ranked, engine)),
    )


def _writer(standing: Standing) -> Writer:
    process = standing.process
    return Writer(standing.name, process.pid, process.role, process.ranks)


def _unknowns(diagnosis: Diagnosis, seen: Look) -> tuple[Unknown, ...]:
    known = [
        u for u in diagnosis.unknowns if u.how != _ATTACH and not u.what.startswith("how long")
    ]
    known += [Unknown(c.what, c.why, c.how) for c in seen.snapshot.could_not]
    blocker = seen.blocker
    if blocker is not None and blocker.caveat:
        what = f"who holds {blocker.resource}" if blocker.resource else "what is in the way"
        known.insert(0, Unknown(what, blocker.caveat))
    if blocker is not None and blocker.kind in (Block.ASLEEP, Block.BUSY) and not diagnosis.cause:
        known.insert(0, Unknown("why it does so", "no signature knows this place"))
    return tuple(known)
