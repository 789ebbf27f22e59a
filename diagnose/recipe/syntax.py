"""A bash script as a syntax tree.

Floor 6: pure. tree-sitter's bash grammar, so that comments, continuations, quotes, here-documents and
arrays are read as bash reads them. Offsets are bytes of the script, lines are 1-based.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from tree_sitter import Language, Node, Parser
from tree_sitter_bash import language

__all__ = ["Node", "above", "broken", "line_of", "named", "parse", "text_of", "walk"]


_DEEPEST = 250


@cache
def _parser() -> Parser:
    return Parser(Language(language()))


def parse(data: bytes) -> Node:
    """The root of the script's tree; what is no bash stands in it as ERROR nodes.

    Raises:
        RecursionError: If it is nested so deeply that nobody wrote it.
    """
    root = _parser().parse(data).root_node
    if _depth(root) > _DEEPEST:
        raise RecursionError
    return root


def _depth(root: Node) -> int:
    """How many nodes stand in each other at most."""
    cursor = root.walk()
    depth = deepest = 0
    while True:
        if cursor.goto_first_child():
            depth += 1
            deepest = max(deepest, depth)
            continue
        while depth and not cursor.goto_next_sibling():
            cursor.goto_parent()
            depth -= 1
        if not depth:
            return deepest


def broken(root: Node) -> list[int]:
    """The lines where the grammar could not follow; empty for a script that was read whole."""
    if not root.has_error:
        return []
    return sorted({line_of(node) for node in walk(root) if node.is_error or node.is_missing})


def walk(node: Node) -> Iterator[Node]:
    """A node and everything below it, in the script's order, however deep."""
    cursor = node.walk()
    depth = 0
    while cursor.node is not None:
        yield cursor.node
        if cursor.goto_first_child():
            depth += 1
            continue
        while depth and not cursor.goto_next_sibling():
            cursor.goto_parent()
            depth -= 1
        if not depth:
            return


def above(node: Node, *types: str) -> Node | None:
    """The nearest node of these types that a node stands in; None where there is none."""
    parent = node.parent
    while parent is not None and parent.type not in types:
        parent = parent.parent
    return parent


def named(node: Node, *types: str) -> list[Node]:
    """The direct children of these types."""
    return [child for child in node.children if child.type in types]


def text_of(node: Node) -> str:
    """What is written there."""
    return (node.text or b"").decode("utf-8", "surrogateescape")


def line_of(node: Node) -> int:
    """The line it begins in."""
    return int(node.start_point[0]) + 1
