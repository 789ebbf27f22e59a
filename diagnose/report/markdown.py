"""A `Diagnosis` as Markdown, for an issue, a pull request or a job summary.

Floor 10: pure. Log text is data: it stands in code spans and fenced blocks whose fences are longer
than any run of backticks inside, so that nothing in a log can become markup.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from diagnose.model import Diagnosis, Evidence, Fix, Link, Mystery
from diagnose.report.baseline import compared_with, new, notes
from diagnose.report.evidence import quoted
from diagnose.report.live import group_frames, group_head, wait_line
from diagnose.report.timeline import shows, timeline
from diagnose.report.words import (
    RETRY,
    STATUS,
    VERDICT,
    place,
    printable,
    reflow,
    shorten,
    spent,
    times,
)
from diagnose.units import duration

if TYPE_CHECKING:
    from diagnose.model import Job
    from diagnose.model.baseline import Baseline

_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~&@]|(?<=\w):(?=//|\w+:)|^[-+](?= )|(?<=:):|!(?=\[))")


def to_markdown(diagnosis: Diagnosis) -> str:
    """The report as GitHub-flavoured Markdown."""
    parts = [f"## {VERDICT[diagnosis.verdict]}: {escape(diagnosis.verdict_why)}"]
    if diagnosis.job and diagnosis.jobs > 1:
        parts.append(f"Job {code(diagnosis.job.name)}, one of {diagnosis.jobs}")
    if diagnosis.cause:
        signature = diagnosis.cause.signature
        parts.append(
            f"**Likely cause: {escape(signature.title)}**  \n"
            f"{code(signature.id)}, confidence {diagnosis.confidence:.0%}"
        )
        parts += [escape(part) for part in reflow(signature.root_cause).split("\n\n")]
    parts += _live(diagnosis)
    if diagnosis.mystery:
        parts += _mystery(diagnosis.mystery)
    if diagnosis.chain:
        parts.append("### " + ("Chain of evidence" if diagnosis.cause else "What was seen"))
        parts.append("\n".join(_link(n, link) for n, link in enumerate(diagnosis.chain, start=1)))
    parts += _fix(diagnosis.fix, "Fix")
    parts += _fix(diagnosis.look, "To find out")
    if diagnosis.retry:
        why = f" ({escape(diagnosis.retry_why)})" if diagnosis.retry_why else ""
        parts.append(f"**Run again:** {RETRY[str(diagnosis.retry)]}{why}")
    if diagnosis.alternatives:
        parts.append(
            "### " + ("Other causes the evidence allows" if diagnosis.cause else "Candidates")
        )
        parts.append("\n".join(_alternatives(diagnosis)))
    if diagnosis.also:
        parts.append("### Also seen")
        parts.append(
            "\n".join(
                f"- {code(place(f.first.line))} {escape(f.signature.title)}"
                for f in diagnosis.also[:8]
            )
        )
    if diagnosis.baseline:
        parts += _baseline(diagnosis.baseline)
    parts += _run(diagnosis)
    parts += _timeline(diagnosis)
    parts += _job(diagnosis.job)
    if diagnosis.unknowns:
        parts.append("### Not known")
        parts.append("\n".join(_unknown(u.what, u.why, u.how) for u in diagnosis.unknowns))
    if diagnosis.fix and diagnosis.fix.diff:
        parts.append("### The change to the launch script")
        parts.append(fence(diagnosis.fix.diff.rstrip("\n"), language="diff"))
    return "\n\n".join(parts) + "\n"


def _live(diagnosis: Diagnosis) -> list[str]:
    """What the processes do, and who waits for whom."""
    parts = []
    if diagnosis.waits:
        parts.append("### Who waits for whom")
        parts.append("\n".join(f"- {escape(wait_line(wait))}" for wait in diagnosis.waits))
    if diagnosis.ranks:
        parts.append("### What the processes do")
        groups = [
            f"- {escape(group_head(group))}"
            + "".join(f"  \n  {code(frame)}" for frame in group_frames(group))
            for group in diagnosis.ranks
        ]
        parts.append("\n".join(groups))
    return parts


def escape(text: str) -> str:
    """Text that renders as itself: no markup, no mention, no link."""
    return _SPECIAL.sub(r"\\\1", printable(text))


def code(text: str) -> str:
    """A code span that holds any text."""
    text = printable(text).strip() or " "
    ticks = "`" * (1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def fence(text: str, indent: str = "", language: str = "text") -> str:
    """A fenced block that holds any text."""
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    lines = [f"{ticks}{language}", *(printable(line) for line in text.splitlines()), ticks]
    return "\n".join(f"{indent}{line}" for line in lines)


def _link(number: int, link: Link) -> str:
    head = f"{number}. {escape(link.signature.title)} ({link.signature.role})"
    if link.finding is None:
        return f"{head}: {STATUS[link.status]}"
    count = times(link.finding)
    evidence = quoted(link.finding.evidence, 2 if number == 1 else 1)
    quotes = "\n".join(_quote(e, count if n == 0 else "") for n, e in enumerate(evidence))
    return f"{head}\n{quotes}"


def _quote(evidence: Evidence, count: str) -> str:
    line = evidence.line
    note = f", {count}" if count else ""
    return f"   {code(place(line))}{note}\n\n{fence(shorten(line.text.strip(), 400), '   ')}"


def _fix(fix: Fix | None, title: str) -> list[str]:
    if fix is None:
        return []
    parts = [f"### {title}", escape(reflow(fix.summary))]
    if fix.now:
        parts.append("Now:\n\n" + fence("\n".join(fix.now)))
    if fix.recipe:
        parts.append("In the recipe:\n\n" + fence("\n".join(fix.recipe)))
    if fix.warning:
        parts.append(f"> **Warning:** {escape(' '.join(fix.warning.split()))}")
    return parts


def _alternatives(diagnosis: Diagnosis) -> list[str]:
    return [
        f"- {escape(a.finding.signature.title)} ({code(a.finding.signature.id)}, {a.confidence:.0%})"
        f" at {code(place(a.finding.first.line))}"
        + (f": told apart by: {escape(a.separated_by)}" if a.separated_by else "")
        for a in diagnosis.alternatives
    ]


def _baseline(baseline: Baseline) -> list[str]:
    parts = [f"### Unlike good runs\n\n{escape(compared_with(baseline))}"]
    if told := notes(baseline):
        parts.append("\n".join(f"- {escape(note)}" for note in told))
    quotes = [
        f"{code(new(one))}\n\n{fence(shorten(one.line.text.strip(), 400))}" for one in baseline.new
    ]
    parts += quotes
    if baseline.missing:
        parts.append("Good runs go on with:")
        parts.append(fence("\n".join(shorten(x.text.strip(), 300) for x in baseline.missing)))
    return parts


def _mystery(mystery: Mystery) -> list[str]:
    parts = []
    if mystery.first_errors:
        parts.append("### First error of each process")
        parts.append("\n".join(_quote(e, "").replace("   ", "", 1) for e in mystery.first_errors))
    if mystery.odd_writer:
        parts.append(
            f"**Odd process:** {code(str(mystery.odd_writer))} alone failed or stayed behind"
        )
    return parts


def _run(diagnosis: Diagnosis) -> list[str]:
    progress = diagnosis.progress
    rows = []
    if progress.reached:
        engine = " ".join(part for part in (progress.engine, progress.version) if part)
        rows.append(
            f"- Phase: {escape(engine)}, {escape(progress.reached)} ({escape(progress.reached_title)})"
        )
    if progress.stalled_s and progress.stalled_s >= 60:
        rows.append(f"- Nothing new for {duration(progress.stalled_s)}")
    if progress.behind:
        rows.append("- Behind the others: " + ", ".join(code(str(w)) for w in progress.behind[:8]))
    if text := spent(diagnosis):
        rows.append(f"- Spent: {escape(text)}")
    return ["\n".join(rows)] if rows else []


def _timeline(diagnosis: Diagnosis) -> list[str]:
    lines = timeline(diagnosis)
    told = [line for r in diagnosis.recordings for line in shows(r)]
    parts = ["### Over time", fence("\n".join(lines))] if lines else []
    if told:
        parts.append("\n".join(f"- {escape(line)}" for line in told))
    return parts


def _job(job: Job | None) -> list[str]:
    if job is None or not (job.system or job.settings):
        return []
    about = (job.system, job.name, job.run and f"run {job.run}", job.node and f"on {job.node}")
    rows = ["- Job: " + escape(" · ".join(part for part in about if part))] if job.system else []
    if job.settings:
        rows.append("- " + ", ".join(code(f"{n}={v}") for n, v in job.settings.items()))
    return ["\n".join(rows)]


def _unknown(what: str, why: str, how: str) -> str:
    return f"- {escape(what)}: {escape(why)}" + (f" ({code(how)})" if how else "")
