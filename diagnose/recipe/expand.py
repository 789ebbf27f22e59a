"""Words of a script to what they stand for: quotes, variables, arrays, defaults, arithmetic.

Floor 6: pure. What a command substitution prints is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase

from diagnose.recipe.arithmetic import compute
from diagnose.recipe.pieces import Piece, join, literal, plain, split, unknown, within
from diagnose.recipe.syntax import Node, text_of
from diagnose.recipe.words import State, Variable, Word

MATRIX = frozenset(
    [
        "TP",
        "PP",
        "EP",
        "EP_SIZE",
        "DP",
        "DP_SIZE",
        "DP_ATTENTION",
        "DCP_SIZE",
        "PCP_SIZE",
        "CONC",
        "ISL",
        "OSL",
        "MAX_MODEL_LEN",
        "EVAL_ONLY",
        "RUN_EVAL",
        "SPEC_DECODING",
        "KV_OFFLOADING",
        "KV_OFFLOAD_BACKEND",
    ]
)
"""Variables that a job's matrix sets; a default in the script is not taken for their value."""
_NAME = re.compile(r"\$\{([#!]?)(\w+|[@*#?$!-])(\[[^\]]*\])?")
_LITERALS = (
    "word",
    "number",
    "extglob_pattern",
    "regex",
    "string_content",
    "variable_name",
    "test_operator",
)


def words(node: Node, state: State) -> list[Word]:
    """What one argument becomes: none, one or several words; a comment among them is none."""
    if node.type == "comment":
        return []
    found: list[Word] = []
    open_: list[Piece] = []
    for piece in _pieces(node, state, quoted=False):
        if piece.words is not None:
            for number, word in enumerate(piece.words):
                if number:
                    _close(found, open_, node)
                open_.append(Piece(word.text, (), word.known, source=word, whole=word))
        elif piece.quoted or not piece.known:
            open_.append(piece)
        else:
            for number, part in enumerate(split(piece)):
                if part is None or number:
                    _close(found, open_, node)
                if part is not None:
                    open_.append(part)
    _close(found, open_, node)
    return found


def value(node: Node | None, state: State) -> Word:
    """What an assignment of this value gives: one word, never split."""
    if node is None:
        return Word("")
    pieces = list(_pieces(node, state, quoted=False))
    for piece in pieces:
        if piece.words is not None:
            piece.text = " ".join(word.text for word in piece.words)
            piece.origins = (-1,) * len(piece.text)
    word = join(pieces)
    return replace(word, start=node.start_byte, end=node.end_byte)


def lookup(name: str, state: State) -> Variable | None:
    """A variable's value; None where neither the script nor the row gives one."""
    return state.variables.get(name)


def _close(found: list[Word], pieces: list[Piece], node: Node) -> None:
    if len(pieces) == 1 and pieces[0].whole is not None:
        found.append(pieces[0].whole)
        pieces.clear()
    elif pieces:
        word = join(pieces)
        start, end = word.start, word.end
        whole = "".join(p.text for p in pieces)
        if start < 0 or not within(pieces, whole):
            start, end = node.start_byte, node.end_byte
        found.append(replace(word, start=start, end=end))
        pieces.clear()


def _pieces(node: Node, state: State, *, quoted: bool) -> Iterator[Piece]:
    kind = node.type
    if kind in _LITERALS:
        yield literal(node, escapes="dquote" if quoted else "bare")
    elif kind == "raw_string":
        yield plain(node.start_byte + 1, (node.text or b"")[1:-1])
    elif kind in ("string", "translated_string"):
        yield from _string(node, state)
    elif kind in ("concatenation", "command_name"):
        for child in node.children:
            yield from _pieces(child, state, quoted=quoted)
    elif kind == "simple_expansion":
        name = text_of(node)[1:]
        yield _variable(node, name, state, quoted=quoted)
    elif kind == "expansion":
        yield from _expansion(node, state, quoted=quoted)
    elif kind == "command_substitution" and not named_in(node):
        yield Piece("", (), quoted=quoted)
    elif kind == "arithmetic_expansion":
        number = compute(node, state, value)
        if number is None:
            yield unknown(node, quoted=quoted)
        else:
            text = str(number)
            yield Piece(text, (-1,) * len(text), quoted=quoted)
    else:
        yield unknown(node, quoted=quoted)


def named_in(node: Node) -> bool:
    """Whether anything but comments stands inside."""
    return any(child.is_named and child.type != "comment" for child in node.children)


def _string(node: Node, state: State) -> Iterator[Piece]:
    """A double-quoted string; also what the tree leaves between its children."""
    data, at = node.text or b"", node.start_byte
    children = [c for c in node.children if c.type != '"']
    if not children:
        yield Piece("", ())
    begin = 1 + (1 if data[:1] == b"$" else 0)
    for child in children:
        if child.start_byte - at > begin:
            yield plain(at + begin, data[begin : child.start_byte - at])
        yield from _pieces(child, state, quoted=True)
        begin = child.end_byte - at
    if len(data) - 1 > begin:
        yield plain(at + begin, data[begin:-1])


def _variable(node: Node, name: str, state: State, *, quoted: bool) -> Piece:
    variable = lookup(name, state)
    if variable is None:
        return unknown(node, quoted=quoted)
    word = variable.word
    origins: tuple[int, ...] = (-1,) * len(word.text)
    if (
        word.start >= 0
        and word.known
        and word.end - word.start in (len(word.text), len(word.text) + 2)
    ):
        # A literal: its characters can be found again, one by one.
        first = word.start + (word.end - word.start - len(word.text)) // 2
        if word.text.isascii():
            origins = tuple(range(first, first + len(word.text)))
    return Piece(word.text, origins, word.known, quoted, word)


def _expansion(node: Node, state: State, *, quoted: bool) -> Iterator[Piece]:
    written = text_of(node)
    match = _NAME.match(written)
    if match is None:
        yield unknown(node, quoted=quoted)
        return
    prefix, name, subscript = match[1], match[2], match[3]
    rest = written[match.end() : -1]
    variable = lookup(name, state)
    if subscript in ("[@]", "[*]") and not prefix:
        yield from _elements(node, variable, rest, state, quoted=quoted)
    elif prefix == "#" and variable is not None:
        size = len(variable.words) if subscript else len(variable.word.text)
        known = bool(subscript) or variable.word.known
        yield Piece(str(size), (-1,) * len(str(size)), known, quoted)
    elif prefix or subscript:
        yield unknown(node, quoted=quoted)
    elif not rest:
        yield _variable(node, name, state, quoted=quoted)
    else:
        yield from _operator(node, name, rest, state, quoted=quoted)


def _elements(
    node: Node, variable: Variable | None, rest: str, state: State, *, quoted: bool
) -> Iterator[Piece]:
    if variable is None and rest.startswith((":-", "-", ":+", "+")):
        yield Piece("", (), words=())
    elif variable is None:
        yield unknown(node, quoted=quoted)
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


def _operator(node: Node, name: str, rest: str, state: State, *, quoted: bool) -> Iterator[Piece]:
    variable = lookup(name, state)
    word = variable.word if variable else None
    operator = next(
        (
            o
            for o in (
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
            if rest.startswith(o)
        ),
        "",
    )
    if operator in (":-", ":=", "-", "="):
        empty = word is None or (operator[0] == ":" and word.known and not word.text)
        if not empty:
            yield _variable(node, name, state, quoted=quoted)
        elif word is None and (name in MATRIX or name in state.checked):
            yield Piece(f"${name}", (-1,) * (len(name) + 1), known=False, quoted=quoted)
        else:
            yield from _argument(node, operator, state, quoted=quoted)
    elif operator in (":?", "?"):
        yield _variable(node, name, state, quoted=quoted)
    elif operator in (":+", "+"):
        if word is None and name not in MATRIX:
            yield Piece("", (), quoted=quoted)
        elif word is not None and word.known:
            if word.text:
                yield from _argument(node, operator, state, quoted=quoted)
        else:
            yield unknown(node, quoted=quoted)
    elif operator in ("#", "##", "%", "%%") and word is not None and word.known:
        text = _cut(word.text, rest[len(operator) :], operator)
        yield Piece(text, (-1,) * len(text), quoted=quoted)
    elif operator in ("^^", ",,") and word is not None and word.known:
        text = word.text.upper() if operator == "^^" else word.text.lower()
        yield Piece(text, (-1,) * len(text), quoted=quoted)
    else:
        yield unknown(node, quoted=quoted)


def _argument(node: Node, operator: str, state: State, *, quoted: bool) -> Iterator[Piece]:
    """What stands behind the operator of an expansion."""
    seen = False
    for child in node.children:
        if seen and child.type != "}":
            yield from _pieces(child, state, quoted=quoted)
        seen = seen or child.type == operator


def _cut(text: str, pattern: str, operator: str) -> str:
    """The value without the shortest or longest match of a pattern at its start or end."""
    pattern = pattern.strip("\"'")
    lengths = range(len(text) + 1)
    for size in reversed(lengths) if len(operator) == 2 else lengths:
        part = text[:size] if operator[0] == "#" else text[len(text) - size :]
        if fnmatchcase(part, pattern):
            return text[size:] if operator[0] == "#" else text[: len(text) - size]
    return text
