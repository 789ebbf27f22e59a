"""The arithmetic of `$(( … ))` and `(( … ))`, as far as its variables are known.

Floor 6: pure. Values are bash's integers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from diagnose.recipe.syntax import Node, text_of
from diagnose.recipe.words import State, Word

Value = Callable[[Node, State], Word]

_BINARY: Mapping[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "**": lambda a, b: a**b if 0 <= b <= 64 else 0,
    "/": lambda a, b: int(a / b),
    "%": lambda a, b: a - b * int(a / b),
    "<": lambda a, b: int(a < b),
    "<=": lambda a, b: int(a <= b),
    ">": lambda a, b: int(a > b),
    ">=": lambda a, b: int(a >= b),
    "==": lambda a, b: int(a == b),
    "!=": lambda a, b: int(a != b),
    "&&": lambda a, b: int(bool(a and b)),
    "||": lambda a, b: int(bool(a or b)),
    "<<": lambda a, b: a << b if 0 <= b < 64 else 0,
    ">>": lambda a, b: a >> b if 0 <= b < 64 else 0,
}


def compute(node: Node, state: State, value: Value) -> int | None:
    """The value of an arithmetic expression; None where it depends on something unknown.

    Args:
        node: The expression.
        state: The variables there.
        value: Expands a word in it, which may hold an arithmetic expression in turn.
    """
    kind = node.type
    if kind == "number":
        return number(text_of(node))
    if kind in ("variable_name", "word"):
        return _variable(text_of(node), state)
    if kind in ("simple_expansion", "expansion", "string"):
        word = value(node, state)
        return number(word.text) if word.known else None
    if kind == "binary_expression":
        return _binary(node, state, value)
    if kind == "unary_expression":
        return _unary(node, state, value)
    if kind == "ternary_expression":
        parts = [child for child in node.children if child.is_named]
        if len(parts) != 3 or (test := compute(parts[0], state, value)) is None:
            return None
        return compute(parts[1] if test else parts[2], state, value)
    if kind in ("arithmetic_expansion", "parenthesized_expression", "compound_statement"):
        parts = [child for child in node.children if child.is_named]
        return compute(parts[0], state, value) if len(parts) == 1 else None
    return None


def number(text: str) -> int | None:
    """An integer as bash reads it: decimal, 0x…, or octal with a leading 0."""
    text = text.strip()
    try:
        if text.lower().startswith("0x"):
            return int(text, 16)
        digits = text.lstrip("+-")
        return int(text, 8) if len(digits) > 1 and digits[0] == "0" else int(text)
    except ValueError:
        return None


def _variable(name: str, state: State) -> int | None:
    variable = state.variables.get(name)
    if variable is None or not variable.word.known:
        return None
    return number(variable.word.text or "0")


def _binary(node: Node, state: State, value: Value) -> int | None:
    if node.child_count != 3:
        return None
    left, right = compute(node.children[0], state, value), compute(node.children[2], state, value)
    apply = _BINARY.get(text_of(node.children[1]))
    if left is None or right is None or apply is None:
        return None
    try:
        return apply(left, right)
    except ZeroDivisionError:
        return None


def _unary(node: Node, state: State, value: Value) -> int | None:
    if node.child_count != 2:
        return None
    inner = compute(node.children[1], state, value)
    if inner is None:
        return None
    return {"-": -inner, "+": inner, "!": int(not inner)}.get(text_of(node.children[0]))
