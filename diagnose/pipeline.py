"""From inputs to a diagnosis: the order in which the floors are asked.

Floor 11. The only place that knows all the steps: scan, join, settings, phases, match, explain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from diagnose import advice, facts, recency, trouble, verdict
from diagnose.behind import fix_of, trace_back
from diagnose.causal import explain, standing
from diagnose.expressions import later
from diagnose.lives import lives
from diagnose.match import Matcher
from diagnose.model import (
    Channel,
    Diagnosis,
    Evidence,
    Finding,
    Kind,
    Progress,
    Signature,
    SourceNote,
    Unknown,
    Verdict,
)
from diagnose.mystery import explore
from diagnose.news import is_ending
from diagnose.packed import only
from diagnose.progress import progress, served
from diagnose.run import NOW, Run, known_before, renumbered
from diagnose.scan import Scan, Scanner
from diagnose.sources import Source
from diagnose.sources.stream import Peeked, pieces
from diagnose.wanted import prepared

if TYPE_CHECKING:
    from diagnose.model import Recording


class Examiner:
    """Diagnoses runs with one catalogue; the costly preparations are made once.

    Args:
        signatures: The catalogue, by id.
        cache: Folder for the compiled scanner; None for none.
        engine: Which scanner to use: `auto`, `hyperscan`, `re2` or `regex`.
        processes: How many may look at one long source at once.
    """

    def __init__(
        self,
        signatures: Mapping[str, Signature],
        *,
        cache: Path | None = None,
        engine: str = "auto",
        processes: int = 1,
    ) -> None:
        self._all = signatures
        self._wanted = prepared(signatures, cache)
        self._signatures = only(signatures, self._wanted.ids)
        self._scanner = Scanner(
            self._wanted.patterns,
            engine=engine,
            cache=cache,
            windows=self._wanted.windows,
            few=self._wanted.few,
            processes=processes,
        )

    def observe(self, sources: Iterable[Source]) -> tuple[Run, tuple[SourceNote, ...]]:
        """Scans every source once."""
        scans, notes = [], []
        for position, given in enumerate(sources):
            source, recording = _summed_up(given)
            live = source.channel in (Channel.STACK, Channel.HOST)
            index = position + NOW if live else position
            scan = self._scanner.scan(index, source.name, source.stream, source.size or 0)
            if source.numbers:
                scan = renumbered(scan, source.numbers)
            scans.append(self._visible(replace(scan, silent_s=source.silent_s), source.channel))
            notes.append(
                SourceNote(
                    source.name,
                    scan.lines,
                    scan.size,
                    given.problem or scan.unread,
                    source.fresh_s is None
                    or not recency.is_of(source.fresh_s, scan.tail, zone_s=source.zone_s),
                    recording,
                )
            )
        recordings = [note.recording for note in notes if note.recording is not None]
        scans = [replace(scan, silent_s=_silence(scan, recordings)) for scan in scans]
        return Run(self._wanted.patterns, scans), tuple(notes)

    def _visible(self, scan: Scan, channel: Channel) -> Scan:
        """A scan without what its channel does not show: only a log tells what came when, and errors."""
        numbers = self._wanted.seen[channel]
        kept = {number: hits for number, hits in scan.hits.items() if number in numbers}
        if channel is Channel.LOG:
            return replace(scan, hits=kept)
        return replace(scan, hits=kept, windows=(), head=(), tail=())

    def findings(self, run: Run) -> tuple[tuple[Finding, ...], Mapping[str, str], Progress]:
        """Every signature that holds in a run, with its settings and its progress."""
        settings = facts.facts(run)
        came = progress(run, settings)
        matcher = Matcher(self._signatures, run, settings, came)
        possible = self._wanted.possible({index for scan in run.scans for index in scan.hits})
        return matcher.findings(possible), settings, came

    def diagnose(
        self,
        sources: Iterable[Source],
        script: Callable[[Mapping[str, str]], Sequence[Finding]] | None = None,
    ) -> Diagnosis:
        """Answers for one run: for the server that went wrong last, when there were several.

        Args:
            sources: What the run left behind.
            script: What its launch script shows for a job with these settings.
        """
        run, notes = self.observe(sources)
        files = lives(run, trouble.BROKEN, (trouble.SUCCESS,))
        return max((self._of_file(parts, notes, script) for parts in files), key=weight)

    def _of_file(
        self,
        parts: Sequence[Run],
        notes: tuple[SourceNote, ...],
        script: Callable[[Mapping[str, str]], Sequence[Finding]] | None,
    ) -> Diagnosis:
        """The answer for the servers of one file, in observed order."""
        last = self._conclude(parts[-1], notes, script)
        if last.verdict is Verdict.HEALTHY and (
            trouble.success(parts[-1]) is not None or served(last.progress)
        ):
            # Another server was tried, and the job did its work with it.
            return last
        earlier = (self._conclude(part, notes, script) for part in reversed(parts[:-1]))
        return max((last, *earlier), key=weight)

    def _conclude(
        self,
        run: Run,
        notes: tuple[SourceNote, ...],
        script: Callable[[Mapping[str, str]], Sequence[Finding]] | None,
    ) -> Diagnosis:
        found, settings, came = self.findings(run)
        done = trouble.success(run)
        over = trouble.wound_up(run, done, found)
        live = standing([f for f in found if not _after(over, f.first)], came, done)
        errors = [e for e in trouble.errors(run, found) if not _after(over, e)]
        explanation = explain(live, came, settings, self._signatures)
        what, why = verdict.decide(
            explanation, live, came, errors, done, settled=all(n.settled for n in notes)
        )
        bad = what is not Verdict.HEALTHY
        if script is not None and bad:
            explanation = trace_back(explanation, live, script(settings), self._all)
        cause = explanation.cause
        return Diagnosis(
            verdict=what,
            verdict_why=why,
            cause=cause,
            confidence=explanation.confidence,
            chain=explanation.chain if bad else (),
            alternatives=explanation.alternatives if bad else (),
            also=explanation.also if bad else (),
            fix=fix_of(explanation.chain, cause, settings) if cause else None,
            look=advice.look_at(live, settings) if bad and cause is None else None,
            retry=cause.signature.retry if cause else None,
            retry_why=cause.signature.retry_why if cause else "",
            progress=came,
            facts=settings,
            unknowns=_unknowns(cause, settings, came, what, notes),
            mystery=explore(run, found, came, errors) if bad and cause is None else None,
            sources=notes,
        )


def _after(mark: Evidence | None, evidence: Evidence) -> bool:
    return mark is not None and known_before(mark, evidence)


def _summed_up(source: Source) -> tuple[Source, Recording | None]:
    """The file of a GPU monitor as a few lines about the host; every other source as it is."""
    if source.channel is not Channel.LOG or not _TABLE.search(source.name):
        return source, None
    from diagnose import metrics

    stream = Peeked(source.stream, _HEADER)
    where = metrics.columns(stream.head.decode(errors="replace").partition("\n")[0])
    if where is None:
        return replace(source, stream=stream), None
    recorder = metrics.Recorder(source.name, where)
    rest = b""
    for piece in pieces(stream):
        *rows, rest = (rest + piece).split(b"\n")
        for row in rows:
            recorder.add(row.decode(errors="replace"))
    recording = recorder.recording()
    told = metrics.statements(recording) if recording else []
    text = "".join(f"{line}\n" for line in told).encode()
    host = Source(f"{source.name} (summed up)", BytesIO(text), channel=Channel.HOST)
    return host, recording


def _silence(scan: Scan, recordings: Sequence[Recording]) -> float:
    """How long the job still lived after the last line of a log, by its file's times or by a GPU monitor."""
    if not scan.tail or is_ending(scan.tail[-1]):
        return 0.0  # a log that tells its own end was not silent after it
    times = [line.time_s for line in (*scan.head, *scan.tail) if line.time_s is not None]
    if not times or not recordings:
        return max(scan.silent_s, 0.0)
    from diagnose import metrics

    known = (metrics.silence(r, times[0], times[-1]) for r in recordings)
    return max(scan.silent_s, *known, 0.0)


_TABLE = later(r"(?i)\.csv\b")
_HEADER = 16 * 1024
"""Bytes of a table that are looked at; amd-smi names some two hundred columns."""


def weight(diagnosis: Diagnosis) -> tuple[bool, bool, bool]:
    """How much one server's end asks for an answer; the first of equal ones is taken."""
    ended_badly = diagnosis.verdict in (Verdict.FAILED, Verdict.HUNG)
    return (
        ended_badly and diagnosis.cause is not None,
        ended_badly,
        diagnosis.cause is not None,
    )


def _unknowns(
    cause: Finding | None,
    settings: Mapping[str, str],
    came: Progress,
    what: Verdict,
    notes: Iterable[SourceNote],
) -> tuple[Unknown, ...]:
    unknown = [
        Unknown(f"the rest of {n.name}" if n.size_bytes else n.name, n.problem)
        for n in notes
        if n.problem
    ]
    if cause and advice.depends_on_version(cause, settings):
        unknown.append(
            Unknown(
                "the engine's version",
                "the log does not print it, and the fix depends on it",
                "vllm --version",
            )
        )
    hang = what is Verdict.HUNG or (
        cause and cause.signature.kind in (Kind.STARTUP_HANG, Kind.RUNTIME_HANG)
    )
    if hang:
        unknown.append(
            Unknown(
                "what the processes are doing now",
                "a log cannot show who holds a lock or where each process waits",
                "diagnose attach",
            )
        )
    if came.reached and came.stalled_s is None and what in (Verdict.HUNG, Verdict.UNDECIDABLE):
        unknown.append(Unknown("how long it stood still", "the lines carry no times to compare"))
    return tuple(unknown)
