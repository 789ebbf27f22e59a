"""The `[match]` table of a signature file.

Floor 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnose import comparison, tables
from diagnose.errors import CatalogueError
from diagnose.model import Certainty, Comparison, Condition

CONDITION_KINDS = (
    "line",
    "sequence",
    "near",
    "all",
    "any",
    "none",
    "fact",
    "phase",
    "signature",
    "compare",
)
CONDITION_KEYS = (
    *CONDITION_KINDS,
    "within",
    "apart_s",
    "count",
    "ranks",
    "where",
    "role",
    "silent_s",
    "last",
    "reached",
    "equals",
    "at_least",
    "at_most",
    "context",
    "certainty",
)
MATCH_KEYS = ("any", "all", "none", "ordered", "cleared_by", "against")


def match_of(table: Mapping[str, Any]) -> tuple[Condition, bool]:
    """The condition, and whether its parts must come in order.

    Raises:
        CatalogueError: If a key is unknown, missing or of the wrong type.
    """
    tables.only(table, MATCH_KEYS, "[match]")
    condition = Condition(
        all=_conditions(table, "all"),
        any=_conditions(table, "any"),
        none=_conditions(table, "none"),
    )
    if not condition.all and not condition.any:
        raise CatalogueError("[match] needs `any` or `all`", "absence alone is no evidence")
    ordered = table.get("ordered", False)
    if not isinstance(ordered, bool):
        raise CatalogueError("`ordered` must be true or false")
    return condition, ordered


def _conditions(table: Mapping[str, Any], key: str) -> tuple[Condition, ...]:
    entries = table.get(key, [])
    if not isinstance(entries, list):
        raise CatalogueError(f"`{key}` must be a list")
    return tuple(_condition(entry) for entry in entries)


def _condition(entry: object) -> Condition:
    if isinstance(entry, str):
        return Condition(line=entry)
    if not isinstance(entry, dict):
        raise CatalogueError(f"a condition must be a string or a table, not {entry!r}")
    tables.only(entry, CONDITION_KEYS, "condition")
    kinds = [key for key in CONDITION_KINDS if key in entry]
    if len(kinds) != 1:
        raise CatalogueError(f"a condition needs exactly one of {', '.join(CONDITION_KINDS)}")
    values: dict[str, Any] = dict(entry)
    for key in ("all", "any", "none"):
        values[key] = _conditions(entry, key)
    for key in ("sequence", "near", "equals"):
        values[key] = tables.texts(entry, key)
    if "certainty" in entry:
        values["certainty"] = tables.enum(Certainty, entry, "certainty")
    values["where"] = _where(entry)
    if "compare" in entry:
        values["compare"] = comparison.parse(tables.text(entry, "compare", required=True))
    if entry.get("ranks", "all") not in ("one", "several", "some", "all"):
        raise CatalogueError("`ranks` must be one, several, some or all")
    for key, types in _CONDITION_TYPES.items():
        if key in entry and not (
            isinstance(entry[key], types) and (bool in types or not isinstance(entry[key], bool))
        ):
            raise CatalogueError(f"`{key}` of a condition has the wrong type")
    return Condition(**values)


def _where(entry: Mapping[str, Any]) -> tuple[Comparison, ...]:
    comparisons = tuple(comparison.parse(text) for text in tables.texts(entry, "where"))
    for name in (name for one in comparisons for name in one.names):
        if f"(?P<{name}>" not in str(entry.get("line", "")):
            raise CatalogueError(f"`where` compares `{name}`, which `line` does not capture")
    return comparisons


_CONDITION_TYPES: Mapping[str, tuple[type, ...]] = {
    "line": (str,),
    "fact": (str,),
    "phase": (str,),
    "signature": (str,),
    "role": (str,),
    "within": (int,),
    "apart_s": (int, float),
    "count": (int,),
    "silent_s": (int, float),
    "last": (bool,),
    "context": (bool,),
    "reached": (bool,),
    "at_least": (int, float),
    "at_most": (int, float),
}
