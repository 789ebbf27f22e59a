"""A whole expression to one that an automaton finds without reporting the same match many times.

Floor 3: pure. For the few patterns whose literals turn out to be common in a log: their expressions
are looked for as wholes, so that what the literals let through does not have to be looked at.
"""

from __future__ import annotations

from diagnose.scan.emit import is_word_edge, wide_form
from diagnose.scan.nodes import (
    EMPTY,
    Alt,
    Anything,
    Boundary,
    Char,
    Node,
    Repeat,
    Seq,
    choice,
    items_of,
    sequence,
)


def expression(node: Node) -> bytes:
    """An expression over raw bytes that matches wherever a node does.

    What may vary at both ends is cut off: a match is there or not, and a free end would report every
    position as one more.
    """
    return wide_form(trimmed(node)).encode("ascii")


def trimmed(node: Node, *, left: bool = True, right: bool = True) -> Node:
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
                trimmed(branch, left=both or end == 0, right=both or end == -1)
                for branch in edge.branches
            )
            if isinstance(edge, Alt) and EMPTY in edge.branches:
                edge = EMPTY
        elif isinstance(edge, Seq):
            items[end : end + 1 or None] = edge.items
            continue
        if is_word_edge(items, 0 if end == 0 else len(items) - 1):
            return
        neighbour = items[1 if end == 0 else -2] if len(items) > 1 else EMPTY
        nothing = edge == EMPTY or isinstance(edge, Anything | Boundary)
        if nothing or _says_little(edge, neighbour):
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
        return node.node.broad and node.is_gap
    return node.is_gap
