"""Comparisons of numbers: those of a matched line, or the settings of a run.

Floor 1: pure. Numbers, names, `+ - * / // %`, `max`, `min` and comparisons; nothing is executed.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
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
_Side = Callable[[Mapping[str, float]], float]
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
    known: dict[str, float] = {}
    for name in comparison.names:
        value = number(values.get(name, ""))
        if value is None:
            return False
        known[name] = value
    sides, orders = _compiled(comparison.text)
    try:
        left, *others = [side(known) for side in sides]
    except (ZeroDivisionError, OverflowError):
        return False
    for order, right in zip(orders, others, strict=True):
        if not order(left, right):
            return False
        left = right
    return True


@lru_cache(maxsize=1024)
def _compiled(text: str) -> tuple[Sequence[_Side], Sequence[Callable[[float, float], bool]]]:
    """One that was read before; the same one is asked of every match of its pattern."""
    tree = ast.parse(text, mode="eval").body
    assert isinstance(tree, ast.Compare)
    sides = [_side(node) for node in (tree.left, *tree.comparators)]
    return sides, [_ORDER[type(op)] for op in tree.ops]


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


def _side(node: ast.expr) -> _Side:
    if isinstance(node, ast.Constant):
        value = float(node.value)  # type: ignore[arg-type]  # checked when it was read
        return lambda values: value
    if isinstance(node, ast.Name):
        return operator.itemgetter(node.id)
    if isinstance(node, ast.BinOp):
        left, apply, right = _side(node.left), _BINARY[type(node.op)], _side(node.right)
        return lambda values: apply(left(values), right(values))
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    call, arguments = _CALLS[node.func.id], [_side(argument) for argument in node.args]
    return lambda values: call(*(argument(values) for argument in arguments))
