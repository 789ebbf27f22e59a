"""Decompressors for gzip, bzip2, xz, lzma and Zstandard that deliver what precedes any damage.

Every format may hold several streams one after the other (rotated logs are often appended to each
other), which are read as one. Zero bytes after the last one are padding.

gzip is taken apart here (RFC 1952) rather than in the library, because the library withholds the
last lines of a file whose checksum is wrong, and the last lines are those that matter. `isal`
does the inflating where it is installed: 2.3 GB/s of text, 3 times what zlib does.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from diagnose.sources.limits import Meter
from diagnose.sources.sniff import MAGIC, Kind
from diagnose.sources.stream import DamagedError, Feed, Readable, amount

_NAME_LIMIT = 1 << 16
_OUT = 1 << 16
_ZSTD_PIECE = 1 << 11
"""4 bytes of Zstandard can become 128 kB and its decompressor has no limit for one call, so this
bounds the memory of one call to 64 MB."""
_ZSTD_CHECKSUM = 4
_ZSTD_WINDOW = 1 << 31
"""The largest window that `zstd --long=31` writes."""
_XZ_MEMORY = 1 << 30


class Decoder(Protocol):
    """The interface of `bz2.BZ2Decompressor`, which `lzma` and `isal` share."""

    @property
    def eof(self) -> bool:
        """Whether the compressed stream has come to its end."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out without more going in."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What follows the end of the compressed stream."""
        ...

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Takes `data` in and gives at most so many bytes out."""
        ...


class _Zlib:
    """Raw deflate without `isal`."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(-15)
        self._more = False

    @property
    def eof(self) -> bool:
        return self._inflater.eof

    @property
    def needs_input(self) -> bool:
        return not self._inflater.unconsumed_tail and not self._more

    @property
    def unused_data(self) -> bytes:
        return self._inflater.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        out = self._inflater.decompress(self._inflater.unconsumed_tail + data, max_length)
        # A full piece may have left output behind that no input is needed for.
        self._more = len(out) == max_length
        return out


class _Zstd:
    """One Zstandard frame."""

    def __init__(self) -> None:
        import zstandard

        self._frame = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()
        self._waiting = b""

    @property
    def eof(self) -> bool:
        return self._frame.eof

    @property
    def needs_input(self) -> bool:
        return len(self._waiting) <= _ZSTD_CHECKSUM

    @property
    def unused_data(self) -> bytes:
        return self._frame.unused_data + self._waiting

    def decompress(self, data: bytes, max_length: int) -> bytes:
        self._waiting += data
        # A frame ends with its checksum. Given apart, a wrong one does not take the last lines away.
        ready = len(self._waiting) - _ZSTD_CHECKSUM
        count = min(ready, _ZSTD_PIECE) if ready > 0 else len(self._waiting)
        data, self._waiting = self._waiting[:count], self._waiting[count:]
        return self._frame.decompress(data)


def deflate() -> tuple[Decoder, Callable[[bytes, int], int]]:
    """A decoder of raw deflate and the CRC-32 that goes with it, the fastest there are."""
    try:
        from isal import igzip_lib, isal_zlib
    except ImportError:
        return _Zlib(), zlib.crc32
    decoder: Decoder = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_DEFLATE)
    crc32: Callable[[bytes, int], int] = isal_zlib.crc32
    return decoder, crc32


def decoder(kind: Kind) -> Decoder:
    """A decoder for one stream of a format other than gzip."""
    if kind is Kind.BZIP2:
        import bz2

        return bz2.BZ2Decompressor()
    if kind is Kind.ZSTD:
        return _Zstd()
    import lzma

    form = lzma.FORMAT_XZ if kind is Kind.XZ else lzma.FORMAT_ALONE
    return lzma.LZMADecompressor(form, memlimit=_XZ_MEMORY)


def expand(feed: Feed, decoder: Decoder) -> Iterator[bytes]:
    """Runs one compressed stream through a decoder; what follows it stays in the feed.

    Raises:
        EOFError: If the stream ends early.
        Exception: Whatever the decoder raises where the stream is damaged.
    """
    data = b" "
    while not decoder.eof:
        if not data:
            raise EOFError
        data = more = feed.some()  # at the end, one call without input for what was held back
        while True:
            piece = decoder.decompress(more, _OUT)
            if piece:
                yield piece
            if decoder.eof or decoder.needs_input:
                break
            more = b""
    feed.unread(decoder.unused_data)


def decompress(kind: Kind, stream: Readable, meter: Meter) -> Iterator[bytes]:
    """The text of a compressed stream.

    Raises:
        DamagedError: Where the compressed data end early, are damaged or expand beyond all bounds.
    """
    feed = Feed(stream)
    total = 0
    try:
        for piece in _streams(kind, feed):
            total += len(piece)
            meter.made(len(piece))
            yield piece
    except DamagedError:
        raise
    except EOFError:
        end = f"after {amount(total)} of text; read up to there" if total else "before any text"
        raise DamagedError(f"the {kind} data end early, {end}") from None
    except Exception as error:  # each library has its own, and bz2 raises OSError
        raise DamagedError(
            f"the {kind} data are damaged {_reached(total)}{_reason(error)}"
        ) from error


def _streams(kind: Kind, feed: Feed) -> Iterator[bytes]:
    total = 0
    while True:
        for piece in _gzip(feed) if kind is Kind.GZIP else expand(feed, decoder(kind)):
            total += len(piece)
            yield piece
        while padding := feed.some():
            if rest := padding.lstrip(b"\0"):
                feed.unread(rest)
                break
        else:
            return
        if not feed.peek(8).startswith(MAGIC.get(kind, ())):
            raise DamagedError(
                f"something else follows the {kind} data after {amount(total)} of text; "
                "read up to there"
            )


def _gzip(feed: Feed) -> Iterator[bytes]:
    _skip_gzip_header(feed)
    decoder, crc32 = deflate()
    checksum = size = 0
    for piece in expand(feed, decoder):
        checksum = crc32(piece, checksum)
        size += len(piece)
        yield piece
    trailer = feed.exactly(8)
    if len(trailer) < 8:
        raise DamagedError(
            f"the gzip data lack their last bytes; all {amount(size)} of text were read"
        )
    expected = checksum.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")
    if trailer != expected:
        raise DamagedError("the gzip checksum does not match: the text may be damaged")


def _skip_gzip_header(feed: Feed) -> None:
    header = feed.exactly(10)
    if len(header) < 10:
        raise EOFError
    if header[2] != 8:
        raise ValueError("unknown method")
    flags = header[3]
    if flags & 4:
        feed.skip(int.from_bytes(feed.exactly(2), "little"))
    for flag in (8, 16):  # the file's name, a comment
        if flags & flag:
            _skip_text(feed)
    if flags & 2:
        feed.exactly(2)


def _skip_text(feed: Feed) -> None:
    for _ in range(_NAME_LIMIT):
        byte = feed.exactly(1)
        if not byte:
            raise EOFError
        if byte == b"\0":
            return
    raise ValueError("endless name")


def _reached(total: int) -> str:
    return f"after {amount(total)} of text; read up to there" if total else "from the start"


def _reason(error: Exception) -> str:
    """Only memory is worth a word: the libraries' own texts say nothing to a user."""
    return " (not enough memory)" if isinstance(error, MemoryError) else ""
