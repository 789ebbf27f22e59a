"""What finds the candidates: one interface, three ways.

Floor 3: pure. All find the same findings; they differ in speed. `auto` takes the first that is
installed of `hyperscan` (a gigabyte a second and more), `re2` and `regex` (a few megabytes a second).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from diagnose.errors import UsageError
from diagnose.scan.cache import Cache
from diagnose.scan.weaken import Weakened

NAMES = ("hyperscan", "re2", "regex")
Text: TypeAlias = bytes | bytearray | memoryview
Event: TypeAlias = tuple[int, int]
"""Where a match ends (the offset after its last byte) and the pattern's index."""


class Engine(Protocol):
    """Weakened patterns, ready to be looked for.

    A match that goes on is reported at one of its possible ends at least, in every piece of a line
    that has one; how often more than that is up to the engine.
    """

    name: str

    def scan(self, text: Text, most: int) -> list[Event] | None:
        """Every match, in any order; None if there are more than `most`."""

    def once(self, text: Text) -> list[Event]:
        """One match of each pattern that matches at all."""

    def only(self, index: int, text: Text) -> list[Event]:
        """Every match of one pattern."""

    def is_odd(self, text: Text) -> bool:
        """Whether a text has what `smooth.ODD` describes."""


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


def build(name: str, weakened: Sequence[Weakened], cache: Cache) -> Engine:
    """The engine of a name that `choose` returned."""
    if name == "hyperscan":
        from diagnose.scan.hyper import Hyperscan

        return Hyperscan(weakened, cache)
    from diagnose.scan.plain import Plain, Re2

    return Re2(weakened) if name == "re2" else Plain(weakened)


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
