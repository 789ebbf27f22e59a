"""What finds the candidates: one interface, three ways.

Floor 3: pure. All find the same findings; they differ in speed. `auto` takes the first that is
installed of `hyperscan` (a gigabyte a second and more), `re2` and `regex` (a few megabytes a second).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Protocol, TypeAlias

from diagnose.cache import Cache
from diagnose.errors import UsageError
from diagnose.scan.needles import Literal, Needle

NAMES = ("hyperscan", "re2", "regex")
Text: TypeAlias = bytes | bytearray | memoryview
Event: TypeAlias = tuple[int, int]
"""Where a literal ends (the offset after its last byte) and the pattern's index."""


class Engine(Protocol):
    """Needles, ready to be looked for."""

    name: str

    def scan(self, text: Text) -> list[Event]:
        """Where literals of patterns are, in any order.

        In a piece of a line that has several literals of a pattern, one is reported at least; in a
        piece of more than 64 KiB, all.
        """

    def tuned(self, hot: Set[int], noisy: Mapping[int, bytes]) -> Tuned:
        """The same for a source in which some patterns are common.

        Args:
            hot: Patterns that match all the time.
            noisy: Patterns that do not, although their literals are there all the time, with
                expressions for them as wholes.
        """

    def is_odd(self, text: Text) -> bool:
        """Whether a text has what `smooth.ODD` describes."""


class Tuned(Protocol):
    """Needles, ready to be looked for in one source."""

    def scan(self, text: Text) -> tuple[list[Event], dict[int, int]]:
        """Where patterns that are not hot may match, in any order, and one place for each hot one."""


def choose(name: str) -> str:
    """The engine that will run.

    Raises:
        UsageError: If the one asked for is unknown or not installed.
    """
    if name not in ("auto", *NAMES):
        raise UsageError(f"no scanner is called {name!r}", f"known: auto, {', '.join(NAMES)}")
    if name == "auto":
        return next(candidate for candidate in NAMES if _installed(candidate))
    if not _installed(name):
        raise UsageError(f"the scanner {name!r} is not installed", "use --scanner auto")
    return name


def build(name: str, needles: Sequence[Needle], cache: Cache) -> Engine:
    """The engine of a name that `choose` returned."""
    if name == "hyperscan":
        from diagnose.scan.hyper import Hyperscan

        return Hyperscan(needles, cache)
    from diagnose.scan.plain import Plain, Re2

    return Re2(needles) if name == "re2" else Plain(needles)


def owners(needles: Sequence[Needle]) -> dict[Literal, tuple[int, ...]]:
    """Every literal, with the patterns it is one of."""
    found: dict[Literal, list[int]] = {}
    for index, entry in enumerate(needles):
        for literal in entry.literals:
            found.setdefault(literal, []).append(index)
    return {literal: tuple(indexes) for literal, indexes in found.items()}


def _installed(name: str) -> bool:
    try:
        if name == "hyperscan":
            import hyperscan  # noqa: F401
        elif name == "re2":
            from re2 import Set  # noqa: F401
    # A wheel for another machine fails to load with an OSError or a SystemError of its own.
    except Exception:
        return False
    return True
