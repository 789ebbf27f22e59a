"""A `Sweep` for a person at a terminal.

Floor 10: pure; returns text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from diagnose.model.sweep import Outcome, Separation, Sweep, Way
from diagnose.report.layout import report
from diagnose.report.sweep_grid import LETTER, grid
from diagnose.report.sweep_words import (
    compared,
    disputed,
    effect,
    ends,
    headline,
    names,
    own_separation,
    plural,
    qualified,
    rival,
    settings,
    statement,
)
from diagnose.report.words import printable, shorten

MOST_WAYS = 8
MOST_JOBS = 40
QUOTE = 300


def sweep_to_terminal(
    sweep: Sweep,
    *,
    width: int = 100,
    colour: bool = False,
    quiet: bool = False,
    verbose: bool = False,
) -> str:
    """The report as lines of at most `width` columns, with ANSI colour only when `colour`."""
    bad = any(job.outcome.bad for job in sweep.jobs)
    head = Text(headline(sweep), style="bold red" if bad else "bold green").append("\n")
    return report(head, _rows(sweep, width, quiet=quiet, verbose=verbose), width, colour=colour)


def _rows(
    sweep: Sweep, width: int, *, quiet: bool, verbose: bool
) -> Iterator[tuple[str, RenderableType]]:
    for hypothesis in sweep.hypotheses:
        yield "Look first", _text(hypothesis.text)
    if sweep.separation:
        words = ends(sweep, compared(sweep))
        label = "Perhaps by" if sweep.separation.by_chance else "Separated by"
        yield label, _separation(sweep.separation, words, sweep.apart)
        yield from _confounded(sweep.separation)
    elif sweep.unseparated:
        yield "Separated by", _text(sweep.unseparated)
    for number, way in enumerate(sweep.ways):
        if number < MOST_WAYS or verbose:
            yield "Causes" if number == 0 else "", _way(way, sweep, quiet=quiet)
    if len(sweep.ways) > MOST_WAYS and not verbose:
        yield "", _text(f"and {len(sweep.ways) - MOST_WAYS} more (-v shows them)")
    for number, one in enumerate(sweep.effects):
        yield "Numbers" if number == 0 else "", _text(effect(one))
    for number, text in enumerate(disputed(sweep)):
        yield "Disputed" if number == 0 else "", _text(text)
    if quiet:
        return
    table = _matrix(sweep, width)
    if table is not None:
        yield "Matrix", table
    yield from _jobs(sweep, verbose=verbose)


def _text(text: str) -> Text:
    return Text(printable(text))


def _separation(separation: Separation, words: tuple[str, str], apart: Sequence[str] = ()) -> Text:
    text = Text(printable(statement(separation, words)), style="bold")
    first, *others = qualified(separation, apart)
    text.append(f"\n{printable(first)}", style="not bold dim")
    for other in others:
        text.append(f"\n{printable(other)}", style="not bold default")
    return text


def _confounded(separation: Separation) -> Iterator[tuple[str, RenderableType]]:
    for number, one in enumerate(separation.rivals):
        text = _text(rival(one, separation.predicate))
        yield "Confounded" if number == 0 else "", text


def _way(way: Way, sweep: Sweep, *, quiet: bool) -> RenderableType:
    text = Text(f"{plural(len(way.jobs), 'job')}  ", style="bold").append(printable(way.title))
    if way.cause:
        text.append(f"  [{way.cause}]", style="not bold dim")
    lines = []
    if way.cited and not quiet:
        lines.append(Text(printable(f"{way.cited.source}:{way.cited.line}"), style="cyan"))
        lines.append(Text(shorten(way.cited.text.strip(), QUOTE)))
    own = own_separation(way, sweep)
    if own:
        lines.append(Text(printable(statement(own, ends(sweep, way.jobs))), style="bold"))
        told = [*qualified(own), *(rival(one, own.predicate) for one in own.rivals)]
        lines += [_text(line) for line in (told[:1] if quiet else told)]
    if not way.cause and not quiet:
        lines.append(_text(names(way.jobs)))
    lines += [Text(printable(line), style="green") for line in way.fix]
    return Group(text, *(Padding(line, (0, 0, 0, 3)) for line in lines))


def _matrix(sweep: Sweep, width: int) -> Table | None:
    found = grid(sweep, max(2, (width - 26) // 9))
    if found is None:
        return None
    row, column, heads, cells = found
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(Text(printable(f"{row} ╲ {column}")), no_wrap=True)
    for head in heads:
        table.add_column(Text(printable(head)), overflow="fold")
    for line in cells:
        table.add_row(*(Text(printable(cell)) for cell in line))
    return table


def _jobs(sweep: Sweep, *, verbose: bool) -> Iterator[tuple[str, RenderableType]]:
    """The jobs that were left out, and with -v all of them."""
    aside = [j for j in sweep.jobs if j.outcome in (Outcome.UNKNOWN, Outcome.UNREADABLE)]
    shown = list(sweep.jobs) if verbose else aside
    lines: list[RenderableType] = []
    for job in shown[: None if verbose else MOST_JOBS]:
        why = "" if job.outcome.bad or job.outcome is Outcome.PASSED else job.problem or job.why
        lines.append(_text(f"{LETTER[job.outcome]:<5} {job.name}" + (f": {why}" if why else "")))
        if verbose and job.axes:
            lines.append(Padding(_text(settings(job.axes)), (0, 0, 0, 6)))
    if not verbose and len(shown) > MOST_JOBS:
        lines.append(_text(f"and {len(shown) - MOST_JOBS} more (-v shows them)"))
    if lines:
        yield "Jobs" if verbose else "Left out", Group(*lines)
