"""What is left of a regular expression when only the characters that it needs count.

Floor 3: pure. Anchors, look-around, captures and greed are gone, so a tree matches at least what its
expression matches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

ALL = (1 << 128) - 1
"""Every ASCII character, as a bit mask."""
LINE_ENDS = 1 << 10 | 1 << 13
_NARROW = 3


@dataclass(frozen=True, slots=True)
class Char:
    """Exactly one character."""

    ascii: int
    """Bit n is set when the ASCII character n may stand here; never a line feed or carriage return."""
    others: tuple[str, ...] | None = ()
    """The characters beyond ASCII that may stand here; None for any of them."""

    @property
    def singles(self) -> tuple[Char, ...] | None:
        """One node for each of the few characters that may stand here, whatever their case.

        None when there are many.
        """
        if not self.others and self.ascii.bit_count() == 1:
            return (self,)
        if self.others is None or self.ascii.bit_count() > 20:
            return None
        return _singles(self)

    @property
    def one(self) -> str:
        """The character, in lower case if its case is open, of a node that stands for one."""
        return self.others[0] if self.others else chr(self.ascii.bit_length() - 1)

    @property
    def any_case(self) -> bool:
        """Whether a node that stands for one character leaves its case open."""
        return self.ascii.bit_count() > 1

    @property
    def broad(self) -> bool:
        """Whether it says next to nothing, as `.` and `[^,]` do."""
        return self.ascii.bit_count() > 64

    is_gap = False


@dataclass(frozen=True, slots=True)
class Seq:
    """One after the other; the empty sequence matches everywhere."""

    items: tuple[Node, ...] = ()

    @property
    def is_gap(self) -> bool:
        """Whether it may be of very different lengths."""
        return any(item.is_gap for item in self.items)


@dataclass(frozen=True, slots=True)
class Alt:
    """Any of these."""

    branches: tuple[Node, ...]

    @property
    def is_gap(self) -> bool:
        """Whether it may be of very different lengths."""
        return any(branch.is_gap for branch in self.branches)


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same again."""

    node: Node
    low: int
    high: int | None
    """None for without end."""

    @property
    def is_gap(self) -> bool:
        """Whether it may be of very different lengths."""
        return self.high is None or self.high - self.low > _NARROW or self.node.is_gap


@dataclass(frozen=True, slots=True)
class Anything:
    """Any text within a line: what could not be understood."""

    is_gap = True


@dataclass(frozen=True, slots=True)
class Boundary:
    """Nothing, at the start or end of a word or, inverted, anywhere else."""

    inverted: bool = False

    is_gap = False


Node: TypeAlias = Char | Seq | Alt | Repeat | Anything | Boundary
EMPTY = Seq()


@lru_cache(maxsize=1024)
def _singles(char: Char) -> tuple[Char, ...]:
    letters: dict[str, int] = {}
    for code in range(128):
        if char.ascii >> code & 1:
            lower = chr(code).lower()
            letters[lower] = letters.get(lower, 0) | 1 << code
    ascii_ones = (Char(bits) for bits in letters.values())
    return (*ascii_ones, *(Char(0, (other,)) for other in char.others or ()))


def mask(chars: Iterable[str]) -> int:
    """The bit mask of ASCII characters."""
    bits = 0
    for char in chars:
        bits |= 1 << ord(char)
    return bits


@lru_cache(maxsize=1024)
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


def parts_of(node: Node) -> Iterator[Node]:
    """A node and all nodes in it."""
    yield node
    inner: tuple[Node, ...] = ()
    if isinstance(node, Seq):
        inner = node.items
    elif isinstance(node, Alt):
        inner = node.branches
    elif isinstance(node, Repeat):
        inner = (node.node,)
    for part in inner:
        yield from parts_of(part)
