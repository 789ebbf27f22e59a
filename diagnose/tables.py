"""Typed look-ups in a TOML table; every wrong type is a `CatalogueError` that names the key.

Floor 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from diagnose.errors import CatalogueError

E = TypeVar("E", bound=StrEnum)


def only(table: Mapping[str, Any], keys: Iterable[str], where: str) -> None:
    """Refuses keys that are not known."""
    unknown = sorted(set(table) - set(keys))
    if unknown:
        raise CatalogueError(f"unknown key `{unknown[0]}` in {where}", f"known: {', '.join(keys)}")


def text(table: Mapping[str, Any], key: str, *, required: bool = False) -> str:
    """A string; empty when the key is absent."""
    value = table.get(key, "")
    if not isinstance(value, str):
        raise CatalogueError(f"`{key}` must be a string")
    if required and not value.strip():
        raise CatalogueError(f"`{key}` is missing")
    return value


def texts(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """A list of strings; empty when the key is absent."""
    values = table.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise CatalogueError(f"`{key}` must be a list of strings")
    return tuple(values)


def table(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """A table; empty when the key is absent."""
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise CatalogueError(f"`{key}` must be a table")
    return value


def tables(table: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """An array of tables; empty when the key is absent."""
    values = table.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise CatalogueError(f"`{key}` must be written as [[{key}]]")
    return values


def enum(kind: type[E], table: Mapping[str, Any], key: str, default: E | None = None) -> E:
    """One of a closed vocabulary."""
    if key not in table and default is not None:
        return default
    try:
        return kind(str(table.get(key, "")))
    except ValueError as error:
        choices = ", ".join(kind)
        raise CatalogueError(f"`{key}` must be one of {choices}") from error
