"""`NAME=value`, `NAME+=value`, `NAME=(…)`, `export`, `local`, `unset`: the state after one of them.

Floor 6: pure.
"""

from __future__ import annotations

from dataclasses import replace

from diagnose.recipe.commands import set_by
from diagnose.recipe.expand import value, words
from diagnose.recipe.syntax import Node, named, text_of
from diagnose.recipe.words import State, Variable, Word


def assign(
    node: Node, state: State, *, exported: bool | None = None, statement: Node | None = None
) -> State:
    """The state after `NAME=value`, `NAME+=value` or `NAME=(…)`.

    Args:
        node: The assignment.
        state: What is known.
        exported: What `export` or `declare` says; None keeps what was said before.
        statement: The whole statement.
    """
    target, operator, given = node.children[0], text_of(node.children[1]), node.children[-1]
    name = text_of(target)
    if target.type == "subscript":
        return state.assign(text_of(target.children[0]), of_unknown(name))
    before = state.variables.get(name)
    array = given.type == "array"
    items: tuple[Word, ...]
    if array:
        items = tuple(w for child in given.children if child.is_named for w in words(child, state))
        if operator == "+=" and before:
            items = before.words + items
    else:
        items = (_value(node, given, state),)
        if operator == "+=" and before:
            items = (_appended(before.word, items[0]),)
    keeps = before.exported if before else False
    start, end = state.place(statement or node)
    return state.assign(
        name, Variable(items, array, keeps if exported is None else exported, start, end)
    )


def _value(node: Node, given: Node, state: State) -> Word:
    if node.child_count > 2:
        return value(given, state)
    at = state.place(node)[1]
    return Word("", True, at, at)


def _appended(before: Word, word: Word) -> Word:
    origins = (*before.places, *word.places)
    known = before.known and word.known
    return Word(before.text + word.text, known, word.start, word.end, origins=origins)


def declare(node: Node, state: State) -> State:
    """The state after `export`, `local`, `declare`, `typeset` or `readonly`."""
    kind = text_of(node.children[0])
    flags = "".join(text_of(w) for w in named(node, "word") if text_of(w).startswith("-"))
    exports = kind == "export" or "x" in flags
    local = kind == "local" or (kind in ("declare", "typeset") and "g" not in flags)
    for child in node.children[1:]:
        name = _declared(child)
        if name and local:
            state = replace(state, local=state.local | {name})
        if child.type == "variable_assignment":
            state = assign(child, state, exported=exports or None, statement=node)
        elif name and exports and name in state.variables:
            state = state.assign(name, replace(state.variables[name], exported=True))
        elif name and kind == "local":
            state = state.assign(name, Variable((Word(""),)))
        elif exports and child.type not in ("variable_name", "word"):
            state = _exported_words(child, state)
    return state


def _declared(child: Node) -> str:
    written = text_of(child.children[0] if child.type == "variable_assignment" else child)
    return written if written.isidentifier() else ""


def _exported_words(child: Node, state: State) -> State:
    """After `export "$PAIR"`, where the variable holds `NAME=value`."""
    for word in words(child, state) if child.is_named else ():
        name, equals, _ = word.text.partition("=")
        if word.known and name.isidentifier():
            held = set_by(word) if equals else state.variables.get(name)
            if held is not None:
                state = state.assign(name, replace(held, exported=True))
    return state


def unset(node: Node, state: State) -> State:
    """The state after `unset`."""
    for child in named(node, "variable_name", "word"):
        state = state.without(text_of(child))
    return state


def of_unknown(name: str) -> Variable:
    """A variable of which only the run can tell the value."""
    return Variable((Word(f"${name}", known=False),))
