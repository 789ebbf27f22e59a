"""Why a signature did or did not match a log: every condition, and what it found.

Floor 12.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from diagnose.catalogue import patterns_of
from diagnose.match import Matcher
from diagnose.model import Certainty, Condition, Signature
from diagnose.pipeline import Examiner
from diagnose.report.signature import describe
from diagnose.report.words import place, shorten
from diagnose.scope import applies
from diagnose.sources import open_paths


def explain(
    signature: Signature,
    signatures: Mapping[str, Signature],
    paths: Sequence[str],
    stdin: BinaryIO,
) -> Iterator[str]:
    """Yields the explanation, line by line."""
    examiner = Examiner(signatures)
    run, _ = examiner.observe(open_paths(paths, stdin))
    _, facts, came = examiner.findings(run)
    matcher = Matcher(signatures, run, facts, came)
    found = matcher.finding(signature.id)
    yield f"{signature.id}: " + ("matches" if found else "does not match")
    if not applies(signature.scope, facts):
        known = ", ".join(
            f"{n}={facts[n]}" for n in ("engine", "version", "hardware") if n in facts
        )
        yield f"  it does not apply to this run ({known})"
    yield from _tell(signature.match, matcher, "  ")
    for pattern in patterns_of(signature):
        count = run.count(pattern)
        yield f"  {count:>7,} × `{pattern}`"
        for evidence in run.evidence(pattern)[:2]:
            yield f"            {place(evidence.line)} {shorten(evidence.line.text.strip(), 120)}"
    if found and found.cleared_by:
        line = found.cleared_by.line
        yield f"  cleared by {place(line)} {shorten(line.text.strip(), 120)}"


def _tell(condition: Condition, matcher: Matcher, pad: str) -> Iterator[str]:
    for label, inner in (("all", condition.all), ("any", condition.any), ("none", condition.none)):
        for entry in inner:
            held = matcher.held(entry, Certainty.HIGH)
            mark = "yes" if held.holds else "no "
            yield f"{pad}{label:<4} {mark} {describe(entry) or 'a group:'}"
            if not describe(entry):
                yield from _tell(entry, matcher, pad + "    ")
