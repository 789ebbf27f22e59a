"""A variable for a server in a container: among the options that start it, or right in front of the server.

Floor 7: pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from diagnose.recipe import Command, Recipe, program_at
from diagnose.recipe.syntax import parse
from diagnose.remedy.edits import Edit, Lines
from diagnose.remedy.flags import insert

_OPTION = re.compile(rb"(?:^|\s)(-e|--env)[\s=\\]*$")


def given_to_container(
    recipe: Recipe, command: Command, values: Mapping[str, str]
) -> Iterator[Edit]:
    """New variables: `-e NAME=VALUE` each for docker, which srun has nothing like."""
    start, end = command.inside.slot
    pairs = [f"{name}={value}" for name, value in values.items()]
    if start >= 0:
        root = parse(recipe.data)
        for pair in pairs:
            yield insert(recipe.data, root, start, end, f"-e {pair}".encode())
        return
    lines = Lines(recipe.data)
    at = command.start
    if command.embedded and not recipe.data[lines.start(at) : at].strip():
        pad = lines.indent(at)
        yield lines.above(at, [pad + f"export {pair}".encode() for pair in pairs])
        return
    word = command.argv[program_at(command.argv)]
    prefix = "" if command.embedded else "env "
    at = word.start if word.start >= 0 else at
    yield Edit(at, at, f"{prefix}{' '.join(pairs)} ".encode())


def option_before(data: bytes, start: int) -> int:
    """Where the `-e` begins that gives what stands at a place; the place itself where none does."""
    match = _OPTION.search(data, max(0, start - 40), start)
    return match.start(1) if match else start
