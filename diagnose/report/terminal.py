"""A `Diagnosis` for a person at a terminal.

Floor 10: pure; returns text. Colour never carries meaning alone, so a piped report reads the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from diagnose.model import Alternative, Diagnosis, Evidence, Finding, Link, Mystery, Verdict
from diagnose.report.baseline import compared_with, new, notes
from diagnose.report.evidence import quoted
from diagnose.report.layout import report
from diagnose.report.live import FRAMES, group_frames, group_head, wait_line
from diagnose.report.steps import change, put_in, steps
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
    from diagnose.model.baseline import Baseline

STYLE = {
    Verdict.FAILED: "bold red",
    Verdict.HUNG: "bold red",
    Verdict.SLOW: "bold yellow",
    Verdict.HEALTHY: "bold green",
    Verdict.UNDECIDABLE: "bold yellow",
}
QUOTE = 400
"""Characters of a log line that are shown."""
SHOWN = 0.3
"""A candidate below this is only shown on request."""
MOST_SEEN = 6


def to_terminal(
    diagnosis: Diagnosis,
    *,
    width: int = 100,
    colour: bool = False,
    quiet: bool = False,
    verbose: bool = False,
) -> str:
    """The report as lines of at most `width` columns, but for commands; with ANSI colour only when `colour`."""
    rows = _rows(diagnosis, width, quiet=quiet, verbose=verbose)
    text = report(_headline(diagnosis), rows, width, colour=colour)
    text = put_in(diagnosis.fix or diagnosis.look, text)
    return text + change(diagnosis.fix.diff if diagnosis.fix else "", colour=colour)


def _headline(diagnosis: Diagnosis) -> Text:
    line = Text(VERDICT[diagnosis.verdict], style=STYLE[diagnosis.verdict])
    line.append(f"  {printable(diagnosis.verdict_why)}\n", style="default")
    if diagnosis.job and diagnosis.jobs > 1:
        name = printable(diagnosis.job.name)
        line.append(f"Job “{name}”, one of {diagnosis.jobs}\n", style="default")
    return line


def _rows(
    diagnosis: Diagnosis, width: int, *, quiet: bool, verbose: bool
) -> Iterator[tuple[str, RenderableType]]:
    if diagnosis.cause:
        yield "Likely cause", _name(diagnosis)
    if diagnosis.ranks and not quiet:
        yield from _live(diagnosis, verbose=verbose)
    if diagnosis.mystery:
        yield from _mystery(diagnosis.mystery, quiet=quiet)
    if diagnosis.chain and not quiet:
        yield from _chain_row(diagnosis, verbose=verbose)
    if diagnosis.fix:
        yield "Fix", steps(diagnosis.fix, width)
    if diagnosis.look:
        yield "To find out", steps(diagnosis.look, width)
    if diagnosis.retry:
        why = f" ({diagnosis.retry_why})" if diagnosis.retry_why else ""
        yield "Run again", Text(RETRY[str(diagnosis.retry)] + why)
    shown = [a for a in diagnosis.alternatives if verbose or a.confidence >= SHOWN]
    if shown:
        yield ("May also be" if diagnosis.cause else "Candidates"), _alternatives(diagnosis, shown)
    if quiet:
        return
    if diagnosis.baseline:
        yield from _baseline(diagnosis.baseline, verbose=verbose)
    if diagnosis.cause:
        yield "Because", Text(reflow(diagnosis.cause.signature.root_cause))
    if diagnosis.also:
        yield "Also seen", _also(diagnosis.also, verbose=verbose)
    yield from _phase(diagnosis, verbose=verbose)
    if diagnosis.recordings or verbose:
        yield from _timeline(diagnosis, width)
    if cost := spent(diagnosis):
        yield "Spent", Text(cost)
    if verbose and diagnosis.facts:
        yield "Settings", Text("  ".join(f"{n}={printable(v)}" for n, v in diagnosis.facts.items()))
    if diagnosis.unknowns:
        yield "Not known", _unknowns(diagnosis)


def _timeline(diagnosis: Diagnosis, width: int) -> Iterator[tuple[str, RenderableType]]:
    from diagnose.report.timeline import shows, timeline

    lines = timeline(diagnosis, width - 14)
    told = [line for recording in diagnosis.recordings for line in shows(recording)]
    if lines or told:
        yield "Over time", Text("\n".join([*lines, *told]))


def _live(diagnosis: Diagnosis, *, verbose: bool) -> Iterator[tuple[str, RenderableType]]:
    """What the processes do and wait for; the depth of a stack only where something is wrong."""
    if diagnosis.waits:
        yield "Waits", Text("\n".join(printable(wait_line(wait)) for wait in diagnosis.waits))
    text = Text()
    depth = 0 if diagnosis.verdict is Verdict.HEALTHY and not verbose else 8 if verbose else FRAMES
    for group in diagnosis.ranks:
        text.append(("\n" if text else "") + printable(group_head(group)))
        for frame in group_frames(group, 0 if group.state == "idle" and not verbose else depth):
            text.append(f"\n   {printable(frame)}", style="cyan")
    yield "Processes", text
    if verbose and diagnosis.tree:
        yield "Stack tree", Text("\n".join(map(printable, diagnosis.tree)))


def _name(diagnosis: Diagnosis) -> Text:
    assert diagnosis.cause is not None
    signature = diagnosis.cause.signature
    name = Text(signature.title, style="bold")
    return name.append(
        f"\n{signature.id} · confidence {diagnosis.confidence:.0%}", style="not bold dim"
    )


def _chain_row(diagnosis: Diagnosis, *, verbose: bool) -> Iterator[tuple[str, RenderableType]]:
    """The chain of a cause; without one, what was seen, which leads nowhere."""
    if diagnosis.cause:
        yield "Chain", _chain(diagnosis.chain, "└▶ ", verbose=verbose)
        return
    shown = diagnosis.chain if verbose else diagnosis.chain[:MOST_SEEN]
    yield "Seen", _chain(shown, "", verbose=verbose)
    if len(shown) < len(diagnosis.chain):
        yield "", Text(f"and {len(diagnosis.chain) - len(shown)} more (-v shows them)", style="dim")


def _chain(chain: tuple[Link, ...], arrow: str, *, verbose: bool) -> RenderableType:
    parts: list[RenderableType] = []
    for number, link in enumerate(chain):
        head = Text(arrow if number else "", style="dim")
        head.append(link.signature.title)
        head.append(f"  [{link.signature.id}]", style="dim")
        parts.append(head)
        if link.finding is None:
            parts.append(Padding(Text(f"({STATUS[link.status]})", style="dim"), (0, 0, 0, 3)))
            continue
        limit = 5 if verbose else 2 if number == 0 and arrow else 1
        count = times(link.finding)
        for position, evidence in enumerate(quoted(link.finding.evidence, limit)):
            parts.append(Padding(_quote(evidence, count if position == 0 else ""), (0, 0, 0, 3)))
    return Group(*parts)


def _quote(evidence: Evidence, count: str = "") -> Text:
    line = evidence.line
    note = ", ".join(part for part in (place(line), count) if part)
    text = Text(note, style="cyan")
    return text.append(f"\n{shorten(line.text.strip(), QUOTE)}", style="default")


def _alternatives(diagnosis: Diagnosis, shown: Sequence[Alternative]) -> RenderableType:
    parts: list[RenderableType] = []
    for alternative in shown:
        signature = alternative.finding.signature
        entry = Text(signature.title).append(
            f"  [{signature.id}] {alternative.confidence:.0%}", style="dim"
        )
        if alternative.separated_by:
            entry.append(f"\n   told apart by: {alternative.separated_by}", style="default")
        if not diagnosis.cause:
            entry.append(f"\n   {place(alternative.finding.first.line)}", style="cyan")
            entry.append(
                f" {shorten(alternative.finding.first.line.text.strip(), 200)}", style="default"
            )
        parts.append(entry)
    return Group(*parts)


def _also(findings: tuple[Finding, ...], *, verbose: bool) -> Text:
    shown = findings if verbose else findings[:5]
    lines = [f"{place(f.first.line)} {f.signature.title} [{f.signature.id}]" for f in shown]
    if len(findings) > len(shown):
        lines.append(f"and {len(findings) - len(shown)} more (-v shows them)")
    return Text("\n".join(lines))


def _phase(diagnosis: Diagnosis, *, verbose: bool) -> Iterator[tuple[str, RenderableType]]:
    progress = diagnosis.progress
    if not progress.reached:
        return
    engine = " ".join(part for part in (progress.engine, progress.version) if part)
    text = Text(f"{engine}: {progress.reached} ({progress.reached_title})")
    if diagnosis.verdict is not Verdict.HEALTHY:
        if progress.stalled_s and progress.stalled_s >= 60:
            text.append(f"; nothing new for {duration(progress.stalled_s)}")
        if progress.last_progress is not None:
            text.append(f"\nlast news {place(progress.last_progress)}", style="cyan")
            text.append(f" {shorten(progress.last_progress.text.strip(), 160)}", style="default")
        if progress.behind:
            names = ", ".join(str(writer) for writer in progress.behind[:8])
            text.append(f"\nbehind the others: {names}")
    if verbose:
        for process in progress.processes:
            text.append(f"\n{process.writer}: {process.phase}")
    yield "Phase", text


def _baseline(baseline: Baseline, *, verbose: bool) -> Iterator[tuple[str, RenderableType]]:
    head = Text(printable(compared_with(baseline)), style="dim")
    told = [Text(printable(note)) for note in notes(baseline)]
    for one in baseline.new[: None if verbose else MOST_SEEN]:
        text = Text(printable(new(one)), style="cyan")
        told.append(text.append(f"\n{shorten(one.line.text.strip(), QUOTE)}", style="default"))
    if not told:
        head.append("\nno new line, no slower phase, no other setting", style="not dim")
    yield "Unlike good", Group(head, *told)
    if baseline.missing:
        lines = [shorten(line.text.strip(), 200) for line in baseline.missing]
        yield "Good runs", Text("go on with\n" + "\n".join(lines))


def _mystery(mystery: Mystery, *, quiet: bool) -> Iterator[tuple[str, RenderableType]]:
    shown = mystery.first_errors[: 1 if quiet else None]
    if shown:
        yield (
            "First error" if len(shown) == 1 else "First errors",
            Group(*(_quote(evidence, str(evidence.line.writer)) for evidence in shown)),
        )
    if mystery.odd_writer:
        yield "Odd process", Text(f"{mystery.odd_writer}: it alone failed or stayed behind")
    if mystery.draft and not quiet:
        yield (
            "Unknown",
            Text(
                "No signature knows this error. To write one:"
                " diagnose signatures new 'the line above'"
            ),
        )


def _unknowns(diagnosis: Diagnosis) -> RenderableType:
    parts = []
    for unknown in diagnosis.unknowns:
        text = Text(f"{printable(unknown.what)}: {printable(unknown.why)}")
        if unknown.how:
            text.append(f"  → {printable(unknown.how)}", style="green")
        parts.append(text)
    return Group(*parts)
