"""Pieces of a word while it is expanded: text that knows where each of its characters was written.

Floor 6: pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from diagnose.recipe.syntax import Node
from diagnose.recipe.words import Text, Word

_ESCAPED = re.compile(r"\\.|.", re.DOTALL)
_BRACED = re.compile(r"\$\{(\w+)\}")


@dataclass(slots=True)
class Piece:
    """A part of a word that comes from one place."""

    text: str
    origins: Sequence[int]
    """The byte of the script each character was written at; -1 for what comes from elsewhere."""
    known: bool = True
    quoted: bool = True
    source: Word | None = None
    words: tuple[Word, ...] | None = None
    """For `"${ARRAY[@]}"`: its elements."""
    whole: Word | None = None
    """For one element of an array: the word it is."""


def plain(text: Text, start: int, data: bytes, *, quoted: bool = True) -> Piece:
    """Bytes that stand for themselves, `start` bytes into the text that is followed."""
    origins = text.written(start, start + len(data))
    if data.isascii():
        return Piece(data.decode("ascii"), origins, quoted=quoted)
    chars = data.decode("utf-8", "surrogateescape")
    sizes = accumulate((len(c.encode("utf-8", "surrogateescape")) for c in chars), initial=0)
    return Piece(
        chars, tuple(origins[at] for at, _ in zip(sizes, chars, strict=False)), quoted=quoted
    )


def literal(text: Text, start: int, data: bytes, escapes: str) -> Piece:
    """A word or a part of a string, without its backslashes."""
    piece = plain(text, start, data, quoted=escapes != "bare")
    if "\\" not in piece.text:
        # A bare word without white space is never split.
        return piece
    after = {"bare": "", "dquote": '$`"\\\n', "heredoc": "$`\\\n"}[escapes]
    kept = [
        at for match in _ESCAPED.finditer(piece.text) for at in _without_backslash(match, after)
    ]
    said = "".join(piece.text[at] for at in kept)
    return Piece(said, tuple(piece.origins[at] for at in kept), quoted=True)


def _without_backslash(match: re.Match[str], after: str) -> range:
    """Which characters stay of one that stands alone, or of a backslash and the one behind it."""
    start, end = match.span()
    if end - start == 1 or (after and match[0][1] not in after):
        return range(start, end)
    return range(end, end) if match[0][1] == "\n" else range(start + 1, end)


def unknown(text: Text, node: Node, *, quoted: bool) -> Piece:
    """What only the run can tell, as it is written."""
    written = plain(text, node.start_byte, node.text or b"", quoted=quoted)
    braced = _BRACED.fullmatch(written.text)
    if braced is None:
        return replace(written, known=False)
    return Piece(f"${braced[1]}", (-1,) * (len(braced[1]) + 1), known=False, quoted=quoted)


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
    every = pieces[0].origins if len(pieces) == 1 else tuple(o for p in pieces for o in p.origins)
    if not origins:
        return Word(text, known, source=source, origins=every)
    return Word(text, known, origins[0], origins[-1] + 1, source, every)


def within(pieces: Sequence[Piece], whole: str) -> bool:
    """Whether the characters stand in the script one after the other, so that they are a place of their own."""
    origins = [o for p in pieces for o in p.origins]
    return (
        len(origins) == len(whole) > 0
        and origins[0] >= 0
        and all(b - a in (1, 2, 3, 4) for a, b in pairwise(origins))
        and not any(p.quoted for p in pieces)
    )
