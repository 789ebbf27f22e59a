"""Comparisons between the numbers of a matched line, as the `where` of a condition states them.

Floor 1: pure.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping

from diagnose.errors import CatalogueError
from diagnose.model import Comparison
from diagnose.units import number

_FORM = re.compile(
    r"(?P<name>[a-z_]\w*) *(?P<operator><=|>=|<|>) *(?:(?P<factor>\d+(?:\.\d+)?)(?: *\* *(?P<times>[a-z_]\w*))?|(?P<other>[a-z_]\w*))"
)
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def parse(text: str) -> Comparison:
    """Reads `seconds >= 300`, `free < total` or `free < 0.9 * total`.

    Raises:
        CatalogueError: If it has another form.
    """
    form = _FORM.fullmatch(text.strip())
    if form is None:
        raise CatalogueError(
            f"`where` cannot be read: {text!r}", "write NAME < NUMBER, or NAME < NUMBER * NAME"
        )
    return Comparison(
        form["name"],
        form["operator"],
        float(form["factor"] or 1),
        form["times"] or form["other"] or "",
    )


def holds(comparison: Comparison, captures: Mapping[str, str]) -> bool:
    """Whether the captured numbers compare so; false where one is missing or is no number."""
    left = number(captures.get(comparison.name, ""))
    right = number(captures.get(comparison.other, "")) if comparison.other else 1.0
    if left is None or right is None:
        return False
    return _OPERATORS[comparison.operator](left, comparison.factor * right)
