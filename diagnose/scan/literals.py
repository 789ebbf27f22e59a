"""The words that any match of an expression must hold.

Floor 3: pure. A word is a row of characters, each known but perhaps for its case.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from diagnose.scan.nodes import Alt, Boundary, Char, Node, Repeat, Seq, items_of
from diagnose.scan.ordinary import is_ordinary

Word = tuple[Char, ...]
Words = tuple[Word, ...]
"""Alternatives, one of which is in every match."""

SHORTEST = 4
"""Characters of the shortest literal that a pattern may rest on."""
_MOST = 16
_LONG_ENOUGH = 16
_NOTHING: Words = ((),)


def required(node: Node) -> Words:
    """The most telling alternatives, one of which every match holds; empty if none can be named."""
    found: list[Words] = [()]
    joined = plain = _NOTHING  # what may stand before this item, with and without alternatives
    single: list[Char] = []  # what stands behind both
    for item in items_of(node):
        if isinstance(item, Char) and item.ascii.bit_count() == 1 and not item.others:
            single.append(item)
            continue
        words = _spelled(item)
        if words is not None and len(words) == 1:
            single += words[0]
            continue
        joined, plain, single = _product(joined, (single,)), _product(plain, (single,)), []
        found += [joined, plain, _inside(item)]
        edge = words or _edge(item)
        fits = len(joined) * len(edge) <= _MOST
        if words is None:
            found.append(_product(joined, edge) if fits else ())
            joined = plain = edge
        else:
            joined, plain = _product(joined, words) if fits else words, _NOTHING
    found += [_product(joined, (single,)), _product(plain, (single,))]
    best = max(found, key=_worth)
    return best if shortest(best) else ()


def shortest(words: Words) -> int:
    """Characters of the shortest alternative."""
    return min(map(len, words), default=0)


def text_of(word: Word) -> bytes:
    """A word in UTF-8; characters whose case is open in lower case."""
    return "".join(char.one for char in word).encode("utf-8", "surrogatepass")


def spelled(node: Node) -> Words:
    """Everything a node can match, when that is little; empty otherwise."""
    return _spelled(node) or ()


def _worth(words: Words) -> tuple[bool, bool, int, int]:
    length = shortest(words)
    if length < SHORTEST:
        return (False, False, length, 0)
    telling = not any(is_ordinary(text_of(word)) for word in words)
    return (True, telling, 4 * min(length, _LONG_ENOUGH) - len(words), length)


def _product(left: Words, right: Iterable[Sequence[Char]]) -> Words:
    words = [(*a, *b) for a in left for b in right]
    return tuple(dict.fromkeys(words)) if len(words) > 1 else tuple(words)


def _spelled(node: Node) -> Words | None:
    """Everything a node can match, when that is little; None otherwise."""
    if isinstance(node, Char):
        singles = node.singles
        return tuple((char,) for char in singles) if singles else None
    if isinstance(node, Boundary):
        return _NOTHING
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
    words, single = _NOTHING, list[Char]()
    for part in parts:
        if part is None or len(words) * len(part) > _MOST:
            return None
        if len(part) == 1:
            single += part[0]
        else:
            words, single = _product(_product(words, (single,)), part), []
    return _product(words, (single,))


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
        return words or _NOTHING
    return _NOTHING
