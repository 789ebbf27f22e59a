"""Comparisons of numbers: those of a matched line, or the settings of a run.

Floor 1: pure. Numbers, names, `+ - * / // %`, `max`, `min` and comparisons; nothing is executed.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Any

from diagnose.errors import CatalogueError
from diagnose.model import Comparison
from diagnose.units import number

_BINARY: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_ORDER: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_CALLS: Mapping[str, Callable[..., float]] = {"max": max, "min": min}


def parse(text: str) -> Comparison:
    """Reads `seconds >= 300`, `free < 0.9 * total` or `seqs * (1 + tokens) > captured`.

    Raises:
        CatalogueError: If it has another form.
    """
    names: dict[str, str] = {}
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        if not isinstance(tree, ast.Compare) or any(type(op) not in _ORDER for op in tree.ops):
            raise ValueError
        for side in (tree.left, *tree.comparators):
            _check(side, names)
        if not names:
            raise ValueError
    except (SyntaxError, ValueError):
        raise CatalogueError(
            f"a comparison cannot be read: {text!r}",
            "write NAME < NUMBER, NAME < NUMBER * NAME, or other arithmetic of names and numbers",
        ) from None
    return Comparison(text.strip(), tuple(names))


def holds(comparison: Comparison, values: Mapping[str, str]) -> bool:
    """Whether the numbers compare so; false where one is missing or is no number."""
    numbers = {name: number(values.get(name, "")) for name in comparison.names}
    known = {name: value for name, value in numbers.items() if value is not None}
    if len(known) < len(numbers):
        return False
    tree = _tree(comparison.text)
    try:
        sides = [_value(side, known) for side in (tree.left, *tree.comparators)]
    except (ZeroDivisionError, OverflowError):
        return False
    return all(_ORDER[type(op)](*pair) for op, pair in zip(tree.ops, pairwise(sides), strict=True))


@lru_cache(maxsize=1024)
def _tree(text: str) -> ast.Compare:
    """One that was read before, as a tree; the same one is asked of every match of its pattern."""
    tree = ast.parse(text, mode="eval").body
    assert isinstance(tree, ast.Compare)
    return tree


def _check(node: ast.expr, names: dict[str, str]) -> None:
    """Notes the names in one side, or raises ValueError for what is not allowed in it."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return
    if isinstance(node, ast.Name):
        names[node.id] = ""
    elif isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        _check(node.left, names)
        _check(node.right, names)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        if node.func.id not in _CALLS or len(node.args) < 2:
            raise ValueError
        for argument in node.args:
            _check(argument, names)
    else:
        raise ValueError


def _value(node: ast.expr, values: Mapping[str, float]) -> float:
    if isinstance(node, ast.Constant):
        return float(node.value)  # type: ignore[arg-type]  # checked when it was read
    if isinstance(node, ast.Name):
        return values[node.id]
    if isinstance(node, ast.BinOp):
        return _BINARY[type(node.op)](_value(node.left, values), _value(node.right, values))
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    return _CALLS[node.func.id](*(_value(argument, values) for argument in node.args))
