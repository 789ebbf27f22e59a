"""What finds the candidates: one interface, three ways.

Floor 3: pure. All find the same findings; they differ in speed. `auto` takes the first that is
installed of `hyperscan` (a gigabyte a second and more), `re2` and `regex` (a few megabytes a second).
"""

from __future__ import annotations

from collections.abc import Sequence

from diagnose.cache import Cache
from diagnose.errors import UsageError
from diagnose.scan.needles import Needle
from diagnose.scan.protocol import Engine

NAMES = ("hyperscan", "re2", "regex")


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
