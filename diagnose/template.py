"""What stays of a message when the same thing happens elsewhere: an expression for lines like it.

Floor 1: pure.
"""

from __future__ import annotations

import re

from diagnose.expressions import later

_VARIABLE = later(
    r"0x[0-9a-fA-F]+|\b\d[\d.,:]*\b|(?<![\w.])/[\w./+-]+|'[^']{1,200}'|\"[^\"]{1,200}\"|\b[0-9a-f]{8,}\b"
)
_CLASSES = (
    (later(r"^0x"), r"0x[0-9a-f]+"),
    (later(r"^\d"), r"[\d.,:]+"),
    (later(r"^/"), r"/\S+"),
)


def pattern(text: str) -> str:
    """An expression for lines like `text`: numbers, paths and quoted values may differ."""
    parts: list[str] = []
    position = 0
    for match in _VARIABLE.finditer(text):
        parts.append(re.escape(text[position : match.start()]).replace(r"\ ", " "))
        parts.append(_general(match[0]))
        position = match.end()
    parts.append(re.escape(text[position:]).replace(r"\ ", " "))
    return "".join(parts).replace("'''", ".{3}")


def _general(value: str) -> str:
    for kind, expression in _CLASSES:
        if kind.search(value):
            return expression
    quote = value[0]
    return f"{quote}[^{quote}]*{quote}" if quote in "'\"" else r"\w+"
