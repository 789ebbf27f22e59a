"""The catalogue proves itself: every example matches, no counterexample does, nothing is dead.

Floor 12. `check` returns what is wrong as values, so that one run names every broken file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import MappingProxyType

import regex

from diagnose.catalogue import patterns_of, read
from diagnose.errors import CatalogueError
from diagnose.match import Matcher
from diagnose.model import (
    Certainty,
    Channel,
    Condition,
    Diagnosis,
    Finding,
    Role,
    Signature,
    Verdict,
)
from diagnose.pipeline import Examiner
from diagnose.prove_recipe import recipe_examples
from diagnose.sources import Source, open_paths

_RECIPE_LINE = re.compile(r"(?:--?[a-z][\w-]*(?:[= ].+)?|[A-Za-z_][A-Za-z0-9_]*=.*)$")
_REMOVED = re.compile(r"(?:--?[a-z][\w-]*|[A-Za-z_][A-Za-z0-9_]*)$")
_FILLED_IN = re.compile(r"<\w+>(?:=<\w+>)?$")
TITLE = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the catalogue."""

    id: str
    """The signature's id, or the file that could not be read."""
    message: str

    def __str__(self) -> str:
        return f"{self.id}: {self.message}"


def load_all(root: Path) -> tuple[dict[str, Signature], list[Problem]]:
    """Reads every file below `root`; what cannot be read becomes a problem."""
    signatures: dict[str, Signature] = {}
    problems = []
    for path in sorted(root.glob("*/*.toml")):
        try:
            signature = read(path)
        except CatalogueError as error:
            problems.append(Problem(f"{path.parent.name}/{path.stem}", str(error)))
        else:
            signatures[signature.id] = signature
    return signatures, problems


def check(
    signatures: Mapping[str, Signature],
    healthy: Iterable[Path] = (),
    others: Mapping[str, Signature] = MappingProxyType({}),
) -> list[Problem]:
    """Everything that is wrong with a catalogue.

    Args:
        signatures: By id.
        healthy: Logs in which nothing may be found wrong.
        others: Signatures beside which these will be used; not checked themselves.
    """
    known = {**others, **signatures}
    problems = [
        Problem(s.id, message) for s in signatures.values() for message in _static(s, known)
    ]
    problems += [p for p in _twice(known) if p.id in signatures]
    usable = {s.id: s for s in known.values() if not _broken(s)}
    try:
        examiner = Examiner(usable)
    except CatalogueError as error:
        return [*problems, Problem("catalogue", str(error))]
    for id in signatures:
        if id not in usable:
            continue
        if usable[id].channel is Channel.RECIPE:
            problems += [Problem(id, m) for m in recipe_examples(usable[id], usable)]
        else:
            problems += [Problem(id, m) for m in _examples(usable[id], examiner, usable)]
    for path in healthy:
        problems += _healthy(path, examiner)
    return problems


def finding(
    text: str, id: str, examiner: Examiner, signatures: Mapping[str, Signature]
) -> Finding | None:
    """What one signature makes of a piece of log; None when it does not hold or was cleared."""
    run, _ = examiner.observe([source(text, channel=signatures[id].channel)])
    _, settings, came = examiner.findings(run)
    found = Matcher(signatures, run, settings, came).finding(id)
    return None if found is None or found.cleared_by else found


def source(text: str, name: str = "example", channel: Channel = Channel.LOG) -> Source:
    """A piece of text as an input."""
    data = text.strip("\n").encode() + b"\n"
    return Source(name, BytesIO(data), len(data), "", channel=channel)


def _static(signature: Signature, signatures: Mapping[str, Signature]) -> Iterator[str]:
    if len(signature.title) > TITLE or signature.title.endswith("."):
        yield f"the title must be one sentence of at most {TITLE} characters without a full stop"
    for id in signature.leads_to:
        if id not in signatures:
            yield f"leads_to names no signature: {id}"
        if id == signature.id:
            yield "leads_to names itself"
    for confuser in signature.confusers:
        if confuser.id not in signatures:
            yield f"confuser names no signature: {confuser.id}"
    for condition in _walk(signature.match):
        if condition.signature and condition.signature not in signatures:
            yield f"a condition names no signature: {condition.signature}"
    prose = (
        signature.title,
        signature.symptom,
        signature.root_cause,
        *(f.summary for f in signature.fixes),
    )
    if any("TODO" in text for text in (*prose, *(c.text for c in signature.counterexamples))):
        yield "is still a draft: a TODO is left"
    if not signature.examples or not signature.counterexamples:
        yield "needs at least one example and one counterexample"
    if signature.role is Role.CAUSE:
        if not signature.fixes:
            yield "a cause needs a [[fix]]"
        if not re.search(r"\bprov(?:e|es)\b", signature.root_cause):
            yield "root_cause must say what a match does not prove"
    for fix in signature.fixes:
        for line in fix.recipe:
            if not _RECIPE_LINE.match(line) and not _FILLED_IN.match(line):
                yield f"a recipe line must be a flag or a NAME=value: {line!r}"
        for line in fix.remove:
            if not _REMOVED.match(line) and not _FILLED_IN.match(line):
                yield f"what is removed must be a flag or a variable's name: {line!r}"
        if fix.replace and signature.channel is not Channel.RECIPE:
            yield "only a signature of the channel `recipe` can say what to replace in a script"
    yield from _broken(signature)


def _broken(signature: Signature) -> list[str]:
    problems = []
    for pattern in patterns_of(signature):
        try:
            if regex.compile(pattern).search(""):
                problems.append(f"a pattern matches the empty line: {pattern!r}")
        except regex.error as error:
            problems.append(f"not a regular expression: {pattern!r} ({error})")
    return problems


def _walk(condition: Condition) -> Iterator[Condition]:
    yield condition
    for inner in (*condition.all, *condition.any, *condition.none):
        yield from _walk(inner)


def _twice(signatures: Mapping[str, Signature]) -> list[Problem]:
    owner: dict[str, str] = {}
    problems = []
    for signature in signatures.values():
        other = owner.setdefault(signature.mechanism, signature.id)
        if other != signature.id:
            problems.append(Problem(signature.id, f"the mechanism's name is taken by {other}"))
    return problems


def _examples(
    signature: Signature, examiner: Examiner, signatures: Mapping[str, Signature]
) -> Iterator[str]:
    shown = named = strong = False
    for number, example in enumerate(signature.examples, start=1):
        found = finding(example.text, signature.id, examiner, signatures)
        if found is None:
            yield f"example {number} does not match"
            continue
        for name, value in example.captures.items():
            if found.captures.get(name) != value:
                yield f"example {number}: <{name}> is {found.captures.get(name)!r}, not {value!r}"
        diagnosis = examiner.diagnose([source(example.text, channel=signature.channel)])
        strong = strong or found.certainty is not Certainty.LOW
        named = named or (
            diagnosis.cause is not None and diagnosis.cause.signature.id == signature.id
        )
        shown = shown or signature.id in _mentioned(diagnosis)
    for number, counterexample in enumerate(signature.counterexamples, start=1):
        if finding(counterexample.text, signature.id, examiner, signatures) is not None:
            yield f"counterexample {number} matches ({counterexample.why})"
    if signature.role is Role.BENIGN or not signature.examples:
        return
    if signature.role is Role.CAUSE and strong and not named:
        yield "another signature is named as the cause of every example: this one is always shadowed"
    elif not shown:
        yield "no example brings it into a report: this one is always shadowed"


def _mentioned(diagnosis: Diagnosis) -> set[str]:
    return {
        *(link.signature.id for link in diagnosis.chain),
        *(a.finding.signature.id for a in diagnosis.alternatives),
        *(f.signature.id for f in diagnosis.also),
    }


def _healthy(path: Path, examiner: Examiner) -> list[Problem]:
    diagnosis = examiner.diagnose(open_paths([str(path)]))
    if diagnosis.verdict is Verdict.HEALTHY and diagnosis.cause is None:
        return []
    guilty = diagnosis.cause.signature.id if diagnosis.cause else path.name
    return [
        Problem(guilty, f"raises an alarm on the healthy log {path.name} ({diagnosis.verdict})")
    ]
