"""The catalogue's recipe signatures over a launch script: what is known to go wrong, for which rows.

Floor 8: pure. Each way through the script is a document of its own; the same matcher as for logs looks at
it, and what several ways show in the same place is one finding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import regex

from diagnose.catalogue import patterns_of
from diagnose.match import STRENGTH, Matcher
from diagnose.model import Channel, Evidence, Finding, Hits, Line, Progress, Signature
from diagnose.recipe import Passage, Recipe, Variant
from diagnose.redact import redact
from diagnose.run import Run
from diagnose.scan import Scan


@dataclass(frozen=True, slots=True)
class Shown:
    """One place of a script that shows a finding."""

    passage: Passage
    evidence: Evidence
    variants: tuple[Variant, ...]
    """The ways through the script on which it does."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A signature that holds for a script, with the ways through it on which it does."""

    finding: Finding
    variants: tuple[Variant, ...]
    shown: tuple[Shown, ...]
    """In the script's order."""

    @property
    def id(self) -> str:
        """The signature's."""
        return self.finding.signature.id


class Linter:
    """Looks for what a catalogue knows about launch scripts.

    Args:
        signatures: The catalogue, by id; those of other channels are left out.
    """

    def __init__(self, signatures: Mapping[str, Signature]) -> None:
        self._signatures = {id: s for id, s in signatures.items() if s.channel is Channel.RECIPE}
        self._patterns = tuple(
            dict.fromkeys(p for s in self._signatures.values() for p in patterns_of(s))
        )
        self._compiled = [regex.compile(pattern) for pattern in self._patterns]

    def faults(self, recipe: Recipe) -> tuple[Fault, ...]:
        """Everything that is found, in the script's order."""
        seen: dict[str, list[tuple[Variant, Finding]]] = {}
        for variant in recipe.variants:
            for finding in self.findings(recipe, variant):
                seen.setdefault(finding.signature.id, []).append((variant, finding))
        faults = [_fault(each) for each in seen.values()]
        return tuple(sorted(faults, key=lambda f: (f.shown[0].passage.start, f.id)))

    def findings(self, recipe: Recipe, variant: Variant) -> tuple[Finding, ...]:
        """What one way through the script shows."""
        return self.matcher(recipe, variant).findings()

    def matcher(self, recipe: Recipe, variant: Variant) -> Matcher:
        """The signatures over one way through the script."""
        run = self._run(recipe, variant)
        return Matcher(self._signatures, run, variant.facts, Progress())

    def _run(self, recipe: Recipe, variant: Variant) -> Run:
        hits: dict[int, list[Evidence]] = {}
        for number, passage in enumerate(variant.passages):
            line: Line | None = None
            for position, pattern in enumerate(self._compiled):
                match = pattern.search(passage.text)
                if match is None:
                    continue
                line = line or _line(recipe, passage)
                captures = {n: redact(v) for n, v in match.groupdict().items() if v is not None}
                hits.setdefault(position, []).append(Evidence(line, captures, (-1, number)))
        scan = Scan(
            recipe.name,
            recipe.data.count(b"\n"),
            len(recipe.data),
            {p: Hits(len(e), True, tuple(e)) for p, e in hits.items()},
            (),
            (),
            (),
        )
        return Run(self._patterns, [scan])


def _line(recipe: Recipe, passage: Passage) -> Line:
    number = recipe.line(passage.start)
    return Line(recipe.name, number, redact(recipe.text(number)), redact(passage.text))


def _fault(each: Sequence[tuple[Variant, Finding]]) -> Fault:
    """One fault of what several ways through the script show."""
    places: dict[tuple[int, str], Shown] = {}
    for variant, finding in each:
        for evidence in finding.evidence:
            passage = variant.passages[evidence.order[1]]
            key = (passage.start, passage.text)
            known = places.get(key)
            places[key] = (
                Shown(passage, evidence, (variant,))
                if known is None
                else known
                if variant in known.variants
                else replace(known, variants=(*known.variants, variant))
            )
    shown = tuple(sorted(places.values(), key=lambda s: s.passage.start))
    first = each[0][1]
    strongest = max((f.certainty for _, f in each), key=STRENGTH.__getitem__)
    finding = replace(
        first, evidence=tuple(s.evidence for s in shown), count=len(shown), certainty=strongest
    )
    return Fault(finding, tuple(variant for variant, _ in each), shown)


def conditions(variants: Sequence[Variant], recipe: Recipe) -> Iterator[str]:
    """What these ways through a script have in common and others do not, as the script says it."""
    shown = [_assumed(v) for v in variants]
    every = [_assumed(v) for v in recipe.variants if v.command is not None]
    if len(shown) == len(every):
        return
    for text, said in shown[0].items():
        if all(s.get(text) == said for s in shown) and not all(e.get(text) == said for e in every):
            yield text if said else f"not {text}"


def _assumed(variant: Variant) -> Mapping[str, bool]:
    return {f"{a.text} (line {a.line})": a.said for a in variant.assumptions}
