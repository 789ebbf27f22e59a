"""The scanning part alone, in a process of its own: prints seconds, memory and what was found, as JSON.

    python tests/benchmarks/engine.py FILE [--signatures N]

`floor` is Hyperscan alone: the literals of the same patterns over the same blocks, with a call-back that
does nothing. No scanner that uses it can be faster. `scan` is this program's scanner, which reads the
stream, cleans, confirms, counts and keeps.
"""

from __future__ import annotations

import argparse
import codecs
import json
import re
import resource
import time
from collections.abc import Sequence
from pathlib import Path

import hyperscan

from diagnose.cache import default_cache
from diagnose.catalogue import default_root, patterns_of
from diagnose.packed import load
from diagnose.pipeline import Examiner
from diagnose.scan import Scanner
from diagnose.scan.derive import needle
from diagnose.scan.protocol import owners

BLOCK = 1 << 20


def patterns(count: int) -> tuple[str, ...]:
    """The expressions of so many signatures: the catalogue's, then variants of them in other letters."""
    signatures = load(default_root(), default_cache())
    each = [patterns_of(signature) for signature in signatures.values()]
    while len(each) < count:
        each += [tuple(map(_other_letters, some)) for some in each[: count - len(each)]]
    return tuple(dict.fromkeys(pattern for some in each[:count] for pattern in some))


def _other_letters(pattern: str) -> str:
    return re.sub(r"(?<!\\)[A-Za-z]{4,}", lambda m: codecs.encode(m[0], "rot13"), pattern)


def floor(path: Path, wanted: Sequence[str]) -> float:
    """Seconds that Hyperscan needs for the literals of some patterns."""
    literals = owners([needle(pattern) for pattern in wanted])
    database = hyperscan.Database()
    database.compile(
        expressions=[b"".join(b"\\x%02x" % byte for byte in text) for text, _ in literals],
        ids=list(range(len(literals))),
        elements=len(literals),
        flags=[
            hyperscan.HS_FLAG_SINGLEMATCH | (hyperscan.HS_FLAG_CASELESS if any_case else 0)
            for _, any_case in literals
        ],
    )
    buffer = bytearray(BLOCK)
    started = time.perf_counter()
    with path.open("rb", buffering=0) as file, memoryview(buffer) as view:
        while read := file.readinto(buffer):
            with view[:read] as block:
                database.scan(block, match_event_handler=lambda *_: None)
    return time.perf_counter() - started


def main() -> None:
    """Measures both and prints the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--signatures", type=int, default=0)
    given = parser.parse_args()
    if given.signatures:
        wanted = patterns(given.signatures)
        scanner = Scanner(wanted, cache=default_cache())
    else:
        examiner = Examiner(load(default_root(), default_cache()), cache=default_cache())
        wanted, scanner = examiner._wanted.patterns, examiner._scanner
    started = time.perf_counter()
    with given.file.open("rb", buffering=0) as file:
        found = scanner.scan(0, given.file.name, file)
    scanned = time.perf_counter() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    figures = {
        "scan": scanned,
        "memory": memory,
        "floor": floor(given.file, wanted),
        "patterns": len(wanted),
        "matched": len(found.hits),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
