"""One short word for the mechanism of a failure, equal for every job, shard, node and rank that met it.

Floor 9: pure. Made of what went wrong and never of where: no path, rank, pid, host, size or time.
"""

from __future__ import annotations

import hashlib

from diagnose.model import Diagnosis, Verdict
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
        return ("cause", diagnosis.cause.signature.id)
    if diagnosis.blocker is not None:
        return ("blocker", str(diagnosis.blocker.kind), diagnosis.progress.reached)
    if diagnosis.mystery is not None and diagnosis.mystery.first_errors:
        # Which process came first is chance, and which of several errors it printed is not.
        first = diagnosis.mystery.first_errors[0].line.message.strip()[:_LOOK]
        return ("error", pattern(first))
    candidates = sorted(a.finding.signature.id for a in diagnosis.alternatives)
    seen = sorted(link.signature.id for link in diagnosis.chain if link.finding is not None)
    return (str(diagnosis.verdict), diagnosis.progress.reached, *candidates, "seen", *seen)
