"""From the cause that a log shows back to the launch script that made it happen.

Floor 9: pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from diagnose.advice import fix_for
from diagnose.causal import BASE, Explanation, possible
from diagnose.match import STRENGTH
from diagnose.model import Certainty, Channel, Finding, Fix, Link, Role, Signature


def trace_back(
    explanation: Explanation,
    live: Sequence[Finding],
    origins: Sequence[Finding],
    signatures: Mapping[str, Signature],
) -> Explanation:
    """Puts what the launch script shows before the cause that it leads to.

    A fault of the script that leads to nothing seen is dormant: it heads no chain, and is told beside it.

    Args:
        explanation: What the logs and the live look give.
        live: The findings it was made from.
        origins: Findings in the launch script.
        signatures: The catalogue.
    """
    able = sorted(
        (f for f in origins if f.signature.role is Role.CAUSE and f.certainty is not Certainty.LOW),
        key=lambda f: -STRENGTH[f.certainty],
    )
    wanted = [explanation.cause] if explanation.cause else live
    for origin in able:
        reachable = possible(origin.signature.id, signatures)
        effects = [f for f in wanted if f.signature.id in reachable]
        if not effects:
            continue
        chain = (
            explanation.chain
            if explanation.cause
            else tuple(Link(f.signature, f) for f in live if f.signature.id in reachable)
        )
        return replace(
            explanation,
            cause=origin,
            confidence=explanation.confidence or round(BASE[origin.certainty], 2),
            chain=(Link(origin.signature, origin), *chain),
            also=(*explanation.also, *(f for f in able if f is not origin)),
        )
    return replace(explanation, also=(*explanation.also, *able))


def fix_of(chain: Sequence[Link], cause: Finding, settings: Mapping[str, str]) -> Fix | None:
    """The cause's fix; what unblocks a run that its launch script doomed, its log's cause knows."""
    known = {**_captured(chain), **settings}
    fix = fix_for(cause, known)
    if fix is None or fix.now or cause.signature.channel is not Channel.RECIPE:
        return fix
    seen = next((k.finding for k in chain[1:] if k.finding), None)
    now = fix_for(seen, known) if seen else None
    return replace(fix, now=now.now) if now else fix


def _captured(chain: Iterable[Link]) -> dict[str, str]:
    """What all findings of a chain took from their lines: a script's fix may depend on what its log says."""
    found: dict[str, str] = {}
    for link in chain:
        if link.finding:
            found = {**link.finding.captures, **found}
    return found
