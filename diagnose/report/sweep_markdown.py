"""A `Sweep` as Markdown, for an issue, a pull request or a job summary.

Floor 10: pure. Names and log text are data: escaped, or in code spans.
"""

from __future__ import annotations

from diagnose.model.sweep import Sweep, Way
from diagnose.report.markdown import code, escape, fence
from diagnose.report.sweep_grid import LETTER, grid
from diagnose.report.sweep_words import (
    compared,
    disputed,
    effect,
    ends,
    headline,
    own_separation,
    plural,
    qualified,
    rival,
    statement,
)
from diagnose.report.words import shorten

MOST_COLUMNS = 12
MOST_JOBS = 60
"""Rows of the table of jobs; a comment on a pull request has a limit."""


def sweep_to_markdown(sweep: Sweep) -> str:
    """The report as GitHub-flavoured Markdown."""
    parts = [f"## {escape(headline(sweep))}"]
    parts += [f"> **Look first:** {escape(h.text)}" for h in sweep.hypotheses]
    if sweep.separation:
        parts += _separation(sweep)
    elif sweep.unseparated:
        parts.append(escape(sweep.unseparated))
    if sweep.ways:
        parts.append("### Causes")
        parts.append("\n".join(_way(way, sweep) for way in sweep.ways))
    if sweep.effects:
        parts.append("### Numbers")
        parts.append("\n".join(f"- {escape(effect(one))}" for one in sweep.effects))
    if sides := disputed(sweep):
        parts.append("### Disputed settings")
        parts.append("\n".join(f"- {escape(one)}" for one in sides))
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


def _separation(sweep: Sweep) -> list[str]:
    separation = sweep.separation
    assert separation is not None
    said = statement(separation, ends(sweep, compared(sweep)))
    perhaps = "Perhaps: " if separation.by_chance else ""
    first, *others = qualified(separation, sweep.apart)
    lines = [f"**{perhaps}{escape(said)}**  ", escape(first), *(f"\n{escape(o)}" for o in others)]
    parts = ["\n".join(lines)]
    if separation.rivals:
        parts.append("### Confounded")
        parts.append(
            "\n".join(f"- {escape(rival(r, separation.predicate))}" for r in separation.rivals)
        )
    return parts


def _way(way: Way, sweep: Sweep) -> str:
    id = f" ({code(way.cause)})" if way.cause else ""
    text = f"- **{plural(len(way.jobs), 'job')}**: {escape(way.title)}{id}"
    own = own_separation(way, sweep)
    if own:
        told = [*qualified(own), *(rival(one, own.predicate) for one in own.rivals)]
        text += f"  \n  **{escape(statement(own, ends(sweep, way.jobs)))}**"
        text += "".join(f"  \n  {escape(line)}" for line in told)
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
