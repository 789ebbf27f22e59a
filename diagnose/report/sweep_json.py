"""A `Sweep` as JSON; its shape is `sweep.schema.json` beside this file.

Floor 10: pure.
"""

from __future__ import annotations

from typing import Any

from diagnose.model.sweep import Cell, Cited, Effect, Outcome, Predicate, Separation, Sweep, Way
from diagnose.report.sweep_words import compared, ends, headline, rival, statement

SCHEMA = "diagnose-sweep/1"


def sweep_to_json(sweep: Sweep) -> dict[str, Any]:
    """The sweep as plain dictionaries, lists, strings, numbers and None."""
    return {
        "schema": SCHEMA,
        "summary": headline(sweep),
        "counts": {str(outcome): sweep.count(outcome) for outcome in Outcome},
        "unread": sweep.unread,
        "hypotheses": [
            {"kind": h.kind, "text": h.text, "jobs": list(h.jobs)} for h in sweep.hypotheses
        ],
        "separation": _separation(sweep.separation, ends(sweep, compared(sweep))),
        "apart": list(sweep.apart),
        "unseparated": sweep.unseparated or None,
        "presumed": sweep.presumed,
        "causes": [_way(way, ends(sweep, way.jobs)) for way in sweep.ways],
        "effects": [_effect(effect) for effect in sweep.effects],
        "jobs": [_job(job) for job in sweep.jobs],
    }


def _separation(separation: Separation | None, words: tuple[str, str]) -> dict[str, Any] | None:
    if separation is None:
        return None
    return {
        "statement": statement(separation, words),
        "predicate": _predicate(separation.predicate),
        "counts": {
            "inside_bad": separation.inside_bad,
            "inside_good": separation.inside_good,
            "outside_bad": separation.outside_bad,
            "outside_good": separation.outside_good,
        },
        "p": separation.p,
        "tried": separation.tried,
        "p_corrected": separation.chance,
        "ways": separation.ways,
        "exceptions": list(separation.exceptions),
        "said": _predicate(Predicate(separation.said)),
        "confounded": [
            {
                "predicate": _predicate(one.predicate),
                "differs": list(one.differs),
                "run": dict(one.probe) or None,
                "text": rival(one, separation.predicate),
            }
            for one in separation.rivals
        ],
    }


def _predicate(predicate: Predicate) -> list[dict[str, str]]:
    return [
        {"axis": t.axis, "op": t.op, "value": t.value, "kind": str(t.where)}
        for t in predicate.terms
    ]


def _way(way: Way, words: tuple[str, str]) -> dict[str, Any]:
    return {
        "id": way.cause or None,
        "fingerprint": way.way,
        "title": way.title,
        "count": len(way.jobs),
        "jobs": list(way.jobs),
        "evidence": _cited(way.cited),
        "fix": list(way.fix),
        "separation": _separation(way.separation, words),
    }


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "metric": effect.metric,
        "axis": effect.axis,
        "low": effect.low,
        "high": effect.high,
        "low_median": effect.low_median,
        "high_median": effect.high_median,
        "pairs": effect.pairs,
        "agreeing": effect.agreeing,
        "also": list(effect.also),
    }


def _job(job: Cell) -> dict[str, Any]:
    return {
        "name": job.name,
        "outcome": str(job.outcome),
        "why": job.why,
        "cause": job.cause or None,
        "confidence": job.confidence if job.cause else None,
        "error": job.error or None,
        "evidence": _cited(job.cited),
        "config": dict(job.axes),
        "numbers": dict(job.numbers),
        "retry": job.retry or None,
        "wall_s": job.wall_s,
        "gpu_hours": job.gpu_hours,
        "problem": job.problem,
        "contradictions": [
            {
                "axis": one.axis,
                "value": one.value,
                "place": one.place,
                "other": one.other,
                "other_place": one.other_place,
            }
            for one in job.contradictions
        ],
    }


def _cited(cited: Cited | None) -> dict[str, Any] | None:
    if cited is None:
        return None
    return {"source": cited.source, "line": cited.line, "text": cited.text}
