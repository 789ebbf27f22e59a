"""How long a text may be in which a backtracking engine searches in bounded time.

Floor 3: pure.
"""

from __future__ import annotations

from diagnose.scan.nodes import ALL, Alt, Boundary, Char, Node, Repeat, Seq, items_of

# With each gap of any text, what a search may cost grows with one more power of the text's length.
_REACH = {0: 4096, 1: 2048, 2: 512, 3: 192}
_ENDLESS = 100
_FEW = 4
_MANY = 9


def reach(node: Node) -> int:
    """How long a text may be searched for a node without a time limit, in characters; 0 for not at all."""
    items = items_of(node)
    # A gap at the end takes what there is, and nothing comes after it that could want some back.
    if items and isinstance(items[-1], Repeat) and isinstance(items[-1].node, Char):
        items = items[:-1]
    return _REACH.get(_gaps(Seq(items)), 0)


def _gaps(node: Node) -> int:
    """How many gaps of any text there are on the way through a node; many where they may nest."""
    if isinstance(node, Repeat):
        if isinstance(node.node, Char):
            return int(node.node.broad and (node.high or _ENDLESS) >= _ENDLESS)
        inner = _gaps(node.node)
        if node.high is not None and node.high <= _FEW:
            return inner * node.high
        # What is taken again and again must be taken in one way: `(?:a|aa)+` takes a run in very many.
        return _MANY if inner or not _is_of_one_way(node.node) else 0
    if isinstance(node, Alt):
        return max(map(_gaps, node.branches))
    if isinstance(node, Seq):
        following = (*node.items[1:], None)
        pairs = zip(node.items, following, strict=False)
        return sum(0 if _is_stopped(item, after) else _gaps(item) for item, after in pairs)
    return 0 if isinstance(node, Char | Boundary) else _MANY


def _is_stopped(item: Node, after: Node | None) -> bool:
    """Whether a gap ends where what comes after it begins, and nowhere else, as in `[^,]*,`."""
    if not isinstance(item, Repeat) or not isinstance(item.node, Char) or after is None:
        return False
    return not item.node.ascii & _starts(after)


def _is_of_one_way(node: Node) -> bool:
    """Whether a node takes always as many characters, or ends with one that is nowhere else in it."""
    if _length(node) is not None:
        return True
    if not isinstance(node, Seq):
        return False
    *inside, last = node.items
    return isinstance(last, Char) and not any(_holds(item) & last.ascii for item in inside)


def _holds(node: Node) -> int:
    """The ASCII characters in what one character, or the same again, takes; all of anything else."""
    inner = node.node if isinstance(node, Repeat) else node
    return inner.ascii if isinstance(inner, Char) else ALL


def _starts(node: Node) -> int:
    """The ASCII characters that what a node takes may start with; all if it may take nothing."""
    if isinstance(node, Char):
        return node.ascii
    if isinstance(node, Repeat) and node.low:
        return _starts(node.node)
    if isinstance(node, Seq) and node.items:
        return _starts(node.items[0])
    if isinstance(node, Alt):
        starts = 0
        for branch in node.branches:
            starts |= _starts(branch)
        return starts
    return ALL


def _length(node: Node) -> int | None:
    """How many characters a node takes, if it always takes as many."""
    if isinstance(node, Char):
        return 1
    if isinstance(node, Boundary):
        return 0
    if isinstance(node, Repeat):
        each = _length(node.node)
        return each * node.low if each is not None and node.low == node.high else None
    if isinstance(node, Seq):
        lengths = [_length(item) for item in node.items]
        return None if None in lengths else sum(length or 0 for length in lengths)
    if isinstance(node, Alt):
        alike = {_length(branch) for branch in node.branches}
        return alike.pop() if len(alike) == 1 else None
    return None
