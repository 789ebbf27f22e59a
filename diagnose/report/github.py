"""A `Diagnosis` for a step of GitHub Actions: annotations, the step's summary, its outputs.

Floor 10: pure. A runner takes every line of a step's output that looks like a command for one, so that log text
never stands on a line of its own while commands are obeyed: in an annotation it is escaped, and everything else
is printed between `::stop-commands::` and its token.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from diagnose.fingerprint import fingerprint
from diagnose.model import Diagnosis, Evidence, Job, Place, Verdict
from diagnose.report.markdown import to_markdown
from diagnose.report.words import RETRY, VERDICT, place, printable, reflow, shorten

PER_KIND = 10
"""Annotations of one kind that GitHub shows for a step."""
SUMMARY_BYTES = 1_000_000
"""Below the 1 MiB that a step's summary may have."""
LEVEL = {
    Verdict.FAILED: "error",
    Verdict.HUNG: "error",
    Verdict.SLOW: "warning",
    Verdict.UNDECIDABLE: "warning",
    Verdict.HEALTHY: "notice",
}

_QUOTE = 300
_TITLE = 200


@dataclass(frozen=True, slots=True)
class Annotation:
    """One note that GitHub shows beside a file or on the run's page."""

    level: str
    """`error`, `warning` or `notice`."""
    title: str
    message: str
    place: Place | None = None

    def command(self) -> str:
        """The workflow command, one line without its newline."""
        fields = {"file": self.place.path, "line": str(self.place.line)} if self.place else {}
        fields["title"] = shorten(self.title, _TITLE)
        told = ",".join(f"{name}={_property(value)}" for name, value in fields.items())
        return f"::{self.level} {told}::{_data(self.message)}"


def notes(diagnosis: Diagnosis) -> list[Annotation]:
    """At most ten of a kind, the most important first."""
    counts: dict[str, int] = {}
    kept = []
    for one in _annotations(diagnosis):
        counts[one.level] = counts.get(one.level, 0) + 1
        if counts[one.level] <= PER_KIND:
            kept.append(one)
    return kept


def to_github(diagnosis: Diagnosis, report: str, token: str) -> str:
    """What a step prints: the report, with nothing in it obeyed, and then the annotations.

    Args:
        diagnosis: What is told.
        report: Text of any kind; lines of logs may stand in it.
        token: A word that nobody can guess; commands are obeyed again after it.
    """
    commands = [one.command() for one in notes(diagnosis)]
    return "\n".join([*inert(report.splitlines(), token), *commands]) + "\n"


def inert(lines: Iterable[str], token: str) -> Iterator[str]:
    """Lines between which no command is obeyed."""
    yield f"::stop-commands::{token}"
    for line in lines:
        # Older runners and the page that shows the log read this one anywhere in a line.
        yield line.replace("##[", "## [")
    yield f"::{token}::"


def summary(diagnosis: Diagnosis) -> str:
    """The step's summary: the Markdown report, cut to what GitHub takes."""
    text = to_markdown(diagnosis)
    data = text.encode()
    if len(data) <= SUMMARY_BYTES:
        return text
    kept = data[:SUMMARY_BYTES].decode(errors="ignore").rpartition("\n\n")[0]
    # A fence that was cut open would take what other steps write.
    fence = "\n````````" if kept.count("\n```") % 2 else ""
    return f"{kept}{fence}\n\n(Cut here; `diagnosis.json` has everything.)\n"


def outputs(diagnosis: Diagnosis) -> dict[str, str]:
    """What later steps can ask for, by name; every value is one line."""
    cause = diagnosis.cause
    return {
        "verdict": str(diagnosis.verdict),
        "cause": cause.signature.id if cause else "",
        "confidence": f"{diagnosis.confidence:.2f}" if cause else "",
        "category": category(diagnosis),
        "retry": str(diagnosis.retry) if diagnosis.retry else "",
        "fingerprint": fingerprint(diagnosis),
    }


def category(diagnosis: Diagnosis) -> str:
    """The kind of the cause; `unknown` for a failure without one, and empty where nothing failed."""
    if diagnosis.cause is not None:
        return str(diagnosis.cause.signature.kind)
    return "unknown" if diagnosis.verdict in (Verdict.FAILED, Verdict.HUNG) else ""


def output_file(values: Mapping[str, str], token: str) -> str:
    """Lines for the file `$GITHUB_OUTPUT`.

    Args:
        values: By name.
        token: A word that nobody can guess, and that no value holds.
    """
    return "".join(
        f"{name}<<diagnose-{token}\n{value}\ndiagnose-{token}\n" for name, value in values.items()
    )


def _annotations(diagnosis: Diagnosis) -> Iterator[Annotation]:
    level = LEVEL[diagnosis.verdict]
    cause = diagnosis.cause
    if diagnosis.verdict is Verdict.HEALTHY and not _ended_badly(diagnosis.job):
        return
    head = f"{VERDICT[diagnosis.verdict]}: {diagnosis.verdict_why}"
    if cause is not None:
        title = f"{cause.signature.title} ({diagnosis.confidence:.0%})"
        yield Annotation(level, title, _told(diagnosis, head), diagnosis.place)
    else:
        yield Annotation(level, head, _told(diagnosis, head))
    if diagnosis.verdict is Verdict.HEALTHY:
        return
    if cause is None and diagnosis.mystery is not None:
        for evidence in diagnosis.mystery.first_errors:
            yield Annotation("error", "First error of a process", _quoted(evidence))
    for other in diagnosis.alternatives:
        title = f"May also be: {other.finding.signature.title} ({other.confidence:.0%})"
        separated = f"\nTold apart by: {other.separated_by}" if other.separated_by else ""
        yield Annotation("warning", title, _quoted(other.finding.first) + separated)
    if diagnosis.look is not None:
        yield Annotation("notice", "To find out", reflow(diagnosis.look.summary))


def _ended_badly(job: Job | None) -> bool:
    return job is not None and job.status in ("failure", "cancelled")


def _told(diagnosis: Diagnosis, head: str) -> str:
    lines = [head]
    if diagnosis.cause is not None:
        lines.append(_quoted(diagnosis.cause.first))
    if diagnosis.fix is not None:
        lines.append(f"Fix: {reflow(diagnosis.fix.summary)}")
        lines += [f"In the recipe: {line}" for line in diagnosis.fix.recipe]
        if diagnosis.fix.warning:
            lines.append(f"Warning: {' '.join(diagnosis.fix.warning.split())}")
    if diagnosis.retry is not None:
        lines.append(f"Run again: {RETRY[str(diagnosis.retry)]}")
    return "\n".join(lines)


def _quoted(evidence: Evidence) -> str:
    return f"{place(evidence.line)}: {shorten(evidence.line.text.strip(), _QUOTE)}"


def _data(text: str) -> str:
    lines = (printable(line) for line in text.split("\n"))
    return "%0A".join(line.replace("%", "%25") for line in lines)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
