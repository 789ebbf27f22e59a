"""Raw bytes to what is scanned: the same text without the bytes that cleaning a line takes out.

Floor 3: pure. A colour code, a backspace or an escaped quote may stand in the middle of words that a
pattern looks for. Escape sequences are taken out of the whole block, which is cheap when it has none.
Lines with anything rarer are cleaned one by one into a side buffer, as are the decoded strings of JSON
and logfmt lines; a match there stands for a match at the line's start. Line feeds and carriage
returns stay where they are, so both texts have the same lines and pieces.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import NamedTuple

from diagnose.document import clean
from diagnose.scan.limits import DEFAULT, Limits

_ESCAPES = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*(?:[@-~]|(?=[\r\n]|\Z))"
    rb"|\][^\x07\x1b\r\n]*(?:\x07|\x1b\\)"
    rb"|[PX^_][^\x07\x1b\r\n]*(?:\x07|\x1b\\)"
    rb"|[ -/]*[0-~])?"
)
ODD = (
    rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]",
    rb"\xc2[\x80-\x9f]",
    rb"\xe2\x80[\xaa-\xae]",
    rb"\xe2\x81[\xa6-\xa9]",
    rb"\xef\xbb\xbf",
    rb"\[0(?:;0)?m",
)
"""What `document.clean` takes out beside escape sequences; the last is a colour code that lost its
first byte on the way."""
_ODD = re.compile(b"|".join(ODD))
_ESCAPED = re.compile(rb"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u[0-9a-fA-F]{4}|\\.", re.DOTALL)
_PLAIN = {b"\\t": b"\t", b"\\b": b"\b", b"\\f": b"\f"}
# Stands for a line end inside a decoded string: wherever a pattern may match one, it may match this.
_LINE_END = b"\xff"
_CHUNK = 1 << 13
_DEEPEST = 6
_SEPARATOR = re.compile(rb"[\r\n]")

IsOdd = Callable[[bytes | bytearray | memoryview], bool]


def is_odd(text: bytes | bytearray | memoryview) -> bool:
    """Whether there is anything that needs lines cleaned one by one."""
    return _ODD.search(text) is not None


class Part(NamedTuple):
    """A stretch of a text, in smooth and in raw offsets."""

    low: int
    high: int
    raw_low: int
    raw_high: int


class Smooth:
    """A block as it is scanned.

    Args:
        data: The block; not changed.
        size: How much of it counts.
        limits: For pieces that are too long to be cleaned whole.
        odd: A quick test for what `ODD` describes.
    """

    def __init__(
        self, data: bytearray, size: int, limits: Limits = DEFAULT, odd: IsOdd = is_odd
    ) -> None:
        self._raw = data
        self._chunks: list[tuple[int, int]] = []  # the bounds of each chunk in the raw bytes
        self._starts: list[int] = []  # where each chunk starts in the smooth bytes
        self._spans: dict[int, tuple[list[int], list[int]]] = {}
        self.data: bytes | bytearray = data
        self.size = size
        if data.find(b"\x1b", 0, size) >= 0:
            self._without_escapes(size)
        with memoryview(self.data)[: self.size] as view:
            has_odd = odd(view)
        segments = list(_cleaned_lines(self.data, self.size, limits)) if has_odd else []
        if self.data.find(b"\\", 0, self.size) >= 0:
            segments += _decoded_lines(self.data, self.size, limits)
        self.side = b"\n".join(text for _, text in segments)
        """Cleaned and decoded lines; empty when there are none."""
        self._side_starts = list(accumulate((len(text) + 1 for _, text in segments), initial=0))
        self._places = [place for place, _ in segments]
        self.beside: dict[int, list[bytes]] = {}
        """The lines of `side`, by where in `data` their pieces are."""
        for place, text in segments:
            self.beside.setdefault(place, []).append(text)

    def place(self, side_offset: int) -> int:
        """An offset in `data` within the piece, and near the byte, that a byte of `side` is from."""
        return self._places[bisect_right(self._side_starts, side_offset) - 1]

    def raw(self, offset: int) -> int:
        """The raw offset of a smooth one."""
        if not self._starts:
            return offset
        number = bisect_right(self._starts, offset) - 1
        begin, end = self._chunks[number]
        within = offset - self._starts[number]
        if number not in self._spans:
            self._spans[number] = _taken_out(self._raw[begin:end])
        places, totals = self._spans[number]
        return begin + within + totals[bisect_right(places, within)]

    def parts(self, size: int) -> Iterator[Part]:
        """The text in stretches of about `size` bytes that end where a line or piece does."""
        low = raw_low = 0
        while low < self.size:
            if self._starts:
                number = bisect_right(self._starts, low + size - 1)
                high = self._starts[number] if number < len(self._starts) else self.size
                raw_high = self._chunks[number - 1][1]
            else:
                high = raw_high = part_end(self.data, low, self.size, size)
            if high > low:
                yield Part(low, high, raw_low, raw_high)
            low, raw_low = high, raw_high

    def _without_escapes(self, size: int) -> None:
        parts: list[bytes] = []
        begin = length = 0
        while begin < size:
            end = part_end(self._raw, begin, size, _CHUNK)
            part = _ESCAPES.sub(b"", self._raw[begin:end])
            self._chunks.append((begin, end))
            self._starts.append(length)
            parts.append(part)
            length += len(part)
            begin = end
        self.data, self.size = b"".join(parts), length


def part_end(data: bytes | bytearray, begin: int, size: int, most: int) -> int:
    """Where a part of at most so many bytes ends: behind a line end, or where the piece does."""
    if size - begin <= most:
        return size
    end = data.rfind(b"\n", begin, begin + most) + 1
    if not end:
        found = _SEPARATOR.search(data, begin + most, size)
        end = found.end() if found else size
    return end


def _taken_out(chunk: bytes | bytearray) -> tuple[list[int], list[int]]:
    """Where in the smoothed chunk something is missing, and how much up to there."""
    places, totals, gone = [], [0], 0
    for found in _ESCAPES.finditer(chunk):
        places.append(found.start() - gone)
        gone += found.end() - found.start()
        totals.append(gone)
    return places, totals


def _cleaned_lines(
    data: bytes | bytearray, size: int, limits: Limits
) -> Iterator[tuple[int, bytes]]:
    at = 0
    while found := _ODD.search(data, at, size):
        start, at = piece_at(data, size, found.start())
        if at - start <= limits.piece_bytes:
            yield start, _cleaned(bytes(data[start:at]))
            continue
        # Cleaned in overlapping stretches, so that a match is known to be near its place.
        for middle in range(start + limits.reach_bytes, at, limits.reach_bytes):
            stretch = data[middle - limits.reach_bytes : min(middle + limits.reach_bytes, at)]
            yield middle, _cleaned(bytes(stretch))


def _decoded_lines(
    data: bytes | bytearray, size: int, limits: Limits
) -> Iterator[tuple[int, bytes]]:
    at = 0
    while (at := data.find(b"\\", at, size)) >= 0:
        start, at = piece_at(data, size, at)
        # A longer line is cut before it is read, and then it is no JSON any more.
        if at - start > limits.piece_bytes or data.find(b'"', start, at) < 0:
            continue
        line = _cleaned(bytes(data[start:at]))
        if b'\\"' in line:
            yield start, line.replace(b'\\"', b'"')  # logfmt escapes nothing but quotes
        if not line.rstrip().endswith(b"}"):
            continue
        for _ in range(_DEEPEST):
            line = _cleaned(_ESCAPED.sub(_unescaped, line))
            yield start, line
            if b"\\" not in line:
                break


def _cleaned(line: bytes) -> bytes:
    if not _ODD.search(line):
        return line
    return clean(line).encode("utf-8", "replace").replace(b"\n", _LINE_END)


def _unescaped(found: re.Match[bytes]) -> bytes:
    escaped = found[0]
    if escaped[1:2] == b"u" and len(escaped) >= 6:
        try:
            units = bytes.fromhex(escaped.replace(b"\\u", b"").decode())
        except ValueError:
            return escaped
        char = units.decode("utf-16-be", "replace")
        return _LINE_END if char in "\r\n" else char.encode()
    if escaped in (b"\\n", b"\\r"):
        return _LINE_END
    return _PLAIN.get(escaped, escaped[1:])


def piece_at(data: bytes | bytearray, size: int, at: int) -> tuple[int, int]:
    """The bounds of the piece, between line feeds and carriage returns, that holds `data[at]`."""
    end = data.find(b"\n", at, size)
    if end < 0:
        end = size
    back = data.find(b"\r", at, end)
    if back >= 0:
        end = back
    start = data.rfind(b"\n", 0, at) + 1
    return max(start, data.rfind(b"\r", start, at) + 1), end
