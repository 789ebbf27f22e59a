"""A `Sweep` as Markdown, for an issue, a pull request or a job summary.

Floor 10: pure. Names and log text are data: escaped, or in code spans.
"""

from __future__ import annotations

from diagnose.model.sweep import Separation, Sweep, Way
from diagnose.report.markdown import code, escape, fence
from diagnose.report.sweep_words import (
    LETTER,
    certainty,
    effect,
    ends,
    grid,
    headline,
    names,
    plural,
    rival,
    statement,
    term_phrase,
)
from diagnose.report.words import shorten

MOST_COLUMNS = 12
MOST_JOBS = 60
"""Rows of the table of jobs; a comment on a pull request has a limit."""


def sweep_to_markdown(sweep: Sweep) -> str:
    """The report as GitHub-flavoured Markdown."""
    words = ends(sweep)
    parts = [f"## {escape(headline(sweep))}"]
    parts += [f"> **Look first:** {escape(h.text)}" for h in sweep.hypotheses]
    if sweep.separation:
        parts += _separation(sweep.separation, words)
    elif sweep.unseparated:
        parts.append(escape(sweep.unseparated))
    if sweep.ways:
        parts.append("### Causes")
        parts.append("\n".join(_way(way, words) for way in sweep.ways))
    if sweep.effects:
        parts.append("### Numbers")
        parts.append("\n".join(f"- {escape(effect(one))}" for one in sweep.effects))
    found = grid(sweep, MOST_COLUMNS)
    if found:
        row, column, heads, cells = found
        parts.append("### Matrix")
        parts.append(_table([f"{row} ╲ {column}", *heads], cells))
    parts.append("### Jobs")
    rows = [
        [job.name, LETTER[job.outcome], job.cause or job.error or job.problem]
        for job in sweep.jobs[:MOST_JOBS]
    ]
    parts.append(_table(["job", "ended", "why"], rows))
    if len(sweep.jobs) > MOST_JOBS:
        parts.append(f"and {len(sweep.jobs) - MOST_JOBS} more")
    return "\n\n".join(parts) + "\n"


def _separation(separation: Separation, words: tuple[str, str]) -> list[str]:
    lines = [f"**{escape(statement(separation, words))}**  ", escape(certainty(separation))]
    if separation.said:
        said = "; ".join(term_phrase(term) for term in separation.said)
        lines.append(f"\nThe logs of exactly these jobs say: {escape(said)}")
    if separation.exceptions:
        count = plural(len(separation.exceptions), "exception")
        lines.append(f"\n{count}: {escape(names(separation.exceptions))}")
    parts = ["\n".join(lines)]
    if separation.rivals:
        parts.append("### Confounded")
        parts.append(
            "\n".join(f"- {escape(rival(r, separation.predicate))}" for r in separation.rivals)
        )
    return parts


def _way(way: Way, words: tuple[str, str]) -> str:
    id = f" ({code(way.cause)})" if way.cause else ""
    text = f"- **{plural(len(way.jobs), 'job')}**: {escape(way.title)}{id}"
    if way.separation:
        text += f"  \n  {escape(statement(way.separation, words))}"
    if way.cited:
        text += f"  \n  {code(f'{way.cited.source}:{way.cited.line}')}"
        text += f"\n\n{fence(shorten(way.cited.text.strip(), 400), '  ')}\n"
    if way.fix:
        fixes = "\n".join(way.fix)
        text += f"\n\n{fence(fixes, '  ')}\n"
    return text


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads)]
    return "\n".join(
        "| " + " | ".join(cell if cell == "---" else escape(cell) for cell in line) + " |"
        for line in (*lines, *rows)
    )
