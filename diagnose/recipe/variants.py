"""One way through a script as lines of a document, each with the way back to where it is written.

Floor 6: pure. The wording of the lines is fixed, since signatures of the channel `recipe` are written
against it; docs/signature-format.md shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from diagnose.recipe.checks import Remark
from diagnose.recipe.commands import server_of
from diagnose.recipe.configs import is_yaml
from diagnose.recipe.runs import Beside
from diagnose.recipe.server import Flag, flags_of
from diagnose.recipe.settings import settings
from diagnose.recipe.versions import flag_lines, variable_lines
from diagnose.recipe.words import Assumption, Command, State, Variable


def alone(_name: str) -> bytes | None:
    """No file is given with a script."""
    return None


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
    number: int = 0
    """Which of the servers that this way starts, from 0."""

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
    absent: tuple[tuple[int, str], ...] = ()
    """Lines that read in a file which is not given, and its name."""
    beside: Beside = field(default=alone, repr=False, compare=False)
    """Reads a file that the script names."""

    def line(self, offset: int) -> int:
        """The 1-based line of a byte of the script."""
        return self.data.count(b"\n", 0, max(offset, 0)) + 1

    def text(self, line: int) -> str:
        """What is written in a line."""
        lines = self.data.split(b"\n")
        return lines[line - 1].decode("utf-8", "replace").strip() if line <= len(lines) else ""


def variants_of(
    name: str, row: Mapping[str, str], state: State, found: Sequence[Remark]
) -> Iterator[Variant]:
    """One for each server that a way starts."""
    for number, command in enumerate(state.commands):
        variant = variant_of(name, row, replace(state, commands=(command,)), found)
        yield replace(variant, number=number)
    if not state.commands:
        yield variant_of(name, row, state, found)


def variant_of(name: str, row: Mapping[str, str], state: State, found: Sequence[Remark]) -> Variant:
    """The last server that a way starts, as lines.

    Args:
        name: The script's path.
        row: The job's variables.
        state: Where the way ends.
        found: What the script's form tells.
    """
    command = state.commands[-1] if state.commands else None
    engine, begin = server_of(command.argv) if command else ("", 0)
    flags, others = flags_of(command.argv[begin:]) if command else ([], [])
    environment = dict(command.environment) if command else {}
    known = {n: v.word.text for n, v in environment.items() if v.word.known}
    image = row.get("IMAGE", "") or (command.inside.image if command else "")
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
        yield Passage(text, max(flag.start, 0), max(flag.end, 0))
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
            yield Passage(text, *((flag.start, flag.end) if flag.start >= 0 else at))
        for text in unknown:
            yield Passage(f"words not known: {text}", *at)
