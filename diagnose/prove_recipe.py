"""A recipe signature proves itself: its scripts are found, its counterexamples are not, its fix mends them.

Floor 11.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from diagnose.catalogue import lines_of
from diagnose.lint import Fault, Linter
from diagnose.model import Example, Signature
from diagnose.recipe import Recipe, Versions, beside_sister, of_changelog, read, sister_of
from diagnose.review import Reviewer


def recipe_examples(signature: Signature, signatures: Mapping[str, Signature]) -> Iterator[str]:
    """What is wrong with a recipe signature's examples, counterexamples and fixes."""
    linter = Linter(signatures)
    reviewer = Reviewer(linter)
    for number, example in enumerate(signature.examples, start=1):
        recipe = script(example)
        fault = _fault(signature, recipe, linter)
        if recipe.broken:
            yield f"example {number} is no bash in line {recipe.broken[0]}"
        if fault is None:
            yield f"example {number} does not match"
            continue
        captures = fault.finding.captures
        for name, value in example.captures.items():
            if captures.get(name) != value:
                yield f"example {number}: <{name}> is {captures.get(name)!r}, not {value!r}"
        yield from _mended(signature, number, recipe, fault, reviewer)
    for number, counterexample in enumerate(signature.counterexamples, start=1):
        if _fault(signature, script(counterexample), linter) is not None:
            yield f"counterexample {number} matches ({counterexample.why})"
    for pattern in lines_of(signature.match):
        if pattern.startswith("^flag -") and "_" in pattern.split(" ")[1].partition("\\.")[0]:
            yield f"flags are matched under their long name with dashes: {pattern!r}"


def script(example: Example) -> Recipe:
    """An example as the script that it is."""
    text = _text(example.text)
    name = example.file or "example.sh"
    if not example.base:
        rows = [dict(example.row)]
        recipe = read(name, text, rows)
        if example.sister:
            sister = read(sister_of(name) or "sister.sh", _text(example.sister), rows)
            recipe = beside_sister(recipe, sister)
        return recipe
    config = Versions("config.yaml", _text(example.config_base), _text(example.config))
    configs = [config] if example.config else []
    return of_changelog(Versions(name, _text(example.base), text), configs)


def _text(text: str) -> bytes:
    return text.strip("\n").encode() + b"\n"


def _fault(signature: Signature, recipe: Recipe, linter: Linter) -> Fault | None:
    return next((f for f in linter.faults(recipe) if f.id == signature.id), None)


def _mended(
    signature: Signature, number: int, recipe: Recipe, fault: Fault, reviewer: Reviewer
) -> Iterator[str]:
    """A fix that changes the script must mend it, and leave nothing for a second time."""
    point = reviewer.point(recipe, fault)
    if point.change is None or recipe.kind != "script":
        return
    if point.change.refused:
        yield f"example {number}: the fix cannot be made: {point.change.refused}"
