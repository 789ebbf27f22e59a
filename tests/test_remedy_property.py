"""Any script, any fixable fault: the change is valid bash, touches only what it must, mends, and is made once."""

from __future__ import annotations

import difflib
import re

import pytest
from hypothesis import HealthCheck, given, settings
from recipe_scripts import FAULTS, Script, scripts
from recipes import LINTER, is_bash, review

from diagnose.catalogue import default_root, load
from diagnose.recipe import Recipe, Variant, beside_sister, read, sister_of
from diagnose.review import Reviewer


def recipe_of(script: Script, data: bytes | None = None) -> Recipe:
    recipe = read(
        script.fault.file, data if data is not None else script.text.encode(), [script.fault.row]
    )
    if not script.fault.sister:
        return recipe
    sister = read(sister_of(script.fault.file), script.fault.sister.encode(), [script.fault.row])
    return beside_sister(recipe, sister)


def mended(recipe: Recipe, id: str) -> bytes:
    """The script after the change of one fault only."""
    reviewer = Reviewer(LINTER)
    (fault,) = (f for f in LINTER.faults(recipe) if f.id == id)
    change = reviewer.point(recipe, fault).change
    assert change is not None
    assert change.refused == ""
    return change.after


CATALOGUE = load(default_root())
GLUE = {"\\", "export", "=", "+", "(", ")", "EP_ARGS", "else", ";", "'", '"'}
"""What stands between a flag or a variable and its place."""


def tokens(text: str) -> list[str]:
    return re.findall(r"[\w.-]+|[^\w\s]", text)


def changed_tokens(before: bytes, after: bytes) -> set[str]:
    """Words that one of two scripts has and the other has not, or not there."""
    one, two = tokens(before.decode()), tokens(after.decode())
    found: set[str] = set()
    for kind, a, b, c, d in difflib.SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        if kind != "equal":
            found |= {*one[a:b], *two[c:d]}
    return found


def changed_lines(before: bytes, after: bytes) -> list[str]:
    """Lines of a script that are no longer there."""
    one, two = before.decode().splitlines(), after.decode().splitlines()
    return [line[2:] for line in difflib.ndiff(one, two) if line.startswith("- ")]


def server(variant: Variant) -> tuple[dict[str, str], dict[str, str]]:
    flags = {f.name: f.value for f in variant.flags if not f.parent}
    return flags, {n: v.word.text for n, v in variant.environment.items()}


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(scripts())
def test_a_fault_is_mended_and_nothing_else_is_touched(script):
    recipe = recipe_of(script)
    assert is_bash(recipe.data) or "\r" in script.text
    after = mended(recipe, script.fault.id)
    again = recipe_of(script, after)

    assert is_bash(after) or "\r" in script.text
    assert [f.id for f in LINTER.faults(again) if f.id == script.fault.id] == []
    meant = {t for word in script.fault.touched for t in tokens(word)} | GLUE
    assert changed_tokens(recipe.data, after) - meant == set()
    assert len(changed_lines(recipe.data, after)) <= 2
    changing = {re.split("[ =]", line)[0] for line in lines_of_fixes(script.fault.id)}
    later = {tuple((a.text, a.said) for a in v.assumptions): v for v in again.variants}
    for old in recipe.variants:
        new = later.get(tuple((a.text, a.said) for a in old.assumptions))
        if new is not None:
            for before, now in zip(server(old), server(new), strict=True):
                kept = {n: v for n, v in before.items() if n not in changing}
                assert {n: now.get(n) for n in kept} == kept


def lines_of_fixes(id: str) -> set[str]:
    """Every flag and variable that some fix of a signature sets or takes out, and what the planted fault sets."""
    planted = [fault for fault in FAULTS if fault.id == id]
    own = {name for fault in planted for name, _ in fault.flags}
    touched = {line for fault in planted for line in fault.touched}
    return own.union(touched, *((*fix.recipe, *fix.remove) for fix in CATALOGUE[id].fixes))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(scripts())
def test_a_second_review_changes_nothing(script):
    after = review(recipe_of(script)).after
    again = review(recipe_of(script, after))

    assert again.after == after
    assert [p.fault.id for p in again.points if p.change and not p.change.refused] == []


def test_every_fixable_signature_is_planted():
    fixable = {
        s.id
        for s in CATALOGUE.values()
        if s.channel == "recipe" and any(fix.changes for fix in s.fixes)
    }

    assert fixable == {fault.id for fault in FAULTS}


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_line_ends_stay_what_they_are(ending):
    text = ending.join(
        ["export VLLM_A=1", "vllm serve m \\", "  --enable-expert-parallel \\", "  --port 1", ""]
    )
    recipe = read("model_fp4_mi355x_vllm.sh", text.encode())

    after = mended(recipe, "recipe/fp4-experts-without-backend").decode()

    assert after.count(ending) == text.count(ending) + 4
    assert after.replace(ending, "").count("\n") == 0
