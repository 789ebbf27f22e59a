"""A line expression to what is scanned for: weaker, simpler, over raw bytes.

Floor 3: pure. Sound: where an expression matches a line's cleaned text, its weakened form matches the
line's smoothed bytes (see `smooth`), so nothing is lost by looking only where it does. One limit is
meant: ignoring case, `s`, `k` and `i` do not stand for the long s, the Kelvin sign and the dotted I.

Weakened are, in this order: anchors, look-around and word boundaries (dropped), references (to a copy
of their group), what may vary at both ends (cut off: a match is there or not, and a free end would
report every position as one more), and, where a stretch without gaps holds a long literal, all else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from diagnose.errors import CatalogueError
from diagnose.scan.dialect import parse
from diagnose.scan.emit import emit, emit_ascii
from diagnose.scan.literals import required, shortest, without_overlap
from diagnose.scan.nodes import (
    EMPTY,
    Alt,
    Anything,
    Char,
    Node,
    Repeat,
    Seq,
    choice,
    items_of,
    sequence,
)

SHORTEST = 4
"""Characters of the shortest literal that a pattern may rest on."""
_TELLING = 10
"""Characters of a literal that needs nothing beside it to be rare."""
_NARROW_GAP = 3
_ENDLESS = 200
# Python's `re` finds expressions that start with plain characters at memory speed, others slowly.
_FAST = re.compile(r"(?:\\x[0-9a-f]{2}|[A-Za-z0-9]){6}(?![?*+{])")


@dataclass(frozen=True, slots=True)
class Weakened:
    """What the scanner looks for in place of one pattern."""

    expression: bytes
    """Matches within one piece of a line, wherever the pattern may; read alike by all engines."""
    literals: tuple[bytes, ...]
    """In lower case; every match holds one of them, in any case."""
    local: bool
    """Whether a match of the pattern depends on nothing but the text it matches."""
    count: bytes = b""
    """Matches ASCII text where the pattern does and nowhere else, and is found fast; empty where no
    such expression is known."""


def weaken(pattern: str) -> Weakened:
    """Weakens one pattern.

    Raises:
        CatalogueError: If a match need not hold a literal of four characters.
    """
    parsed = parse(pattern)
    words = required(parsed.node)
    if shortest(words) < SHORTEST:
        raise CatalogueError(
            f"no literal of {SHORTEST} characters is in every match of {pattern!r}",
            "the scanner finds candidates by literals: give each alternative a word of its own",
        )
    count = emit_ascii(parsed.node) if parsed.exact and _never_slow(parsed.node) else ""
    return Weakened(
        expression=emit(_telling_part(parsed.node)).encode("ascii"),
        literals=tuple(word.encode() for word in without_overlap(words)),
        local=parsed.local,
        count=count.encode("ascii") if _FAST.match(count) else b"",
    )


def literal_only(weakened: Weakened) -> Weakened:
    """The weakest form, for an engine that refuses the expression: its literals alone."""
    words = b"|".join(b"".join(b"\\x%02x" % byte for byte in word) for word in weakened.literals)
    return Weakened(b"(?i:%b)" % words, weakened.literals, weakened.local)


def _telling_part(node: Node) -> Node:
    if isinstance(node, Alt):
        return choice(_telling_part(branch) for branch in node.branches)
    parts: list[list[Node]] = [[]]
    for item in items_of(node):
        if _is_gap(item):
            parts.append([])
        else:
            parts[-1].append(item)
    best = max((sequence(part) for part in parts), key=lambda part: shortest(required(part)))
    if shortest(required(best)) >= _TELLING:
        return _trimmed(best)
    return _trimmed(node)


def _is_gap(node: Node) -> bool:
    """Whether a node may be of very different lengths."""
    if isinstance(node, Repeat):
        return node.high is None or node.high - node.low > _NARROW_GAP or _is_gap(node.node)
    if isinstance(node, Alt):
        return any(_is_gap(branch) for branch in node.branches)
    if isinstance(node, Seq):
        return any(_is_gap(item) for item in node.items)
    return isinstance(node, Anything)


def _never_slow(node: Node) -> bool:
    """Whether a backtracking engine without a time limit may be trusted with a node."""
    if isinstance(node, Repeat):
        if isinstance(node.node, Char):
            return not node.node.broad or (node.high or _ENDLESS) < _ENDLESS
        return not _is_gap(node) and _never_slow(node.node)
    if isinstance(node, Alt):
        return all(_never_slow(branch) for branch in node.branches)
    return all(_never_slow(item) for item in items_of(node) if item is not node)


def _trimmed(node: Node, *, left: bool = True, right: bool = True) -> Node:
    """Without what may be missing or longer at the outer ends."""
    items = list(items_of(node))
    if right:
        _trim_end(items, -1, alone=left)
    if left:
        _trim_end(items, 0, alone=right)
    return sequence(items)


def _trim_end(items: list[Node], end: int, *, alone: bool) -> None:
    """Trims a list at one end, in place.

    Args:
        items: The nodes of a sequence.
        end: 0 for the left end, -1 for the right one.
        alone: Whether the other end is an outer end as well.
    """
    while items:
        edge = _fewest(items[end])
        both = alone and len(items) == 1
        if isinstance(edge, Alt):
            edge = choice(
                _trimmed(branch, left=both or end == 0, right=both or end == -1)
                for branch in edge.branches
            )
            if isinstance(edge, Alt) and EMPTY in edge.branches:
                edge = EMPTY
        elif isinstance(edge, Seq):
            items[end : end + 1 or None] = edge.items
            continue
        neighbour = items[1 if end == 0 else -2] if len(items) > 1 else EMPTY
        if edge == EMPTY or isinstance(edge, Anything) or _says_little(edge, neighbour):
            items.pop(end)
        else:
            items[end : end + 1 or None] = items_of(edge)
            return


def _fewest(node: Node) -> Node:
    """A repeated node the fewest times."""
    while isinstance(node, Repeat):
        if node.low == 0:
            return EMPTY
        if node.low > 1:
            return Repeat(node.node, node.low, node.low)
        node = node.node
    return node


def _says_little(edge: Node, neighbour: Node) -> bool:
    """Whether an outer node is as good as none: `.`, or a class behind a gap of any text.

    Each character of such a class behind such a gap would report a match of its own.
    """
    char = edge.node if isinstance(edge, Repeat) else edge
    if not isinstance(char, Char):
        return False
    return char.broad or (char.ascii.bit_count() > 2 and _spans(neighbour))


def _spans(node: Node) -> bool:
    """Whether a node is a gap of any text, such as `.*`."""
    if isinstance(node, Repeat) and isinstance(node.node, Char):
        return node.node.broad and _is_gap(node)
    return _is_gap(node)
