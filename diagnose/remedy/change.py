"""A fix made in a script: the new script, after it was read again and found to be what was meant.

Floor 7: pure. A change that the grammar does not follow, or after which the finding still holds, is not offered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import regex

from diagnose.errors import InputError
from diagnose.model import Fix
from diagnose.recipe import Passage, Recipe, Variant, again, long_name, read
from diagnose.remedy.config import config_edits
from diagnose.remedy.edits import Edit, applied
from diagnose.remedy.flags import remove_flag, rename_flag, set_flag
from diagnose.remedy.variables import remove_variable, set_variables

_PLACEHOLDER = re.compile(r"<([a-z_][a-z0-9_]*)>")


@dataclass(frozen=True, slots=True)
class Change:
    """What a fix makes of a script, or why it is not made."""

    after: bytes
    """The whole new script; the old one where `refused` says why."""
    refused: str = ""
    """One clause; empty when the change can be made."""
    also: tuple[Variant, ...] = ()
    """Ways through the script that were not concerned and change as well."""


def change(
    recipe: Recipe,
    concerned: Sequence[Variant],
    fix: Fix,
    spots: Sequence[tuple[Passage, Mapping[str, str]]],
    still: Callable[[Recipe, Variant], bool],
) -> Change:
    """Makes a fix.

    Args:
        recipe: The script as it is.
        concerned: The ways through it that show the finding.
        fix: With its placeholders filled in.
        spots: Where the finding shows, with what was captured there; for replacements.
        still: Whether the finding holds for a way through the new script.
    """
    if recipe.kind == "changelog":
        return Change(recipe.data, "an entry is for its author to write")
    unsure = next(
        (v.command.inside for v in concerned if v.command and not v.command.inside.sure), None
    )
    if unsure and any(not line.startswith("-") for line in (*fix.recipe, *fix.remove)):
        return Change(
            recipe.data,
            f"what the options of `{unsure.program}` give to the server is not known; set each variable there"
            " (docker: `-e NAME=VALUE` before the image)",
        )
    serving = [v for v in concerned if v.command is not None]
    if recipe.kind == "config":
        edits = list(config_edits(recipe, serving, fix))
    else:
        wide = replace(recipe, variants=(*recipe.variants, *_elsewhere(recipe, concerned)))
        edits = list(_edits(wide, serving, fix, spots))
    after = applied(recipe.data, edits)
    if after == recipe.data:
        there = "says so already" if fix.recipe and concerned else "has no place for it"
        return Change(after, f"the script {there}")
    try:
        new = again(recipe, after)
    except InputError:
        return Change(recipe.data, "the changed file would not be valid YAML")
    if set(new.broken) and not recipe.broken:
        return Change(recipe.data, "the changed script would not be valid bash")
    meant = {_key(v) for v in concerned}
    if any(v.command for v in concerned) and any(
        _key(v) in meant and v.command is None for v in new.variants
    ):
        return Change(recipe.data, "the server would not be found in the changed script")
    if any(_key(v) in meant and still(new, v) for v in new.variants):
        return Change(recipe.data, "what is wrong would still hold after it")
    return Change(after, also=tuple(_also(recipe, new, meant)))


def _elsewhere(recipe: Recipe, concerned: Sequence[Variant]) -> list[Variant]:
    """Ways that no row at hand takes, so that a change keeps to the branches of its own rows."""
    if not any(v.row for v in recipe.variants):
        return []
    taken = {_shape(v) for v in concerned}
    return [v for v in read(recipe.name, recipe.data).variants if _shape(v) not in taken]


def _shape(variant: Variant) -> frozenset[int]:
    """Which of the script's words and assignments a way uses."""
    given = (v.start for v in variant.environment.values())
    return frozenset((*(f.start for f in variant.flags), *given))


def _edits(
    recipe: Recipe,
    concerned: Sequence[Variant],
    fix: Fix,
    spots: Sequence[tuple[Passage, Mapping[str, str]]],
) -> Iterator[Edit]:
    if concerned and (renamed := _renamed(recipe, concerned, fix)):
        yield from renamed
    elif concerned:
        for line in fix.remove:
            if line.startswith("-"):
                yield from remove_flag(recipe, concerned, long_name(line))
            else:
                yield from remove_variable(recipe, concerned, line)
        pairs = [line.partition("=") for line in fix.recipe if not line.startswith("-")]
        # Variables first: where both land at the end of one branch they read better so.
        yield from set_variables(recipe, concerned, {name: value for name, _, value in pairs})
        for line in fix.recipe:
            if line.startswith("-"):
                name, _, value = line.replace("=", " ", 1).partition(" ")
                yield from set_flag(recipe, concerned, long_name(name), value)
    for passage, captures in spots:
        yield from _replaced(recipe.data, passage, captures, fix)


def _renamed(recipe: Recipe, concerned: Sequence[Variant], fix: Fix) -> list[Edit]:
    """One flag for another, where the other is not there yet."""
    if len(fix.remove) != 1 or len(fix.recipe) != 1:
        return []
    old, (name, _, value) = fix.remove[0], fix.recipe[0].replace("=", " ", 1).partition(" ")
    there = any(flag.name == long_name(name) for v in concerned for flag in v.flags)
    if there or not (old.startswith("-") and name.startswith("-")):
        return []
    return rename_flag(recipe, concerned, long_name(old), name, value)


def _replaced(
    data: bytes, passage: Passage, captures: Mapping[str, str], fix: Fix
) -> Iterator[Edit]:
    text = data[passage.start : passage.end].decode("utf-8", "surrogateescape")
    for replacement in fix.replace:
        match = regex.search(replacement.this, text)
        if match is None:
            continue
        values = {**captures, **{n: v for n, v in match.groupdict().items() if v is not None}}
        new = _filled(replacement.by, values)
        before = text[: match.start()].encode("utf-8", "surrogateescape")
        old = match[0].encode("utf-8", "surrogateescape")
        start = passage.start + len(before)
        yield Edit(start, start + len(old), new.encode("utf-8", "surrogateescape"))
        return


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda m: values.get(m[1], m[0]), text)


def _key(variant: Variant) -> tuple[object, ...]:
    return (
        tuple(sorted(variant.row.items())),
        tuple((a.text, a.said) for a in variant.assumptions),
        variant.number,
    )


def _also(recipe: Recipe, new: Recipe, meant: set[tuple[object, ...]]) -> Iterator[Variant]:
    before = {_key(v): [p.text for p in v.passages] for v in recipe.variants}
    for variant in new.variants:
        key = _key(variant)
        if key not in meant and key in before and before[key] != [p.text for p in variant.passages]:
            yield variant
