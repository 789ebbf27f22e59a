"""A `Diagnosis` as SARIF 2.1.0, for code scanning: the cause where its evidence or its fix stands.

Floor 10: pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from diagnose import __version__
from diagnose.fingerprint import fingerprint
from diagnose.model import Diagnosis, Evidence, Finding, Line, Place, Signature
from diagnose.report.words import VERDICT, printable, reflow, shorten

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
UNEXPLAINED = "diagnose/unexplained-error"
_QUOTE = 400
_MOST = 20


def to_sarif(diagnosis: Diagnosis) -> dict[str, Any]:
    """One run, whose results are the cause, or else the candidates and the first errors."""
    signatures = {f.signature.id: f.signature for f in _findings(diagnosis)}
    rules = [_rule(signature) for signature in signatures.values()]
    results = list(_results(diagnosis))
    if any(result["ruleId"] == UNEXPLAINED for result in results):
        rules.append(
            {
                "id": UNEXPLAINED,
                "shortDescription": {"text": "An error that no signature explains"},
            }
        )
    driver = {"name": "diagnose", "semanticVersion": __version__, "rules": rules}
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": results,
        "invocations": [{"executionSuccessful": True}],
        "properties": {
            "verdict": str(diagnosis.verdict),
            "verdict_why": printable(diagnosis.verdict_why),
            "job": dict(diagnosis.job.settings) if diagnosis.job else {},
        },
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _findings(diagnosis: Diagnosis) -> Iterator[Finding]:
    if diagnosis.cause is not None:
        yield diagnosis.cause
    yield from (alternative.finding for alternative in diagnosis.alternatives)


def _rule(signature: Signature) -> dict[str, Any]:
    help_ = "\n\n".join(reflow(fix.summary) for fix in signature.fixes) or signature.title
    return {
        "id": signature.id,
        "shortDescription": {"text": signature.title},
        "fullDescription": {"text": reflow(signature.root_cause)},
        "help": {"text": help_},
        "properties": {"tags": [signature.component, str(signature.kind)]},
    }


def _results(diagnosis: Diagnosis) -> Iterator[dict[str, Any]]:
    if diagnosis.cause is not None:
        why = f"{VERDICT[diagnosis.verdict]}: {printable(diagnosis.verdict_why)}. "
        text = f"{why}{diagnosis.cause.signature.title} ({diagnosis.confidence:.0%})."
        if diagnosis.fix is not None:
            text += f" {reflow(diagnosis.fix.summary)}"
        result = _result(diagnosis.cause, "error", text)
        chain = [e for link in diagnosis.chain if link.finding for e in link.finding.evidence[:1]]
        result["relatedLocations"] = [
            {"id": n, **_location(e)} for n, e in enumerate(chain[:_MOST], start=1)
        ]
        if diagnosis.place is not None:
            result["locations"] = [_place(diagnosis.place)]
        result["partialFingerprints"] = {"diagnose/v1": fingerprint(diagnosis)}
        yield result
    for other in diagnosis.alternatives:
        title = other.finding.signature.title
        yield _result(other.finding, "note", f"May also be: {title} ({other.confidence:.0%}).")
    if diagnosis.cause is None and diagnosis.mystery is not None:
        for evidence in diagnosis.mystery.first_errors:
            yield {
                "ruleId": UNEXPLAINED,
                "level": "error",
                "message": {"text": shorten(evidence.line.message.strip(), _QUOTE) or "error"},
                "locations": [_location(evidence)],
                "partialFingerprints": {"diagnose/v1": fingerprint(diagnosis)},
            }


def _result(finding: Finding, level: str, text: str) -> dict[str, Any]:
    return {
        "ruleId": finding.signature.id,
        "level": level,
        "message": {"text": text},
        "locations": [_location(finding.first)],
    }


def _location(evidence: Evidence) -> dict[str, Any]:
    line: Line = evidence.line
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(line.source)},
            "region": {
                "startLine": max(1, line.number),
                "snippet": {"text": shorten(line.text.strip(), _QUOTE)},
            },
        }
    }


def _place(place: Place) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(place.path)},
            "region": {"startLine": place.line},
        }
    }


def _uri(path: str) -> str:
    """A reference as RFC 3986 wants it; what is relative stays so."""
    if path.startswith("/"):
        return "file://" + quote(path)
    # A colon in the first part would make a scheme of it.
    return quote(path)
