"""Follows a script for one row, both ways where a condition is not decided.

Floor 6: pure; nothing is run. A statement turns one state into the states that can come after it; ways that
differ in nothing but their conditions are joined again, so that only the conditions that matter remain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from diagnose.recipe.assignments import assign, declare, unset
from diagnose.recipe.conditions import Outcome, decide, outcomes
from diagnose.recipe.expand import document, value, words
from diagnose.recipe.loops import each_value, repeat
from diagnose.recipe.relevance import Relevance
from diagnose.recipe.runs import Beside, Grown, Runs
from diagnose.recipe.syntax import Node, named, text_of
from diagnose.recipe.words import State, Variable, Word, merged
from diagnose.recipe.written import written

MOST_STATES = 96
"""Ways that are followed at once; what is beyond them is dropped, and said."""
_FEW_STATES = 6
"""The same where following more comes to no end."""
_MOST_STEPS = 60_000
_STEP = 20
"""With as many variables a step is counted once more: each keeps a copy."""
_Step = Callable[[Node, State], list[State]]


class Follower:
    """Follows one script.

    Args:
        name: The script's path, as the user gave it: `$0`.
        root: Its tree.
        beside: Reads a file that the script names; None for one that is not given.
    """

    def __init__(self, name: str, root: Node, beside: Beside = lambda _name: None) -> None:
        self.dropped = 0
        """Ways that were given up because there were too many."""
        self._root = root
        self._here = Variable((Word(name),), array=True)
        self._relevance = Relevance()
        self._relevance.add(root)
        self.runs = Runs(self.run, name, beside, self._relevance)
        """What commands run that is bash again, and what of it could not be followed."""
        self._steps = self._own = 0
        self._most = MOST_STATES
        self._kinds: dict[str, _Step] = {
            "variable_assignment": lambda node, state: [assign(node, state)],
            "variable_assignments": self._children,
            "declaration_command": lambda node, state: [declare(node, state)],
            "unset_command": lambda node, state: [unset(node, state)],
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
            "program": self._program,
            "ERROR": self._children,
            "function_definition": self._function,
        }

    def follow(self, row: Mapping[str, str]) -> list[State]:
        """Every way through the script that starts a server, from its first line to its end.

        Args:
            row: The job's variables by name.
        """
        given = {name: Variable((Word(text),)) for name, text in row.items()}
        start = State(variables={"0": self._here, "BASH_SOURCE": self._here, **given})
        dropped = self.dropped
        found = self._from(start, frozenset(row))
        if not found and self._relevance.starts:
            # A variable that the script says may be empty, and then asks for, is one of the job's.
            self.dropped = dropped
            found = self._from(replace(start, open=True), frozenset(row))
        return found

    def _from(self, start: State, row: frozenset[str]) -> list[State]:
        """The same from one state; again where a file that was read in shows more, or the end is not reached."""
        dropped = self.dropped
        self._most = MOST_STATES
        while True:
            self._steps = self._own = 0
            self.runs.begin(row)
            try:
                found = _joined(self.run(self._root, start))
            except Grown:
                self.dropped = dropped
                continue
            if self._steps <= _MOST_STEPS or self._most == _FEW_STATES:
                self.dropped += self._steps > _MOST_STEPS
                return found
            self._most = _FEW_STATES

    def run(self, node: Node, state: State) -> list[State]:
        """The states that can come after one statement."""
        step = self._kinds.get(node.type)
        if step is None or state.ended or self._relevance.passes(node):
            return [state]
        self._steps += 1 + len(state.variables) // _STEP
        if self._steps > _MOST_STEPS:
            return [state]
        return step(node, state)

    def _each(self, nodes: Iterable[Node], states: list[State]) -> list[State]:
        for node in nodes:
            if node.type not in self._kinds or self._relevance.passes(node):
                continue
            after = [t for state in states for t in self.run(node, state)]
            # Where no way has forked, none has come to be like another.
            states = after if len(after) == len(states) else merged(after)
            if self._steps > _MOST_STEPS:
                return states
            if not self._own:
                # A way that ends before a server is started tells nothing.
                states = [s for s in states if s.ended != "exit" or s.commands]
            if len(states) > self._most:
                states.sort(key=lambda s: bool(s.ended))
                self.dropped += len(states) - self._most
                del states[self._most :]
        return states

    def _children(self, node: Node, state: State) -> list[State]:
        return self._each(node.children, [state])

    def _program(self, node: Node, state: State) -> list[State]:
        nodes = node.children
        if state.text.origins is None:
            nodes = [child for child in nodes if child.start_byte < self._relevance.end]
        return self._each(nodes, [state])

    def _subshell(self, node: Node, state: State) -> list[State]:
        self._own += 1
        after = self._each(node.children, [state])
        self._own -= 1
        return merged(
            [
                replace(
                    s,
                    variables=state.variables,
                    options=state.options,
                    functions=state.functions,
                    ended="",
                )
                for s in after
            ]
        )

    def _function(self, node: Node, state: State) -> list[State]:
        name = text_of(node.child_by_field_name("name") or node)
        body = node.child_by_field_name("body")
        if body is None:
            return [state]
        return [replace(state, functions={**state.functions, name: (body, state.text)})]

    def _command(self, node: Node, state: State) -> list[State]:
        stdin = [words(r.children[-1], state) for r in named(node, "herestring_redirect")]
        return self._started(node, state, stdin[0][0] if stdin and stdin[0] else None)

    def _started(self, node: Node, state: State, stdin: Word | None) -> list[State]:
        self._own += 1
        after = self.runs.command(node, state, stdin)
        self._own -= 1
        return after

    def _redirected(self, node: Node, state: State) -> list[State]:
        bodies = [b for r in named(node, "heredoc_redirect") for b in named(r, "heredoc_body")]
        stdin = document(bodies[0], state) if bodies else None
        state = written(node, state, stdin)
        if stdin is not None and node.children[0].type == "command":
            return self._started(node.children[0], state, stdin)
        return self._each(node.children, [state])

    def _list(self, node: Node, state: State) -> list[State]:
        left, operator, right = node.children[0], text_of(node.children[1]), node.children[-1]
        found: list[State] = []
        for after, holds in outcomes(left, state, self.run):
            if holds == (operator == "&&"):
                found += self._each([right], [after])
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
        here = all(s.text.origins is None for s in states)
        passing = [replace(s, passed=s.passed | {begin}) if here else s for s in states]
        return self._each(body, passing)

    def _outcomes(self, tests: list[Node], state: State) -> list[Outcome]:
        states = self._each(tests[:-1], [state])
        return [o for s in states for o in outcomes(tests[-1], s, self.run)]

    def _case(self, node: Node, state: State) -> list[State]:
        word = value(node.child_by_field_name("value"), state)
        found: list[State] = []
        waiting = [state]
        for item in named(node, "case_item"):
            patterns = item.children_by_field_name("value")
            body = [c for c in item.children if c not in patterns and c.is_named]
            taken: list[State] = []
            for pattern in patterns:
                holding, waiting = _fitting(word, pattern, waiting)
                taken += holding
            found += self._branch(body, taken)
        return merged([*found, *waiting])

    def _for(self, node: Node, state: State) -> list[State]:
        return each_value(node, state, self.run)

    def _loop(self, node: Node, state: State) -> list[State]:
        return repeat(node, state, self.run)


def _joined(states: list[State]) -> list[State]:
    """The ways that start a server; those that start the same with the same options are one."""
    return merged(
        [
            State(
                commands=s.commands,
                options=s.options,
                assumptions=s.assumptions,
                passed=s.passed,
            )
            for s in states
            if s.commands
        ]
    )


def _fitting(word: Word, pattern: Node, states: list[State]) -> tuple[list[State], list[State]]:
    """The states in which a value fits a pattern of `case`, and those in which it does not."""
    wanted = text_of(pattern).strip("\"'")
    if wanted == "*":
        return states, []
    if word.known:
        return (states, []) if fnmatchcase(word.text, wanted) else ([], states)
    after = [o for s in states for o in decide(s, ("=", word.text, wanted), pattern)]
    return [s for s, holds in after if holds], [s for s, holds in after if not holds]


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
