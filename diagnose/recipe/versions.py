"""Flags and variables that the engine's version does not take, or not under this name.

Floor 6: pure but for its table.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from diagnose.recipe.server import Flag
from diagnose.scope import version_fits


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one flag or variable of one engine."""

    engine: str
    name: str
    gone: str = ""
    """Versions that refuse it, as a PEP 440 specifier."""
    from_: str = ""
    """Versions that know it."""
    instead: str = ""
    """What says the same; `<value>` is the old value."""


@cache
def _table() -> tuple[tuple[Known, ...], tuple[Known, ...]]:
    path = Path(__file__).parent / "flags.toml"
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return tuple(_known(e) for e in table["flag"]), tuple(_known(e) for e in table["variable"])


def _known(entry: Mapping[str, str]) -> Known:
    return Known(
        entry["engine"],
        entry["name"],
        entry.get("gone", ""),
        entry.get("from", ""),
        entry.get("instead", ""),
    )


def flag_lines(engine: str, version: str, flags: Sequence[Flag]) -> Iterator[tuple[str, Flag]]:
    """A line for each flag that this version refuses, or that some version does while this one is not known."""
    entries = {k.name: k for k in _table()[0] if k.engine == engine}
    for flag in flags:
        known = entries.get(flag.name)
        if known is None:
            continue
        gone = version_fits(known.gone, version) if known.gone else False
        there = version_fits(known.from_, version)
        instead = known.instead.replace("<value>", flag.value).strip()
        now = f", now {instead}" if instead else ""
        if gone:
            yield f"flag {flag.name} is gone in {engine} {version}{now}", flag
        elif there is False:
            yield f"flag {flag.name} is not in {engine} {version} yet, only {known.from_}", flag
        elif gone is None:
            yield f"flag {flag.name} may be gone: {engine} {known.gone}{now}", flag


def variable_lines(engine: str, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """A line for each variable under its old name while the new one is not set, and that name."""
    for known in _table()[1]:
        if known.engine == engine and known.name in names and known.instead not in names:
            value = names[known.name]
            yield f"variable {known.name}={value} has a new name: {known.instead}", known.name
