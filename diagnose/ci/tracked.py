"""Which files of a checkout git knows, read from its index: they were not left behind by a job.

The index is read here rather than asked of git: a container or a login node may have none, and git refuses a
checkout of another user. Its format is that of gitformat-index(5), versions 2 to 4.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping

_HEAD = struct.Struct(">4sII")
_FIXED = 62
"""Bytes of an entry before its name."""
_SIZE = 36
"""Where in an entry the file's size stands."""
_FLAGS = 60
_EXTENDED = 0x4000
_LARGEST = 64 << 20


def tracked(root: str) -> Mapping[str, int]:
    """Bytes of each file when it was checked out, by its path; empty where there is no index to read."""
    try:
        with open(os.path.join(root, ".git", "index"), "rb") as file:
            data = file.read(_LARGEST)
        return dict(_entries(data))
    except (OSError, struct.error, ValueError, IndexError):
        return {}


def _entries(data: bytes) -> Iterator[tuple[str, int]]:
    magic, version, count = _HEAD.unpack_from(data)
    if magic != b"DIRC" or version not in (2, 3, 4):
        return
    at, name = _HEAD.size, b""
    for _ in range(count):
        (size,) = struct.unpack_from(">I", data, at + _SIZE)
        (flags,) = struct.unpack_from(">H", data, at + _FLAGS)
        start = at + _FIXED + (2 if flags & _EXTENDED else 0)
        if version == 4:
            cut, start = _varint(data, start)
            kept = name[: len(name) - cut]
        else:
            kept = b""
        end = data.index(b"\0", start)
        name = kept + data[start:end]
        # Older versions fill each entry up with zero bytes, one at least, to a multiple of eight.
        at = end + 1 if version == 4 else at + (end - at + 8) // 8 * 8
        yield os.fsdecode(name), size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of git's own kind, and where it ends."""
    value = data[at] & 0x7F
    while data[at] & 0x80:
        at += 1
        value = ((value + 1) << 7) | (data[at] & 0x7F)
    return value, at + 1
