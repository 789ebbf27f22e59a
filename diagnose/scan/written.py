"""Expressions that `re` reads as `regex` does, so that they can be searched for as they are written.

Floor 3: pure. `re` searches a short text several times as fast, and compiles in less.
"""

from __future__ import annotations

import re
import warnings
from typing import Any

SYMBOLS = re.compile(
    "[\xab\xb0\xb1\xbb\xd7\xf7\u2010-\u2027\u2190-\u21ff\u2500-\u25ff\u2713-\u2718\u26a0\u274c\ufffd"
    "\U0001f300-\U0001f3fa\U0001f400-\U0001f64f\U0001f680-\U0001f6ff]"
)
"""The bars, arrows, bullets, quotation marks and pictures of logs: none is a letter, a digit or a blank,
whether an expression knows of ASCII alone or of everything."""


def is_common(pattern: str) -> bool:
    """Whether `re` reads an expression, and in no way of its own.

    Args:
        pattern: One in which nothing was found that only `regex` has; see `dialect.Parsed.beside`.
    """
    with warnings.catch_warnings():
        # What it warns of, such as sets in sets, means another thing there.
        warnings.simplefilter("error")
        try:
            compiled(pattern)
        except (re.error, Warning, OverflowError, RecursionError, ValueError):
            return False
    return SYMBOLS.sub("", pattern).isascii()


def compiled(pattern: str) -> re.Pattern[Any]:
    """An expression as `re` reads it: of bytes, or of text if it holds symbols."""
    if pattern.isascii():
        return re.compile(pattern.encode("ascii"))
    return re.compile(pattern, re.ASCII)
