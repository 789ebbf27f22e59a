"""Members of a zip archive, by its directory or, where that is missing, by their own headers.

The directory stands at the end, so that a download that was cut off has none.
"""

from __future__ import annotations

import stat
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from typing import IO, cast

from diagnose.sources.input import Input
from diagnose.sources.limits import Meter
from diagnose.sources.names import copies, natural
from diagnose.sources.stream import DamagedError, Pieces
from diagnose.sources.tar import Member
from diagnose.sources.zipmember import MAGIC, UTF8, Packed, Section, decoded, header_at, unpacked

_DESCRIPTOR = b"PK\x07\x08"
_STEP = 1 << 20
_PROBED = 10


def members(file: Input, meter: Meter) -> Iterator[Member]:
    """The files of an archive in natural order; folders, links and copies of others left out.

    Raises:
        DamagedError: If the archive is damaged, after all that could be read.
    """
    directory = _directory(file)
    if directory is None:
        yield from _recovered(file, meter)
        return
    names = {id(info): _name(info) for info in directory}
    twice = copies(names.values())
    for info in sorted(directory, key=lambda info: natural(names[id(info)])):
        name = names[id(info)]
        if name.endswith("/") or stat.S_ISLNK(info.external_attr >> 16) or name in twice:
            continue
        packed = header_at(file, info.header_offset)
        if packed is None:
            yield Member(name, Pieces(iter(())), problem="its header in the archive is damaged")
            continue
        # The directory knows the size and the checksum also where they follow the data.
        known = replace(packed, name=name, size=info.compress_size, checksum=info.CRC)
        yield _member(file, known, meter)


def _directory(file: Input) -> list[zipfile.ZipInfo] | None:
    """What the directory lists; None if there is none, or if it points at nothing."""
    try:
        infos = zipfile.ZipFile(cast("IO[bytes]", file)).infolist()
    except DamagedError:
        raise
    except (zipfile.BadZipFile, OSError, ValueError, struct.error, NotImplementedError):
        return None
    if infos and not any(header_at(file, info.header_offset) for info in infos[:_PROBED]):
        return None
    return infos


def _name(info: zipfile.ZipInfo) -> str:
    """Undoes the code page that `zipfile` assumes for names without the UTF-8 flag."""
    if info.flag_bits & UTF8:
        return info.filename
    try:
        return decoded(info.filename.encode("cp437"), info.flag_bits)
    except UnicodeEncodeError:
        return info.filename


def _member(file: Input, packed: Packed, meter: Meter) -> Member:
    # Windows programs write the wrong kind of slash.
    name = packed.name if "/" in packed.name else packed.name.replace("\\", "/")
    if packed.refusal:
        return Member(name, Pieces(iter(())), problem=packed.refusal)
    return Member(name, Pieces(unpacked(file, packed, meter)), packed.size)


def _recovered(file: Input, meter: Meter) -> Iterator[Member]:
    """The members of an archive without a directory, as they come."""
    names: list[str] = []
    at = _find(file, MAGIC, 0)
    while at is not None:
        packed = header_at(file, at)
        if packed is None or not packed.plausible:
            at = _find(file, MAGIC, at + len(MAGIC))
            continue
        if packed.size is None and not packed.method:
            packed = _measured(file, packed)
        names.append(packed.name)
        if not packed.name.endswith("/") and packed.name not in copies(names):
            yield _member(file, packed, meter)
        at = _find(file, MAGIC, packed.start + (packed.size or 0))
    raise DamagedError("the zip archive was cut off or is damaged: members may be missing")


def _measured(file: Input, packed: Packed) -> Packed:
    """Finds the end of data that are not compressed: after them stands how many they were."""
    at = _find(file, _DESCRIPTOR, packed.start)
    while at is not None:
        view = memoryview(bytearray(16))
        count = Section(file, at, 16).readinto(view)
        checksum, size = struct.unpack_from("<2I", view, 4)
        if count >= 12 and size == at - packed.start:
            return replace(packed, size=size, checksum=checksum)
        at = _find(file, _DESCRIPTOR, at + 1)
    return packed


def _find(file: Input, magic: bytes, at: int) -> int | None:
    """The offset at which a signature stands next; None at the end."""
    space = bytearray(_STEP)
    while True:
        with memoryview(space) as view:
            count = Section(file, at, _STEP).readinto(view)
        found = space.find(magic, 0, count)
        if found >= 0:
            return at + found
        if count < len(magic):
            return None
        at += count - len(magic) + 1
