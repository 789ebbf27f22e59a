"""What a script says about itself as a script, whatever the row: tests, pipelines, waits.

Floor 6: pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from diagnose.recipe.syntax import Node, walk


@dataclass(frozen=True, slots=True)
class Remark:
    """One line of the document that comes from the script's own form."""

    text: str
    start: int
    end: int
    where: int | None = None
    """The branch it stands in; None where it stands in none."""


def remarks(root: Node) -> list[Remark]:
    """Everything worth a line, in the script's order."""
    return sorted(_all(root), key=lambda remark: remark.start)


def _all(root: Node) -> Iterator[Remark]:
    for _ in walk(root):
        yield from ()
