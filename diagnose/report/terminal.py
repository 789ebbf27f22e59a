"""A `Diagnosis` for a person at a terminal.

Floor 10: pure; returns text. Colour never carries meaning alone, so a piped report reads the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from diagnose.model import Diagnosis, Evidence, Finding, Link, Mystery, Verdict
from diagnose.report.words import (
    RETRY,
    STATUS,
    VERDICT,
    distinct,
    paragraph,
    place,
    printable,
    reflow,
    shorten,
    spent,
    times,
)
from diagnose.units import duration

STYLE = {
    Verdict.FAILED: "bold red",
    Verdict.HUNG: "bold red",
    Verdict.SLOW: "bold yellow",
    Verdict.HEALTHY: "bold green",
    Verdict.UNDECIDABLE: "bold yellow",
}
QUOTE = 400
"""Characters of a log line that are shown."""


def to_terminal(
    diagnosis: Diagnosis,
    *,
    width: int = 100,
    colour: bool = False,
    quiet: bool = False,
    verbose: bool = False,
) -> str:
    """The report as lines of at most `width` columns, with ANSI colour only when `colour`."""
    out = StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=colour,
        no_color=not colour,
        color_system="standard" if colour else None,
        highlight=False,
        emoji=False,
        markup=False,
        legacy_windows=False,
    )
    console.print(_headline(diagnosis))
    rows = Table.grid(padding=(0, 2, 0, 0))
    rows.add_column(width=12, no_wrap=True)
    rows.add_column(overflow="fold")
    for label, content in _rows(diagnosis, quiet=quiet, verbose=verbose):
        rows.add_row(Text(label, style="bold"), Padding(content, (0, 0, 1, 0)))
    console.print(rows)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()).rstrip() + "\n"


def _headline(diagnosis: Diagnosis) -> Text:
    line = Text(VERDICT[diagnosis.verdict], style=STYLE[diagnosis.verdict])
    line.append(f"  {printable(diagnosis.verdict_why)}\n", style="default")
    return line


def _rows(
    diagnosis: Diagnosis, *, quiet: bool, verbose: bool
) -> Iterator[tuple[str, RenderableType]]:
    if diagnosis.cause:
        yield "Likely cause", _name(diagnosis)
        if not quiet:
            prose = diagnosis.cause.signature.root_cause
            yield "Because", Text(reflow(prose) if verbose else paragraph(prose))
    if diagnosis.mystery and not quiet:
        yield from _mystery(diagnosis.mystery)
    if diagnosis.chain and not quiet:
        yield ("Chain" if diagnosis.cause else "Seen"), _chain(diagnosis.chain, verbose=verbose)
    if diagnosis.fix:
        yield "Fix", _fix(diagnosis)
    if diagnosis.retry:
        why = f" ({diagnosis.retry_why})" if diagnosis.retry_why else ""
        yield "Run again", Text(RETRY[str(diagnosis.retry)] + why)
    if diagnosis.alternatives:
        yield ("Or else" if diagnosis.cause else "Candidates"), _alternatives(diagnosis)
    if quiet:
        return
    if diagnosis.also:
        yield "Also seen", _also(diagnosis.also, verbose=verbose)
    yield from _phase(diagnosis, verbose=verbose)
    if cost := spent(diagnosis):
        yield "Spent", Text(cost)
    if verbose and diagnosis.facts:
        yield "Settings", Text("  ".join(f"{n}={printable(v)}" for n, v in diagnosis.facts.items()))
    if diagnosis.unknowns:
        yield "Not known", _unknowns(diagnosis)


def _name(diagnosis: Diagnosis) -> Text:
    assert diagnosis.cause is not None
    signature = diagnosis.cause.signature
    name = Text(signature.title, style="bold")
    return name.append(
        f"\n{signature.id} · confidence {diagnosis.confidence:.0%}", style="not bold dim"
    )


def _chain(chain: tuple[Link, ...], *, verbose: bool) -> RenderableType:
    parts: list[RenderableType] = []
    for number, link in enumerate(chain):
        head = Text("└▶ " if number else "", style="dim")
        head.append(link.signature.title)
        head.append(f"  [{link.signature.id}]", style="dim")
        parts.append(head)
        if link.finding is None:
            parts.append(Padding(Text(f"({STATUS[link.status]})", style="dim"), (0, 0, 0, 3)))
            continue
        limit = 5 if verbose else 2 if number == 0 else 1
        shown = distinct(link.finding.evidence)[:limit]
        count = times(link.finding)
        for position, evidence in enumerate(shown):
            parts.append(Padding(_quote(evidence, count if position == 0 else ""), (0, 0, 0, 3)))
    return Group(*parts)


def _quote(evidence: Evidence, count: str = "") -> Text:
    line = evidence.line
    note = ", ".join(part for part in (place(line), count) if part)
    text = Text(note, style="cyan")
    return text.append(f"\n{shorten(line.text.strip(), QUOTE)}", style="default")


def _fix(diagnosis: Diagnosis) -> RenderableType:
    fix = diagnosis.fix
    assert fix is not None
    parts: list[RenderableType] = [Text(reflow(fix.summary))]
    lines = [("now", line) for line in fix.now] + [("recipe", line) for line in fix.recipe]
    if lines:
        steps = Table.grid(padding=(0, 2, 0, 0))
        steps.add_column(no_wrap=True)
        steps.add_column(overflow="fold")
        for label, line in lines:
            steps.add_row(Text(f"  {label}", style="dim"), Text(printable(line), style="green"))
        parts.append(steps)
    if fix.warning:
        parts.append(
            Text("Warning: ", style="bold yellow").append(
                reflow(fix.warning), style="not bold default"
            )
        )
    return Group(*parts)


def _alternatives(diagnosis: Diagnosis) -> RenderableType:
    parts: list[RenderableType] = []
    for alternative in diagnosis.alternatives:
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


def _mystery(mystery: Mystery) -> Iterator[tuple[str, RenderableType]]:
    if mystery.first_errors:
        yield (
            "First errors",
            Group(
                *(_quote(evidence, str(evidence.line.writer)) for evidence in mystery.first_errors)
            ),
        )
    if mystery.odd_writer:
        yield "Odd process", Text(f"{mystery.odd_writer} differs from the others")
    if mystery.draft:
        yield (
            "Unknown",
            Text(
                "No signature explains this. `diagnose signatures new` makes one from the first line above."
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
