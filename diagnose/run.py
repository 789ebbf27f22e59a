"""One run as it was observed: what every pattern matched in all its sources, and in which order.

Floor 4: pure. A run is everything that belongs to one job: several files, one answer.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from operator import itemgetter

from diagnose.dialects import times
from diagnose.document import comparable
from diagnose.model import Evidence, Hits, Line, Writer
from diagnose.scan import Scan

NOW = 1 << 20
"""Sources with an index from here on show what is so now, after everything that a log tells."""
SAME_TIME_S = 1.0
"""Clocks of two processes, and stamps cut to seconds, are not trusted to better than this."""


class Run:
    """Look-ups over the scans of one run.

    Args:
        patterns: The expressions the scanner was built from, in its order.
        scans: One for each source, in the order given by the user.
    """

    def __init__(self, patterns: Sequence[str], scans: Sequence[Scan]) -> None:
        self.scans = tuple(scans)
        self._index = {pattern: index for index, pattern in enumerate(patterns)}
        self._found = _joined(self.scans)
        self._writers: dict[tuple[str, str], Writer] | None = None
        self._workers: set[tuple[str, str]] | None = None
        self._ends: dict[str, float] | None = None

    def evidence(self, pattern: str) -> tuple[Evidence, ...]:
        """The kept matches of a pattern over all sources, in observed order."""
        return self._found.get(self._index[pattern], ())

    def count(self, pattern: str) -> int:
        """How often a pattern matched; a lower bound in a flood."""
        index = self._index[pattern]
        return sum(scan.hits[index].count for scan in self.scans if index in scan.hits)

    def all_evidence(self) -> Iterator[Evidence]:
        """Every kept match of every pattern, unordered between patterns."""
        for scan in self.scans:
            for hits in scan.hits.values():
                yield from hits.evidence

    def windows(self) -> Iterator[Sequence[Line]]:
        """The stretches of lines kept after a window pattern, in observed order."""
        for scan in self.scans:
            yield from scan.windows

    def part(self, source: int, lines: range, without: Sequence[int]) -> Run:
        """The run as it would be if the file with index `source` had only these lines.

        Args:
            source: Index of the file.
            lines: Line numbers to keep.
            without: Indices of files to leave out altogether.
        """
        kept = [
            _cut(scan, lines) if index == source else scan
            for index, scan in enumerate(self.scans)
            if index not in without
        ]
        return Run(tuple(self._index), kept)

    def end_s(self, line: Line) -> float | None:
        """The end of the run on the clock of `line`: its last line, and the silence known after it."""
        if self._ends is None:
            self._ends = _ends(self.scans)
        return self._ends.get(times.kind(line.time_s), line.time_s)

    @property
    def writers(self) -> dict[tuple[str, str], Writer]:
        """Every process seen, by key, under the last name it used."""
        if self._writers is None:
            found: dict[tuple[str, str], Writer] = {}
            for writer in self._named():
                known = found.get(writer.key)
                if known is None or len(writer.ranks) >= len(known.ranks):
                    found[writer.key] = writer
            self._writers = found
        return self._writers

    def _named(self) -> list[Writer]:
        """Every name of every process, in the order in which each was used last."""
        # Lines of a process share the object, so that thousands of lines are a few dozen names.
        used: dict[int, tuple[tuple[int, int], Writer]] = {}
        for evidence in self.all_evidence():
            writer, order = evidence.line.writer, evidence.order
            known = used.get(id(writer))
            if known is None or known[0] < order:
                used[id(writer)] = order, writer
        later = (NOW << 1, 0)
        for scan in self.scans:
            for line in (*scan.head, *scan.tail):
                later = (later[0], later[1] + 1)
                used[id(line.writer)] = later, line.writer
        named = [writer for _, writer in sorted(used.values(), key=itemgetter(0))]
        return [w for w in named if w and (w.role or w.ranks or w.pid is not None)]

    @property
    def workers(self) -> set[tuple[str, str]]:
        """Keys of the processes that hold a rank of the model."""
        if self._workers is None:
            self._workers = {
                key for key, one in self.writers.items() if one.role in ("worker", "scheduler")
            }
        return self._workers


def _joined(scans: Sequence[Scan]) -> dict[int, tuple[Evidence, ...]]:
    """The kept matches of every pattern that matched, by its position."""
    found: dict[int, tuple[Evidence, ...]] = {}
    for scan in scans:
        for index, hits in scan.hits.items():
            found[index] = found[index] + hits.evidence if index in found else hits.evidence
    return found


def _ends(scans: Sequence[Scan]) -> dict[str, float]:
    """The latest end by each kind of time, which alone can be compared."""
    ends: dict[str, float] = {}
    for scan in scans:
        for line in scan.tail:
            if line.time_s is not None:
                kind, end = times.kind(line.time_s), line.time_s + scan.silent_s
                ends[kind] = max(ends.get(kind, end), end)
    return ends


def before(first: Evidence, second: Evidence) -> bool:
    """Whether the observed order allows `first` to have led to `second`.

    Within one process the log's order counts; between processes of one file the time stamps do,
    because their lines overtake each other; where neither says, anything is possible.
    """
    if first.order[0] >= NOW > second.order[0]:
        return False
    same_source = first.order[0] == second.order[0]
    same_writer = same_source and first.line.writer.key == second.line.writer.key
    if same_writer:
        return first.order <= second.order
    if comparable(first.line, second.line):
        assert first.line.time_s is not None
        assert second.line.time_s is not None
        if first.line.time_s != second.line.time_s:
            return first.line.time_s <= second.line.time_s + SAME_TIME_S
    return not same_source or first.order <= second.order


def known_before(first: Evidence, second: Evidence) -> bool:
    """Whether `first` certainly came before `second`: in one file, or by times that compare."""
    if first.order == second.order:
        return False
    told = first.order[0] == second.order[0] or comparable(first.line, second.line)
    return told and before(first, second)


def later_in_process(earlier: Evidence, later: Evidence) -> bool:
    """Whether `later` follows `earlier` and may be of the same process."""
    if not before(earlier, later) or earlier.order == later.order:
        return False
    a, b = earlier.line.writer, later.line.writer
    return not a or not b or a.key == b.key


def _cut(scan: Scan, lines: range) -> Scan:
    hits = {}
    for index, all_hits in scan.hits.items():
        ordered = all_hits.evidence
        low = bisect_left(ordered, lines.start, key=_number)
        evidence = ordered[low : bisect_left(ordered, lines.stop, key=_number)]
        if evidence:
            whole = len(evidence) == len(all_hits.evidence)
            count = all_hits.count if whole else len(evidence)
            hits[index] = Hits(count, all_hits.exact and whole, evidence)
    return replace(
        scan,
        hits=hits,
        windows=tuple(w for w in scan.windows if w[0].number in lines),
        head=tuple(line for line in scan.head if line.number in lines),
        tail=tuple(line for line in scan.tail if line.number in lines),
    )


def number_there(number: int, numbers: Sequence[tuple[int, int]]) -> int:
    """The number of a line in the text that it was taken out of; see `Source.numbers`."""
    own, there = numbers[max(0, bisect_right(numbers, number, key=itemgetter(0)) - 1)]
    return number - own + there


def renumbered(scan: Scan, numbers: Sequence[tuple[int, int]]) -> Scan:
    """A scan of lines taken out of a larger text, with the line numbers of that text.

    Args:
        scan: What was found.
        numbers: For each stretch of lines its first line in the scan, and the same line in the text.
    """

    def moved(line: Line) -> Line:
        return replace(line, number=number_there(line.number, numbers))

    return replace(
        scan,
        hits={
            index: replace(
                hits, evidence=tuple(replace(e, line=moved(e.line)) for e in hits.evidence)
            )
            for index, hits in scan.hits.items()
        },
        windows=tuple(tuple(map(moved, window)) for window in scan.windows),
        head=tuple(map(moved, scan.head)),
        tail=tuple(map(moved, scan.tail)),
    )


def _number(evidence: Evidence) -> int:
    return evidence.line.number
