"""A recipe as its server would be started: one document a way through the script, with the way back to it.

Floor 6: pure. The wording of the lines is fixed, since signatures of the channel `recipe` are written
against it; docs/signature-format.md shows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from diagnose.errors import InputError
from diagnose.recipe.changelog import Versions, is_changelog
from diagnose.recipe.changelog import remarks as changelog_remarks
from diagnose.recipe.checks import Remark, remarks
from diagnose.recipe.commands import server_of
from diagnose.recipe.configs import described, is_yaml
from diagnose.recipe.evaluate import Follower
from diagnose.recipe.server import Flag, flags_of
from diagnose.recipe.settings import settings
from diagnose.recipe.sister import lacking
from diagnose.recipe.syntax import broken, parse
from diagnose.recipe.versions import flag_lines, variable_lines
from diagnose.recipe.words import Assumption, Command, State, Variable, Word

_PLAIN = re.compile(r"\$(\w+)")


@dataclass(frozen=True, slots=True)
class Passage:
    """One line of the document, and what of the script it stands for."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Variant:
    """One way through the script for one row: the server it starts, and what it starts it with."""

    row: Mapping[str, str]
    assumptions: tuple[Assumption, ...]
    """How it took the conditions that the row does not decide."""
    engine: str
    command: Command | None
    """None where this way starts no server."""
    flags: tuple[Flag, ...]
    environment: Mapping[str, Variable]
    facts: Mapping[str, str]
    passages: tuple[Passage, ...]
    state: State = field(repr=False)

    @property
    def passed(self) -> frozenset[int]:
        """Where the branches begin that it takes."""
        return self.state.passed


@dataclass(frozen=True, slots=True)
class Recipe:
    """A launch script that was read."""

    name: str
    """As the user gave it."""
    data: bytes
    variants: tuple[Variant, ...]
    broken: tuple[int, ...] = ()
    """Lines that are no bash the grammar knows."""
    kind: str = "script"
    """`script`, `config` (YAML that describes servers) or `changelog`."""
    sister: Recipe | None = None
    """The recipe without speculative decoding, for the same rows, where there is one."""
    dropped: int = 0
    """Ways through the script that were not followed, because there were too many."""
    unfollowed: tuple[int, ...] = ()
    """Lines that start a server in a way that is not followed."""

    def line(self, offset: int) -> int:
        """The 1-based line of a byte of the script."""
        return self.data.count(b"\n", 0, max(offset, 0)) + 1

    def text(self, line: int) -> str:
        """What is written in a line."""
        lines = self.data.split(b"\n")
        return lines[line - 1].decode("utf-8", "replace").strip() if line <= len(lines) else ""


def read(name: str, data: bytes, rows: Sequence[Mapping[str, str]] = ({},)) -> Recipe:
    """Follows a script for every row.

    Args:
        name: The script's path, as the user gave it.
        data: Its bytes.
        rows: The variables of each job; one empty row for "whatever they are".

    Raises:
        InputError: If the name says YAML and the file is none, or it is nested without end.
    """
    try:
        if is_yaml(name):
            if is_changelog(data):
                return of_changelog(Versions(name, None, data))
            return _of_config(name, data, rows)
        return _of_script(name, data, rows)
    except RecursionError:
        raise InputError(
            f"{name}: nested too deeply to be followed", "name a launch script"
        ) from None


def _of_script(name: str, data: bytes, rows: Sequence[Mapping[str, str]]) -> Recipe:
    root = parse(data)
    found = remarks(root)
    variants: list[Variant] = []
    dropped = 0
    unfollowed: set[int] = set()
    for row in rows or ({},):
        follower = Follower(row)
        ways = [s for s in follower.follow(root) if s.commands] or [State()]
        dropped += follower.dropped
        unfollowed |= follower.unfollowed
        variants += [_variant(name, row, state, found) for state in ways]
    return Recipe(
        name,
        data,
        tuple(variants),
        tuple(broken(root)),
        dropped=dropped,
        unfollowed=tuple(sorted(unfollowed)),
    )


def beside_sister(recipe: Recipe, sister: Recipe) -> Recipe:
    """A recipe whose ways also tell what a sister of the same rows has and they lack."""
    others = [([p.text for p in v.passages], v.facts) for v in sister.variants if v.command]
    file = sister.name.rpartition("/")[2]
    variants = []
    for variant in recipe.variants:
        command = variant.command
        if command is not None:
            lines = lacking([p.text for p in variant.passages], variant.facts, others)
            more = [
                Passage(f"sister {file} has {line}", command.start, command.end) for line in lines
            ]
            variant = replace(variant, passages=(*variant.passages, *more))
        variants.append(variant)
    return replace(recipe, variants=tuple(variants), sister=sister)


def again(recipe: Recipe, data: bytes) -> Recipe:
    """A script that was changed, read for the same rows and beside the same sister."""
    rows = list({id(v.row): v.row for v in recipe.variants}.values())
    new = read(recipe.name, data, rows)
    return beside_sister(new, recipe.sister) if recipe.sister else new


def as_run(
    recipe: Recipe, row: Mapping[str, str], argv: Sequence[str], environment: Mapping[str, str]
) -> Recipe:
    """A recipe whose row is known to start exactly this command: the ways that do are kept, or it is one of its own.

    One run of a row that leaves variables open tells nothing of the jobs that set them: there every way stays.

    Args:
        recipe: As it was followed.
        row: The row that was run.
        argv: The server's words.
        environment: The server's variables; those that the script does not set are left out.
    """
    exact = {
        f.name: f.value
        for f in flags_of([Word(a) for a in argv[server_of([Word(a) for a in argv])[1] :]])[0]
    }
    same = [v for v in recipe.variants if v.row == row]
    kept = [
        v
        for v in same
        if {f.name for f in v.flags} == set(exact)
        and all(exact[f.name] == f.value for f in v.flags if f.known)
    ]
    if not kept:
        names = {n for v in same for n in v.environment}
        given = tuple(
            (n, Variable((Word(v),), exported=True))
            for n, v in sorted(environment.items())
            if n in names
        )
        at = next((v.command for v in same if v.command), None)
        command = Command(
            tuple(Word(a) for a in argv), given, *((at.start, at.end) if at else (0, 0))
        )
        kept = [_variant(recipe.name, row, State(commands=(command,)), remarks(parse(recipe.data)))]
    if any(_is_open(v) for v in same):
        return replace(recipe, variants=(*recipe.variants, *(v for v in kept if v not in same)))
    others = tuple(v for v in recipe.variants if v.row != row)
    return replace(recipe, variants=(*others, *kept))


def _is_open(variant: Variant) -> bool:
    """Whether a way depends on a plain variable that neither its row nor the script sets."""
    asked = [left for _, left, _ in variant.state.assumptions]
    given = [flag.value for flag in variant.flags if not flag.known]
    names = {name for text in (*asked, *given) for name in _PLAIN.findall(text)}
    return not names <= set(variant.row)


def of_changelog(changelog: Versions, configs: Sequence[Versions] = ()) -> Recipe:
    """A changelog, and the change of the configurations that it should tell, as a recipe without a server."""
    found = changelog_remarks(changelog, configs)
    variant = _variant(changelog.name, {}, State(), found)
    return Recipe(changelog.name, changelog.after, (variant,), kind="changelog")


def _of_config(name: str, data: bytes, rows: Sequence[Mapping[str, str]]) -> Recipe:
    """Every server that a YAML file describes, for every row."""
    variants = [
        _variant(name, {**server.row, **row}, State(commands=(server.command,)), ())
        for row in rows or ({},)
        for server in described(name, data)
    ]
    return Recipe(name, data, tuple(variants) or (_variant(name, {}, State(), ()),), kind="config")


def _variant(name: str, row: Mapping[str, str], state: State, found: Sequence[Remark]) -> Variant:
    command = state.commands[-1] if state.commands else None
    engine, begin = server_of(command.argv) if command else ("", 0)
    flags, others = flags_of(command.argv[begin:]) if command else ([], [])
    environment = dict(command.environment) if command else {}
    known = {n: v.word.text for n, v in environment.items() if v.word.known}
    image = row.get("IMAGE", "") or (command.image if command else "")
    facts = settings(name.rpartition("/")[2], engine, flags, row, known, image)
    if others and others[0].known and "model" not in facts:
        facts["model"] = others[0].text
    variant = Variant(
        row,
        tuple(sorted(state.assumptions.values(), key=lambda a: a.line)),
        engine,
        command,
        tuple(flags),
        environment,
        facts,
        (),
        state,
    )
    passages = tuple(_passages(name, variant, [w.text for w in others if not w.known][1:], found))
    return replace(variant, passages=passages)


def _evaluation(variant: Variant, config: bool) -> str:
    """Whether this way is taken by runs whose output is judged: `yes`, `no`, `either`, or not told by a configuration."""
    value = variant.row.get("EVAL_ONLY", "")
    if value:
        return "yes" if value.lower() == "true" else "no"
    if config:
        return "not told"
    assumed = variant.state.assumptions.get(("=", "$EVAL_ONLY", "true"))
    return "either" if assumed is None else "yes" if assumed.holds else "no"


def _by_version(variant: Variant) -> Iterator[Passage]:
    version = variant.facts.get("version", "")
    for text, flag in flag_lines(variant.engine, version, variant.flags):
        yield Passage(text, flag.start, flag.end)
    given = {n: v.word.text for n, v in variant.environment.items()}
    for text, name in variable_lines(variant.engine, given):
        variable = variant.environment[name]
        yield Passage(text, variable.start, variable.end)


def _passages(
    name: str, variant: Variant, unknown: Sequence[str], found: Sequence[Remark]
) -> Iterator[Passage]:
    command = variant.command
    at = (command.start, command.end) if command else (0, 0)
    yield Passage(f"script {name.rpartition('/')[2]}", 0, 0)
    for key, value in variant.row.items():
        yield Passage(f"row {key}={value}", 0, 0)
    for option in sorted(variant.state.options):
        yield Passage(f"option {option}", 0, 0)
    for remark in found:
        yield Passage(remark.text, remark.start, remark.end)
    for key, variable in variant.environment.items():
        where = (variable.start, variable.end) if variable.start >= 0 else at
        yield Passage(f"env {key}={variable.word.text}", *where)
    if image := variant.facts.get("image"):
        yield Passage(f"image {image}", 0, 0)
    if command:
        yield Passage(f"evaluation {_evaluation(variant, is_yaml(name))}", *at)
        yield from _by_version(variant)
        yield Passage(f"server {variant.engine}", *at)
        for flag in variant.flags:
            text = f"flag {flag.name} {flag.value}".rstrip()
            yield Passage(text, flag.start, flag.end)
        for text in unknown:
            yield Passage(f"words not known: {text}", *at)
