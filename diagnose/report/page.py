"""Styled text, laid out in the columns of a terminal.

Floor 10: pure. A report needs lines that are broken between words, indented and coloured; the library that does
this and everything else besides takes a tenth of a whole run to load.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from diagnose.expressions import later

Piece = tuple[str, str]
"""A stretch of text on one line, and what switches its style on: parameters of ANSI's `SGR`, or nothing."""

_WORD = later(r"\s*\S+\s*")
_COLOURS = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "default": "39"}
_SWITCHES = {"bold": "1", "dim": "2"}


class Text:
    """A paragraph, or several.

    Args:
        text: With newlines where a paragraph ends.
        style: Of all of it: `bold`, `dim`, a colour, or several of these; `not bold` takes one back.
    """

    def __init__(self, text: str = "", style: str = "") -> None:
        self._style = style
        self._parts = [(text, _sgr(style))] if text else []

    def __bool__(self) -> bool:
        return bool(self._parts)

    def append(self, text: str, style: str = "") -> Text:
        """Adds text, in a style that changes that of the whole."""
        if text:
            self._parts.append((text, _sgr(f"{self._style} {style}")))
        return self

    def lines(self, width: int) -> Iterator[list[Piece]]:
        """Lines of at most `width` columns."""
        for paragraph in _paragraphs(self._parts):
            yield from _cut(paragraph, _breaks("".join(text for text, _ in paragraph), width))


class Group:
    """Parts below each other."""

    def __init__(self, *parts: Part) -> None:
        self._parts = parts

    def lines(self, width: int) -> Iterator[list[Piece]]:
        """Lines of at most `width` columns."""
        for part in self._parts:
            yield from part.lines(width)


class Indented:
    """A part that begins further to the right.

    Args:
        part: Any part.
        columns: How far.
        above: Empty lines before it.
    """

    def __init__(self, part: Part, columns: int, above: int = 0) -> None:
        self._part = part
        self._columns = columns
        self._above = above

    def lines(self, width: int) -> Iterator[list[Piece]]:
        """Lines of at most `width` columns."""
        for _ in range(self._above):
            yield []
        for line in self._part.lines(width - self._columns):
            yield [(" " * self._columns, ""), *line]


Part = Text | Group | Indented


def table(rows: Sequence[Sequence[str]], width: int) -> Text:
    """Cells below each other, the first row bold; cells of all columns but the first are broken to fit.

    Args:
        rows: All of one length.
        width: Columns of the terminal.
    """
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    while sum(widths) + _GAP * (len(widths) - 1) > width and max(widths[1:]) > 1:
        widths[widths.index(max(widths[1:]), 1)] -= 1
    text = Text()
    for number, row in enumerate(rows):
        broken = [
            [_plain(line) for line in Text(cell).lines(limit)] or [""]
            for cell, limit in zip(row, widths, strict=True)
        ]
        for height in range(max(map(len, broken))):
            shown = [lines[height] if height < len(lines) else "" for lines in broken]
            line = "".join(
                cell + " " * (limit + _GAP - cells(cell))
                for cell, limit in zip(shown, widths, strict=True)
            )
            text.append(("\n" if text else "") + line.rstrip(), "" if number else "bold")
    return text


_GAP = 2


def printed(lines: Iterable[Iterable[Piece]], *, colour: bool) -> str:
    """Lines as text, without spaces at their ends."""
    return "\n".join(_coloured(line) if colour else _plain(line).rstrip() for line in lines)


def _coloured(line: Iterable[Piece]) -> str:
    pieces = [piece for piece in line if piece[0]]
    while pieces and not pieces[-1][0].rstrip():
        pieces.pop()
    if pieces:
        text, sgr = pieces.pop()
        pieces.append((text.rstrip(), sgr))
    return "".join(f"\x1b[{sgr}m{text}\x1b[0m" if sgr else text for text, sgr in pieces)


def _plain(line: Iterable[Piece]) -> str:
    return "".join(text for text, _ in line)


@lru_cache(maxsize=256)
def _sgr(style: str) -> str:
    """What switches a style on, of which later words change earlier ones."""
    on: dict[str, str] = {}
    colour = ""
    words = iter(style.split())
    for word in words:
        if word == "not":
            on.pop(next(words), None)
        elif word in _SWITCHES:
            on[word] = _SWITCHES[word]
        else:
            colour = _COLOURS[word]
    return ";".join(filter(None, (*sorted(on.values()), colour)))


@lru_cache(maxsize=4096)
def cells(text: str) -> int:
    """How many columns a text takes."""
    return len(text) if text.isascii() else sum(map(_cell, text))


def _cell(char: str) -> int:
    if unicodedata.east_asian_width(char) in "WF":
        return 2
    return 0 if unicodedata.category(char) in ("Mn", "Me", "Cf") else 1


def _paragraphs(parts: Iterable[Piece]) -> Iterator[list[Piece]]:
    paragraph: list[Piece] = []
    for text, sgr in parts:
        first, *others = text.split("\n")
        paragraph.append((first, sgr))
        for other in others:
            yield paragraph
            paragraph = [(other, sgr)]
    yield paragraph


def _breaks(text: str, width: int) -> list[int]:
    """Before which characters a line ends: between words, and within those that are longer than a line."""
    if cells(text) <= width:
        return []
    breaks: list[int] = []
    column = 0
    for found in _WORD.finditer(text):
        start, word = found.start(), found[0]
        wide = cells(word.rstrip())
        if column + wide <= width:
            column += cells(word)
        elif wide <= width:
            breaks.append(start)
            column = cells(word)
        else:
            column = 0
            breaks.append(start)
            for at, char in enumerate(word, start):
                if column + _cell(char) > width:
                    breaks.append(at)
                    column = 0
                column += _cell(char)
    return [at for at in breaks if at]


def _cut(paragraph: Iterable[Piece], breaks: Sequence[int]) -> Iterator[list[Piece]]:
    line: list[Piece] = []
    waiting = iter([*breaks, None])
    at, end = 0, next(waiting)
    for text, sgr in paragraph:
        while end is not None and end < at + len(text):
            line.append((text[: end - at], sgr))
            text, at = text[end - at :], end
            yield line
            line, end = [], next(waiting)
        line.append((text, sgr))
        at += len(text)
    yield line
