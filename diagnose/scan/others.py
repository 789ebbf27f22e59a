"""Expressions for the names of processes that are not among those known.

Floor 3: pure. All numbers but finitely many are a regular language: wherever a number leaves the tree
of the known ones it is another one.
"""

from __future__ import annotations

from collections.abc import Iterable

_DIGITS = b"0123456789"
_END = rb"(?:[^0-9]|\z)"

_Tree = dict[bytes, "_Tree"]
_LAST: _Tree = {}


def expressions(known: Iterable[bytes]) -> list[bytes]:
    """What matches every name that `names.who` knows but these.

    Args:
        known: Names as `names.who` returns them; others are of no account.
    """
    pids, ranks, groups, pairs = set[bytes](), set[bytes](), set[bytes](), dict[bytes, set[bytes]]()
    for name in known:
        if name.startswith(b"pid="):
            pids.add(name[4:])
        elif name.startswith(b"[rank"):
            ranks.add(name[5:-1])
        elif name.startswith(b" TP"):
            group, _, expert = name[3:-1].partition(b" EP")
            if expert:
                pairs.setdefault(group, set()).add(expert)
            else:
                groups.add(group)
    return [
        b"pid=" + _but(pids) + _END,
        rb"\[rank" + _but(ranks) + rb"\]",
        b" TP" + _but(groups) + rb"\]",
        b" TP" + _but(pairs) + rb" EP[0-9]+\]",
        *(b" TP%b EP" % group + _but(experts) + rb"\]" for group, experts in pairs.items()),
    ]


def _but(numbers: Iterable[bytes]) -> bytes:
    """Every number but these; something else than a digit is to follow."""
    tree: _Tree = {}
    for number in numbers:
        at = tree
        for digit in number:
            at = at.setdefault(bytes((digit,)), {})
        at[b""] = _LAST
    return _leaving(tree, first=True)


def _leaving(tree: _Tree, *, first: bool = False) -> bytes:
    away = bytes(digit for digit in _DIGITS if bytes((digit,)) not in tree)
    ways = [b"[%b][0-9]*" % away] if away else []
    ways += [digit + _leaving(further) for digit, further in tree.items() if digit]
    may_end = not first and b"" not in tree
    return b"(?:%b)%b" % (b"|".join(ways), b"?" * may_end)
