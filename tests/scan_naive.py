"""A slow scanner that cannot be wrong, to compare the fast one with."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace

import regex

from diagnose.document import clean, read_line
from diagnose.scan import Scan, Scanner
from diagnose.scan.limits import DEFAULT

Found = dict[int, list[tuple[int, str, dict[str, str]]]]
"""For each pattern, the (line number, text, captures) of its matches in order."""


def naive(patterns: Sequence[str], log: bytes) -> Found:
    """For each pattern, every (line number, text, captures) in order: no tricks."""
    compiled = [regex.compile(pattern) for pattern in patterns]
    found: Found = {}
    for number, raw in enumerate(log.split(b"\n"), 1):
        pieces = raw.split(b"\r")
        for place, piece in enumerate(pieces):
            if place and not clean(piece):
                continue  # nothing was drawn, so the piece before it still shows
            line = read_line("log", number, piece if place == 0 else pieces[0] + b"\r" + piece)
            for index, expression in enumerate(compiled):
                match = expression.search(line.message) or expression.search(line.text)
                if match:
                    captures = {k: v for k, v in match.groupdict().items() if v is not None}
                    found.setdefault(index, []).append((number, line.text, captures))
    return found


def seen(scan: Scan) -> Found:
    """The same from a scan."""
    return {
        index: [(e.line.number, e.line.text, dict(e.captures)) for e in hits.evidence]
        for index, hits in scan.hits.items()
    }


def scan(
    patterns: Sequence[str],
    log: bytes,
    *,
    engine: str = "auto",
    windows: dict[int, int] | None = None,
    processes: int = 1,
    **limits: int,
) -> Scan:
    """Scans bytes, with limits other than usual."""
    chosen = replace(DEFAULT, **limits)
    scanner = Scanner(
        patterns, engine=engine, windows=windows or {}, processes=processes, limits=chosen
    )
    return scanner.scan(0, "log", io.BytesIO(log))
