"""The review of launch scripts for a person, for Markdown, and for programs.

Floor 10: pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from diagnose.lint import Shown, conditions
from diagnose.model import Certainty
from diagnose.recipe import Recipe
from diagnose.redact import redact
from diagnose.remedy import unified
from diagnose.report.layout import printed
from diagnose.report.words import printable, reflow, shorten
from diagnose.review import Point, Review

SCHEMA = "diagnose-recipe/1"
LEVEL = {Certainty.HIGH: "error", Certainty.MEDIUM: "warning", Certainty.LOW: "note"}
_STYLE = {"error": "bold red", "warning": "bold yellow", "note": "bold"}
_PLACES = 4


def level(point: Point) -> str:
    """`error`, `warning` or `note`: how sure it is that it goes wrong."""
    return LEVEL[point.fault.finding.certainty]


def counted(point: Point) -> bool:
    """Whether it counts as a finding: a note does not."""
    return level(point) != "note"


def to_terminal(
    reviews: Sequence[Review], *, width: int = 100, colour: bool = False, quiet: bool = False
) -> str:
    """The report as lines of at most `width` columns."""
    parts = [part for one in reviews for part in (_brief(one) if quiet else _script(one))]
    return printed([*parts, Text(_sum(reviews))], width, colour=colour, unwrapped=quiet)


def _brief(review: Review) -> Iterator[RenderableType]:
    for point in review.points:
        place = point.fault.finding.first.line
        text = Text(f"{printable(place.source)}:{place.number}: {level(point)}: ", no_wrap=True)
        text.overflow = "ignore"
        yield text.append(f"{point.fault.finding.signature.title} [{point.fault.id}]")


def _script(review: Review) -> Iterator[RenderableType]:
    yield Text(printable(review.recipe.name), style="bold")
    for remark in remarks(review.recipe):
        yield Padding(Text(remark, style="dim"), (0, 0, 0, 2))
    if not review.points:
        yield Padding(Text(_nothing(review.recipe)), (0, 0, 0, 2))
    for point in review.points:
        yield Padding(_point(review.recipe, point), (1, 0, 0, 2))
    yield Text("")


def unread(recipe: Recipe) -> str:
    """Why finding nothing in a script does not make it clean, as one clause; empty where it does."""
    if recipe.broken:
        lines = ", ".join(map(str, recipe.broken[:5]))
        return f"line {lines} is not understood as bash"
    if recipe.unfollowed:
        lines = ", ".join(map(str, recipe.unfollowed[:5]))
        return f"line {lines} starts a server in a way that is not followed"
    if recipe.dropped and all(variant.command is None for variant in recipe.variants):
        return "no way to a server was found among too many open conditions"
    return ""


def _nothing(recipe: Recipe) -> str:
    return "nothing found in what could be read" if unread(recipe) else "nothing known to go wrong"


def remarks(recipe: Recipe) -> list[str]:
    """What could not be followed in a script, a sentence each."""
    found = []
    if recipe.broken:
        lines = ", ".join(map(str, recipe.broken[:5]))
        found.append(f"not understood as bash: line {lines}")
    if recipe.kind != "changelog" and all(v.command is None for v in recipe.variants):
        found.append(
            "no server is started that this tool knows; only the script itself is looked at"
        )
    if recipe.unfollowed:
        lines = ", ".join(map(str, recipe.unfollowed[:5]))
        found.append(f"a server is started in a way that is not followed: line {lines}")
    if recipe.absent:
        files = ", ".join(f"{file} (line {line})" for line, file in recipe.absent[:5])
        found.append(f"not given, so that what it does is not known: {files}")
    if recipe.dropped:
        found.append(
            f"{recipe.dropped} further combinations of undecided conditions were not followed;"
            " --row leaves fewer open"
        )
    return found


def _point(recipe: Recipe, point: Point) -> RenderableType:
    signature = point.fault.finding.signature
    head = Text(f"{level(point)}  ", style=_STYLE[level(point)])
    head.append(signature.title, style="bold").append(f"  [{point.fault.id}]", style="dim")
    parts: list[RenderableType] = [head]
    parts += [Padding(_shown(recipe, s), (0, 0, 0, 3)) for s in point.fault.shown[:_PLACES]]
    if len(point.fault.shown) > _PLACES:
        parts.append(
            Padding(Text(f"and {len(point.fault.shown) - _PLACES} more places"), (0, 0, 0, 3))
        )
    parts.append(Padding(Text(reflow(signature.root_cause)), (0, 0, 0, 3)))
    if signature.leads_to:
        parts.append(
            Padding(Text(f"Leads to: {', '.join(signature.leads_to)}", style="dim"), (0, 0, 0, 3))
        )
    if point.fix:
        text = Text("Fix: ", style="bold").append(reflow(point.fix.summary), style="not bold")
        for line in point.fix.recipe:
            text.append(f"\n  {printable(line)}", style="green")
        parts.append(Padding(text, (0, 0, 0, 3)))
        if point.fix.warning:
            parts.append(Padding(Text(f"Warning: {reflow(point.fix.warning)}"), (0, 0, 0, 3)))
    if offer := _offer(point, recipe):
        parts.append(Padding(Text(offer, style="dim"), (0, 0, 0, 3)))
    return Group(*parts)


def _shown(recipe: Recipe, shown: Shown) -> Text:
    text = Text(f"line {shown.evidence.line.number}  ", style="cyan")
    text.append(shorten(shown.evidence.line.text, 160), style="default")
    when = rows_of(shown, recipe)
    if when:
        text.append(f"\n  {printable(when)}", style="dim")
    return text


def rows_of(shown: Shown, recipe: Recipe) -> str:
    """On which rows and conditions a place shows a finding; empty when it always does."""
    rows = list({tuple(v.row.items()): v.row for v in shown.variants}.values())
    every = {tuple(v.row.items()) for v in recipe.variants}
    parts = []
    if any(rows) and len(rows) < len(every):
        named = [" ".join(f"{n}={v}" for n, v in row.items() if n != "IMAGE") for row in rows]
        parts.append(
            "row " + "; ".join(filter(None, named[:3])) + ("; …" if len(named) > 3 else "")
        )
    when = " and ".join(conditions(shown.variants, recipe))
    if when:
        parts.append(f"when {when}")
    return ", ".join(part for part in parts if part.strip() != "row")


def _offer(point: Point, recipe: Recipe) -> str:
    if point.withheld:
        return f"No change is offered: {point.withheld}."
    if point.change is None:
        return ""
    text = "--fix shows the change, --write makes it."
    if point.change.also:
        every = sum(v.command is not None for v in recipe.variants)
        text += f" It also changes {len(point.change.also)} of {every} ways through the script that do not need it."
    return text


def _sum(reviews: Sequence[Review]) -> str:
    points = [point for review in reviews for point in review.points]
    levels = [level(point) for point in points]
    said = [
        f"{levels.count(n)} {n}{'s' if levels.count(n) != 1 else ''}" for n in _STYLE if n in levels
    ]
    able = sum(p.change is not None and not p.change.refused for p in points)
    scripts = f"{len(reviews)} script{'s' if len(reviews) != 1 else ''}"
    if not points:
        unclear = sum(bool(unread(review.recipe)) for review in reviews)
        return f"{scripts}: {f'{unclear} not read whole' if unclear else 'clean'}"
    return f"{scripts}: {', '.join(said)}" + (f"; --fix can change {able}" if able else "")


def to_markdown(reviews: Sequence[Review]) -> str:
    """The report as Markdown."""
    from diagnose.report.markdown import escape, fence

    parts = []
    for review in reviews:
        parts.append(f"## {escape(review.recipe.name)}")
        parts += [escape(remark) for remark in remarks(review.recipe)]
        if not review.points:
            nothing = _nothing(review.recipe)
            parts.append(f"{nothing[0].upper()}{nothing[1:]}.")
        for point in review.points:
            signature = point.fault.finding.signature
            parts.append(f"### {level(point)}: {escape(signature.title)} (`{point.fault.id}`)")
            places = "\n".join(
                f"{s.evidence.line.number}: {s.evidence.line.text}" for s in point.fault.shown
            )
            parts.append(fence(places))
            parts.append(escape(reflow(signature.root_cause)))
            if point.fix:
                parts.append(f"**Fix:** {escape(reflow(point.fix.summary))}")
            if point.withheld:
                parts.append(f"No change is offered: {escape(point.withheld)}.")
        if diff := _diff(review):
            parts.append(fence(diff.rstrip("\n"), language="diff"))
    return "\n\n".join(parts) + "\n"


def to_json(reviews: Sequence[Review]) -> dict[str, Any]:
    """The report as plain dictionaries, lists, strings, numbers and None."""
    return {
        "schema": SCHEMA,
        "scripts": [
            {
                "name": review.recipe.name,
                "findings": [_finding(review.recipe, point) for point in review.points],
                "remarks": remarks(review.recipe),
                "diff": _diff(review) or None,
            }
            for review in reviews
        ],
    }


def _finding(recipe: Recipe, point: Point) -> dict[str, Any]:
    signature = point.fault.finding.signature
    return {
        "id": signature.id,
        "title": signature.title,
        "level": level(point),
        "leads_to": list(signature.leads_to),
        "places": [
            {
                "line": s.evidence.line.number,
                "text": s.evidence.line.text,
                "shows": s.evidence.line.message,
                "when": list(conditions(s.variants, recipe)),
                "rows": [
                    dict(r) for r in {tuple(v.row.items()): v.row for v in s.variants}.values() if r
                ],
            }
            for s in point.fault.shown
        ],
        "fix": {
            "summary": reflow(point.fix.summary),
            "recipe": list(point.fix.recipe),
            "warning": reflow(point.fix.warning),
        }
        if point.fix
        else None,
        "withheld": point.withheld or None,
    }


def _diff(review: Review) -> str:
    diff = unified(review.recipe.name, review.recipe.data, review.after)
    return redact(diff.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
