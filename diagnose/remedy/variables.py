"""A variable of the server's environment set or taken out, where a maintainer would do it.

Floor 7: pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from diagnose.recipe import Command, Recipe, Variable, Variant
from diagnose.remedy.containers import given_to_container, option_before
from diagnose.remedy.edits import Edit, Lines


def set_variables(
    recipe: Recipe, concerned: Sequence[Variant], values: Mapping[str, str]
) -> Iterator[Edit]:
    """Gives variables their values on the ways that are concerned.

    An assignment that is there is changed where it stands; a new one goes below its sisters: those of the
    branch that only the concerned ways take, where they have some, else the last of the script's. For a
    container it goes where the container is started.
    """
    lines = Lines(recipe.data)
    started: dict[tuple[int, int], Command] = {}
    given: dict[tuple[int, int], dict[str, str]] = {}
    for name, value in values.items():
        lacking = []
        changed: dict[int, Variable] = {}
        for variant in concerned:
            variable = variant.environment.get(name)
            command = variant.command
            if variable is not None and variable.word.start >= 0:
                if not (variable.word.known and variable.word.text == value):
                    changed[variable.start] = variable
            elif command is not None and command.inside.program:
                started[command.start, command.end] = command
                given.setdefault((command.start, command.end), {})[name] = value
            else:
                lacking.append(variant)
        for variable in changed.values():
            yield _changed(recipe.data, variable, value)
        if lacking:
            yield _added(recipe, lines, lacking, concerned, name, value)
    for place, command in started.items():
        yield from given_to_container(recipe, command, given[place])


def remove_variable(recipe: Recipe, concerned: Sequence[Variant], name: str) -> Iterator[Edit]:
    """Takes an assignment out, with its line where it fills one."""
    lines = Lines(recipe.data)
    seen = {
        v.environment[name].start: v.environment[name] for v in concerned if name in v.environment
    }
    for variable in seen.values():
        if variable.start < 0:
            continue
        if lines.alone(variable.start, variable.end):
            end = min(lines.end(variable.end) + 1, len(recipe.data))
            yield Edit(lines.start(variable.start), end, b"")
        else:
            end = variable.end
            if (start := option_before(recipe.data, variable.start)) < variable.start:
                yield Edit(start, end + (recipe.data[end : end + 1] == b" "), b"")
                continue
            while recipe.data[end : end + 1] in (b" ", b";"):
                end += 1
            yield Edit(variable.start, end, b"")


def _changed(data: bytes, variable: Variable, value: str) -> Edit:
    """The new value in the quotes of the old one."""
    start, end = variable.word.start, variable.word.end
    old = data[start:end]
    quote = old[:1] if old[:1] in (b'"', b"'") and old[-1:] == old[:1] and len(old) > 1 else b""
    return Edit(start, end, quote + value.encode() + quote)


def _added(
    recipe: Recipe,
    lines: Lines,
    lacking: Sequence[Variant],
    concerned: Sequence[Variant],
    name: str,
    value: str,
) -> Edit:
    anchor = _sister(recipe, lacking, concerned, name)
    command = lacking[0].command
    assert command is not None
    if anchor is None:
        return _before_server(recipe, lines, command.start, name, value)
    written = recipe.data[anchor.start : anchor.end]
    if not written.startswith((b"export", b"declare", b"typeset")):
        # In front of the command: `NAME=value vllm serve …`.
        return Edit(anchor.end, anchor.end, f" {name}={value}".encode())
    quote = '"' if recipe.data[anchor.word.start : anchor.word.start + 1] == b'"' else ""
    text = f"export {name}={quote}{value}{quote}".encode()
    if lines.alone(anchor.start, anchor.end):
        return lines.below(anchor.end, [lines.indent(anchor.start) + text])
    return Edit(anchor.end, anchor.end, b"; " + text)


def _sister(
    recipe: Recipe, lacking: Sequence[Variant], concerned: Sequence[Variant], name: str
) -> Variable | None:
    """The assignment that a new one belongs below; None where the script exports nothing."""
    others = [v for v in recipe.variants if v.command is not None and v not in concerned]
    elsewhere = {variable.start for v in others for variable in v.environment.values()}
    common = [
        (other, variable)
        for other, variable in lacking[0].environment.items()
        if variable.start >= 0
        and all(_at(v, other) == variable.start for v in lacking)
        and variable.end <= max(v.command.end for v in lacking if v.command)
    ]
    if not common:
        return None

    def weight(entry: tuple[str, Variable]) -> tuple[bool, int, bool, int]:
        shared = _shared(entry[0], name)
        own = entry[1].start not in elsewhere and shared >= 2
        return own, shared, _is_export(recipe.data, entry[1]), entry[1].start

    return max(common, key=weight)[1]


def _at(variant: Variant, name: str) -> int:
    variable = variant.environment.get(name)
    return -1 if variable is None else variable.start


def _is_export(data: bytes, variable: Variable) -> bool:
    return data[variable.start : variable.end].startswith((b"export", b"declare", b"typeset"))


def _shared(one: str, two: str) -> int:
    """How many words two names begin with in common."""
    count = 0
    for a, b in zip(one.split("_"), two.split("_"), strict=False):
        if a != b:
            break
        count += 1
    return count


def _before_server(recipe: Recipe, lines: Lines, start: int, name: str, value: str) -> Edit:
    """A line of its own above the server's command, and above the `set -x` that stands there."""
    at = lines.start(start)
    above = lines.start(max(at - 1, 0))
    if recipe.data[above:at].strip() in (b"set -x", b"set -ex"):
        at = above
    return lines.above(at, [lines.indent(start) + f"export {name}={value}".encode()])
