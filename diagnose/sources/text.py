"""Any encoding of a log to UTF-8, without touching what is UTF-8 already or is broken UTF-8."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from diagnose.sources.sniff import encoding
from diagnose.sources.stream import DamagedError, Peeked, Pieces, Readable, amount, pieces


def to_utf8(stream: Peeked) -> Readable:
    """A stream of UTF-8.

    Bytes that are not valid UTF-8 pass through as they are; those that are not valid UTF-16 or
    UTF-32 become U+FFFD. A byte order mark is left out, and so is a run of NUL bytes at the start:
    log rotation that truncates a file under a running writer leaves one, gigabytes long.

    Args:
        stream: A text whose head has been looked at.
    """
    codec, mark = encoding(stream.head)
    stream.drop(mark)
    if codec != "utf-8":
        return Pieces(_transcoded(stream, codec))
    if stream.head.startswith(b"\0"):
        return Pieces(_after_hole(stream))
    return stream


def _transcoded(stream: Readable, codec: str) -> Iterator[bytes]:
    decode = codecs.getincrementaldecoder(codec)(errors="replace").decode
    for piece in pieces(stream):
        yield from _encoded(decode(piece))
    yield from _encoded(decode(b"", True))


def _encoded(text: str) -> Iterator[bytes]:
    """One piece, or none: an empty piece would mean the end."""
    if text:
        yield text.encode()


def _after_hole(stream: Readable) -> Iterator[bytes]:
    hole = 0
    source = pieces(stream)
    for piece in source:
        text = piece.lstrip(b"\0")
        hole += len(piece) - len(text)
        if text:
            yield text
            yield from source
            return
    raise DamagedError(f"holds nothing but NUL bytes ({amount(hole)})")
