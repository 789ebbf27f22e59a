"""What a script's variables and commands hold while it is followed, each with the place it was written.

Floor 6: pure. A word that depends on something unknown keeps the text that is written there (`$MODEL`) and
says that it is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from diagnose.recipe.syntax import Node

NOWHERE = (-1, -1)
"""The place of what the script does not hold."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word, after expansion."""

    text: str
    known: bool = True
    start: int = -1
    """Where it is written: bytes of the script; -1 for what the script does not hold."""
    end: int = -1
    source: Word | None = None
    """For a word that is one variable and nothing else: what that variable was given."""
    origins: Sequence[int] = field(default=(), compare=False, repr=False)
    """The byte of the script that each character was written at, -1 for none; empty where it is not told."""

    @property
    def places(self) -> Sequence[int]:
        """The same for every character, told or not."""
        told = len(self.origins) == len(self.text)
        return self.origins if told else (-1,) * len(self.text)


@dataclass(frozen=True, slots=True)
class Text:
    """The bash that is followed: the script itself, or what it runs from a string, a here-document or another file."""

    origins: Sequence[int] | None = None
    """The byte of the script that each of its bytes was written at, -1 for none; None for the script itself."""
    site: tuple[int, int] = NOWHERE
    """The statement of the script that runs it."""

    def written(self, start: int, end: int) -> Sequence[int]:
        """The bytes of the script at which a stretch is written, one by one."""
        if self.origins is None:
            return range(start, end)
        return self.origins[start:end] if self.origins else (-1,) * (end - start)

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Where a stretch is written; `NOWHERE` for what is not written in one piece."""
        if self.origins is None:
            return start, end
        found = self.written(start, end)
        if not isinstance(found, range) and not _together(found):
            return NOWHERE
        return (found[0], found[-1] + 1) if found else NOWHERE

    def around(self, start: int, end: int) -> tuple[int, int]:
        """Where a stretch begins and ends, whatever stands between; the statement that runs it where that is not told."""
        found = self.written(start, end)
        if len(found) and 0 <= found[0] <= found[-1]:
            return found[0], found[-1] + 1
        return self.site


def _together(origins: Sequence[int]) -> bool:
    """Whether places follow each other, but for the backslashes between them."""
    if not origins or origins[0] < 0:
        return False
    return all(1 <= b - a <= 3 for a, b in pairwise(origins))


@dataclass(frozen=True, slots=True)
class Inside:
    """The container in which the bash that is followed runs."""

    program: str = ""
    """`docker run` …; empty outside of one."""
    image: str = ""
    """As far as the command tells."""
    slot: tuple[int, int] = NOWHERE
    """The option, or the program's name, behind which a variable can be given."""
    sure: bool = True
    """Whether it is known which variables it is given."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the script at one moment."""

    words: tuple[Word, ...]
    array: bool = False
    exported: bool = False
    start: int = -1
    """The statement that gave it this value: bytes of the script."""
    end: int = -1

    @property
    def word(self) -> Word:
        """What `$NAME` stands for."""
        return self.words[0] if self.words else Word("")


@dataclass(frozen=True, slots=True)
class Command:
    """A server's command as it would be run."""

    argv: tuple[Word, ...]
    environment: tuple[tuple[str, Variable], ...]
    """Variables it would be given, as far as the script sets them."""
    start: int
    """The simple command that runs it."""
    end: int
    inside: Inside = Inside()
    """The container that it runs in."""
    embedded: bool = False
    """Whether it is written in a string or a here-document."""


@dataclass(frozen=True, slots=True)
class Assumption:
    """How a condition was taken that the row does not decide."""

    holds: bool
    """Of its key, which may be the opposite of what is written."""
    said: bool
    """Whether what is written was taken to be so."""
    text: str
    """As the script writes it."""
    line: int


@dataclass(frozen=True, slots=True)
class State:
    """Everything that is known at one point of one way through the script."""

    variables: dict[str, Variable] = field(default_factory=dict)
    commands: tuple[Command, ...] = ()
    options: frozenset[str] = frozenset()
    """Of `set`: `errexit`, `nounset`, `pipefail` …"""
    checked: frozenset[str] = frozenset()
    """Names of which the script made sure that they are set."""
    functions: dict[str, tuple[Node, Text]] = field(default_factory=dict, compare=False)
    """Bodies by name, and what they stand in."""
    text: Text = field(default=Text(), compare=False)
    inside: Inside = Inside()
    local: frozenset[str] = frozenset()
    """Names that the function at hand keeps to itself."""
    open: bool = False
    """Whether an empty default (`${NAME:-}`) leaves a variable open."""
    files: dict[str, Word] = field(default_factory=dict)
    """What the script has written, by the files' names."""
    ended: str = ""
    """`exit`, `return`, `break` or `continue` once nothing more is done."""
    assumptions: dict[tuple[str, str, str], Assumption] = field(default_factory=dict, compare=False)
    passed: frozenset[int] = field(default=frozenset(), compare=False)
    """Where the branches begin that were taken."""

    def assign(self, name: str, variable: Variable) -> State:
        """The state after an assignment."""
        return replace(self, variables={**self.variables, name: variable})

    def without(self, name: str) -> State:
        """The state after `unset`."""
        return replace(self, variables={n: v for n, v in self.variables.items() if n != name})

    def runs(self, command: Command) -> State:
        """The state after a server's command; what one place runs again and again is kept as it was last."""
        others = tuple(
            c
            for c in self.commands
            if (c.start, c.end) != (command.start, command.end) or c.argv[:2] != command.argv[:2]
        )
        return replace(self, commands=(*others, command))

    def place(self, node: Node) -> tuple[int, int]:
        """Where a node is written in the script."""
        return self.text.place(node.start_byte, node.end_byte)

    def around(self, node: Node) -> tuple[int, int]:
        """Where a statement is written, or the statement of the script that runs it."""
        return self.text.around(node.start_byte, node.end_byte)

    def assume(self, key: tuple[str, str, str], assumption: Assumption) -> State:
        """The state on one side of a condition that nothing decides."""
        return replace(self, assumptions={**self.assumptions, key: assumption})


def merged(states: list[State]) -> list[State]:
    """States without repetition: ways that differ in nothing but their conditions become one."""
    if len(states) < 2:
        return states
    alike: dict[tuple[object, ...], list[int]] = {}
    kept: list[State] = []
    for state in states:
        last = next(reversed(state.variables.values()), None)
        key = (
            state.ended,
            state.options,
            len(state.variables),
            len(state.commands),
            last and last.word.text,
        )
        positions = alike.setdefault(key, [])
        for position in positions:
            other = kept[position]
            if state == other:
                common = {
                    k: a for k, a in other.assumptions.items() if state.assumptions.get(k) == a
                }
                kept[position] = replace(
                    other, assumptions=common, passed=other.passed & state.passed
                )
                break
        else:
            positions.append(len(kept))
            kept.append(state)
    return kept
