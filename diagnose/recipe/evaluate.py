"""Follows a script for one row, both ways where a condition is not decided.

Floor 6: pure; nothing is run. A statement turns one state into the states that can come after it; ways that
differ in nothing but their conditions are joined again, so that only the conditions that matter remain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from diagnose.recipe.commands import called, hides_server, run_command, run_shell
from diagnose.recipe.conditions import Outcome, decide, outcomes
from diagnose.recipe.expand import value, words
from diagnose.recipe.syntax import Node, line_of, named, text_of, walk
from diagnose.recipe.words import State, Variable, Word, merged

MOST_STATES = 96
"""Ways that are followed at once; what is beyond them is dropped, and said."""
_TURNS = 64
_DEPTH = 24


class Follower:
    """Follows one script.

    Args:
        row: The job's variables by name.
    """

    def __init__(self, row: Mapping[str, str]) -> None:
        self.dropped = 0
        """Ways that were given up because there were too many."""
        self.unfollowed: set[int] = set()
        """Lines that start a server in a way that is not followed."""
        self._depth = 0
        self._start = State(
            variables={name: Variable((Word(text),), exported=False) for name, text in row.items()}
        )
        self._kinds: dict[str, Callable[[Node, State], list[State]]] = {
            "variable_assignment": self._assignment,
            "variable_assignments": self._children,
            "declaration_command": self._declaration,
            "unset_command": self._unset,
            "command": self._command,
            "redirected_statement": self._redirected,
            "pipeline": self._children,
            "list": self._list,
            "if_statement": self._if,
            "case_statement": self._case,
            "for_statement": self._for,
            "c_style_for_statement": self._loop,
            "while_statement": self._loop,
            "compound_statement": self._children,
            "subshell": self._subshell,
            "do_group": self._children,
            "else_clause": self._children,
            "negated_command": self._children,
            "program": self._children,
            "ERROR": self._children,
            "function_definition": self._function,
        }

    def follow(self, root: Node) -> list[State]:
        """Every way through the script, from its first line to its end."""
        return self.run(root, self._start)

    def run(self, node: Node, state: State) -> list[State]:
        """The states that can come after one statement."""
        step = self._kinds.get(node.type)
        return [state] if step is None or state.ended else step(node, state)

    def _each(self, nodes: Iterable[Node], states: list[State]) -> list[State]:
        for node in nodes:
            if node.type not in self._kinds:
                continue
            states = merged([after for state in states for after in self.run(node, state)])
            if len(states) > MOST_STATES:
                # Ways that ended early carry no server; the others are kept as they come.
                states.sort(key=lambda s: bool(s.ended))
                self.dropped += len(states) - MOST_STATES
                del states[MOST_STATES:]
        return states

    def _children(self, node: Node, state: State) -> list[State]:
        return self._each(node.children, [state])

    def _subshell(self, node: Node, state: State) -> list[State]:
        after = self._each(node.children, [state])
        return merged([replace(state, commands=s.commands) for s in after])

    def _assignment(self, node: Node, state: State) -> list[State]:
        return [assign(node, state)]

    def _declaration(self, node: Node, state: State) -> list[State]:
        kind = text_of(node.children[0])
        flags = [text_of(w) for w in named(node, "word")]
        exports = kind == "export" or any(f.startswith("-") and "x" in f for f in flags)
        for child in node.children[1:]:
            if child.type == "variable_assignment":
                state = assign(child, state, exported=exports or None, statement=node)
            elif child.type in ("variable_name", "word") and exports:
                name = text_of(child)
                if name in state.variables:
                    state = state.assign(name, replace(state.variables[name], exported=True))
        return [state]

    def _unset(self, node: Node, state: State) -> list[State]:
        for child in named(node, "variable_name", "word"):
            state = state.without(text_of(child))
        return [state]

    def _function(self, node: Node, state: State) -> list[State]:
        name = text_of(node.child_by_field_name("name") or node)
        body = node.child_by_field_name("body")
        if body is None:
            return [state]
        return [replace(state, functions={**state.functions, name: body})]

    def _command(self, node: Node, state: State) -> list[State]:
        body = called(node, state)
        if body is None or self._depth >= _DEPTH:
            after = run_command(node, state)
            self._look_inside(node, state, after)
            return after
        self._depth += 1
        arguments = [w for a in node.children[1:] for w in words(a, state)]
        inner = replace(
            state,
            variables={
                **state.variables,
                **{str(i): Variable((w,)) for i, w in enumerate(arguments, start=1)},
                "@": Variable(tuple(arguments), array=True),
            },
        )
        after = self.run(body, inner)
        self._depth -= 1
        return merged([replace(s, ended="") if s.ended == "return" else s for s in after])

    def _redirected(self, node: Node, state: State) -> list[State]:
        for command in named(node, "command"):
            for redirect in named(node, "heredoc_redirect"):
                for script in named(redirect, "heredoc_body"):
                    if after := run_shell(command, script, state):
                        self._look_inside(node, state, after)
                        return after
        return self._each(node.children, [state])

    def _look_inside(self, node: Node, before: State, after: list[State]) -> None:
        if all(s.commands == before.commands for s in after) and hides_server(node, before):
            self.unfollowed.add(line_of(node))

    def _list(self, node: Node, state: State) -> list[State]:
        left, operator, right = node.children[0], text_of(node.children[1]), node.children[-1]
        found: list[State] = []
        for after, holds in outcomes(left, state, self.run):
            if holds == (operator == "&&"):
                found += self.run(right, after)
            else:
                found.append(after)
        return merged(found)

    def _if(self, node: Node, state: State) -> list[State]:
        found: list[State] = []
        waiting = [state]
        for test, body in branches(node):
            if test is None:
                found += self._branch(body, waiting)
                waiting = []
                break
            after = [o for s in waiting for o in self._outcomes(test, s)]
            found += self._branch(body, [s for s, holds in after if holds])
            waiting = [s for s, holds in after if not holds]
        return merged([*found, *waiting])

    def _branch(self, body: list[Node], states: list[State]) -> list[State]:
        if not body:
            return states
        begin = body[0].start_byte
        return self._each(body, [replace(s, passed=s.passed | {begin}) for s in states])

    def _outcomes(self, tests: list[Node], state: State) -> list[Outcome]:
        states = self._each(tests[:-1], [state])
        return [o for s in states for o in outcomes(tests[-1], s, self.run)]

    def _case(self, node: Node, state: State) -> list[State]:
        subject = node.child_by_field_name("value")
        word = value(subject, state)
        found: list[State] = []
        waiting = [state]
        for item in named(node, "case_item"):
            patterns = item.children_by_field_name("value")
            body = [c for c in item.children if c not in patterns and c.is_named]
            taken: list[State] = []
            for pattern in patterns:
                wanted = text_of(pattern).strip("\"'")
                rest: list[State] = []
                for s in waiting:
                    if wanted == "*":
                        taken.append(s)
                    elif word.known:
                        (taken if fnmatchcase(word.text, wanted) else rest).append(s)
                    else:
                        for after, holds in decide(s, ("=", word.text, wanted), pattern):
                            (taken if holds else rest).append(after)
                waiting = rest
            found += self._branch(body, taken)
        return merged([*found, *waiting])

    def _for(self, node: Node, state: State) -> list[State]:
        variable = text_of(node.child_by_field_name("variable") or node)
        body = node.child_by_field_name("body")
        values = [w for v in node.children_by_field_name("value") for w in words(v, state)]
        if body is None:
            return [state]
        if not values or len(values) > _TURNS or not all(w.known for w in values):
            return self._loop(node, state.assign(variable, _of_unknown(variable)))
        going, left = [state], []
        for word in values:
            turn = [s.assign(variable, Variable((word,))) for s in going]
            after = merged([t for s in turn for t in self.run(body, s)])[:MOST_STATES]
            left += [_resumed(s) for s in after if s.ended not in ("", "continue")]
            going = [_resumed(s) for s in after if s.ended in ("", "continue")]
        return merged([*left, *going])

    def _loop(self, node: Node, state: State) -> list[State]:
        """A loop's body once, with everything it changes unknown."""
        body = node.child_by_field_name("body")
        if body is None:
            return [state]
        for inner in walk(body):
            if inner.type == "variable_assignment" and text_of(inner.children[1]) == "=":
                name = text_of(inner.children[0])
                if inner.children[-1].type != "array":
                    state = state.assign(name, _of_unknown(name))
        # Whether the turn that ends the script is ever made is not known: the loop is left behind.
        return merged([replace(s, ended="") for s in self.run(body, state)])


def _resumed(state: State) -> State:
    """A state behind the loop that `break` or `continue` ended."""
    return replace(state, ended="") if state.ended in ("break", "continue") else state


def branches(node: Node) -> list[tuple[list[Node] | None, list[Node]]]:
    """The tests and bodies of an `if`, in order; the test of `else` is None."""
    found: list[tuple[list[Node] | None, list[Node]]] = []
    test: list[Node] = []
    body: list[Node] = []
    inside = False
    for child in node.children:
        if child.type == "then":
            inside = True
        elif child.type == "elif_clause":
            found += [(list(t) if t else t, b) for t, b in branches(child)]
        elif child.type == "else_clause":
            found.append((None, [c for c in child.children if c.is_named]))
        elif child.is_named:
            (body if inside else test).append(child)
    return [(test, body), *found]


def assign(
    node: Node, state: State, *, exported: bool | None = None, statement: Node | None = None
) -> State:
    """The state after `NAME=value`, `NAME+=value` or `NAME=(…)`."""
    target, operator, given = node.children[0], text_of(node.children[1]), node.children[-1]
    name = text_of(target)
    if target.type == "subscript":
        return state.assign(text_of(target.children[0]), _of_unknown(name))
    before = state.variables.get(name)
    whole = statement or node
    if given.type == "array":
        items = tuple(w for child in given.children if child.is_named for w in words(child, state))
        if operator == "+=" and before:
            items = before.words + items
        array = True
    else:
        word = (
            value(given, state)
            if node.child_count > 2
            else Word("", True, node.end_byte, node.end_byte)
        )
        if operator == "+=" and before:
            word = Word(
                before.word.text + word.text, before.word.known and word.known, word.start, word.end
            )
        items, array = (word,), False
    keeps = before.exported if before else False
    return state.assign(
        name,
        Variable(
            items, array, keeps if exported is None else exported, whole.start_byte, whole.end_byte
        ),
    )


def _of_unknown(name: str) -> Variable:
    return Variable((Word(f"${name}", known=False),))
