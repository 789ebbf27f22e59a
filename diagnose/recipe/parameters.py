"""Variables, and what `${…}` makes of them: defaults, elements, lengths, cuts, upper and lower case.

Floor 6: pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase, translate

from diagnose.recipe.arithmetic import number
from diagnose.recipe.pieces import Piece, unknown
from diagnose.recipe.programs import MATRIX
from diagnose.recipe.syntax import Node, text_of
from diagnose.recipe.words import State, Variable, Word

Pieces = Callable[..., Iterator[Piece]]
"""Expands a word inside: `(node, state, *, quoted)`."""
_NAME = re.compile(r"\$\{([#!]?)(\w+|[@*#?$!-])(\[[^\]]*\])?")
_OPERATORS = (
    ":-",
    ":=",
    ":?",
    ":+",
    "##",
    "%%",
    "//",
    "-",
    "=",
    "?",
    "+",
    "#",
    "%",
    "/",
    "^^",
    ",,",
)


def lookup(name: str, state: State) -> Variable | None:
    """A variable's value; None where neither the script nor the row gives one."""
    given = state.variables.get("@")
    if given is None or not (name.isdigit() or name in ("#", "*")) or name == "0":
        return state.variables.get(name)
    if name == "#":
        return Variable((Word(str(len(given.words))),))
    if name == "*":
        text = " ".join(word.text for word in given.words)
        return Variable((Word(text, all(word.known for word in given.words)),))
    return Variable(given.words[int(name) - 1 : int(name)] or (Word(""),))


def variable_piece(node: Node, name: str, state: State, *, quoted: bool) -> Piece:
    """What `$NAME` stands for; as it is written where that is not known."""
    variable = lookup(name, state)
    if variable is None:
        return unknown(state.text, node, quoted=quoted)
    return _of(variable.word, quoted=quoted)


def _of(word: Word, *, quoted: bool) -> Piece:
    return Piece(word.text, word.places, word.known, quoted, word)


def expansion(node: Node, state: State, pieces: Pieces, *, quoted: bool) -> Iterator[Piece]:
    """`${…}`.

    Args:
        node: The expansion.
        state: What is known there.
        pieces: Expands what stands behind an operator.
        quoted: Whether it stands in double quotes.
    """
    written = text_of(node)
    match = _NAME.match(written)
    if match is None:
        yield unknown(state.text, node, quoted=quoted)
        return
    prefix, name, subscript = match[1], match[2], match[3]
    rest = written[match.end() : -1]
    variable = lookup(name, state)
    if (subscript in ("[@]", "[*]") and not prefix) or (
        name == "@" and not prefix and not subscript
    ):
        yield from elements(node, variable, rest, state, quoted=quoted)
    elif prefix == "#" and variable is not None:
        size = len(variable.words) if subscript else len(variable.word.text)
        known = bool(subscript) or variable.word.known
        yield Piece(str(size), (-1,) * len(str(size)), known, quoted)
    elif prefix == "!" and not subscript and not rest and variable and variable.word.known:
        yield variable_piece(node, variable.word.text, state, quoted=quoted)
    elif subscript and not prefix and not rest:
        word = _element(variable, subscript[1:-1], state)
        yield _of(word, quoted=quoted) if word else unknown(state.text, node, quoted=quoted)
    elif prefix or subscript:
        yield unknown(state.text, node, quoted=quoted)
    elif not rest:
        yield variable_piece(node, name, state, quoted=quoted)
    else:
        yield from _operator(node, name, rest, state, pieces, quoted=quoted)


def _element(variable: Variable | None, subscript: str, state: State) -> Word | None:
    """`${NAME[subscript]}`; None where it is not known."""
    name = subscript.lstrip("$")
    held = state.variables.get(name) if name.isidentifier() else None
    index = number(held.word.text if held and held.word.known else subscript)
    if variable is None or index is None or not -len(variable.words) <= index < len(variable.words):
        return None
    return variable.words[index]


def elements(
    node: Node, variable: Variable | None, rest: str, state: State, *, quoted: bool
) -> Iterator[Piece]:
    """`${ARRAY[@]}`, `${ARRAY[*]}` and `$@`."""
    if variable is None and rest.startswith((":-", "-", ":+", "+")):
        yield Piece("", (), words=())
    elif variable is None:
        yield unknown(state.text, node, quoted=quoted)
    elif quoted and "[*]" in text_of(node):
        text = " ".join(word.text for word in variable.words)
        yield Piece(text, (-1,) * len(text), all(word.known for word in variable.words))
    elif quoted:
        yield Piece("", (), words=variable.words)
    else:
        parts = [
            Word(p, w.known, w.start, w.end, w.source)
            for w in variable.words
            for p in w.text.split()
        ]
        yield Piece("", (), words=tuple(parts))


def _operator(
    node: Node, name: str, rest: str, state: State, pieces: Pieces, *, quoted: bool
) -> Iterator[Piece]:
    variable = lookup(name, state)
    word = variable.word if variable else None
    operator = next((o for o in _OPERATORS if rest.startswith(o)), "")
    if operator in (":-", ":=", "-", "="):
        empty = word is None or (operator[0] == ":" and word.known and not word.text)
        if not empty:
            yield variable_piece(node, name, state, quoted=quoted)
        elif word is None and (
            name in MATRIX or name in state.checked or (state.open and rest == operator)
        ):
            yield Piece(f"${name}", (-1,) * (len(name) + 1), known=False, quoted=quoted)
        else:
            yield from _argument(node, operator, state, pieces, quoted=quoted)
    elif operator in (":?", "?"):
        yield variable_piece(node, name, state, quoted=quoted)
    elif operator in (":+", "+"):
        if word is None and name not in MATRIX:
            yield Piece("", (), quoted=quoted)
        elif word is not None and word.known:
            if word.text:
                yield from _argument(node, operator, state, pieces, quoted=quoted)
        else:
            yield unknown(state.text, node, quoted=quoted)
    elif operator in ("#", "##", "%", "%%") and word is not None and word.known:
        text = _cut(word.text, rest[len(operator) :], operator)
        yield Piece(text, (-1,) * len(text), quoted=quoted)
    elif operator in ("/", "//") and word is not None and word.known and "$" not in rest:
        text = _replaced(word.text, rest[len(operator) :], every=operator == "//")
        yield Piece(text, (-1,) * len(text), quoted=quoted)
    elif operator in ("^^", ",,") and word is not None and word.known:
        text = word.text.upper() if operator == "^^" else word.text.lower()
        yield Piece(text, (-1,) * len(text), quoted=quoted)
    else:
        yield unknown(state.text, node, quoted=quoted)


def _argument(
    node: Node, operator: str, state: State, pieces: Pieces, *, quoted: bool
) -> Iterator[Piece]:
    """What stands behind the operator of an expansion."""
    seen = False
    for child in node.children:
        if seen and child.type != "}":
            yield from pieces(child, state, quoted=quoted)
        seen = seen or child.type == operator


def _replaced(text: str, rest: str, *, every: bool) -> str:
    """The value with the first or every longest match of a pattern replaced."""
    pattern, _, new = rest.partition("/")
    expression = translate(pattern.strip("\"'")).removesuffix(r"\Z")
    return re.sub(expression, lambda _: new.strip("\"'"), text, count=0 if every else 1)


def _cut(text: str, pattern: str, operator: str) -> str:
    """The value without the shortest or longest match of a pattern at its start or end."""
    pattern = pattern.strip("\"'")
    lengths = range(len(text) + 1)
    for size in reversed(lengths) if len(operator) == 2 else lengths:
        part = text[:size] if operator[0] == "#" else text[len(text) - size :]
        if fnmatchcase(part, pattern):
            return text[size:] if operator[0] == "#" else text[: len(text) - size]
    return text
