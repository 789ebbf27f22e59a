"""What a script's variables and commands hold while it is followed, each with the place it was written.

Floor 6: pure. A word that depends on something unknown keeps the text that is written there (`$MODEL`) and
says that it is not known.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from diagnose.recipe.syntax import Node


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
    container: str = ""
    """What runs it in a container: `docker run` …; empty where it runs as the script does."""
    image: str = ""
    """The container's, as far as the command tells."""


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
    functions: dict[str, Node] = field(default_factory=dict, compare=False)
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

    def assume(self, key: tuple[str, str, str], assumption: Assumption) -> State:
        """The state on one side of a condition that nothing decides."""
        return replace(self, assumptions={**self.assumptions, key: assumption})


def merged(states: list[State]) -> list[State]:
    """States without repetition: ways that differ in nothing but their conditions become one."""
    kept: list[State] = []
    for state in states:
        for position, other in enumerate(kept):
            if state == other:
                common = {
                    k: a for k, a in other.assumptions.items() if state.assumptions.get(k) == a
                }
                kept[position] = replace(
                    other, assumptions=common, passed=other.passed & state.passed
                )
                break
        else:
            kept.append(state)
    return kept
