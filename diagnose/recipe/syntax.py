"""A bash script as a syntax tree.

Floor 6: pure. tree-sitter's bash grammar, so that comments, continuations, quotes, here-documents and
arrays are read as bash reads them. Offsets are bytes of the script, lines are 1-based.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from tree_sitter import Language, Node, Parser
from tree_sitter_bash import language

__all__ = ["Node", "broken", "line_of", "named", "parse", "text_of", "walk"]


@cache
def _parser() -> Parser:
    return Parser(Language(language()))


def parse(data: bytes) -> Node:
    """The root of the script's tree; what is no bash stands in it as ERROR nodes."""
    return _parser().parse(data).root_node


def broken(root: Node) -> list[int]:
    """The lines where the grammar could not follow; empty for a script that was read whole."""
    if not root.has_error:
        return []
    return sorted({line_of(node) for node in walk(root) if node.is_error or node.is_missing})


def walk(node: Node) -> Iterator[Node]:
    """A node and everything below it, in the script's order."""
    yield node
    for child in node.children:
        yield from walk(child)


def named(node: Node, *types: str) -> list[Node]:
    """The direct children of these types."""
    return [child for child in node.children if child.type in types]


def text_of(node: Node) -> str:
    """What is written there."""
    return (node.text or b"").decode("utf-8", "surrogateescape")


def line_of(node: Node) -> int:
    """The line it begins in."""
    return int(node.start_point[0]) + 1
