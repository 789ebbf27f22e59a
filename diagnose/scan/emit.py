"""Trees of characters to expressions over raw bytes that all engines read alike.

Floor 3: pure. A character beyond ASCII is two to four bytes of UTF-8, or one to three that a decoder
replaces when they are damaged, so wherever one may stand, one to four high bytes may, and counts
of characters become counts of bytes. No expression matches across a line feed or carriage return.
"""

from __future__ import annotations

from dataclasses import dataclass

from diagnose.scan.nodes import EMPTY, Alt, Char, Node, Repeat, Seq, items_of

_MOST_BYTES = 256
_MOST_TURNS = 8
_ANY = r"[^\r\n]*"
_HIGH = r"\x80-\xff"


@dataclass(frozen=True, slots=True)
class Emitter:
    """How trees are written."""

    wide: bool = True
    """Whether counts are for bytes, so that one character may be four; else all text is ASCII."""

    def emit(self, node: Node, *, first: bool = True, last: bool = True) -> str:
        """The expression for a node.

        Args:
            node: What to match.
            first: Whether nothing comes before it, so that the last byte of its first character
                will do.
            last: Whether nothing comes after it.
        """
        items = items_of(node)
        parts = []
        for place, item in enumerate(items):
            before = first and place == 0
            after = last and place == len(items) - 1
            if isinstance(item, Char):
                parts.append(_char(item, edge=before or after or not self.wide))
            elif isinstance(item, Alt):
                branches = "|".join(self.emit(b, first=before, last=after) for b in item.branches)
                parts.append(f"(?:{branches})")
            elif isinstance(item, Repeat):
                parts.append(self._repeat(item, edge=before or after))
            elif isinstance(item, Seq):
                parts.append(self.emit(item, first=before, last=after))
            else:
                parts.append(_ANY)
        return "".join(parts)

    def _repeat(self, repeat: Repeat, *, edge: bool) -> str:
        node, low, high = repeat.node, repeat.low, repeat.high
        if node == EMPTY:
            return ""
        if not self.wide:
            return f"(?:{self.emit(node, first=False, last=False)}){_count(low, high)}"
        if isinstance(node, Char) and not node.others:
            several = node.others is None or not node.ascii
            inner = f"[{_ranges(node.ascii)}{_HIGH if several else ''}]"
            # At an outer end the fewest bytes will do: more would only report more ends.
            if high is not None and several and not (edge and low == high):
                high *= 4
            low, most = min(low, 64), _MOST_BYTES
        else:
            inner = f"(?:{self.emit(node, first=False, last=False)})"
            low, most = min(low, _MOST_TURNS), _MOST_TURNS
        return inner + _count(low, None if high is not None and high > most else high)


def emit(node: Node) -> str:
    """What is looked for in raw bytes: matches wherever the node does."""
    return Emitter().emit(node)


def emit_ascii(node: Node) -> str:
    """The same for text that is known to be ASCII, where it matches nothing else."""
    return Emitter(wide=False).emit(node)


def _char(char: Char, *, edge: bool) -> str:
    if char.others is None:
        if edge:
            return f"[{_ranges(char.ascii)}{_HIGH}]"
        several = f"[{_HIGH}]{{1,4}}"
        return f"(?:[{_ranges(char.ascii)}]|{several})" if char.ascii else several
    options = [_bytes(other) for other in char.others]
    if char.ascii.bit_count() == 1:
        options.insert(0, _byte(char.ascii.bit_length() - 1))
    elif char.ascii:
        options.insert(0, f"[{_ranges(char.ascii)}]")
    # A class that nothing can be in, such as one of line ends alone.
    if not options:
        return rf"[{_HIGH}]"
    return options[0] if len(options) == 1 else f"(?:{'|'.join(options)})"


def _count(low: int, high: int | None) -> str:
    if high is None:
        return "*" if low == 0 else "+" if low == 1 else f"{{{low},}}"
    if (low, high) == (0, 1):
        return "?"
    return f"{{{low}}}" if low == high else f"{{{low},{high}}}"


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
