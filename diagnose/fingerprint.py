"""One short word for the mechanism of a failure, equal for every job, shard, node and rank that met it.

Floor 9: pure. Made of what went wrong and never of where: no path, rank, pid, host, size or time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from diagnose.model import Channel, Diagnosis, Finding, Link, Role, Verdict
from diagnose.template import pattern

LENGTH = 16
_LOOK = 300


def fingerprint(diagnosis: Diagnosis) -> str:
    """16 hexadecimal digits; empty when nothing went wrong."""
    if diagnosis.verdict is Verdict.HEALTHY:
        return ""
    text = "\n".join(("diagnose/1", *_mechanism(diagnosis)))
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def _mechanism(diagnosis: Diagnosis) -> tuple[str, ...]:
    if diagnosis.cause is not None:
        return ("cause", _observed(diagnosis.cause, diagnosis.chain))
    if diagnosis.blocker is not None:
        return ("blocker", str(diagnosis.blocker.kind), diagnosis.progress.reached)
    if diagnosis.mystery is not None and diagnosis.mystery.first_errors:
        # Which process came first is chance, and which of several errors it printed is not.
        first = diagnosis.mystery.first_errors[0].line.message.strip()[:_LOOK]
        return ("error", pattern(first))
    candidates = sorted(a.finding.signature.id for a in diagnosis.alternatives)
    seen = sorted(link.signature.id for link in diagnosis.chain if link.finding is not None)
    return (str(diagnosis.verdict), diagnosis.progress.reached, *candidates, "seen", *seen)


def _observed(cause: Finding, chain: Sequence[Link]) -> str:
    """The first mechanism that the job itself showed: a launch script is not at hand everywhere."""
    seen = (
        link.signature.id
        for link in chain
        if link.finding is not None
        and link.signature.role is Role.CAUSE
        and link.signature.channel is not Channel.RECIPE
    )
    return next(seen, cause.signature.id)
