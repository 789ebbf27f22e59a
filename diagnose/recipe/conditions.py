"""Tests of a script: true, false, or both ways where nothing decides.

Floor 6: pure. A test that depends on something unknown is taken both ways, and is taken the same way again
wherever the script asks the same, or what follows from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase

from diagnose.recipe.arithmetic import compute, number
from diagnose.recipe.expand import value
from diagnose.recipe.syntax import Node, line_of, text_of
from diagnose.recipe.words import Assumption, State, Word

Outcome = tuple[State, bool]
Key = tuple[str, str, str]
_ORDER = {"-eq": "==", "-ne": "!=", "-lt": "<", "-le": "<=", "-gt": ">", "-ge": ">="}
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_PLAIN = re.compile(r"^\$\{?(\w+)\}?$")


def outcomes(node: Node, state: State, run: Callable[[Node, State], list[State]]) -> list[Outcome]:
    """How a condition can come out, with the state after each.

    Args:
        node: What stands behind `if`, `while`, or before `&&`.
        state: What is known.
        run: Follows a statement.
    """
    kind = node.type
    if kind in ("test_command", "parenthesized_expression"):
        parts = [child for child in node.children if child.is_named]
        if len(parts) == 1:
            return _test(parts[0], state, run)
    elif kind == "negated_command":
        return [(s, not b) for s, b in outcomes(node.children[-1], state, run)]
    elif kind == "list":
        return _both(node, state, run, outcomes)
    elif kind == "redirected_statement":
        return outcomes(node.children[0], state, run)
    elif kind == "compound_statement" and node.children[0].type == "((":
        result = compute(node, state, value)
        if result is not None:
            return [(state, bool(result))]
        return list(_arithmetic(node, state))
    elif kind == "command":
        return _command(node, state, run)
    elif kind in ("variable_assignment", "declaration_command", "compound_statement"):
        return [(after, True) for after in run(node, state)]
    return decide(state, ("command", text_of(node), ""), node)


def decide(state: State, key: Key, node: Node, *, inverse: bool = False) -> list[Outcome]:
    """Both outcomes of a condition that is not known, or the one that was assumed before.

    Args:
        state: What is known.
        key: The condition in one wording for all that ask the same.
        node: Where it is written.
        inverse: Whether what is written says the opposite of the key.
    """
    known = _implied(state, key)
    if known is not None:
        return [(state, known)]
    return [
        (
            state.assume(key, Assumption(holds, holds != inverse, text_of(node), line_of(node))),
            holds,
        )
        for holds in (True, False)
    ]


def _both(
    node: Node,
    state: State,
    run: Callable[[Node, State], list[State]],
    ask: Callable[[Node, State, Callable[[Node, State], list[State]]], list[Outcome]],
) -> list[Outcome]:
    left, operator, right = node.children[0], text_of(node.children[1]), node.children[-1]
    found = []
    for after, holds in ask(left, state, run):
        if holds == (operator == "&&"):
            found += ask(right, after, run)
        else:
            found.append((after, holds))
    return found


def _test(node: Node, state: State, run: Callable[[Node, State], list[State]]) -> list[Outcome]:
    kind = node.type
    if kind == "parenthesized_expression":
        return outcomes(node, state, run)
    if kind == "unary_expression":
        operator = text_of(node.children[0])
        if operator == "!":
            return [(s, not b) for s, b in _test(node.children[-1], state, run)]
        return _unary(operator, node, state)
    if kind == "binary_expression" and node.child_count >= 3:
        operator = text_of(node.children[1])
        if operator in ("&&", "||"):
            return _both(node, state, run, _test)
        if operator in ("-a", "-o"):
            return decide(state, ("test", text_of(node), ""), node)
        return _binary(operator, node, state)
    if kind in ("string", "word", "simple_expansion", "expansion", "concatenation", "number"):
        return _is_set(node, node, state)
    return decide(state, ("test", text_of(node), ""), node)


def _unary(operator: str, node: Node, state: State) -> list[Outcome]:
    operand = node.children[-1]
    if operator == "-n":
        return _is_set(operand, node, state)
    if operator == "-z":
        return [(s, not b) for s, b in _is_set(operand, node, state, inverse=True)]
    return decide(state, ("test", operator, _written(value(operand, state))), node)


def _is_set(operand: Node, node: Node, state: State, *, inverse: bool = False) -> list[Outcome]:
    word = value(operand, state)
    if word.known:
        return [(state, bool(word.text))]
    plain = _PLAIN.match(word.text)
    if plain and plain[1] in state.checked:
        return [(state, True)]
    if not plain and re.sub(r"\$(?:\w+|\{[^}]*\}|\([^)]*\))", "", word.text):
        return [(state, True)]
    return decide(state, ("set", _written(word), ""), node, inverse=inverse)


def _binary(operator: str, node: Node, state: State) -> list[Outcome]:
    left, right = value(node.children[0], state), value(node.children[2], state)
    if operator in _ORDER:
        return _compare(_ORDER[operator], left, right, node, state)
    if operator in ("=", "==", "!="):
        differs = operator == "!="
        return [(s, b != differs) for s, b in _equal(left, right, node, state, inverse=differs)]
    if operator == "=~" and left.known:
        try:
            return [(state, re.search(text_of(node.children[2]), left.text) is not None)]
        except re.error:
            pass
    return decide(state, ("test", text_of(node), ""), node)


def _equal(left: Word, right: Word, node: Node, state: State, *, inverse: bool) -> list[Outcome]:
    if left.known and right.known:
        # Unquoted on the right of [[ == ]] is a pattern; a value without wildcards is itself.
        return [(state, fnmatchcase(left.text, right.text) or left.text == right.text)]
    if left.known:
        left, right = right, left
    return decide(state, ("=", _written(left), _written(right)), node, inverse=inverse)


def _compare(operator: str, left: Word, right: Word, node: Node, state: State) -> list[Outcome]:
    """Every order becomes `>` or `==` of an unknown value and a number."""
    if left.known and right.known:
        a, b = number(left.text), number(right.text)
        if a is None or b is None:
            return [(state, False)]
        return [(state, bool(eval_order(operator, a, b)))]
    if left.known and not right.known:
        left, right, operator = right, left, _TURNED.get(operator, operator)
    limit = number(right.text) if right.known else None
    if limit is None:
        return decide(state, (operator, _written(left), _written(right)), node)
    if operator in ("==", "!="):
        differs = operator == "!="
        found = decide(state, ("=", _written(left), str(limit)), node, inverse=differs)
        return [(s, b != differs) for s, b in found]
    if operator in ("<", ">="):
        limit -= 1
    above = operator in (">", ">=")
    found = decide(state, (">", _written(left), str(limit)), node, inverse=not above)
    return [(s, b == above) for s, b in found]


def eval_order(operator: str, a: int, b: int) -> bool:
    """One comparison of two numbers."""
    return {
        "==": a == b,
        "!=": a != b,
        "<": a < b,
        "<=": a <= b,
        ">": a > b,
        ">=": a >= b,
    }[operator]


def _arithmetic(node: Node, state: State) -> Iterator[Outcome]:
    parts = [child for child in node.children if child.is_named]
    inner = parts[0] if len(parts) == 1 else node
    operator = text_of(inner.children[1]) if inner.child_count == 3 else ""
    if inner.type == "binary_expression" and operator in ("<", "<=", ">", ">=", "==", "!="):
        words = []
        for side in (inner.children[0], inner.children[2]):
            result = compute(side, state, value)
            name = text_of(side).lstrip("$").strip("{}")
            words.append(Word(str(result)) if result is not None else Word(f"${name}", known=False))
        yield from _compare(operator, words[0], words[1], node, state)
    else:
        yield from decide(state, ("arithmetic", text_of(node), ""), node)


def _command(node: Node, state: State, run: Callable[[Node, State], list[State]]) -> list[Outcome]:
    name = text_of(node.children[0])
    if name in ("true", ":"):
        return [(state, True)]
    if name == "false":
        return [(state, False)]
    found = []
    for after in run(node, state):
        found += decide(after, ("command", text_of(node), ""), node)
    return found


def _written(word: Word) -> str:
    plain = _PLAIN.match(word.text)
    return f"${plain[1]}" if plain and not word.known else word.text


def _implied(state: State, key: Key) -> bool | None:
    """What earlier assumptions say about a condition; None where they say nothing."""
    if key in state.assumptions:
        return state.assumptions[key].holds
    kind, left, right = key
    for (other_kind, other_left, other_right), assumption in state.assumptions.items():
        if other_left != left:
            continue
        held = assumption.holds
        if kind == other_kind == "=" and held:
            return False
        if kind == "set" and other_kind == "=" and held:
            return bool(other_right)
        a, b = number(right), number(other_right)
        if kind == ">" and other_kind == "=" and held and b is not None and a is not None:
            return b > a
        if kind == "=" and other_kind == ">" and a is not None and b is not None:
            if (a > b) != held:
                return False
        elif kind == other_kind == ">" and a is not None and b is not None:
            if held and b >= a:
                return True
            if not held and b <= a:
                return False
    return None
