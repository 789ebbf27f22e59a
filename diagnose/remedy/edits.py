"""Changes to a script's bytes, and the lines they are made in.

Floor 7: pure. Offsets are bytes of the script before any change.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_INDENT = re.compile(rb"[ \t]*")


@dataclass(frozen=True, slots=True)
class Edit:
    """One stretch of the script and what stands there instead."""

    start: int
    end: int
    text: bytes


def applied(data: bytes, edits: Iterable[Edit]) -> bytes:
    """The script with every edit made; edits at one place in the order given, each once."""
    out, position = [], 0
    unique = list(dict.fromkeys(edits))
    for edit in sorted(unique, key=lambda e: (e.start, e.end)):
        if edit.start < position:
            continue
        out += [data[position : edit.start], edit.text]
        position = edit.end
    return b"".join((*out, data[position:]))


@dataclass(frozen=True, slots=True)
class Lines:
    """Where lines begin and end around an offset."""

    data: bytes

    def start(self, offset: int) -> int:
        """Where the line of an offset begins."""
        return self.data.rfind(b"\n", 0, offset) + 1

    def end(self, offset: int) -> int:
        """Where the line of an offset ends: at its newline, or the end of the script."""
        found = self.data.find(b"\n", offset)
        return len(self.data) if found < 0 else found

    def indent(self, offset: int) -> bytes:
        """The white space that the line of an offset begins with."""
        match = _INDENT.match(self.data, self.start(offset))
        return match[0] if match else b""

    def newline(self) -> bytes:
        """The script's own line end."""
        return b"\r\n" if b"\r\n" in self.data else b"\n"

    def alone(self, start: int, end: int) -> bool:
        """Whether a stretch fills its lines, but for white space and a comment."""
        before = self.data[self.start(start) : start]
        after = self.data[end : self.end(end)].strip()
        return not before.strip() and (not after or after.startswith(b"#"))

    def below(self, offset: int, lines: Iterable[bytes]) -> Edit:
        """New lines below the line of an offset."""
        at = self.end(offset)
        if at == len(self.data):
            return Edit(at, at, b"".join(self.newline() + line for line in lines))
        ending = at - 1 if self.data[at - 1 : at] == b"\r" else at
        return Edit(ending, ending, b"".join(self.newline() + line for line in lines))

    def above(self, offset: int, lines: Iterable[bytes]) -> Edit:
        """New lines above the line of an offset."""
        at = self.start(offset)
        return Edit(at, at, b"".join(line + self.newline() for line in lines))
