"""One member of a zip archive: its header, and its text as far as it can be read."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from diagnose.sources.compression import Decoder, decoder, deflate, expand
from diagnose.sources.input import Input
from diagnose.sources.limits import Meter
from diagnose.sources.sniff import Kind
from diagnose.sources.stream import DamagedError, Feed, amount

MAGIC = b"PK\x03\x04"
ENCRYPTED, DEFERRED, UTF8 = 0x1, 0x8, 0x800
"""Flags: the data are encrypted, the sizes follow the data, the name is UTF-8."""

_HEADER = struct.Struct("<4s5H3I2H")
"""Signature, version, flags, method, time, date, checksum, packed and unpacked size, lengths of
the name and of the extra fields that follow it."""
_UNKNOWN = 0xFFFFFFFF
_LAST = 1 << 62
_DEFLATE = 8
_NAME_LIMIT = 4096
_METHODS = {12: Kind.BZIP2, 93: Kind.ZSTD, 95: Kind.XZ}
_OTHER_METHODS = {9: "Deflate64", 14: "LZMA", 96: "JPEG", 97: "WavPack", 98: "PPMd", 99: "AES"}


@dataclass(frozen=True, slots=True)
class Packed:
    """Where a member's data are and how they are packed."""

    name: str
    flags: int
    method: int
    start: int
    """Offset of the data in the archive."""
    size: int | None
    """Bytes of the data; None where only their end shows."""
    checksum: int | None
    """CRC-32 of the text; None where it is not known beforehand."""

    @property
    def refusal(self) -> str:
        """Why it cannot be read at all; empty if it can."""
        if self.flags & ENCRYPTED:
            return "encrypted: unpack it with its password first"
        if self.method not in (0, _DEFLATE, *_METHODS):
            method = _OTHER_METHODS.get(self.method, f"method {self.method}")
            return f"packed with {method}, which cannot be read here: unpack it first"
        return ""

    @property
    def plausible(self) -> bool:
        """Whether this is a header at all, and not bytes that look like the start of one."""
        known = self.method in (0, _DEFLATE, *_METHODS, *_OTHER_METHODS)
        return known and 0 < len(self.name) <= _NAME_LIMIT and self.name.isprintable()


class Section:
    """A part of a file; keeps its own place, so that parts can be read in turns."""

    def __init__(self, file: Input, start: int, size: int | None) -> None:
        self._file = file
        self._at = start
        self._end = None if size is None else start + size

    def readinto(self, view: memoryview, /) -> int:
        """Fills `view` with what comes next."""
        if self._end is not None:
            view = view[: max(0, self._end - self._at)]
        if not len(view) or not 0 <= self._at <= _LAST:  # a damaged directory points anywhere
            return 0
        self._file.seek(self._at)
        count = self._file.readinto(view)
        self._at += count
        return count


def header_at(file: Input, offset: int) -> Packed | None:
    """Reads the header that stands before a member; None if there is none."""
    feed = Feed(Section(file, offset, None), refill=1 << 12)
    raw = feed.exactly(_HEADER.size)
    if len(raw) < _HEADER.size:
        return None
    magic, _, flags, method, _, _, checksum, packed, _, names, extras = _HEADER.unpack(raw)
    name, extra = feed.exactly(names), feed.exactly(extras)
    if magic != MAGIC or len(extra) < extras:
        return None
    size: int | None = _long_size(extra) if packed == _UNKNOWN else packed
    deferred = bool(flags & DEFERRED) and not size
    return Packed(
        name=decoded(name, flags),
        flags=flags,
        method=method,
        start=offset + _HEADER.size + names + extras,
        size=None if deferred else size,
        checksum=None if deferred else checksum,
    )


def unpacked(file: Input, packed: Packed, meter: Meter) -> Iterator[bytes]:
    """The text of a member.

    Raises:
        DamagedError: If its data are damaged or end early, after what could be read.
    """
    feed = Feed(Section(file, packed.start, packed.size))
    inflater, crc32 = deflate()
    total = checksum = 0
    try:
        for piece in _pieces(packed, feed, inflater):
            total += len(piece)
            checksum = crc32(piece, checksum)
            meter.made(len(piece))
            yield piece
    except DamagedError:
        raise
    except EOFError:
        raise DamagedError(
            f"the zip data end early, after {amount(total)}; read up to there"
        ) from None
    except Exception as error:  # each decompressor has its own
        raise DamagedError(
            f"the zip data are damaged after {amount(total)}; read up to there"
        ) from error
    if packed.checksum is not None and packed.checksum != checksum:
        raise DamagedError("the zip checksum does not match: the text may be damaged")


def decoded(name: bytes, flags: int) -> str:
    """A member's name: UTF-8 even where the flag for it was forgotten, else code page 437."""
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        return name.decode("utf-8" if flags & UTF8 else "cp437", "replace")


def _pieces(packed: Packed, feed: Feed, inflater: Decoder) -> Iterator[bytes]:
    if packed.method:
        kind = _METHODS.get(packed.method)
        yield from expand(feed, inflater if kind is None else decoder(kind))
        return
    left = packed.size
    while piece := feed.some():
        left = None if left is None else left - len(piece)
        yield piece
    if left:
        raise EOFError


def _long_size(extra: bytes) -> int | None:
    """The packed size of a member of 4 GiB or more: the second number of extra field 1."""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        if kind == 1 and length >= 16:
            return int.from_bytes(extra[12:20], "little")
        extra = extra[4 + length :]
    return None
