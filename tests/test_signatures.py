"""Every file under signatures/ proves itself: this module is never edited to add one."""

from __future__ import annotations

from pathlib import Path

import pytest
from examine import cause, signature

from diagnose.catalogue import default_root, read
from diagnose.errors import CatalogueError
from diagnose.prove import Problem, check, load_all

ROOT = Path(__file__).parent.parent
HEALTHY = sorted((ROOT / "fixtures" / "healthy").rglob("*.log"))


@pytest.fixture(scope="module")
def problems() -> dict[str, list[str]]:
    signatures, broken = load_all(default_root())
    found: dict[str, list[str]] = {}
    for problem in [*broken, *check(signatures, HEALTHY)]:
        found.setdefault(problem.id, []).append(problem.message)
    return found


@pytest.mark.parametrize(
    "path", sorted(default_root().glob("*/*.toml")), ids=lambda p: f"{p.parent.name}/{p.stem}"
)
def test_the_signature_proves_itself(path, problems):
    assert problems.get(f"{path.parent.name}/{path.stem}", []) == []


def test_nothing_else_is_wrong_with_the_catalogue(problems):
    known = {f"{p.parent.name}/{p.stem}" for p in default_root().glob("*/*.toml")}

    assert {id: messages for id, messages in problems.items() if id not in known} == {}


def messages(*signatures):
    return [str(problem) for problem in check({s.id: s for s in signatures})]


GOOD = """
[match]
any = ['apple pie']

[[fix]]
summary = 'Eat it.'

[[example]]
source = 'recorded'
text = 'apple pie'

[[counterexample]]
why = 'another fruit'
text = 'plum pie'
"""
HEAD = (
    "title = 'a title'\nrole = 'cause'\nkind = 'crash'\nroot_cause = 'A match does not prove it.'\n"
)


def written(folder: Path, text: str):
    path = folder / "a" / "one.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return read(path)


def test_a_good_signature_has_no_problem(tmp_path):
    assert messages(written(tmp_path, HEAD + GOOD)) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("text = 'apple pie'", "text = 'plum'", "example 1 does not match"),
        ("text = 'plum pie'", "text = 'apple pie'", "counterexample 1 matches"),
        ("['apple pie']", "['(apple']", "not a regular expression"),
        ("['apple pie']", "['x*']", "matches the empty line"),
        ("title = 'a title'", "title = 'A title.'", "without a full stop"),
        ("does not prove it", "is certain", "does not prove"),
        ("summary = 'Eat it.'", "summary = 'Eat it.'\nrecipe = ['eat the pie']", "recipe line"),
        ("kind = 'crash'", "kind = 'crash'\nleads_to = ['b/none']", "leads_to names no signature"),
        ("source = 'recorded'", "source = 'recorded'\ncaptures = { x = '1' }", "<x> is None"),
    ],
)
def test_a_broken_signature_is_found(tmp_path, old, new, expected):
    text = (HEAD + GOOD).replace(old, new)
    assert text != HEAD + GOOD

    assert any(expected in message for message in messages(written(tmp_path, text)))


@pytest.mark.parametrize(
    "line", ["colour = 'red'", "role = 'villain'", "title = 3", "leads_to = 'a'", "retry = 'maybe'"]
)
def test_what_the_format_does_not_know_is_refused(tmp_path, line):
    head = "\n".join(old for old in HEAD.splitlines() if old.split(" ")[0] != line.split(" ")[0])

    with pytest.raises(CatalogueError):
        written(tmp_path, f"{line}\n{head}\n{GOOD}")


def test_a_signature_that_another_always_covers_is_found():
    general = cause("a/general", "apple", "a/special")
    special = signature("a/special", "any = ['apple pie']")
    example = special.examples[0].__class__("apple pie", {}, "recorded")
    special = special.__class__(
        **{name: getattr(special, name) for name in special.__dataclass_fields__}
        | {"examples": (example,)}
    )

    assert any("a/special" in m and "shadowed" in m for m in messages(general, special))


def test_an_alarm_on_a_healthy_log_is_found(tmp_path):
    log = tmp_path / "good.log"
    log.write_text("all is well with the apple pie\n")

    problems = check({"a/one": cause("a/one", "apple")}, [log])

    assert Problem("a/one", "raises an alarm on the healthy log good.log (failed)") in problems
