"""The archive that carries a snapshot together with the logs' tails.

Floor 1: pure; bytes in, bytes out. docs/bundle-format.md describes the format.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zlib
from collections.abc import Mapping
from typing import Any

from diagnose.bundle.codec import from_json, to_json
from diagnose.errors import InputError
from diagnose.model import Snapshot
from diagnose.redact import redact

SNAPSHOT = "snapshot.json"
LOGS = "logs/"
MAX_MEMBER = 64 * 2**20
"""Bytes of one member; what is larger was not written by this program and is not read."""
MAX_ALL = 512 * 2**20
"""Bytes of all members together."""


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
                if member.size > MAX_MEMBER:
                    raise InputError(
                        f"{name} holds {redact(member.name)[:80]} of {member.size // 2**20} MiB, more than"
                        " a look keeps",
                        "name a file written by `diagnose attach --save`",
                    )
                content = archive.extractfile(member) if member.isfile() else None
                if content is not None:
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
    content = stream.decompress(data, MAX_ALL)
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


def _loads(data: bytes, name: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is not valid JSON ({error})", "copy it again") from error
