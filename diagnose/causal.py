"""From findings to one causal chain.

Floor 8: pure. The catalogue says what can lead to what; this module keeps the links that the observed
order allows, drops what later lines show to have passed, and names the cause that explains most of
what was seen. There is no global priority: a wrapper never outranks its cause, because the cause
reaches the wrapper and the wrapper does not reach the cause.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from diagnose.match import STRENGTH
from diagnose.model import (
    Alternative,
    Certainty,
    Evidence,
    Finding,
    Kind,
    Link,
    Progress,
    Role,
    Signature,
)
from diagnose.progress import came_up_after, reached_after
from diagnose.run import NOW, before, known_before
from diagnose.scope import version_fits

NAMED = 0.5
"""A cause below this confidence is a candidate and is not named."""
BASE = {Certainty.HIGH: 0.9, Certainty.MEDIUM: 0.7, Certainty.LOW: 0.35}
# Who ends a job from outside; what ends in such a way need not have been broken.
OUTSIDE = ("github", "slurm", "container", "client")
# What spoils a result that was written all the same.
OUTLIVING = (Kind.ACCURACY, Kind.BENCHMARK, Kind.SLOW)
ENDERS = ("github", "slurm")
HANGS = (Kind.STARTUP_HANG, Kind.RUNTIME_HANG)
# A process that ended of one of these cannot print a later start-up phase.
FATAL_KINDS = (Kind.CRASH, Kind.CONFIG, Kind.INFRA)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The chain, before anything is said about the verdict."""

    cause: Finding | None
    confidence: float
    chain: tuple[Link, ...]
    alternatives: tuple[Alternative, ...]
    also: tuple[Finding, ...]


def standing(
    findings: Sequence[Finding], progress: Progress, done: Evidence | None
) -> list[Finding]:
    """The findings that nothing later disproves: not benign, not cleared, not before a good end.

    What came before the server was ready has passed, unless it leads to something seen after, or was
    slow beyond doubt: that is the answer although the server came up in the end.
    """
    live = [f for f in findings if f.signature.role is not Role.BENIGN and f.cleared_by is None]
    if done is not None:
        live = [f for f in live if not _passed(f, done) or _spoils(f)]
    if progress.ready is None:
        return live
    after = [f for f in live if not came_up_after(progress, f.last)]
    return [
        f
        for f in live
        if f in after
        or any(g.signature.id in f.signature.leads_to for g in after)
        or (f.signature.kind is Kind.SLOW and f.certainty is Certainty.HIGH)
    ]


def explain(
    live: Sequence[Finding],
    progress: Progress,
    facts: Mapping[str, str],
    signatures: Mapping[str, Signature],
) -> Explanation:
    """Names the cause whose chain explains most.

    Args:
        live: What `standing` left, in observed order.
        progress: How far the run came.
        facts: The settings of the run.
        signatures: The catalogue, for links through mechanisms that were not seen.
    """
    reach = {f.signature.id: _reach(f, live, signatures) for f in live}
    causes = [f for f in live if f.signature.role is Role.CAUSE]
    able = [f for f in causes if f.certainty is not Certainty.LOW and not _outdone(f, live, reach)]
    roots = [f for f in able if not _explained(f, able, reach)] or able
    present = {f.signature.id for f in live if f.last.order[0] >= NOW}
    # What is so now comes before what a log tells, and what led to it as well.
    roots.sort(key=lambda f: (not reach[f.signature.id] & present, _rank(f, reach, progress)))
    head = roots[0] if roots else None
    confidence = _confidence(head, roots, reach, progress, facts) if head else 0.0
    if head is None or confidence < NAMED:
        possible = (*_candidates(causes), *(f for f in live if f.signature.alone))
        rest = [Alternative(f, round(_alone(f), 2), _separates(f, causes)) for f in possible]
        chain = tuple(Link(f.signature, f) for f in live if f.signature.role is not Role.CAUSE)
        return Explanation(None, 0.0, chain, tuple(rest[:5]), ())
    effects = [f for f in live if f.signature.id in reach[head.signature.id] and f is not head]
    others = [f for f in causes if f is not head and f not in effects]
    return Explanation(
        cause=head,
        confidence=round(confidence, 2),
        chain=(Link(head.signature, head), *_hops(head, effects, signatures)),
        alternatives=tuple(
            Alternative(f, round(_alone(f) * 0.5, 2), _separation(head, f))
            for f in _candidates(others)[:4]
        ),
        also=tuple(f for f in live if f is not head and f not in effects and f not in others),
    )


def _spoils(finding: Finding) -> bool:
    """Whether it may have spoilt a result that was written all the same.

    That some requests were refused spoils none, unless the client counted them.
    """
    needed = Certainty.HIGH if finding.signature.kind is Kind.BENCHMARK else Certainty.MEDIUM
    return (
        finding.signature.role is Role.CAUSE
        and finding.signature.kind in OUTLIVING
        and STRENGTH[finding.certainty] >= STRENGTH[needed]
    )


def _outdone(finding: Finding, live: Sequence[Finding], reach: Mapping[str, set[str]]) -> bool:
    """Whether something was merely slow while the run ended in a way that slowness does not explain."""
    return finding.signature.kind is Kind.SLOW and any(
        (f.signature.role is Role.FAILURE or f.signature.kind is Kind.CRASH)
        and f.signature.role is not Role.CAUSE
        and f.signature.component not in OUTSIDE
        and f.signature.id not in reach[finding.signature.id]
        for f in live
    )


def _passed(finding: Finding, mark: Evidence) -> bool:
    return known_before(finding.last, mark)


def _reach(
    start: Finding, live: Sequence[Finding], signatures: Mapping[str, Signature]
) -> set[str]:
    """Ids of the findings that `start` accounts for, itself included."""
    reachable = possible(start.signature.id, signatures)
    return {
        f.signature.id
        for f in live
        if f is start
        or (_allowed(start, f) and (f.signature.id in reachable or _follows(start, f)))
    }


def possible(id: str, signatures: Mapping[str, Signature]) -> set[str]:
    """Everything the catalogue says `id` can lead to, through any number of hops."""
    reached, frontier = set(), [id]
    while frontier:
        signature = signatures.get(frontier.pop())
        for effect in signature.leads_to if signature else ():
            if effect not in reached:
                reached.add(effect)
                frontier.append(effect)
    return reached - {id}


def _follows(cause: Finding, effect: Finding) -> bool:
    """Whether `effect` follows without having to be said.

    Whatever came before a failure leads to it, and what hangs is ended from outside.
    """
    if cause.signature.kind in HANGS and effect.signature.component in ENDERS:
        return effect.signature.kind is Kind.INFRA
    return (
        effect.signature.role is Role.FAILURE
        and cause.signature.role is Role.CAUSE
        and (cause.signature.kind not in OUTLIVING or effect.signature.component in OUTSIDE)
    )


def _allowed(cause: Finding, effect: Finding) -> bool:
    # What a hang shows (a stack, a listing) is a state, looked at after it began.
    return cause.signature.kind in HANGS or before(cause.first, effect.last)


def _explained(finding: Finding, able: Sequence[Finding], reach: Mapping[str, set[str]]) -> bool:
    id = finding.signature.id
    return any(
        id in reach[other.signature.id] and other.signature.id not in reach[id]
        for other in able
        if other is not finding
    )


def _rank(
    finding: Finding, reach: Mapping[str, set[str]], progress: Progress
) -> tuple[bool, bool, int, int, tuple[int, int]]:
    return (
        finding.signature.kind is Kind.SLOW,
        _survived(finding, progress),
        -STRENGTH[finding.certainty],
        -len(reach[finding.signature.id]),
        finding.first.order,
    )


def _survived(finding: Finding, progress: Progress) -> bool:
    """Whether the start-up went on after something that should have ended it."""
    return finding.signature.kind in FATAL_KINDS and reached_after(progress, finding.last)


def _alone(finding: Finding) -> float:
    """What a match proves without any help; below the bar for what is never named."""
    if finding.signature.alone:
        return min(BASE[finding.signature.alone], NAMED - 0.05)
    return BASE[finding.certainty]


def _confidence(
    head: Finding,
    roots: Sequence[Finding],
    reach: Mapping[str, set[str]],
    progress: Progress,
    facts: Mapping[str, str],
) -> float:
    value = BASE[head.certainty]
    if len(reach[head.signature.id]) > 1:
        value += 0.04
    rivals = [
        f
        for f in roots[1:]
        if f.certainty is head.certainty and _survived(f, progress) == _survived(head, progress)
    ]
    if rivals:
        value *= 0.85
    if _survived(head, progress):
        value *= 0.75
    if version_fits(head.signature.scope.versions, facts.get("version", "")) is None:
        value *= 0.9
    return value


def _candidates(causes: Sequence[Finding]) -> list[Finding]:
    return sorted(causes, key=lambda f: (-STRENGTH[f.certainty], f.first.order))


def _separates(finding: Finding, others: Sequence[Finding]) -> str:
    for other in others:
        if other is not finding and (text := _separation(other, finding)):
            return text
    return finding.signature.confusers[0].differs if finding.signature.confusers else ""


def _separation(head: Finding, other: Finding) -> str:
    """What would decide between two causes, from either's list of confusers."""
    for one, two in ((head, other), (other, head)):
        for confuser in one.signature.confusers:
            if confuser.id == two.signature.id:
                return confuser.differs
    return ""


def _hops(
    head: Finding, effects: Sequence[Finding], signatures: Mapping[str, Signature]
) -> list[Link]:
    """What the cause led to, in observed order, and the hops that a log cannot show."""
    seen = {f.signature.id for f in effects}
    hidden = [
        Link(signatures[id], None, "could-not-look")
        for id in head.signature.leads_to
        if id in signatures
        and id not in seen
        and signatures[id].role is Role.CAUSE
        and head.signature.kind in HANGS
        and signatures[id].kind in HANGS
    ]
    ordered = sorted(effects, key=lambda f: (f.signature.role is Role.FAILURE, f.first.order))
    return [*hidden, *(Link(f.signature, f) for f in ordered)]
