"""The layout of a terminal report: a headline, then labelled rows.

Floor 10: pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text


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
    console = Console(
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
    rows = Table.grid(padding=(0, 2, 0, 0))
    rows.add_column(width=12, no_wrap=True)
    rows.add_column(overflow="fold")
    for label, content in labelled:
        rows.add_row(Text(label, style="bold"), Padding(content, (0, 0, 1, 0)))
    return printed((head, rows), width, colour=colour)
