r"""Sets of characters: classes in brackets and escapes such as `\d`, of the `regex` dialect.

Floor 3: pure. Every set is kept twice, as what it surely holds and as what it may hold, because the
complement of a set that was guessed too large would be too small.
"""

from __future__ import annotations

import string
import unicodedata
from dataclasses import dataclass

from diagnose.scan.nodes import ALL, LINE_ENDS, Char, mask

_DIGITS = mask(string.digits)
_WORD = mask(string.ascii_letters + string.digits + "_")
_SPACE = mask(" \t\v\f\r\n")
_UPPER, _LOWER = mask(string.ascii_uppercase), mask(string.ascii_lowercase)
_PUNCTUATION = mask(string.punctuation)
_POSIX = {
    "alpha": _UPPER | _LOWER,
    "alnum": _UPPER | _LOWER | _DIGITS,
    "digit": _DIGITS,
    "lower": _LOWER,
    "upper": _UPPER,
    "punct": _PUNCTUATION,
    "space": _SPACE,
    "word": _WORD,
    "xdigit": mask(string.hexdigits),
}
# Letters beyond ASCII that equal these when case is ignored: long s, Kelvin, dotted I.
_FOLDED = mask("sSkKiI")


@dataclass(frozen=True, slots=True)
class Charset:
    """A set of characters, bounded from both sides."""

    may: int
    """Every ASCII character that it may hold, as a bit mask."""
    sure: int
    """Those of them that it holds for certain."""
    others: tuple[str, ...] | None = ()
    """Beyond ASCII; None for perhaps any."""

    def __or__(self, other: Charset) -> Charset:
        both = None
        if self.others is not None and other.others is not None:
            both = self.others + other.others
        return Charset(self.may | other.may, self.sure | other.sure, both)

    def inverted(self) -> Charset:
        """The complement."""
        return Charset(ALL & ~self.sure, ALL & ~self.may, None)

    def ignoring_case(self) -> Charset:
        """The set when case is ignored."""
        may, others = _both_cases(self.may), self.others
        if others:
            may, others = may | _FOLDED, None
        return Charset(may, _both_cases(self.sure), others)

    def char(self) -> Char:
        """The node for one character of the set."""
        others = None if self.may & LINE_ENDS else self.others
        if others is not None and len(others) > 16:
            others = None
        return Char(self.may & ~LINE_ENDS, others)


UNKNOWN = Charset(ALL, 0, None)
"""A set nothing is known about."""
DOT = Charset(ALL & ~LINE_ENDS, ALL & ~LINE_ENDS, None)

ESCAPES = {
    "d": Charset(_DIGITS, _DIGITS, None),
    "w": Charset(_WORD, _WORD, None),
    "s": Charset(_SPACE, _SPACE, None),
    "h": Charset(_SPACE, 0, None),
    "R": Charset(_SPACE, 0, None),
}
ESCAPES |= {name.upper(): ESCAPES[name].inverted() for name in "dws"}


def single(char: str) -> Charset:
    """The set of one character."""
    if char.isascii():
        return Charset(1 << ord(char), 1 << ord(char))
    return Charset(0, 0, (char,))


def span(first: str, last: str) -> Charset:
    """The set of a range, both ends included."""
    low, high = ord(first), ord(last)
    bits = (ALL >> (127 - min(high, 127))) & (ALL << low) & ALL if low < 128 else 0
    if high < 128:
        return Charset(bits, bits)
    if high - max(low, 128) < 16:
        return Charset(bits, bits, tuple(chr(code) for code in range(max(low, 128), high + 1)))
    return Charset(bits | _FOLDED, bits, None)


def posix(name: str) -> Charset:
    """The set of `[:name:]`; a leading `^` inverts it."""
    bits = _POSIX.get(name.lstrip("^").lower())
    if bits is None:
        return UNKNOWN
    found = Charset(bits, bits, None)
    return found.inverted() if name.startswith("^") else found


def named(name: str) -> Charset:
    """The set of one character given by its Unicode name."""
    try:
        return single(unicodedata.lookup(name))
    except KeyError:
        return UNKNOWN


def _both_cases(bits: int) -> int:
    return bits | (bits & _UPPER) << 32 | (bits & _LOWER) >> 32
