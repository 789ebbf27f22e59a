"""A `Diagnosis` as the JSON that other programs rely on; its shape is `schema.json` beside this file.

Floor 10: pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from diagnose.fingerprint import fingerprint
from diagnose.model import Diagnosis, Evidence, Finding, Fix, Line, Link, Writer
from diagnose.report.evidence import quoted
from diagnose.report.live import live_json
from diagnose.report.timeline import shows
from diagnose.report.words import cost

if TYPE_CHECKING:
    from diagnose.model import Job
    from diagnose.model.baseline import Baseline

SCHEMA = "diagnose/1"
_SHOWN_CONFIG = (
    "tensor_parallel_size",
    "pipeline_parallel_size",
    "data_parallel_size",
    "ep_size",
    "max_model_len",
    "max_num_seqs",
    "gpu_count",
    "world_size",
)


def to_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """The diagnosis as plain dictionaries, lists, strings, numbers and None."""
    progress = diagnosis.progress
    return {
        "schema": SCHEMA,
        "verdict": str(diagnosis.verdict),
        "verdict_why": diagnosis.verdict_why,
        "fingerprint": fingerprint(diagnosis) or None,
        "cause": _cause(diagnosis),
        "chain": [_link(link) for link in diagnosis.chain],
        "alternatives": [
            {
                "id": a.finding.signature.id,
                "title": a.finding.signature.title,
                "confidence": a.confidence,
                "separated_by": a.separated_by,
                "evidence": [_evidence(e) for e in quoted(a.finding.evidence, 3)],
            }
            for a in diagnosis.alternatives
        ],
        "also": [_named(f) for f in diagnosis.also],
        "evidence": [_place(line) for line in cited(diagnosis)],
        "phase": {
            "engine": progress.engine,
            "version": progress.version,
            "reached": progress.reached,
            "title": progress.reached_title,
            "ready": progress.ready is not None,
            "stalled_s": progress.stalled_s,
            "last_progress": _place(progress.last_progress) if progress.last_progress else None,
            "behind": [str(writer) for writer in progress.behind],
            "processes": [
                {
                    "name": p.writer.name,
                    "pid": p.writer.pid,
                    "phase": p.phase,
                    "last_progress": p.last_progress.text if p.last_progress else None,
                }
                for p in progress.processes
            ],
        },
        **live_json(diagnosis),
        "fix": _advice(diagnosis.fix),
        "look": _advice(diagnosis.look),
        "retry": {"advice": str(diagnosis.retry), "why": diagnosis.retry_why}
        if diagnosis.retry
        else None,
        "config": config(diagnosis.facts),
        "cost": cost(diagnosis),
        "metrics": [
            {
                "source": recording.source,
                "gpus": [gpu.name for gpu in recording.gpus],
                "lasted_s": recording.lasted_s,
                "shows": shows(recording),
            }
            for recording in diagnosis.recordings
        ],
        "job": _job(diagnosis.job),
        "unknowns": [{"what": u.what, "why": u.why, "how": u.how} for u in diagnosis.unknowns],
        "unexplained": _mystery(diagnosis),
        "baseline": _baseline(diagnosis.baseline),
        "sources": [
            {"name": s.name, "lines": s.lines, "bytes": s.size_bytes, "problem": s.problem}
            for s in diagnosis.sources
        ],
    }


def cited(diagnosis: Diagnosis) -> list[Line]:
    """Every line the answer rests on, decisive ones first, each once."""
    lines: dict[tuple[str, int], Line] = {}
    findings = [link.finding for link in diagnosis.chain if link.finding]
    findings += [a.finding for a in diagnosis.alternatives]
    for finding in findings:
        for evidence in quoted(finding.evidence, 8):
            lines.setdefault((evidence.line.source, evidence.line.number), evidence.line)
    if diagnosis.mystery:
        for line in diagnosis.mystery.telling:
            lines.setdefault((line.source, line.number), line)
    return list(lines.values())


def config(facts: Mapping[str, str]) -> dict[str, Any]:
    """The settings, numbers and truths as such; environment variables under `env`."""
    shown: dict[str, Any] = {}
    env: dict[str, str] = {}
    for name, value in facts.items():
        if name.startswith("env:"):
            env[name.removeprefix("env:")] = value
        elif name in _SHOWN_CONFIG and value.isdigit():
            shown[name] = int(value)
        elif value.lower() in ("true", "false"):
            shown[name] = value.lower() == "true"
        else:
            shown[name] = value
    if env:
        shown["env"] = env
    return shown


def _cause(diagnosis: Diagnosis) -> dict[str, Any] | None:
    if diagnosis.cause is None:
        return None
    signature = diagnosis.cause.signature
    return {
        "id": signature.id,
        "title": signature.title,
        "confidence": diagnosis.confidence,
        "kind": str(signature.kind),
        "root_cause": " ".join(signature.root_cause.split()),
        "captures": dict(diagnosis.cause.captures),
        "seen_on": list(signature.seen_on),
    }


def _link(link: Link) -> dict[str, Any]:
    return {
        "id": link.signature.id,
        "title": link.signature.title,
        "role": str(link.signature.role),
        "status": link.status,
        "count": link.finding.count if link.finding else 0,
        "evidence": [_evidence(e) for e in quoted(link.finding.evidence, 5)]
        if link.finding
        else [],
    }


def _named(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.signature.id,
        "title": finding.signature.title,
        "role": str(finding.signature.role),
        "count": finding.count,
        "evidence": [_evidence(e) for e in quoted(finding.evidence, 2)],
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    line = evidence.line
    return {**_place(line), "writer": _writer(line.writer), "time": line.stamp or None}


def _place(line: Line) -> dict[str, Any]:
    return {"source": line.source, "line": line.number, "text": line.text}


def _writer(writer: Writer) -> str | None:
    return str(writer) or None


def _advice(fix: Fix | None) -> dict[str, Any] | None:
    if fix is None:
        return None
    return {
        "summary": " ".join(fix.summary.split()),
        "now": list(fix.now),
        "recipe": list(fix.recipe),
        "warning": " ".join(fix.warning.split()),
        "diff": fix.diff or None,
    }


def _job(job: Job | None) -> dict[str, Any] | None:
    if job is None:
        return None
    return {
        "system": job.system or None,
        "name": job.name or None,
        "run": job.run or None,
        "node": job.node or None,
        "url": job.url or None,
        "status": job.status or None,
        "settings": dict(job.settings),
    }


def _mystery(diagnosis: Diagnosis) -> dict[str, Any] | None:
    mystery = diagnosis.mystery
    if mystery is None:
        return None
    return {
        "first_errors": [_evidence(e) for e in mystery.first_errors],
        "odd_process": str(mystery.odd_writer) if mystery.odd_writer else None,
        "telling": [_place(line) for line in mystery.telling],
        "draft_signature": mystery.draft or None,
    }


def _baseline(baseline: Baseline | None) -> dict[str, Any] | None:
    """The comparison as plain dictionaries."""
    if baseline is None:
        return None
    return {
        "runs": list(baseline.runs),
        "new_lines": [
            {"source": n.line.source, "line": n.line.number, "text": n.line.text, "count": n.count}
            for n in baseline.new
        ],
        "missing_lines": [
            {"source": line.source, "line": line.number, "text": line.text}
            for line in baseline.missing
        ],
        "slower_phases": [
            {"phase": s.phase, "took_s": s.took_s, "good_s": s.good_s, "ended": s.ended}
            for s in baseline.slower
        ],
        "settings": [
            {"name": d.name, "value": d.value, "good": list(d.good)} for d in baseline.settings
        ],
        "left_out": list(baseline.left_out),
        "partial": baseline.partial,
    }
