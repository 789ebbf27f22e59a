"""What looks like an error whether or not a signature knows it, and what looks like success.

Floor 7: pure. Serves the failures that nobody has described yet: the first error of each process, and
whether the run went on after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from diagnose.document import tracebacks
from diagnose.model import Evidence, Finding, Line, Progress, Role
from diagnose.news import is_ending, is_heartbeat
from diagnose.progress import came_up_after
from diagnose.quotation import is_quotation
from diagnose.run import Run, known_before

if TYPE_CHECKING:
    from diagnose.dialects.tracebacks import Traceback

EXCEPTION = r"(?:^|[\s'(])(?P<exception>(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Interrupt|Timeout|Fault))(?::\s|\(|$)"
LEVEL = r"(?:^|[\s\[(|])(?:ERROR|CRITICAL|FATAL)(?:[\s\]:)|]|$)"
FATAL = (
    r"(?i:\bfatal(?: python)? error\b)|Segmentation fault|core dumped|Aborted|\bpanic(?:ked)?:"
    r"|: error: |\bFAILED\b|SIGSEGV|SIGABRT|SIGBUS|Assertion .{0,200} failed"
)
TRACEBACK = r"Traceback \(most recent call last\)"
SUCCESS = (
    r"Script completed successfully|Benchmark results? saved"
    r"|[Jj]ob (?:completed(?! with result: (?!success|succeeded))|succeeded|finished successfully)"
    r"|^(?:=+ )?(?:\d+ (?:skipped|deselected|xfailed|warnings?), ){0,4}\d+ passed\b(?!.{0,80}\b(?:failed|errors?)\b)|\b\d+ passed, 0 failed\b"
    r"|Successful requests:\s+[1-9]|All (?:checks|tests|evals?|evaluations?) passed|\bPASS: "
    r"|^Job succeeded|Finished: SUCCESS|Failed requests:\s+0\b|Found result file: "
)
STOPPED = (
    r"SIGTERM received|Gracefully exiting|Shutting down FastAPI|\[shutdown\]|server (?:gone|stopped)"
    r"|(?:[Ss]topping|[Ss]hutting down) (?:the )?(?:\w+ )?(?:server|engine)|^\++ (?:sudo )?(?:p?kill|killall)\b|\bdocker (?:stop|rm -f|kill)\b"
)
PATTERNS = (EXCEPTION, LEVEL, FATAL, SUCCESS, STOPPED)
BROKEN = (EXCEPTION, FATAL)
"""What shows that a server did not end in good order."""
JUDGES = ("github", "slurm")
"""Who says whether a job failed."""
WINDOWS: Mapping[str, int] = {TRACEBACK: 160}


def errors(run: Run, findings: Sequence[Finding]) -> tuple[Evidence, ...]:
    """Error lines that are not known to be harmless, in observed order."""
    harmless = {
        e.order
        for f in findings
        if f.signature.role is Role.BENIGN or f.cleared_by
        for e in f.evidence
    }
    found = {
        e.order: e
        for pattern in (TRACEBACK, FATAL, LEVEL, EXCEPTION)  # the most telling last
        for e in run.evidence(pattern)
        if e.order not in harmless
        and not is_heartbeat(e.line)
        and not is_quotation(e.line)
        and e.line.level not in ("INFO", "DEBUG", "WARNING")
    }
    return tuple(found[order] for order in sorted(found))


def first_errors(
    run: Run, found: Iterable[Evidence], findings: Sequence[Finding]
) -> tuple[Evidence, ...]:
    """The first error of each process that no signature knows; empty when all are known.

    A traceback stands for itself by its last line, the one that names the exception.
    """
    known = {
        (e.line.source, e.line.number)
        for f in findings
        if f.signature.role is not Role.CAUSE
        for e in f.evidence
    }
    ends = _traceback_ends(run)
    first: dict[tuple[str, str], Evidence] = {}
    for evidence in found:
        line = evidence.line
        ended = ends.get((line.source, line.number))
        if ended is not None:
            evidence = Evidence(ended.last, {"exception": ended.exception}, evidence.order)
        if (evidence.line.source, evidence.line.number) in known or is_ending(line):
            continue
        key = line.writer.key
        # A record's first lines only announce the exception that it ends with.
        if key not in first or (
            "exception" in evidence.captures and "exception" not in first[key].captures
        ):
            first[key] = evidence
    return tuple(sorted(first.values(), key=lambda e: e.order))


def success(run: Run) -> Evidence | None:
    """The last line that says that the work was done."""
    return max(run.evidence(SUCCESS), key=lambda e: e.order, default=None)


def wound_up(run: Run, done: Evidence | None, findings: Iterable[Finding]) -> Evidence | None:
    """Where the server was told to end after the work was done; what breaks after it is clean-up.

    None where it was not, or where the clean-up is what made the job fail.
    """
    if done is None:
        return None
    told = [e for e in run.evidence(STOPPED) if known_before(done, e) and not is_quotation(e.line)]
    first = min(told, key=lambda e: e.order, default=None)
    failed = any(
        f.signature.component in JUDGES
        and f.signature.role is Role.FAILURE
        and first is not None
        and f.last.order > first.order
        for f in findings
    )
    return None if failed else first


def went_on(error: Evidence, progress: Progress, done: Evidence | None) -> bool:
    """Whether the run became ready, finished or moved on after `error`."""
    if came_up_after(progress, error):
        return True
    if done is not None and known_before(error, done):
        return True
    last = progress.last_progress
    return (
        last is not None
        and last.source == error.line.source
        and last.number > error.line.number + 200
    )


def telling(run: Run, progress: Progress, found: Sequence[Evidence]) -> tuple[Line, ...]:
    """Up to twelve lines that are likeliest to help: the first errors, where each was raised, the last news."""
    ends = _traceback_ends(run)
    lines = []
    for evidence in found[:4]:
        lines.append(evidence.line)
        block = ends.get((evidence.line.source, evidence.line.number))
        lines += block.lines[-4:] if block else _before(run, evidence.line)
    if progress.reached_at:
        lines.append(progress.reached_at[-1][1].line)
    if progress.last_progress is not None:
        lines.append(progress.last_progress)
    unique = {(line.source, line.number): line for line in lines}
    return tuple(sorted(unique.values(), key=lambda line: (line.source, line.number)))[:12]


def _before(run: Run, line: Line) -> list[Line]:
    """The two lines of the same process that stand before an error without a traceback of its own."""
    for scan in run.scans:
        if scan.source == line.source:
            same = [
                other
                for other in (*scan.head, *scan.tail)
                if line.number - 20 <= other.number < line.number
                and other.writer.key == line.writer.key
            ]
            return same[-2:]
    return []


def _traceback_ends(run: Run) -> dict[tuple[str, int], Traceback]:
    """For every line of a traceback, the traceback it belongs to."""
    owner: dict[tuple[str, int], Traceback] = {}
    for window in run.windows():
        for block in tracebacks(window):
            for line in block.lines:
                owner.setdefault((line.source, line.number), block)
    return owner
