"""What is left of a regular expression when only the characters that it needs count.

Floor 3: pure. Zero-width tests (anchors, look-around, word boundaries), captures and greed are gone, so
a tree matches at least what its expression matches.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

ALL = (1 << 128) - 1
"""Every ASCII character, as a bit mask."""
LINE_ENDS = 1 << 10 | 1 << 13


@dataclass(frozen=True, slots=True)
class Char:
    """Exactly one character."""

    ascii: int
    """Bit n is set when the ASCII character n may stand here; never a line feed or carriage return."""
    others: tuple[str, ...] | None = ()
    """The characters beyond ASCII that may stand here; None for any of them."""

    @property
    def options(self) -> tuple[str, ...] | None:
        """The few characters that may stand here, in lower case; None when they are many."""
        if self.others is None or self.ascii.bit_count() > 20:
            return None
        return (*_letters(self.ascii), *self.others)

    @property
    def broad(self) -> bool:
        """Whether it says next to nothing, as `.` and `[^,]` do."""
        return self.ascii.bit_count() > 64


@dataclass(frozen=True, slots=True)
class Seq:
    """One after the other; the empty sequence matches everywhere."""

    items: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Alt:
    """Any of these."""

    branches: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same again."""

    node: Node
    low: int
    high: int | None
    """None for without end."""


@dataclass(frozen=True, slots=True)
class Anything:
    """Any text within a line: what could not be understood."""


Node: TypeAlias = Char | Seq | Alt | Repeat | Anything
EMPTY = Seq()


@lru_cache(maxsize=1024)
def _letters(ascii_mask: int) -> tuple[str, ...]:
    codes = (code for code in range(128) if ascii_mask >> code & 1)
    return tuple(dict.fromkeys(chr(code).lower() for code in codes))


def mask(chars: Iterable[str]) -> int:
    """The bit mask of ASCII characters."""
    bits = 0
    for char in chars:
        bits |= 1 << ord(char)
    return bits


def literal(char: str) -> Char:
    """One character that is known."""
    if char in "\r\n":
        # No line holds one, but the decoded message of a JSON line may; see `smooth`.
        return Char(0, None)
    if char.isascii():
        return Char(1 << ord(char))
    # What a decoder puts for bytes that are not UTF-8 stands for any of them.
    return Char(0, None if char == "\ufffd" else (char,))


def sequence(items: Iterable[Node]) -> Node:
    """A flat sequence, so that literals that groups cut apart join up."""
    flat: list[Node] = []
    for item in items:
        if isinstance(item, Seq):
            flat.extend(item.items)
        else:
            flat.append(item)
    return flat[0] if len(flat) == 1 else Seq(tuple(flat))


def choice(branches: Iterable[Node]) -> Node:
    """A flat choice."""
    flat: list[Node] = []
    for branch in branches:
        if isinstance(branch, Alt):
            flat.extend(branch.branches)
        else:
            flat.append(branch)
    return flat[0] if len(flat) == 1 else Alt(tuple(dict.fromkeys(flat)))


def items_of(node: Node) -> tuple[Node, ...]:
    """A node as a sequence."""
    return node.items if isinstance(node, Seq) else (node,)
