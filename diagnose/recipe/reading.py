"""A recipe as its server would be started: one document a way through the script, with the way back to it.

Floor 6: pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from diagnose.errors import InputError
from diagnose.recipe.changelog import Versions, is_changelog
from diagnose.recipe.changelog import remarks as changelog_remarks
from diagnose.recipe.checks import remarks
from diagnose.recipe.configs import described, is_yaml
from diagnose.recipe.evaluate import Follower
from diagnose.recipe.runs import Beside
from diagnose.recipe.sister import Way, lacking
from diagnose.recipe.syntax import broken, parse
from diagnose.recipe.variants import Passage, Recipe, Variant, alone, variant_of, variants_of
from diagnose.recipe.words import State


def read(
    name: str,
    data: bytes,
    rows: Sequence[Mapping[str, str]] = ({},),
    beside: Beside = alone,
) -> Recipe:
    """Follows a script for every row.

    Args:
        name: The script's path, as the user gave it.
        data: Its bytes.
        rows: The variables of each job; one empty row for "whatever they are".
        beside: Reads a file that the script names; None for one that is not given.

    Raises:
        InputError: If the name says YAML and the file is none, or it is nested without end.
    """
    try:
        if is_yaml(name):
            if is_changelog(data):
                return of_changelog(Versions(name, None, data))
            return _of_config(name, data, rows)
        return _of_script(name, data, rows, beside)
    except RecursionError:
        raise InputError(
            f"{name}: nested too deeply to be followed", "name a launch script"
        ) from None


def _of_script(name: str, data: bytes, rows: Sequence[Mapping[str, str]], beside: Beside) -> Recipe:
    root = parse(data)
    found = remarks(root)
    follower = Follower(name, root, beside)
    variants = [
        variant
        for row in rows or ({},)
        for state in follower.follow(row) or [State()]
        for variant in variants_of(name, row, state, found)
    ]
    return Recipe(
        name,
        data,
        tuple(variants),
        tuple(broken(root)),
        dropped=follower.dropped,
        unfollowed=tuple(sorted(follower.runs.unfollowed)),
        absent=tuple(sorted((line, file) for file, line in follower.runs.absent.items())),
        beside=beside,
    )


def beside_sister(recipe: Recipe, sister: Recipe) -> Recipe:
    """A recipe whose ways also tell what a sister of the same rows has and they lack."""
    others = [_way(v) for v in sister.variants if v.command]
    if sister.dropped or sister.broken:
        # What it does where it was not followed may be the same.
        others = []
    file = sister.name.rpartition("/")[2]
    variants = []
    for variant in recipe.variants:
        command = variant.command
        if command is not None:
            more = [
                Passage(f"sister {file} has {line}", command.start, command.end)
                for line in lacking(_way(variant), others)
            ]
            variant = replace(variant, passages=(*variant.passages, *more))
        variants.append(variant)
    return replace(recipe, variants=tuple(variants), sister=sister)


def _way(variant: Variant) -> Way:
    assumed = {key: a.holds for key, a in variant.state.assumptions.items()}
    return Way([p.text for p in variant.passages], variant.facts, assumed)


def again(recipe: Recipe, data: bytes) -> Recipe:
    """A script that was changed, read for the same rows and beside the same sister."""
    rows = list({id(v.row): v.row for v in recipe.variants}.values())
    new = read(recipe.name, data, rows, recipe.beside)
    return beside_sister(new, recipe.sister) if recipe.sister else new


def of_changelog(changelog: Versions, configs: Sequence[Versions] = ()) -> Recipe:
    """A changelog, and the change of the configurations that it should tell, as a recipe without a server."""
    found = changelog_remarks(changelog, configs)
    variant = variant_of(changelog.name, {}, State(), found)
    return Recipe(changelog.name, changelog.after, (variant,), kind="changelog")


def _of_config(name: str, data: bytes, rows: Sequence[Mapping[str, str]]) -> Recipe:
    """Every server that a YAML file describes, for every row."""
    servers = described(name, data)
    variants = [
        replace(
            variant_of(name, {**server.row, **row}, State(commands=(server.command,)), ()),
            number=number,
        )
        for row in rows or ({},)
        for number, server in enumerate(servers)
    ]
    return Recipe(
        name, data, tuple(variants) or (variant_of(name, {}, State(), ()),), kind="config"
    )
