"""Loops: turn by turn where their turns are known, else once with what they change unknown.

Floor 6: pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from diagnose.recipe.assignments import of_unknown
from diagnose.recipe.conditions import outcomes
from diagnose.recipe.expand import words
from diagnose.recipe.syntax import Node, text_of, walk
from diagnose.recipe.words import State, Variable, merged

_TURNS = 64
_GOING = ("", "continue")

Run = Callable[[Node, State], list[State]]


def each_value(node: Node, state: State, run: Run) -> list[State]:
    """The states after a `for` over words."""
    variable = text_of(node.child_by_field_name("variable") or node)
    body = node.child_by_field_name("body")
    values = [w for v in node.children_by_field_name("value") for w in words(v, state)]
    if body is None:
        return [state]
    given = state.variables.get("@")
    if given is not None and not any(child.type == "in" for child in node.children):
        values = list(given.words)
    if not values or len(values) > _TURNS or not all(w.known for w in values):
        return _once(body, state.assign(variable, of_unknown(variable)), run)
    going, left = [state], []
    for word in values:
        turn = [s.assign(variable, Variable((word,))) for s in going]
        after = merged([t for s in turn for t in run(body, s)])
        left += [_resumed(s) for s in after if s.ended not in _GOING]
        going = [_resumed(s) for s in after if s.ended in _GOING]
    return merged([*left, *going])


def repeat(node: Node, state: State, run: Run) -> list[State]:
    """The states after a `while`, `until` or `for (( … ))`."""
    body = node.child_by_field_name("body")
    test = node.child_by_field_name("condition")
    if body is None:
        return [state]
    if node.type == "while_statement" and test is not None:
        until = node.children[0].type == "until"
        turns = _turns(test, body, state, run, until=until)
        if turns is not None:
            return [turns]
    return _once(body, state, run)


def _turns(test: Node, body: Node, state: State, run: Run, *, until: bool) -> State | None:
    """The state behind a loop of which every turn is decided; None where one is not."""
    for _ in range(_TURNS):
        asked = outcomes(test, state, run)
        if len(asked) != 1:
            return None
        state, holds = asked[0]
        if holds == until:
            return state
        after = run(body, state)
        if len(after) != 1 or after[0].ended == "return":
            return None
        state = after[0]
        if state.ended not in _GOING:
            return _resumed(state)
        state = _resumed(state)
    return None


def _once(body: Node, state: State, run: Run) -> list[State]:
    """A loop's body once, with everything it changes unknown."""
    shifts = False
    for inner in walk(body):
        if inner.type == "variable_assignment" and text_of(inner.children[1]) == "=":
            name = text_of(inner.children[0])
            if inner.children[-1].type != "array":
                state = state.assign(name, of_unknown(name))
        shifts = shifts or (inner.type == "command_name" and text_of(inner) == "shift")
    if shifts:
        state = state.without("@")
    # Whether the turn that ends the script is ever made is not known: the loop is left behind.
    return merged([replace(s, ended="") for s in run(body, state)])


def _resumed(state: State) -> State:
    """A state behind the loop that `break` or `continue` ended."""
    return replace(state, ended="") if state.ended in ("break", "continue") else state
