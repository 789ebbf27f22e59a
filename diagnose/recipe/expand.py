"""Words of a script to what they stand for: quotes, variables, arrays, defaults, arithmetic.

Floor 6: pure. What a command substitution prints is not known, but for the few that only rearrange words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from diagnose.recipe.arithmetic import compute
from diagnose.recipe.parameters import elements, expansion, lookup, variable_piece
from diagnose.recipe.pieces import Piece, join, literal, plain, split, unknown, within
from diagnose.recipe.substitutions import printed
from diagnose.recipe.syntax import Node, text_of
from diagnose.recipe.words import State, Word

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
                    _close(found, open_, node, state)
                open_.append(Piece(word.text, word.origins, word.known, source=word, whole=word))
        elif piece.quoted or not piece.known:
            open_.append(piece)
        else:
            for number, part in enumerate(split(piece)):
                if part is None or number:
                    _close(found, open_, node, state)
                if part is not None:
                    open_.append(part)
    _close(found, open_, node, state)
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
    start, end = state.place(node)
    return replace(join(pieces), start=start, end=end)


def _close(found: list[Word], pieces: list[Piece], node: Node, state: State) -> None:
    if len(pieces) == 1 and pieces[0].whole is not None:
        found.append(pieces[0].whole)
        pieces.clear()
    elif pieces:
        word = join(pieces)
        start, end = word.start, word.end
        whole = "".join(p.text for p in pieces)
        if start < 0 or not within(pieces, whole):
            start, end = state.place(node)
        found.append(replace(word, start=start, end=end))
        pieces.clear()


def document(node: Node, state: State) -> Word:
    """The text of a here-document's body; as it is written where its delimiter is quoted."""
    quoted = node.prev_named_sibling is not None and _start_of(node)[:1] in ("'", '"', "\\")
    if quoted:
        pieces = [plain(state.text, node.start_byte, node.text or b"")]
    else:
        pieces = list(_spans(node, state, 0, 0, "heredoc"))
    start, end = state.place(node)
    return replace(join(pieces), start=start, end=end)


def _start_of(body: Node) -> str:
    starts = [c for c in (body.parent or body).children if c.type == "heredoc_start"]
    return text_of(starts[0]) if starts else ""


def _pieces(node: Node, state: State, *, quoted: bool) -> Iterator[Piece]:
    kind = node.type
    if kind in _LITERALS:
        escapes = "dquote" if quoted else "bare"
        yield literal(state.text, node.start_byte, node.text or b"", escapes)
    elif kind == "heredoc_content":
        yield literal(state.text, node.start_byte, node.text or b"", "heredoc")
    elif kind == "raw_string":
        yield plain(state.text, node.start_byte + 1, (node.text or b"")[1:-1])
    elif kind in ("string", "translated_string"):
        yield from _string(node, state)
    elif kind in ("concatenation", "command_name"):
        for child in node.children:
            yield from _pieces(child, state, quoted=quoted)
    elif kind == "simple_expansion":
        yield from _simple(node, state, quoted=quoted)
    elif kind == "expansion":
        yield from expansion(node, state, _pieces, quoted=quoted)
    elif kind == "command_substitution":
        yield _substituted(node, state, quoted=quoted)
    elif kind == "arithmetic_expansion":
        number = compute(node, state, value)
        if number is None:
            yield unknown(state.text, node, quoted=quoted)
        else:
            text = str(number)
            yield Piece(text, (-1,) * len(text), quoted=quoted)
    else:
        yield unknown(state.text, node, quoted=quoted)


def _simple(node: Node, state: State, *, quoted: bool) -> Iterator[Piece]:
    """`$NAME`; the grammar counts a blank before it as a part of it."""
    written = text_of(node)
    name = written.lstrip()[1:]
    if blanks := len(written) - len(written.lstrip()):
        yield plain(state.text, node.start_byte, (node.text or b"")[:blanks], quoted=quoted)
    if name in ("@", "*") and not (quoted and name == "*"):
        yield from elements(node, lookup("@", state), "", state, quoted=quoted)
    else:
        yield variable_piece(node, name, state, quoted=quoted)


def _substituted(node: Node, state: State, *, quoted: bool) -> Piece:
    if not any(child.is_named and child.type != "comment" for child in node.children):
        return Piece("", (), quoted=quoted)
    said = printed(node, state, words)
    if said is None:
        return unknown(state.text, node, quoted=quoted)
    return Piece(said, (-1,) * len(said), quoted=quoted)


def _string(node: Node, state: State) -> Iterator[Piece]:
    """A double-quoted string."""
    data = node.text or b""
    begin = 1 + (1 if data[:1] == b"$" else 0)
    if len(data) == begin + 1:
        yield Piece("", ())
    yield from _spans(node, state, begin, 1, "dquote")


def _spans(node: Node, state: State, begin: int, closing: int, escapes: str) -> Iterator[Piece]:
    """What stands in a string or a here-document; also what the tree leaves between its children."""
    data, at = node.text or b"", node.start_byte
    for child in node.children:
        if child.type == '"':
            continue
        if child.start_byte - at > begin:
            gap = data[begin : child.start_byte - at]
            yield literal(state.text, at + begin, gap, escapes)
        yield from _pieces(child, state, quoted=True)
        begin = child.end_byte - at
    if len(data) - closing > begin:
        yield literal(state.text, at + begin, data[begin : len(data) - closing], escapes)
