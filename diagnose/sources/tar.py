"""Members of a tar archive, one after the other as they come, without ever writing one to disk.

Read here and not with `tarfile`, which gives up at the first damaged header and withholds the
part of a member that is there when the archive is cut off. Understands ustar, the GNU long names
and base-256 numbers, and pax; what a sparse member stores is delivered without its holes.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass

from diagnose.sources.sniff import is_tar
from diagnose.sources.stream import DamagedError, Feed, Readable, amount

BLOCK = 512
_META_LIMIT = 1 << 20
_EMPTY = bytes(BLOCK)


@dataclass(frozen=True, slots=True)
class Member:
    """One file in an archive, to be read before the next is asked for."""

    name: str
    stream: Readable
    size: int | None = None
    problem: str = ""
    """Why it cannot be read at all."""


class _Body:
    """The bytes of one member."""

    def __init__(self, feed: Feed, size: int) -> None:
        self._feed = feed
        self._size = size
        self.left = size
        self.damage: DamagedError | None = None

    def readinto(self, view: memoryview, /) -> int:
        if not self.left or not len(view):
            return 0
        piece = self._feed.some(min(len(view), self.left))
        if not piece:
            read = amount(self._size - self.left)
            self.damage = DamagedError(
                f"the tar archive ends early, after {read} of {amount(self._size)}"
            )
            raise self.damage
        view[: len(piece)] = piece
        self.left -= len(piece)
        return len(piece)


class _Meta:
    """What extension headers say about the member that follows them."""

    def __init__(self) -> None:
        self.name = ""
        self.size: int | None = None

    def read(self, kind: bytes, data: bytes) -> None:
        if kind == tarfile.GNUTYPE_LONGNAME:
            self.name = _text(data.partition(b"\0")[0])
        elif kind in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE):
            for key, value in _pax(data):
                if key in (b"path", b"GNU.sparse.name"):
                    self.name = _text(value)
                elif key == b"size" and value.isdigit() and len(value) < 20:
                    self.size = int(value)


def members(stream: Readable) -> Iterator[Member]:
    """The files of an archive; folders, links and devices are left out.

    Raises:
        DamagedError: If the archive ends early or has damaged headers, after all that could be read.
    """
    feed = Feed(stream)
    meta = _Meta()
    ended = damaged = False
    while block := feed.exactly(BLOCK):
        if block == _EMPTY:  # the end, unless archives were appended to each other
            ended = True
            continue
        if len(block) < BLOCK:
            break
        header = _header(block)
        if header is None:
            # What follows the end mark is of no interest; elsewhere the next header is looked for.
            damaged = damaged or not ended
            continue
        ended = False
        size = header.size if meta.size is None else meta.size
        if header.type in _META:
            data = feed.exactly(size) if size <= _META_LIMIT else b""
            feed.skip(size - len(data) + -size % BLOCK)
            meta.read(header.type, data)
            continue
        if header.type == tarfile.GNUTYPE_SPARSE:
            _skip_map(feed, block)
        body = _Body(feed, size if header.type not in _BODILESS else 0)
        if header.isreg():
            yield Member(meta.name or header.name, body, size)
        if body.damage is not None:
            raise body.damage
        feed.skip(body.left + (-size % BLOCK if header.type not in _BODILESS else 0))
        meta = _Meta()
    if damaged:
        raise DamagedError("the tar archive is damaged: members may be missing")
    if not ended:
        raise DamagedError("the tar archive ends early: members may be missing")


_META = frozenset(
    (
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
    )
)
_BODILESS = frozenset(
    (
        tarfile.LNKTYPE,
        tarfile.SYMTYPE,
        tarfile.CHRTYPE,
        tarfile.BLKTYPE,
        tarfile.DIRTYPE,
        tarfile.FIFOTYPE,
    )
)


def _header(block: bytes) -> tarfile.TarInfo | None:
    if not is_tar(block):
        return None
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        return None
    return header if header.size >= 0 else None


def _skip_map(feed: Feed, block: bytes) -> None:
    """The old GNU format lists the holes of a sparse file in further header blocks."""
    more = block[482]
    while more and len(block := feed.exactly(BLOCK)) == BLOCK:
        more = block[504]


def _pax(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Records of the form `27 path=some/name.log` and a newline, the number counting all of it."""
    while data:
        number, _, rest = data.partition(b" ")
        if not number.isdigit() or len(number) > 9 or int(number) <= len(number) + 1:
            return
        record, data = rest[: int(number) - len(number) - 2], data[int(number) :]
        key, _, value = record.partition(b"=")
        yield key, value


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
