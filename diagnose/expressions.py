"""Expressions that are compiled when they are first searched for.

Floor 0: pure. A log is written in one or two of the dialects that are known, and holds few of the things that are looked
for: compiling the expressions for all of them takes longer than reading a short log.
"""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast

_METHODS = ("search", "match", "fullmatch", "finditer", "findall", "sub", "split")


class _Later:
    """Becomes, at its first use, as good as the compiled expression: its methods are that one's."""

    def __init__(self, expression: Any, flags: int) -> None:
        self._written = expression, flags

    def __getattr__(self, name: str) -> Any:
        # Asked for only what is not an attribute yet.
        compiled = re.compile(*self._written)
        for method in _METHODS:
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)


def later(expression: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """An expression of the `re` module, compiled when it is first used.

    Args:
        expression: Must be right: a mistake shows only where it is used.
        flags: As for `re.compile`.
    """
    return cast("re.Pattern[AnyStr]", _Later(expression, flags))
