"""What a command runs that is bash again: functions, `eval`, `source`, a shell's string or file, a container.

Floor 6: pure. What such bash does is followed with the same steps as the script itself, each word with the place it was written, wherever
that is known. Files are those that the script writes, and those that are given with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from posixpath import basename

from diagnose.recipe.commands import (
    built_in,
    hides_server,
    options_of,
    prefix_of,
    server_of,
    set_by,
    start,
    talks,
    with_env,
    words_of,
)
from diagnose.recipe.containers import Container, container_of
from diagnose.recipe.programs import WRAPPERS
from diagnose.recipe.relevance import Relevance
from diagnose.recipe.shells import shell_in
from diagnose.recipe.syntax import Node, line_of, parse
from diagnose.recipe.words import Inside, State, Text, Variable, Word, merged

Beside = Callable[[str], bytes | None]
"""The bytes of a file that a script names, as far as it is given with the script."""
_DEPTH = 24
_AGAIN = 3
_SCRIPTS = (".sh", ".bash", ".slurm", ".sbatch")


class Grown(Exception):  # noqa: N818 - no error: the way is followed again from the start
    """A file was read in after which more of the script matters than was thought."""


@dataclass(slots=True)
class Runs:
    """Follows what commands run.

    Args:
        run: Follows a statement.
        name: The script's path, as the user gave it.
        beside: Reads a file that the script names.
        relevance: What need not be followed.
    """

    run: Callable[[Node, State], list[State]]
    name: str
    beside: Beside
    relevance: Relevance
    row: frozenset[str] = frozenset()
    """Names of the job's variables, which every process has."""
    unfollowed: set[int] = field(default_factory=set)
    """Lines that start a server in a way that is not followed."""
    absent: dict[str, int] = field(default_factory=dict)
    """Files that are read in and not given, with the line."""
    _trees: dict[bytes, Node] = field(default_factory=dict)
    _stack: list[int] = field(default_factory=list)
    """The bodies and trees that are followed in each other at the moment."""

    def begin(self, row: frozenset[str]) -> None:
        """Makes ready to follow the script from its start."""
        self.row = row
        self._stack.clear()

    def command(self, node: Node, state: State, stdin: Word | None = None) -> list[State]:
        """The states after a simple command.

        Args:
            node: The command.
            state: What is known.
            stdin: Its here-document.
        """
        argv = words_of(node, state)
        if not argv:
            return [state]
        changed = built_in(node, argv, state, stdin)
        if changed is not None:
            return [changed]
        after = self._perform(node, argv, prefix_of(node, state), state, stdin)
        at, end = state.around(node)
        started = any(at <= c.start < end for s in after for c in s.commands)
        if not started and hides_server(node, state):
            self.unfollowed.add(self._line(node, state))
        return after

    def _line(self, node: Node, state: State) -> int:
        main: Node | None = node
        if state.text.origins is not None:
            main = self.relevance.roots[0].descendant_for_byte_range(*state.around(node))
        return line_of(main) if main is not None else 1

    def _perform(
        self,
        node: Node,
        argv: Sequence[Word],
        prefix: Mapping[str, Variable],
        state: State,
        stdin: Word | None,
    ) -> list[State]:
        name = argv[0].text
        if name in state.functions:
            return self._function(node, argv, prefix, state)
        if name == "eval":
            return self._text(node, _joined(argv[1:]), state)
        if name in ("source", "."):
            return self._source(node, argv[1:], state)
        if talks(argv):
            return [state]
        after = self._process(node, argv, prefix, state, stdin)
        if name == "exec" and len(argv) > 1:
            after = [replace(s, ended="exit") for s in after]
        return after

    def _process(
        self,
        node: Node,
        argv: Sequence[Word],
        prefix: Mapping[str, Variable],
        state: State,
        stdin: Word | None,
    ) -> list[State]:
        """A program of its own, which changes nothing of the script's state."""
        container = container_of(argv)
        child = self._child(state, prefix, container)
        inner = container.arguments if container else argv
        shell = shell_in(inner)
        after: list[State] | None
        if shell is None and server_of(inner)[0]:
            after = [start(node, inner, child)]
        elif shell is not None and (script := shell.script or (None if shell.file else stdin)):
            child = self._within(inner[: shell.at], shell.options, shell.arguments, child)
            after = self._text(node, script, child)
        else:
            at = _file_in(inner) if shell is None else shell.at + 1
            file = shell.file if shell else inner[at] if at >= 0 else None
            arguments = shell.arguments if shell else inner[at + 1 :]
            options = shell.options if shell else ()
            child = self._within(inner[: max(at, 0)], options, arguments, child)
            after = self._file(node, file, child) if file else None
        if after is None:
            return [state]
        return merged(
            [
                replace(state, commands=s.commands, assumptions=s.assumptions, passed=s.passed)
                for s in after
            ]
        )

    def _child(
        self, state: State, prefix: Mapping[str, Variable], container: Container | None
    ) -> State:
        """What a new process knows: what is exported, and in a container what it is given."""
        everything = "allexport" in state.options
        kept = {
            name: variable
            for name, variable in state.variables.items()
            if variable.exported or everything or name in self.row
        }
        if container is None:
            return replace(state, variables={**kept, **prefix}, local=frozenset())
        if container.passed is not None:
            kept = {n: replace(v, exported=True) for n, v in kept.items() if n in container.passed}
        given = {w.text.partition("=")[0]: set_by(w) for w in container.given if "=" in w.text}
        inside = Inside(container.program, container.image, container.slot, container.sure)
        return replace(
            state, variables={**kept, **prefix, **given}, inside=inside, local=frozenset()
        )

    def _within(
        self,
        before: Sequence[Word],
        options: Sequence[str],
        arguments: Sequence[Word],
        child: State,
    ) -> State:
        """What a shell knows that stands behind these words, with these options and arguments."""
        variables = with_env(before, child.variables)
        variables["@"] = Variable(tuple(arguments), array=True)
        return replace(
            child,
            variables=variables,
            options=options_of(options, frozenset()),
            functions={},
        )

    def _function(
        self, node: Node, argv: Sequence[Word], prefix: Mapping[str, Variable], state: State
    ) -> list[State]:
        body, text = state.functions[argv[0].text]
        if text.origins is not None:
            text = replace(text, site=state.around(node))
        inner = replace(
            state,
            variables={
                **state.variables,
                **prefix,
                "@": Variable(tuple(argv[1:]), array=True),
            },
            text=text,
            local=frozenset(),
        )
        after = self._enter(body, inner)
        return merged([_returned(s, state, (*prefix, "@")) for s in after])

    def _enter(self, node: Node, state: State) -> list[State]:
        """Follows a body or a tree, unless it is followed in itself again and again."""
        if len(self._stack) >= _DEPTH or self._stack.count(node.id) >= _AGAIN:
            return [state]
        self._stack.append(node.id)
        after = self.run(node, state)
        self._stack.pop()
        return after

    def _source(self, node: Node, argv: Sequence[Word], state: State) -> list[State]:
        if not argv:
            return [state]
        given = state.variables.get("@")
        if len(argv) > 1:
            state = state.assign("@", Variable(tuple(argv[1:]), array=True))
        after = self._file(node, argv[0], state)
        if after is None:
            self.absent.setdefault(argv[0].text, self._line(node, state))
            return [state]
        if len(argv) > 1:
            after = [s.assign("@", given) if given else s.without("@") for s in after]
        return [replace(s, ended="") if s.ended == "return" else s for s in after]

    def _file(self, node: Node, file: Word, state: State) -> list[State] | None:
        """A file that the script wrote, or that is given with it; None for another."""
        written = state.files.get(basename(file.text))
        if written is not None:
            return self._text(node, written, state)
        if file.text == self.name:
            return self._follow(self.relevance.roots[0], Text(), state)
        data = self.beside(file.text) if file.text else None
        if data is None:
            return None
        text = Text((), state.around(node))
        root = self._trees.get(data)
        if root is None:
            root = self._trees[data] = parse(data)
            if self.relevance.add(root):
                raise Grown
        return self._follow(root, text, state)

    def _text(self, node: Node, script: Word, state: State) -> list[State]:
        """Bash that stands in a string or a here-document."""
        data = script.text.encode("utf-8", "surrogateescape")
        origins = script.places
        if len(data) != len(script.text):
            sizes = [len(c.encode("utf-8", "surrogateescape")) for c in script.text]
            origins = [
                o for o, size in zip(origins, sizes, strict=True) for o in range(o, o + size)
            ]
        root = self._trees.get(data)
        if root is None:
            root = self._trees[data] = parse(data)
        return self._follow(root, Text(origins, state.around(node)), state)

    def _follow(self, root: Node, text: Text, state: State) -> list[State]:
        after = self._enter(root, replace(state, text=text))
        return [replace(s, text=state.text) for s in after]


def _returned(after: State, before: State, names: Sequence[str]) -> State:
    """The state behind a function: what it kept to itself is as it was before."""
    variables = dict(after.variables)
    for name in (*after.local, *names):
        if name in before.variables:
            variables[name] = before.variables[name]
        else:
            variables.pop(name, None)
    ended = "" if after.ended == "return" else after.ended
    return replace(after, variables=variables, text=before.text, local=before.local, ended=ended)


def _joined(given: Sequence[Word]) -> Word:
    """The words of `eval` as the one string that it runs."""
    text = " ".join(word.text for word in given)
    origins: list[int] = []
    for number, word in enumerate(given):
        origins += [*([-1] if number else []), *word.places]
    return Word(text, all(word.known for word in given), origins=origins)


def _file_in(argv: Sequence[Word]) -> int:
    """Where a script's name stands among the words of a command that runs it; -1 where none does."""
    for position, word in enumerate(argv):
        if word.text.endswith(_SCRIPTS) and (not position or argv[0].text in WRAPPERS):
            return position
    return -1
