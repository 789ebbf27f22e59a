"""A snapshot as JSON values and back.

Floor 1: pure. docs/bundle-format.md describes the format. Frames repeat many times over ranks and samples, so they
are written once, in a table, and threads name them by number; a field that has its default value is left out.
Unknown keys are skipped, so that an older program reads a newer bundle.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, get_args, get_origin, get_type_hints

from diagnose.errors import InputError
from diagnose.model import Frame, Snapshot

SCHEMA = "diagnose-snapshot/1"
YEAR_10000 = 253402300800.0
"""POSIX seconds."""
LARGE = 1e15


def to_json(snapshot: Snapshot) -> dict[str, Any]:
    """The snapshot as JSON values; `from_json` gives back an equal one."""
    table: dict[str, int] = {}
    body = _encode(snapshot, table)
    frames = [json.loads(text) for text in table]
    return {"schema": SCHEMA, **body, "frames": frames}


def from_json(data: Any) -> Snapshot:
    """The snapshot that `to_json` wrote.

    Raises:
        InputError: If it is no snapshot of a known schema, or a field has the wrong shape.
    """
    if not isinstance(data, Mapping) or not str(data.get("schema", "")).startswith("diagnose"):
        raise InputError(
            "this is not a snapshot", "name a file written by `diagnose attach --save`"
        )
    if data["schema"] != SCHEMA:
        raise InputError(
            f"the snapshot has the schema {data['schema']}, and this program reads {SCHEMA}",
            "use the version of diagnose that wrote it, or a newer one",
        )
    frames = _decode(data.get("frames", []), tuple[Frame, ...], "frames", ())
    snapshot = typing.cast(Snapshot, _decode(data, Snapshot, "snapshot", frames))
    if not 0 <= snapshot.taken_s < YEAR_10000:
        raise InputError("snapshot.taken_s is no time of day", "copy the snapshot again")
    return snapshot


def _encode(value: Any, table: dict[str, int]) -> Any:
    if isinstance(value, Frame):
        text = json.dumps(_fields(value, table), ensure_ascii=False)
        return table.setdefault(text, len(table))
    if dataclasses.is_dataclass(value):
        return _fields(value, table)
    if isinstance(value, Mapping):
        return {str(key): _encode(item, table) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_encode(item, table) for item in value]
    return round(value, 6) if isinstance(value, float) else value


def _fields(value: Any, table: dict[str, int]) -> dict[str, Any]:
    return {
        field.name: _encode(getattr(value, field.name), table)
        for field in dataclasses.fields(value)
        if getattr(value, field.name) != _default(field)
    }


def _default(field: dataclasses.Field[Any]) -> Any:
    """The field's default; MISSING, which equals nothing, when it has none."""
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _decode(value: Any, kind: Any, where: str, frames: tuple[Frame, ...]) -> Any:
    """`value` as the type `kind`, a field's annotation; `where` names it in errors."""
    origin, parameters = get_origin(kind), get_args(kind)
    if origin in (types.UnionType, typing.Union):
        inner = next(p for p in parameters if p is not type(None))
        return None if value is None else _decode(value, inner, where, frames)
    if kind is Frame and isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value < len(frames):
            raise InputError(
                f"{where} names frame {value}, which the table does not hold", "copy it again"
            )
        return frames[value]
    if dataclasses.is_dataclass(kind) and isinstance(value, Mapping):
        return _object(value, kind, where, frames)
    if origin is tuple and isinstance(value, list):
        return _tuple(value, parameters, where, frames)
    if origin is not None and isinstance(value, Mapping):
        return {
            encodable(str(k)): _decode(v, parameters[1], f"{where}.{k}", frames)
            for k, v in value.items()
        }
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        if not abs(value) < LARGE:
            raise InputError(f"{where} is no number that was measured", "copy the snapshot again")
        return float(value)
    if kind is str and isinstance(value, str):
        return encodable(value)
    if isinstance(kind, type) and type(value) is kind:
        return value
    raise InputError(f"{where} has the wrong shape", "copy the snapshot again")


def encodable(text: str) -> str:
    """The text as it can be written: names of files need not be text, and come as halves of characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def _tuple(
    value: list[Any], parameters: tuple[Any, ...], where: str, frames: tuple[Frame, ...]
) -> tuple[Any, ...]:
    if parameters[-1] is not Ellipsis and len(parameters) != len(value):
        raise InputError(f"{where} has the wrong length", "copy the snapshot again")
    kinds = [parameters[0]] * len(value) if parameters[-1] is Ellipsis else list(parameters)
    return tuple(
        _decode(item, kind, f"{where}[{index}]", frames)
        for index, (item, kind) in enumerate(zip(value, kinds, strict=True))
    )


def _object(value: Mapping[str, Any], kind: Any, where: str, frames: tuple[Frame, ...]) -> Any:
    hints = _hints(kind)
    given = {
        field.name: _decode(value[field.name], hints[field.name], f"{where}.{field.name}", frames)
        for field in dataclasses.fields(kind)
        if field.name in value
    }
    try:
        return kind(**given)
    except TypeError as error:
        raise InputError(f"{where} lacks a field ({error})", "copy the snapshot again") from error
