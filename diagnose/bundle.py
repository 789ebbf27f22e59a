"""A snapshot as JSON and back, and the archive that carries it together with the logs' tails.

Floor 1: pure; bytes in, bytes out. docs/bundle-format.md describes the format. Frames repeat many times over
ranks and samples, so they are written once, in a table, and threads name them by number; a field that has its
default value is left out. Unknown keys are skipped, so that an older program reads a newer bundle.
"""

from __future__ import annotations

import dataclasses
import functools
import gzip
import io
import json
import re
import tarfile
import types
import typing
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from diagnose.errors import InputError
from diagnose.model import Frame, Snapshot
from diagnose.redact import redact

SCHEMA = "diagnose-snapshot/1"
SNAPSHOT = "snapshot.json"
LOGS = "logs/"
MAX_MEMBER = 256 * 2**20
"""Bytes of one member; what is larger was not written by this program and is not read."""

T = TypeVar("T")
_HOME = re.compile(r"(/home/)[^/\s:'\"]+")


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
    return typing.cast(Snapshot, _decode(data, Snapshot, "snapshot", frames))


def pack(snapshot: Snapshot, logs: Mapping[str, bytes] | None = None) -> bytes:
    """One `.tar.gz` with the snapshot and the logs' tails; equal input gives equal bytes.

    Args:
        snapshot: What was seen.
        logs: By the paths in `snapshot.logs`; others are left out.
    """
    members = {SNAPSHOT: json.dumps(to_json(snapshot), indent=1, ensure_ascii=False).encode()}
    for path, data in (logs or {}).items():
        if path in snapshot.logs:
            members[_member(snapshot, path)] = data
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = len(data), int(snapshot.taken_s), 0o644
            archive.addfile(info, io.BytesIO(data))
    return gzip.compress(raw.getvalue(), mtime=0)


def unpack(data: bytes, name: str = "the bundle") -> tuple[Snapshot, dict[str, bytes]]:
    """The snapshot of a bundle, and its logs by the path they had; also of a bare `snapshot.json`.

    Raises:
        InputError: If it is damaged or no bundle.
    """
    if data.lstrip()[:1] == b"{":
        return from_json(_loads(data, name)), {}
    members: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(_unzip(data)), mode="r:") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isfile() else None
                if content is not None and member.size <= MAX_MEMBER:
                    members[member.name] = content.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise InputError(f"{name} is damaged or no bundle ({error})", "copy it again") from error
    if SNAPSHOT not in members:
        raise InputError(
            f"{name} holds no {SNAPSHOT}", "name a file written by `diagnose attach --save`"
        )
    snapshot = from_json(_loads(members[SNAPSHOT], name))
    names = {_member(snapshot, path): path for path in snapshot.logs}
    return snapshot, {names[key]: log for key, log in members.items() if key in names}


def _unzip(data: bytes) -> bytes:
    """The whole content, its checksum compared; `tarfile` alone would take a cut archive for a short one."""
    stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
    content = stream.decompress(data, 4 * MAX_MEMBER)
    if not stream.eof:
        raise EOFError("it is cut off or too large")
    return content


def is_bundle(head: bytes) -> bool:
    """Whether a file that starts with these bytes (512 are enough) is a bundle or a bare snapshot."""
    if head[:2] == b"\x1f\x8b":
        try:
            head = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, 512)
        except zlib.error:
            return False
        return head.startswith(SNAPSHOT.encode() + b"\0")
    return head.lstrip()[:1] == b"{" and b'"diagnose-snapshot/' in head


def _member(snapshot: Snapshot, path: str) -> str:
    """A log's name in the archive: numbered, since two may have the same last name."""
    return f"{LOGS}{snapshot.logs.index(path):02d}-{path.rpartition('/')[2]}"


def redacted(snapshot: Snapshot, logs: Mapping[str, bytes]) -> tuple[Snapshot, dict[str, bytes]]:
    """Both without secrets."""
    return strings(snapshot, redact), {path: _lines(data, redact) for path, data in logs.items()}


def anonymous(
    snapshot: Snapshot, logs: Mapping[str, bytes], hide: Sequence[str] = ()
) -> tuple[Snapshot, dict[str, bytes]]:
    """Both without secrets, host name, user names and home folders.

    Args:
        snapshot: What was seen.
        logs: By path.
        hide: Further texts to replace.
    """
    users = {process.user for process in snapshot.processes} - {"", "root", "nobody"}
    words = {snapshot.host: "host", **dict.fromkeys(users, "user"), **dict.fromkeys(hide, "hidden")}
    parts = sorted((re.escape(word) for word in words if len(word) > 1), key=len, reverse=True)
    pattern = (
        re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(parts)})(?![A-Za-z0-9])") if parts else None
    )

    def change(text: str) -> str:
        text = _HOME.sub(r"\1user", redact(text))
        return pattern.sub(lambda match: words[match[0]], text) if pattern else text

    texts = {change(path): _lines(data, change) for path, data in logs.items()}
    return strings(snapshot, change), texts


def _lines(data: bytes, change: Callable[[str], str]) -> bytes:
    """A log with each line changed; bytes that are no text stay as they are."""
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    return "\n".join(map(change, lines)).encode("utf-8", "surrogateescape")


def strings(value: T, change: Callable[[str], str]) -> T:
    """The same snapshot, or a part of it, with every text passed through `change`."""
    changed: Any = value
    if isinstance(value, str):
        changed = change(value)
    elif isinstance(value, tuple):
        changed = tuple(strings(item, change) for item in value)
    elif isinstance(value, Mapping):
        changed = {key: strings(item, change) for key, item in value.items()}
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {
            f.name: strings(getattr(value, f.name), change) for f in dataclasses.fields(value)
        }
        changed = dataclasses.replace(value, **fields)
    return typing.cast(T, changed)


def _loads(data: bytes, name: str) -> Any:
    try:
        return json.loads(data)
    except ValueError as error:
        raise InputError(f"{name} is not valid JSON ({error})", "copy it again") from error


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
        return {str(k): _decode(v, parameters[1], f"{where}.{k}", frames) for k, v in value.items()}
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(kind, type) and type(value) is kind:
        return value
    raise InputError(f"{where} has the wrong shape", "copy the snapshot again")


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
