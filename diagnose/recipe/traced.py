"""A row's server as a run of the script showed it, with the places in the script that its words come from.

Floor 6: pure; the run itself is `probe.sandbox`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from diagnose.recipe.checks import Remark, remarks
from diagnose.recipe.commands import server_of
from diagnose.recipe.server import Flag, flags_of, long_name
from diagnose.recipe.syntax import parse
from diagnose.recipe.variants import Recipe, Variant, variant_of
from diagnose.recipe.words import NOWHERE, Command, State, Variable, Word

_PLAIN = re.compile(r"\$(\w+)")
_COMMENT = re.compile(rb"(?m)(?:^|(?<=\s))#[^\n]*")


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
    begin = server_of([Word(text) for text in argv])[1]
    exact = {f.name: f.value for f in flags_of([Word(text) for text in argv[begin:]])[0]}
    same = [v for v in recipe.variants if v.row == row]
    kept = [
        v
        for v in same
        if {f.name for f in v.flags} == set(exact)
        and all(exact[f.name] == f.value for f in v.flags if f.known)
    ]
    found = remarks(parse(recipe.data))
    words = tuple(_placed(argv, recipe, same))
    given = tuple(_given(environment, same))
    if not kept:
        at = next(((v.command.start, v.command.end) for v in same if v.command), (0, 0))
        state = State(commands=(Command(words, given, *at),))
        exactly = [variant_of(recipe.name, row, state, found)]
    else:
        exactly = [_filled(recipe.name, v, words, given, found) for v in kept]
    if any(_is_open(v) for v in same):
        # One run of a row that leaves variables open adds what it shows, and takes nothing away.
        return replace(recipe, variants=(*recipe.variants, *([] if kept else exactly)))
    others = tuple(v for v in recipe.variants if v.row != row)
    return replace(recipe, variants=(*others, *exactly))


def _filled(
    name: str,
    variant: Variant,
    words: tuple[Word, ...],
    given: tuple[tuple[str, Variable], ...],
    found: Sequence[Remark],
) -> Variant:
    """A way that the run took, with what only the run tells."""
    assert variant.command is not None
    command = replace(variant.command, argv=words, environment=given)
    state = replace(variant.state, commands=(command,))
    return replace(variant_of(name, variant.row, state, found), number=variant.number)


def _placed(argv: Sequence[str], recipe: Recipe, same: Sequence[Variant]) -> Iterator[Word]:
    """The words of the run, each flag with its value at the place where the script writes it, as far as that shows."""
    written = {
        flag.name: flag
        for variant in (*recipe.variants, *same)
        for flag in variant.flags
        if flag.start >= 0 and not flag.parent
    }
    before: Flag | None = None
    for text in argv:
        start, end = NOWHERE
        if text.startswith("-") and not text[1:2].isdigit():
            name = text.partition("=")[0]
            before = written.get(long_name(name))
            if before is not None:
                start, end = before.word.start, before.word.end
            else:
                start, end = _found(name, recipe.data)
        elif before is not None and before.given is not None:
            start, end = before.given.start, before.given.end
            before = None
        yield Word(text, True, start, end)


def _found(name: str, data: bytes) -> tuple[int, int]:
    """Where a flag's name stands in the script outside of comments."""
    bare = _COMMENT.sub(lambda m: b" " * len(m[0]), data)
    match = re.search(rb"(?<![\w-])" + re.escape(name.encode()) + rb"(?![\w-])", bare)
    return match.span() if match else NOWHERE


def _given(
    environment: Mapping[str, str], same: Sequence[Variant]
) -> Iterator[tuple[str, Variable]]:
    """The run's variables that the script sets, where it sets them."""
    set_by = {name: variable for v in same for name, variable in v.environment.items()}
    for name, value in sorted(environment.items()):
        if name in set_by:
            told = set_by[name]
            word = replace(told.word, text=value, known=True)
            yield name, replace(told, words=(word,), exported=True)


def _is_open(variant: Variant) -> bool:
    """Whether a way depends on a plain variable that neither its row nor the script sets."""
    asked = [left for _, left, _ in variant.state.assumptions]
    given = [flag.value for flag in variant.flags if not flag.known]
    names = {name for text in (*asked, *given) for name in _PLAIN.findall(text)}
    return not names <= set(variant.row)
