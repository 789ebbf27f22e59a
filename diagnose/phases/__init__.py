"""The start-up phases of the engines, as data.

Floor 5: pure but for reading the tables beside this file, and the cache. Each table says, in order, which phases an
engine passes through, which lines show that a process entered one, how long it usually takes at most,
and whether it is quiet: whether a wait in it prints nothing.
"""

from __future__ import annotations

import marshal
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from diagnose.cache import FORMAT, Cache, default_cache

READY = "ready"
"""The id of the last phase of every engine."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of one engine's start-up."""

    engine: str
    id: str
    title: str
    """What happens in it, as a clause with a verb."""
    index: int
    """Its place in the order, from 0."""
    markers: tuple[str, ...]
    """Expressions for lines that a process prints when it is in this phase."""
    usual_s: float
    """What it takes at most in an ordinary start; 0 for the last."""
    quiet: bool
    """Whether a process that waits in it prints nothing at the default log level."""


@cache
def phases(engine: str) -> tuple[Phase, ...]:
    """The phases of `engine`, in order; empty for an engine without a table."""
    return tuple(
        Phase(
            engine=engine,
            id=entry["id"],
            title=entry["title"],
            index=index,
            markers=tuple(entry["markers"]),
            usual_s=float(entry.get("usual_s", 0)),
            quiet=bool(entry.get("quiet", False)),
        )
        for index, entry in enumerate(_tables().get(engine, ()))
    )


def engines() -> tuple[str, ...]:
    """Every engine with a table, by name."""
    return tuple(_tables())


@cache
def _tables() -> dict[str, list[dict[str, Any]]]:
    """The entries of every table, by engine; read again only where a table was changed."""
    files = {path.stem: path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.toml"))}
    kept = Cache(default_cache(), (part for item in files.items() for part in _bytes(*item)))
    stored = kept.read("phases")
    if stored is not None:
        known: dict[str, list[dict[str, Any]]] = marshal.loads(stored)
        return known
    # Loading it takes as long as all else that is done here.
    import tomllib

    read = {engine: tomllib.loads(data.decode())["phase"] for engine, data in files.items()}
    kept.write("phases", marshal.dumps(read, FORMAT))
    return read


def _bytes(engine: str, data: bytes) -> tuple[bytes, bytes]:
    return engine.encode(), data


def patterns() -> tuple[str, ...]:
    """Every marker of every engine."""
    return tuple(
        dict.fromkeys(
            marker for engine in engines() for phase in phases(engine) for marker in phase.markers
        )
    )
