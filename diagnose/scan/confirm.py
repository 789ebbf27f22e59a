"""From candidates to evidence: the line read, the original expression searched in it.

Floor 3: pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from diagnose.model import Evidence, Line
from diagnose.scan.blocks import LEAD_BYTES
from diagnose.scan.limits import Limits
from diagnose.scan.reader import Reader
from diagnose.scan.written import SYMBOLS

if TYPE_CHECKING:
    import regex

CUT = " … ".encode()
"""Stands where a long piece was cut, so that `^` and `$` do not match there."""


_NONE: Mapping[str, str] = {}
_REMEMBERED = 256
_SYMBOL = "\x01"
"""Stands for every symbol: an ASCII character that is no letter, digit or blank either."""
_CODES = re.compile(rb"\\[x0]")
_MARGIN = 256
"""Characters that look-around may need to see."""


class Candidate(NamedTuple):
    """A piece of a line in which a pattern may match."""

    raw: bytes
    """As `read_line` takes it."""
    number: int
    """1-based line number."""
    order: int
    """Offset of the piece in the source."""
    cut_before: bool = False
    cut_after: bool = False


class _Said(NamedTuple):
    message: bytes
    text: bytes
    """Of the whole line; empty if it is the same."""
    length: int
    """Of the longer of the two."""
    has_symbols: bool
    """Whether others stand for characters beyond ASCII."""


class Confirmer:
    """Searches candidates for the expressions as they were written; compiles those that are hit.

    Args:
        index: Position of the source in the run.
        reader: Reads its lines.
        patterns: All expressions.
        compiled: Those that were compiled so far; shared between sources.
        plain: For most patterns an expression that `re` reads, which says the same of ASCII text, and
            of symbols, up to some length.
        limits: How long one search may take, and how near a cut may be to a match.
    """

    def __init__(
        self,
        index: int,
        reader: Reader,
        patterns: Sequence[str],
        compiled: dict[int, regex.Pattern[str]],
        plain: Callable[[int, int], re.Pattern[Any] | None],
        limits: Limits,
    ) -> None:
        self._index = index
        self._reader = reader
        self._patterns = patterns
        self._compiled = compiled
        self._plain = plain
        self._timeout_s = limits.timeout_s
        self._margin = min(_MARGIN, limits.reach_bytes // 8)
        self._lines: dict[Candidate, tuple[Line, _Said | None]] = {}
        self.problems: dict[int, str] = {}
        """One sentence for each pattern that took too long on some line."""

    def evidence(self, pattern: int, candidate: Candidate) -> Evidence | None:
        """What a pattern finds in a candidate; None if it does not match."""
        line, said = self._read(candidate)
        order = (self._index, candidate.order)
        if said and (plain := self._plain_form(pattern, said)):
            is_text = isinstance(plain.pattern, str)
            shown = line.message
            seen = plain.search(shown if is_text else said.message)
            if seen is None and said.text:
                shown = line.text
                seen = plain.search(shown if is_text else said.text)
            return Evidence(line, _captures(seen, shown), order) if seen else None
        found = self._search(pattern, line.message, candidate)
        if found is None and line.text != line.message:
            found = self._search(pattern, line.text, candidate)
        if found is None:
            return None
        captures = {name: text for name, text in found.groupdict().items() if text is not None}
        return Evidence(line, captures, order)

    def _read(self, candidate: Candidate) -> tuple[Line, _Said | None]:
        """The candidate as a line; asked for the same piece by several patterns, it is read once."""
        read = self._lines.get(candidate)
        if read is None:
            if len(self._lines) >= _REMEMBERED:
                self._lines.clear()
            line = self._reader.line(candidate.number, candidate.raw)
            cut = candidate.cut_before or candidate.cut_after
            read = self._lines[candidate] = (line, None if cut else _said(line.message, line.text))
        return read

    def matches(self, pattern: int, text: str, number: int) -> bool:
        """Whether a pattern matches a text of the line with that number."""
        said = _said(text, text)
        if said and (plain := self._plain_form(pattern, said)):
            return bool(plain.search(text if isinstance(plain.pattern, str) else said.message))
        return self._search(pattern, text, Candidate(b"", number, 0)) is not None

    def _plain_form(self, pattern: int, said: _Said) -> re.Pattern[Any] | None:
        plain = self._plain(pattern, said.length)
        if not plain or not said.has_symbols or isinstance(plain.pattern, str):
            return plain
        # An expression that names characters by their codes may mean the one that stands for symbols.
        return None if _CODES.search(plain.pattern) else plain

    def _search(self, pattern: int, text: str, candidate: Candidate) -> regex.Match[str] | None:
        expression = self._compiled_of(pattern)
        try:
            if not candidate.cut_before and not candidate.cut_after:
                return expression.search(text, timeout=self._timeout_s)
            low, high = self._known(text, candidate)
            matches = expression.finditer(text, timeout=self._timeout_s)
            return next((m for m in matches if low <= m.start() and m.end() <= high), None)
        except TimeoutError:
            self.problems[pattern] = (
                f"the expression {self._patterns[pattern]!r} took too long on line"
                f" {candidate.number} and counts as not matching there"
            )
            return None

    def _known(self, text: str, candidate: Candidate) -> tuple[int, int]:
        """Where a match in a stretch of a long piece may be: what looks around must see enough."""
        mark = CUT.decode()
        low = text.find(mark) + len(mark) + self._margin if candidate.cut_before else 0
        high = text.rfind(mark) - self._margin if candidate.cut_after else len(text)
        return low, high

    def _compiled_of(self, pattern: int) -> regex.Pattern[str]:
        if pattern not in self._compiled:
            import regex

            self._compiled[pattern] = regex.compile(self._patterns[pattern])
        return self._compiled[pattern]


def _captures(found: re.Match[Any], text: str) -> Mapping[str, str]:
    groups = found.re.groupindex
    if not groups:
        return _NONE
    return {name: text[slice(*found.span(name))] for name in groups if found.start(name) >= 0}


def _said(message: str, text: str) -> _Said | None:
    """A line's text, where expressions for short ASCII text say of it what the original ones say."""
    has_symbols = not text.isascii() or not message.isascii()
    said, shown = message, text
    if has_symbols:
        said, shown = SYMBOLS.sub(_SYMBOL, said), SYMBOLS.sub(_SYMBOL, shown)
        if not (said.isascii() and shown.isascii()):
            return None
    if "\n" in said or "\n" in shown:
        return None
    other = b"" if shown == said else shown.encode()
    return _Said(said.encode(), other, max(len(shown), len(said)), has_symbols)


def shorten(raw: bytes, limits: Limits) -> bytes:
    """A line, without its newline, of bounded length: its start, and its last piece as is shown."""
    if len(raw) <= limits.piece_bytes:
        return raw
    shown = raw.rstrip(b"\r")
    start = shown.rfind(b"\r") + 1
    lead = shown[: min(start, LEAD_BYTES)].partition(b"\r")[0] + b"\r" if start else b""
    piece = shown[start:]
    if len(piece) > limits.piece_bytes:
        piece = piece[: limits.reach_bytes] + CUT + piece[-limits.reach_bytes :]
    return lead + piece
