"""The layout of a terminal report: a headline, then labelled rows.

Floor 10: pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from diagnose.report import page
from diagnose.report.page import Part, Piece, Text

LABEL = 14
"""Columns before the text of a row."""
_ENDLESS = 1 << 30


def printed(parts: Iterable[Part], width: int, *, colour: bool, unwrapped: bool = False) -> str:
    """Each part on lines of its own, of at most `width` columns, with ANSI colour only when `colour`.

    Args:
        parts: What to print.
        width: Columns.
        colour: Whether to add colour.
        unwrapped: Whether lines may be longer.
    """
    lines = (line for part in parts for line in part.lines(_ENDLESS if unwrapped else width))
    return page.printed(lines, colour=colour).rstrip() + "\n"


def report(head: Text, labelled: Iterable[tuple[str, Part]], width: int, *, colour: bool) -> str:
    """Lines of at most `width` columns, with ANSI colour only when `colour`.

    Args:
        head: The headline.
        labelled: Rows, each with its label.
        width: Columns.
        colour: Whether to add colour.
    """

    def lines() -> Iterator[list[Piece]]:
        yield from head.lines(width)
        for label, content in labelled:
            first, *others = content.lines(width - LABEL)
            name = next(Text(label.ljust(LABEL), "bold").lines(LABEL))
            yield [*name, *first]
            for line in others:
                yield [(" " * LABEL, ""), *line]
            yield []

    return page.printed(lines(), colour=colour).rstrip() + "\n"
