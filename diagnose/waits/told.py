"""The arrows of a snapshot as people are told of them.

Floor 7.
"""

from __future__ import annotations

from collections.abc import Iterable

from diagnose.model import Wait
from diagnose.waits.view import Arrow, View


def merged(view: View, found: Iterable[Arrow]) -> tuple[Wait, ...]:
    """The arrows for people: who waits for the same thing with the same holders is one."""
    alike: dict[tuple[str, str, tuple[int, ...], str], list[int]] = {}
    for arrow in found:
        key = (arrow.kind, arrow.resource, arrow.holders, arrow.note)
        alike.setdefault(key, []).append(arrow.waiter)
    return tuple(
        Wait(
            waiter=view.names(waiters),
            waiters=tuple(waiters),
            kind=kind,
            resource=resource,
            holder=view.names(holders) if holders else "",
            holders=holders,
            note=note,
        )
        for (kind, resource, holders, note), waiters in alike.items()
    )
