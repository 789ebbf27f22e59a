"""What a live look shows of processes and waits: the lines and the JSON that reports share.

Floor 10: pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from diagnose.model import Diagnosis

if TYPE_CHECKING:
    from diagnose.model import RankGroup, Wait

FRAMES = 3
"""Frames of a group that a short report shows."""


def live_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """The keys `state`, `blocker`, `ranks`, `tree` and `waits`."""
    blocker = diagnosis.blocker
    return {
        "state": str(diagnosis.state) if diagnosis.state else None,
        "blocker": None
        if blocker is None
        else {
            "kind": str(blocker.kind),
            "what": blocker.what,
            "pids": list(blocker.pids),
            "resource": blocker.resource or None,
            "waiters": list(blocker.waiters),
            "caveat": blocker.caveat or None,
        },
        "ranks": [
            {
                "ranks": group.ranks,
                "role": group.role,
                "pids": list(group.pids),
                "state": group.state,
                "doing": group.doing,
                "frames": list(group.frames),
                "odd": group.odd,
            }
            for group in diagnosis.ranks
        ],
        "tree": list(diagnosis.tree),
        "waits": [
            {
                "waiter": wait.waiter,
                "waiters": list(wait.waiters),
                "resource": wait.resource,
                "holder": wait.holder or None,
                "holders": list(wait.holders),
                "kind": wait.kind,
                "note": wait.note or None,
            }
            for wait in diagnosis.waits
        ],
    }


def group_head(group: RankGroup) -> str:
    """`workers 0-6 (pids 395-401): waiting, waits for the lock of …`."""
    name = group.ranks
    if group.role in ("worker", "scheduler") and name[:1].isdigit():
        name = f"{group.role}{'s' if len(group.pids) > 1 else ''} {name}"
    pids = ", ".join(map(str, group.pids[:8])) + (", …" if len(group.pids) > 8 else "")
    known = (
        ""
        if name.startswith("pid") or not any(group.pids)
        else f" (pid{'s' if len(group.pids) > 1 else ''} {pids})"
    )
    # "is stopped" and "waits for …" say the state themselves.
    says = group.doing or group.state
    if group.doing and len(group.pids) > 1:
        says = f"each {says}"
    odd = "  ← differs from the others" if group.odd else ""
    return f"{name}{known}: {says}{odd}"


def group_frames(group: RankGroup, limit: int = FRAMES) -> Iterator[str]:
    """The innermost frames, one a line."""
    yield from group.frames[:limit]


def wait_line(wait: Wait) -> str:
    """`EngineCore (pid 390) → workers 0-7: the answer to determine_available_memory`."""
    holder = wait.holder or "nobody who could be seen"
    note = f" ({wait.note})" if wait.note else ""
    return f"{wait.waiter} → {holder}: {wait.resource or wait.kind}{note}"
