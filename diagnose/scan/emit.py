"""Trees of characters back to expressions, over raw bytes.

Floor 3: pure. No expression matches across a line feed or carriage return.
"""

from __future__ import annotations

from collections.abc import Sequence

from diagnose.scan.nodes import EMPTY, Alt, Boundary, Char, Node, Repeat, Seq, items_of

_FEW = 4
_MOST_BYTES = 256
_MOST_TURNS = 8
_ANY = r"[^\r\n]*"
_HIGH = r"\x80-\xff"
_WORD = sum(1 << code for code in range(128) if chr(code).isalnum() or chr(code) == "_")


def ascii_form(node: Node) -> str:
    """An expression for text that is known to be ASCII: matches wherever the node does."""
    if isinstance(node, Char):
        return _class(node.ascii) if node.ascii else "(?!)"
    if isinstance(node, Seq):
        return "".join(map(ascii_form, node.items))
    if isinstance(node, Alt):
        return f"(?:{'|'.join(map(ascii_form, node.branches))})"
    if isinstance(node, Repeat):
        inner = ascii_form(node.node)
        return "" if node.node == EMPTY else f"(?:{inner}){_count(node.low, node.high)}"
    if isinstance(node, Boundary):
        return r"\B" if node.inverted else r"\b"
    return _ANY


def wide_form(node: Node, *, first: bool = True, last: bool = True) -> str:
    """An expression for any bytes, read alike by all engines: matches wherever the node does.

    A character beyond ASCII is two to four bytes of UTF-8, or one to three that a decoder replaces
    when they are damaged, so wherever one may stand, one to four high bytes may, and counts of
    characters become counts of bytes. Tests for the ends of words are dropped, but for those beside a
    letter or digit of ASCII: there, a byte beyond ASCII never keeps a match from being found.

    Args:
        node: What to match.
        first: Whether nothing comes before it, so that the last byte of its first character will do.
        last: Whether nothing comes after it.
    """
    items = items_of(node)
    parts = []
    for place, item in enumerate(items):
        before = first and place == 0
        after = last and place == len(items) - 1
        if isinstance(item, Char):
            parts.append(_wide_char(item, edge=before or after))
        elif isinstance(item, Alt):
            branches = "|".join(wide_form(b, first=before, last=after) for b in item.branches)
            parts.append(f"(?:{branches})")
        elif isinstance(item, Repeat):
            parts.append(_wide_repeat(item, edge=before or after))
        elif isinstance(item, Seq):
            parts.append(wide_form(item, first=before, last=after))
        elif not isinstance(item, Boundary):
            parts.append(_ANY)
        elif is_word_edge(items, place):
            parts.append(r"\b")
    return "".join(parts)


def is_word_edge(items: Sequence[Node], place: int) -> bool:
    """Whether the node at a place is the end of a word with a letter or digit of ASCII beside it."""
    item = items[place]
    if not isinstance(item, Boundary) or item.inverted:
        return False
    beside = (*items[max(place - 1, 0) : place], *items[place + 1 : place + 2])
    return any(isinstance(n, Char) and not n.others and n.ascii and n.others is not None
               and not n.ascii & ~_WORD for n in beside)  # fmt: skip


def _wide_char(char: Char, *, edge: bool) -> str:
    if char.others is None:
        if edge:
            return f"[{_ranges(char.ascii)}{_HIGH}]"
        several = f"[{_HIGH}]{{1,4}}"
        return f"(?:{_class(char.ascii)}|{several})" if char.ascii else several
    options = [_bytes(other) for other in char.others]
    if char.ascii:
        options.insert(0, _class(char.ascii))
    # A class that nothing can be in, such as one of line ends alone.
    if not options:
        return rf"[{_HIGH}]"
    return options[0] if len(options) == 1 else f"(?:{'|'.join(options)})"


def _wide_repeat(repeat: Repeat, *, edge: bool) -> str:
    node, low, high = repeat.node, repeat.low, repeat.high
    if node == EMPTY:
        return ""
    if isinstance(node, Char) and not node.others:
        several = node.others is None or not node.ascii
        if (
            several
            and node.ascii
            and high is not None
            and low != high
            and high <= _FEW
            and not edge
        ):
            # Told apart, so that `\d{1,2}` does not stand for eight digits.
            return f"(?:{_class(node.ascii)}|[{_HIGH}]{{1,4}})" + _count(low, high)
        inner = f"[{_ranges(node.ascii)}{_HIGH if several else ''}]"
        # At an outer end the fewest bytes will do: more would only report more ends.
        if high is not None and several and not (edge and low == high):
            high *= 4
        low, most = min(low, 64), _MOST_BYTES
    else:
        inner = f"(?:{wide_form(node, first=False, last=False)})"
        low, most = min(low, _MOST_TURNS), _MOST_TURNS
    return inner + _count(low, None if high is not None and high > most else high)


def _count(low: int, high: int | None) -> str:
    if high is None:
        return "*" if low == 0 else "+" if low == 1 else f"{{{low},}}"
    return "?" if (low, high) == (0, 1) else f"{{{low},{high}}}"


def _class(ascii_mask: int) -> str:
    if ascii_mask.bit_count() == 1:
        return _byte(ascii_mask.bit_length() - 1)
    return f"[{_ranges(ascii_mask)}]"


def _ranges(ascii_mask: int) -> str:
    """The inside of a class, as ranges."""
    found, code = "", 0
    while code < 128:
        if not ascii_mask >> code & 1:
            code += 1
            continue
        end = code
        while end < 127 and ascii_mask >> (end + 1) & 1:
            end += 1
        found += _byte(code) if end == code else f"{_byte(code)}-{_byte(end)}"
        code = end + 1
    return found


def _byte(code: int) -> str:
    char = chr(code)
    return char if char.isalnum() and char.isascii() else f"\\x{code:02x}"


def _bytes(char: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogatepass"))
