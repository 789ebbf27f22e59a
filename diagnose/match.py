"""Which signatures hold in a run.

Floor 7: pure. The scanner has already found and confirmed the lines; this module joins them: boolean
conditions, order, distance, ranks, silence, settings and phases.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from diagnose import comparison
from diagnose.document import elapsed_s
from diagnose.facts import truth
from diagnose.model import Certainty, Condition, Evidence, Finding, Progress, Signature
from diagnose.phases import phases
from diagnose.quotation import is_quotation
from diagnose.run import Run, later_in_process
from diagnose.scope import applies

STRENGTH = {Certainty.LOW: 0, Certainty.MEDIUM: 1, Certainty.HIGH: 2}


@dataclass(frozen=True, slots=True)
class Held:
    """What one condition found."""

    holds: bool
    evidence: tuple[Evidence, ...] = ()
    certainty: Certainty | None = None
    count: int = 0


NO = Held(False)


class Matcher:
    """Evaluates signatures over one run.

    Args:
        signatures: The catalogue, by id.
        run: What was observed.
        facts: The settings of the run.
        progress: How far it came.
    """

    def __init__(
        self,
        signatures: Mapping[str, Signature],
        run: Run,
        facts: Mapping[str, str],
        progress: Progress,
    ) -> None:
        self._signatures = signatures
        self._run = run
        self._facts = facts
        self._progress = progress
        self._known: dict[str, Finding | None] = {}
        self._reported: dict[str, tuple[Evidence, ...]] = {}

    def findings(self, ids: Iterable[str] | None = None) -> tuple[Finding, ...]:
        """Every signature, or every one of these, that holds, in the order in which it was first seen."""
        asked = self._signatures if ids is None else ids
        found = [finding for id in asked if (finding := self.finding(id))]
        return tuple(sorted(found, key=lambda finding: finding.first.order))

    def finding(self, id: str) -> Finding | None:
        """One signature's finding; None when it does not hold."""
        if id not in self._known:
            self._known[id] = None  # stops a cycle of `signature` conditions
            self._known[id] = self._evaluate(self._signatures[id])
        return self._known[id]

    def _evaluate(self, signature: Signature) -> Finding | None:
        if not applies(signature.scope, self._facts):
            return None
        held = self._boolean(signature.match, signature.certainty)
        if not held.holds or not held.evidence:
            return None
        if signature.ordered and not self._ordered(signature.match.all):
            return None
        unique = {(e.order, *sorted(e.captures.items())): e for e in held.evidence}
        evidence = tuple(sorted(unique.values(), key=lambda e: e.order))
        return Finding(
            signature=signature,
            evidence=evidence,
            # Several patterns may match one line: while every match was kept, lines are counted.
            count=len({(e.order, e.line.number) for e in evidence})
            if held.count <= len(held.evidence)
            else held.count,
            certainty=self._certainty(signature, held),
            cleared_by=self._cleared(signature, evidence),
        )

    def _certainty(self, signature: Signature, held: Held) -> Certainty:
        stated = held.certainty or signature.certainty
        doubted = any(self._run.evidence(pattern) for pattern in signature.against)
        return stated.lowered if doubted else stated

    def _cleared(self, signature: Signature, evidence: Sequence[Evidence]) -> Evidence | None:
        later = [
            clearing
            for pattern in signature.cleared_by
            for clearing in self._run.evidence(pattern)
            if later_in_process(evidence[-1], clearing)
        ]
        return min(later, key=lambda e: e.order, default=None)

    def _boolean(self, condition: Condition, default: Certainty) -> Held:
        """`all`, `any` and `none` of a condition together."""
        parts: list[Held] = []
        for inner in condition.all:
            held = self.held(inner, default)
            if not held.holds:
                return NO
            parts.append(held)
        if condition.any:
            branches = [self.held(inner, default) for inner in condition.any]
            branches = [held for held in branches if held.holds]
            if not branches:
                return NO
            best = max((b.certainty or default for b in branches), key=STRENGTH.__getitem__)
            parts.append(
                Held(
                    True,
                    sum((b.evidence for b in branches), ()),
                    best,
                    sum(b.count for b in branches),
                )
            )
        if any(self.held(inner, default).holds for inner in condition.none):
            return NO
        stated = [held.certainty for held in parts if held.certainty]
        return Held(
            True,
            sum((held.evidence for held in parts), ()),
            max(stated, key=STRENGTH.__getitem__) if stated else None,
            # Several conditions together were met as often as the rarest of them.
            min((held.count for held in parts if held.count), default=0),
        )

    def held(self, condition: Condition, default: Certainty) -> Held:
        """What one condition of a signature found; `default` is the signature's own certainty."""
        if condition.line:
            held = self._line(condition)
        elif condition.sequence:
            held = self._group(condition, condition.sequence)
        elif condition.near:
            held = self._group(condition, condition.near)
        elif condition.fact:
            held = Held(self._fact(condition))
        elif condition.phase:
            held = Held(self._reached(condition.phase) == condition.reached)
        elif condition.signature:
            finding = self.finding(condition.signature)
            held = Held(finding is not None and finding.cleared_by is None)
        elif condition.compare:
            held = Held(comparison.holds(condition.compare, _by_name(self._facts)))
        else:
            held = self._boolean(condition, default)
        if not held.holds:
            return NO
        if condition.context:
            return Held(True, (), condition.certainty)
        return Held(True, held.evidence, condition.certainty or held.certainty, held.count)

    def _evidence(self, pattern: str) -> tuple[Evidence, ...]:
        """The matches of a pattern in lines that report something."""
        if pattern not in self._reported:
            seen = self._run.evidence(pattern)
            self._reported[pattern] = tuple(e for e in seen if not is_quotation(e.line))
        return self._reported[pattern]

    def _line(self, condition: Condition) -> Held:
        seen, evidence = self._run.evidence(condition.line), self._evidence(condition.line)
        if condition.role or condition.where:
            evidence = tuple(
                e
                for e in evidence
                if condition.role in ("", e.line.writer.role)
                and all(comparison.holds(one, e.captures) for one in condition.where)
            )
        count = self._run.count(condition.line) if len(evidence) == len(seen) else len(evidence)
        if not evidence or count < condition.count:
            return NO
        if condition.ranks and not self._ranks(condition.ranks, evidence):
            return NO
        if condition.last and not self._is_last(evidence[-1]):
            return NO
        if condition.silent_s and self._silence(evidence) < condition.silent_s:
            return NO
        return Held(True, evidence, count=count)

    def _ranks(self, quantifier: str, evidence: Sequence[Evidence]) -> bool:
        workers = self._run.workers
        showing = {e.line.writer.key for e in evidence} & workers
        return {
            "one": len(showing) == 1 and len(workers) > 1,
            "several": len(showing) > 1,
            "some": bool(showing) and showing != workers,
            "all": bool(showing) and showing == workers,
        }[quantifier]

    def _is_last(self, evidence: Evidence) -> bool:
        last, line = self._progress.last_progress, evidence.line
        return last is None or (last.source == line.source and last.number <= line.number)

    def _silence(self, evidence: Sequence[Evidence]) -> float:
        """Seconds from the first of the lines after which nothing new came to the end of the log; else 0."""
        start = next((e.line for e in evidence if self._is_last(e)), None)
        if start is None:
            return 0.0
        if start.time_s is None:
            return self._progress.stalled_s or 0.0
        return (self._run.end_s(start) or start.time_s) - start.time_s

    def _group(self, condition: Condition, patterns: Sequence[str]) -> Held:
        """The first place where all patterns match close together, by one writer."""
        in_order = bool(condition.sequence)
        each = [self._evidence(pattern) for pattern in patterns]
        if not all(each):
            return NO
        for first in each[0]:
            group = [first]
            for candidates in each[1:]:
                nearest = _nearest(group, candidates, condition.within, in_order=in_order)
                if nearest is None:
                    break
                group.append(nearest)
            else:
                if _span_s(group) >= condition.apart_s:
                    return Held(True, tuple(group), count=1)
        return NO

    def _ordered(self, conditions: Sequence[Condition]) -> bool:
        position = None
        for condition in conditions:
            held = self.held(condition, Certainty.LOW)
            later = [
                e
                for e in sorted(held.evidence, key=lambda e: e.order)
                if position is None or e.order >= position
            ]
            if held.evidence and not later:
                return False
            if later:
                position = later[0].order
        return True

    def _fact(self, condition: Condition) -> bool:
        value = self._facts.get(condition.fact)
        if value is None:
            return False
        if condition.equals:
            return value.lower() in {wanted.lower() for wanted in condition.equals}
        if condition.at_least is None and condition.at_most is None:
            return truth(value)
        try:
            number = float(value)
        except ValueError:
            return False
        return (condition.at_least is None or number >= condition.at_least) and (
            condition.at_most is None or number <= condition.at_most
        )

    def _reached(self, phase: str) -> bool:
        table = phases(self._progress.engine)
        order = {entry.id: entry.index for entry in table}
        reached = self._progress.reached
        return phase in order and reached in order and order[reached] >= order[phase]


def _by_name(facts: Mapping[str, str]) -> dict[str, str]:
    """Settings under names that arithmetic can use: a variable of the environment under its own."""
    return {name.removeprefix("env:"): value for name, value in facts.items()}


def _nearest(
    group: Sequence[Evidence], candidates: Sequence[Evidence], within: int, *, in_order: bool
) -> Evidence | None:
    first, last = group[0], group[-1]
    fitting = [
        candidate
        for candidate in candidates
        if candidate.order[0] == first.order[0]
        and abs(candidate.line.number - first.line.number) <= within
        and (not in_order or candidate.order >= last.order)
        and (
            not candidate.line.writer
            or not first.line.writer
            or candidate.line.writer.key == first.line.writer.key
        )
    ]
    return min(fitting, key=lambda c: abs(c.line.number - last.line.number), default=None)


def _span_s(group: Sequence[Evidence]) -> float:
    """Seconds between the earliest and the latest line; 0 where the lines do not tell."""
    after = [elapsed_s(group[0].line, other.line) for other in group]
    return max(after) - min(after)
