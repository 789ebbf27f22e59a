"""Character classes, in brackets and as escapes, read from an expression.

Floor 3: pure. The dialect is that of the `regex` module, version 0 behaviour.
"""

from __future__ import annotations

import re

from diagnose.scan import charsets
from diagnose.scan.charsets import Charset

_POSIX = re.compile(r"\[:(\^?\w+):\]")
_PROPERTY = re.compile(r"[pP](?:\{[^}]*\}|.)", re.DOTALL)
_SET_OPERATORS = re.compile(r"--|&&|\|\||~~")
_HEX = {"x": 2, "u": 4, "U": 8}
_PLAIN = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class Cursor:
    """A position in an expression."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def take(self, token: str) -> bool:
        """Steps over a token; False if it is not there."""
        if self.text.startswith(token, self.at):
            self.at += len(token)
            return True
        return False

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Steps over what an expression matches here."""
        found = pattern.match(self.text, self.at)
        if found:
            self.at = found.end()
        return found

    def next(self) -> str:
        """Steps over one character."""
        self.at += 1
        return self.text[self.at - 1]

    def until(self, token: str) -> str:
        """Steps over a token, wherever it is; returns what is before it."""
        start, end = self.at, self.text.index(token, self.at)
        self.at = end + len(token)
        return self.text[start:end]


def bracketed(cursor: Cursor, *, ignore_case: bool) -> Charset:
    """Reads a class from behind its opening bracket up to its closing one."""
    inverted, found, start = cursor.take("^"), Charset(0, 0), cursor.at
    while cursor.at == start or cursor.text[cursor.at] != "]":
        found |= _member(cursor)
    if _SET_OPERATORS.search(cursor.text, start, cursor.at):
        found = Charset(charsets.UNKNOWN.may, 0, None)
    cursor.at += 1
    if ignore_case:
        found = found.ignoring_case()
    return found.inverted() if inverted else found


def escaped(cursor: Cursor, char: str) -> Charset:
    """Reads the rest of an escape that stands for one character.

    Args:
        cursor: Stands behind `char`.
        char: What follows the backslash.
    """
    if char in charsets.ESCAPES:
        return charsets.ESCAPES[char]
    if char in _HEX:
        digits = cursor.text[cursor.at : cursor.at + _HEX[char]]
        cursor.at += _HEX[char]
        return charsets.single(chr(int(digits, 16)))
    if char in "01234567":
        while len(char) < 3 and cursor.text[cursor.at : cursor.at + 1] in tuple("01234567"):
            char += cursor.next()
        return charsets.single(chr(int(char, 8)))
    if char == "N" and cursor.take("{"):
        return charsets.named(cursor.until("}"))
    if char in "pP":
        cursor.at -= 1
        cursor.match(_PROPERTY)
        return charsets.UNKNOWN
    if char in _PLAIN:
        return charsets.single(_PLAIN[char])
    return charsets.UNKNOWN if char.isascii() and char.isalnum() else charsets.single(char)


def _member(cursor: Cursor) -> Charset:
    if found := cursor.match(_POSIX):
        return charsets.posix(found[1])
    first = _element(cursor)
    one = _only(first)
    if one is None or not cursor.text.startswith("-", cursor.at):
        return first
    if cursor.text[cursor.at + 1] == "]":
        return first
    cursor.at += 1
    last = _only(_element(cursor))
    return charsets.UNKNOWN if last is None or last < one else charsets.span(one, last)


def _element(cursor: Cursor) -> Charset:
    char = cursor.next()
    if char != "\\":
        return charsets.single(char)
    char = cursor.next()
    return charsets.single("\b") if char == "b" else escaped(cursor, char)


def _only(found: Charset) -> str | None:
    """The one character of a set; None if it has several."""
    if found.others == () and found.sure == found.may and found.may.bit_count() == 1:
        return chr(found.may.bit_length() - 1)
    if found.others and len(found.others) == 1 and not found.may:
        return found.others[0]
    return None
