"""The layout of a terminal report: a headline, then labelled rows.

Floor 10: pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO

from rich.console import Console, RenderableType
from rich.segment import Segment, Segments
from rich.style import Style
from rich.text import Text

LABEL = 14
"""Columns before the text of a row."""


def printed(
    parts: Iterable[RenderableType], width: int, *, colour: bool, unwrapped: bool = False
) -> str:
    """Each part on lines of its own, of at most `width` columns, with ANSI colour only when `colour`.

    Args:
        parts: What to print.
        width: Columns.
        colour: Whether to add colour.
        unwrapped: Whether lines may be longer.
    """
    out = StringIO()
    console = _console(out, width, colour=colour)
    for part in parts:
        console.print(part, soft_wrap=unwrapped)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()).rstrip() + "\n"


def report(
    head: Text, labelled: Iterable[tuple[str, RenderableType]], width: int, *, colour: bool
) -> str:
    """Lines of at most `width` columns, with ANSI colour only when `colour`.

    Args:
        head: The headline.
        labelled: Rows, each with its label.
        width: Columns.
        colour: Whether to add colour.
    """
    console = _console(StringIO(), width, colour=colour)
    rows: list[RenderableType] = [head]
    # A grid would do the same; what tables need is not loaded for a report that has none.
    for label, content in labelled:
        indent = Segment(f"{label:<{LABEL}}", Style(bold=True))
        options = console.options.update_width(width - LABEL)
        for line in console.render_lines(content, options, pad=False):
            rows.append(Segments([indent, *line, Segment.line()]))
            indent = Segment(" " * LABEL)
        rows.append(Text(""))
    return printed(rows, width, colour=colour)


def _console(out: StringIO, width: int, *, colour: bool) -> Console:
    return Console(
        file=out,
        width=width,
        force_terminal=colour,
        no_color=not colour,
        color_system="standard" if colour else None,
        highlight=False,
        emoji=False,
        markup=False,
        legacy_windows=False,
    )
