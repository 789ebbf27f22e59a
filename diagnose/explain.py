"""Why a signature did or did not match a log: every condition, and what it found.

Floor 12.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from diagnose.catalogue import patterns_of
from diagnose.lint import Linter
from diagnose.match import Matcher
from diagnose.model import Certainty, Channel, Condition, Signature
from diagnose.pipeline import Examiner
from diagnose.recipe import read
from diagnose.report.signature import describe
from diagnose.report.words import place, shorten
from diagnose.scope import applies
from diagnose.sources import open_paths
from diagnose.sources.neighbours import Neighbours, read_script


def explain(
    signature: Signature,
    signatures: Mapping[str, Signature],
    paths: Sequence[str],
    stdin: BinaryIO,
) -> Iterator[str]:
    """Yields the explanation, line by line."""
    if signature.channel is Channel.RECIPE:
        yield from _of_scripts(signature, signatures, paths)
        return
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


def _of_scripts(
    signature: Signature, signatures: Mapping[str, Signature], paths: Sequence[str]
) -> Iterator[str]:
    """The same for launch scripts, way by way."""
    linter = Linter(signatures)
    for path in paths:
        recipe = read(path, read_script(path), beside=Neighbours(path, paths))
        for variant in recipe.variants:
            matcher = linter.matcher(recipe, variant)
            found = matcher.finding(signature.id)
            when = " and ".join(f"{'' if a.said else 'not '}{a.text}" for a in variant.assumptions)
            yield f"{path}, {when or 'always'}: " + ("matches" if found else "does not match")
            if not applies(signature.scope, variant.facts):
                yield "  it does not apply to this engine, version or hardware"
            yield from _tell(signature.match, matcher, "  ")


def _tell(condition: Condition, matcher: Matcher, pad: str) -> Iterator[str]:
    for label, inner in (("all", condition.all), ("any", condition.any), ("none", condition.none)):
        for entry in inner:
            held = matcher.held(entry, Certainty.HIGH)
            mark = "yes" if held.holds else "no "
            yield f"{pad}{label:<4} {mark} {describe(entry) or 'a group:'}"
            if not describe(entry):
                yield from _tell(entry, matcher, pad + "    ")
