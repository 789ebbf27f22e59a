"""The scanner: every pattern, over the raw bytes of one source after the other.

Floor 3: pure but for the cache and the stream it is given. Speed comes from looking for words of all
patterns at once in raw bytes, and reading as lines only the few that may match.
"""

from __future__ import annotations

import marshal
import sys
from collections.abc import Mapping, Sequence, Set
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from diagnose.cache import FORMAT, Cache
from diagnose.scan import engine
from diagnose.scan.blocks import Readable, blocks
from diagnose.scan.limits import DEFAULT, Limits
from diagnose.scan.needles import Literal, Needle
from diagnose.scan.passage import Passage, Scan
from diagnose.scan.search import Search
from diagnose.scan.segments import segments

if TYPE_CHECKING:
    from diagnose.scan.crew import Crew

_NO_WINDOWS: Mapping[int, int] = {}
_NONE: Set[int] = frozenset()
_SOURCES = (
    "charsets",
    "classes",
    "derive",
    "dialect",
    "emit",
    "hyper",
    "literals",
    "needles",
    "nodes",
    "ordinary",
    "reach",
    "trim",
    "written",
)


class Scanner:
    """Finds every match of every pattern in a source, in one pass and constant memory.

    Args:
        patterns: Expressions for one line each, in the `regex` module's dialect.
        engine: `auto`, `hyperscan`, `re2` or `regex`.
        cache: Folder for compiled scanners; None for none.
        windows: How many lines to keep after each match of a pattern, by the pattern's position.
        few: Positions of patterns of whose matches the first and last few are enough.
        processes: How many may look at one long source at once.
        limits: For tests.

    Raises:
        CatalogueError: If a match of some pattern need not hold a literal of four characters.
        UsageError: If the engine is unknown or not installed.
    """

    engine: str
    """The one that runs."""

    def __init__(
        self,
        patterns: Sequence[str],
        *,
        engine: str = "auto",
        cache: Path | None = None,
        windows: Mapping[int, int] = _NO_WINDOWS,
        few: Set[int] = _NONE,
        processes: int = 1,
        limits: Limits = DEFAULT,
    ) -> None:
        self.engine = _choose(engine)
        self._processes = processes
        kept = Cache(cache, _derived_from(patterns))
        needles = _needles(patterns, kept)
        stored = Cache(cache, _depends_on(self.engine, kept.key) if cache else ())
        built = _build(self.engine, needles, stored)
        self._search = Search(tuple(patterns), needles, built, dict(windows), few, limits)

    def scan(self, index: int, source: str, stream: Readable, expected: int = 0) -> Scan:
        """Reads one source to its end.

        Args:
            index: The source's position in the run, for `Evidence.order`.
            source: The source's name, for `Line.source`.
            stream: Its bytes, decompressed.
            expected: How many there are at least, where that is known.
        """
        passage = Passage(index, source, self._search, expected)
        if self._processes > 1:
            return self._spread(passage, stream)
        for block in blocks(stream, self._search.limits):
            passage.take(block)
        return passage.result()

    def _spread(self, passage: Passage, stream: Readable) -> Scan:
        """Reads one source with further processes, once it turns out to be long."""
        limits = self._search.limits
        with ExitStack() as stack:
            crew: Crew | None = None
            for segment in segments(stream, limits):
                if segment.rest or segment.offset < limits.alone_bytes:
                    passage.segment(segment)
                    continue
                if crew is None:
                    from diagnose.scan.crew import Crew, may_copy

                    if not may_copy():
                        passage.segment(segment)
                        continue
                    passage.part(segment)
                    crew = stack.enter_context(Crew(passage, self._processes, len(segment.data)))
                crew.give(segment)
                passage.skip(segment)
            return passage.result(list(crew.found()) if crew else ())


_choose, _build = engine.choose, engine.build


class _Kept(Sequence[Needle]):
    """Needles that were derived before, each made when it is first asked for: a log asks for few.

    Args:
        fields: Of each.
    """

    def __init__(self, fields: Sequence[Any]) -> None:
        self._fields = fields
        self._made: dict[int, Needle] = {}

    def __len__(self) -> int:
        return len(self._fields)

    @overload
    def __getitem__(self, index: int) -> Needle: ...
    @overload
    def __getitem__(self, index: slice) -> list[Needle]: ...
    def __getitem__(self, index: int | slice) -> Needle | list[Needle]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        made = self._made.get(index)
        if made is None:
            literals, *rest = self._fields[index]
            made = self._made[index] = Needle(tuple(map(Literal._make, literals)), *rest)
        return made


def _needles(patterns: Sequence[str], cache: Cache) -> Sequence[Needle]:
    stored = cache.read("needles")
    if stored is not None:
        return _Kept(marshal.loads(stored))
    from diagnose.scan.derive import needle

    found = [needle(pattern) for pattern in patterns]
    fields = [([tuple(literal) for literal in n.literals], *n[1:]) for n in found]
    cache.write("needles", marshal.dumps(fields, FORMAT))
    return found


def _derived_from(patterns: Sequence[str]) -> list[bytes]:
    """All that stored needles stand on: code and patterns, on whatever machine they were derived."""
    return [*_code(), *(pattern.encode("utf-8", "surrogatepass") for pattern in patterns)]


def _depends_on(name: str, needles: str) -> list[bytes]:
    """All that a stored scanner stands on: versions, machine, and the digest of what its needles stand on."""
    import os

    parts = [
        name,
        sys.version,
        sys.platform,
        os.uname().machine
        if hasattr(os, "uname")
        else os.environ.get("PROCESSOR_ARCHITECTURE", ""),
        sys.byteorder,
        needles,
    ]
    if name == "hyperscan":
        from diagnose.scan.hyper import environment

        parts.append(environment())
    return [part.encode("utf-8", "surrogatepass") for part in parts]


def _code() -> list[bytes]:
    """The modules that decide what is stored, so that no other version's file is ever used."""
    folder = Path(__file__).parent
    try:
        return [(folder / f"{name}.py").read_bytes() for name in _SOURCES]
    except OSError:
        from importlib.metadata import version

        return [version("vllm-diagnose").encode()]
