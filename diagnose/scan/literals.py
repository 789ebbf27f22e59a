"""The words that any match of an expression must hold.

Floor 3: pure.
"""

from __future__ import annotations

from collections.abc import Iterable

from diagnose.scan.nodes import Alt, Char, Node, Repeat, Seq, items_of

Words = tuple[str, ...]
"""Alternatives in lower case, one of which is in every match."""

_MOST = 16
_LONG_ENOUGH = 8


def required(node: Node) -> Words:
    """The most telling alternatives, one of which every match holds; empty if none can be named."""
    found: list[Words] = [()]
    joined: Words = ("",)  # what may stand before this item, alternatives spelled out
    plain: Words = ("",)  # the same without alternatives: shorter, but one word
    for item in items_of(node):
        words = _spelled(item)
        if words is not None and len(words) == 1:
            joined, plain = _product(joined, words), _product(plain, words)
            continue
        found += [joined, plain, _inside(item)]
        edge = words or _edge(item)
        fits = len(joined) * len(edge) <= _MOST
        if words is None:
            found.append(_product(joined, edge) if fits else ())
            joined = plain = edge
        else:
            joined, plain = _product(joined, words) if fits else words, ("",)
    best = max((*found, joined, plain), key=_worth)
    return best if shortest(best) else ()


def shortest(words: Words) -> int:
    """Characters of the shortest alternative."""
    return min(map(len, words), default=0)


def _worth(words: Words) -> tuple[int, int, int]:
    length = shortest(words)
    return (min(length, _LONG_ENOUGH), -len(words) if length else 0, length)


def _product(left: Words, right: Words) -> Words:
    return tuple(dict.fromkeys(a + b for a in left for b in right))


def _spelled(node: Node) -> Words | None:
    """Everything a node can match, when that is little; None otherwise."""
    if isinstance(node, Char):
        options = node.options
        return options if options and len(options) <= _MOST else None
    if isinstance(node, Seq):
        return _limited(_spelled(item) for item in node.items)
    if isinstance(node, Alt):
        each = [_spelled(branch) for branch in node.branches]
        words = tuple(dict.fromkeys(word for some in each if some for word in some))
        return words if None not in each and len(words) <= _MOST else None
    if isinstance(node, Repeat) and node.high is not None and node.high <= _LONG_ENOUGH:
        inner = _spelled(node.node)
        counts = [
            _limited([inner] * count) if inner else None for count in range(node.low, node.high + 1)
        ]
        found = tuple(dict.fromkeys(word for some in counts if some for word in some))
        return found if None not in counts and found and len(found) <= _MOST else None
    return None


def _limited(parts: Iterable[Words | None]) -> Words | None:
    words: Words = ("",)
    for part in parts:
        if part is None or len(words) * len(part) > _MOST:
            return None
        words = _product(words, part)
    return words


def _inside(node: Node) -> Words:
    """The words that one item demands by itself."""
    if isinstance(node, Alt):
        each = [required(branch) for branch in node.branches]
        return tuple(word for words in each for word in words) if all(each) else ()
    if isinstance(node, Repeat) and node.low:
        return required(node.node)
    return required(node) if isinstance(node, Seq) else ()


def _edge(node: Node) -> Words:
    """What surely stands at both ends of an item that cannot be spelled out: `c` of `c+`."""
    if isinstance(node, Repeat) and node.low:
        inner = _spelled(node.node)
        words = _limited([inner] * min(node.low, _LONG_ENOUGH)) if inner else None
        return words or ("",)
    return ("",)


def without_overlap(words: Words) -> Words:
    """Without alternatives that hold another one."""
    kept: list[str] = []
    for word in sorted(dict.fromkeys(words), key=len):
        if not any(shorter in word for shorter in kept):
            kept.append(word)
    return tuple(kept)
