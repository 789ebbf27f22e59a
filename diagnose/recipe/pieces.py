"""Pieces of a word while it is expanded: text that knows where each of its characters was written.

Floor 6: pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from diagnose.recipe.syntax import Node, text_of
from diagnose.recipe.words import Word


@dataclass(slots=True)
class Piece:
    """A part of a word that comes from one place."""

    text: str
    origins: tuple[int, ...]
    """The byte of the script each character was written at; -1 for what comes from elsewhere."""
    known: bool = True
    quoted: bool = True
    source: Word | None = None
    words: tuple[Word, ...] | None = None
    """For `"${ARRAY[@]}"`: its elements."""
    whole: Word | None = None
    """For one element of an array: the word it is."""


def plain(start: int, data: bytes, *, quoted: bool = True) -> Piece:
    """Text that stands for itself."""
    text, origins = "", []
    at = start
    for char in data.decode("utf-8", "surrogateescape"):
        text += char
        origins.append(at)
        at += len(char.encode("utf-8", "surrogateescape"))
    return Piece(text, tuple(origins), quoted=quoted)


def literal(node: Node, escapes: str) -> Piece:
    """A word or a part of a string, without its backslashes."""
    piece = plain(node.start_byte, node.text or b"", quoted=escapes == "dquote")
    if "\\" not in piece.text:
        # A bare word without white space is never split.
        return piece
    text, origins, position = "", [], 0
    while position < len(piece.text):
        char = piece.text[position]
        after = piece.text[position + 1 : position + 2]
        if char == "\\" and after and (escapes == "bare" or after in '$`"\\\n'):
            position += 1
            char = after
        if char != "\n" or piece.text[position - 1 : position] != "\\":
            text += char
            origins.append(piece.origins[position])
        position += 1
    return Piece(text, tuple(origins), quoted=True)


def unknown(node: Node, *, quoted: bool) -> Piece:
    """What only the run can tell, as it is written."""
    text = re.sub(r"\$\{(\w+)\}", r"$\1", text_of(node))
    return Piece(text, (-1,) * len(text), known=False, quoted=quoted)


def split(piece: Piece) -> Iterator[Piece | None]:
    """The parts of an unquoted value between white space; None for white space at its start or end."""
    if not piece.text.strip():
        if piece.text:
            yield None
        return
    if piece.text[0].isspace():
        yield None
    parts = list(re.finditer(r"\S+", piece.text))
    for match in parts:
        yield part_of(piece, match.start(), match.end(), whole=len(parts) == 1)
    if piece.text[-1].isspace():
        yield None


def part_of(piece: Piece, start: int, end: int, *, whole: bool) -> Piece:
    """A part of a piece, with the places of its characters."""
    return Piece(
        piece.text[start:end],
        piece.origins[start:end],
        piece.known,
        quoted=False,
        source=piece.source if whole else None,
    )


def join(pieces: Sequence[Piece]) -> Word:
    """Pieces as one word."""
    text = "".join(piece.text for piece in pieces)
    origins = [o for piece in pieces for o in piece.origins if o >= 0]
    source = pieces[0].source if len(pieces) == 1 else None
    known = all(piece.known for piece in pieces)
    if not origins:
        return Word(text, known, source=source)
    return Word(text, known, origins[0], origins[-1] + 1, source)


def within(pieces: Sequence[Piece], whole: str) -> bool:
    """Whether the characters stand in the script one after the other, so that they are a place of their own."""
    origins = [o for p in pieces for o in p.origins]
    return (
        len(origins) == len(whole) > 0
        and origins[0] >= 0
        and all(b - a in (1, 2, 3, 4) for a, b in pairwise(origins))
        and not any(p.quoted for p in pieces)
    )
