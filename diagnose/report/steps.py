"""What to do, for a person at a terminal: shell that can be copied, and the change to a launch script.

Floor 10: pure. A report is laid out for the terminal's width; a command that is broken or cut there cannot be
pasted, so only its place is laid out and the command is put in afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from diagnose.expressions import later
from diagnose.model import Fix
from diagnose.report.words import printable, reflow

ASIDE = "    # "
"""What stands between a command and the note on when or where to run it."""
# Stands for a command while the report is laid out; `printable` takes both characters out of every log text.
_UNBROKEN = "\ue000{}\ue001"
_PLACE = later("\ue000(\\d+)\ue001 *")
_INDENT = 18
_PAINT = {"+": "\x1b[32m", "-": "\x1b[31m", "@": "\x1b[36m"}


def steps(fix: Fix, width: int) -> RenderableType:
    """A fix as the report's layout takes it; `put_in` completes it.

    Args:
        fix: What to do.
        width: Columns of the report.
    """
    parts: list[RenderableType] = [Text(reflow(fix.summary))]
    number = 0
    for label, lines in (("Now", fix.now), ("In the recipe", fix.recipe)):
        if lines:
            parts.append(Text(f"{label}:", style="dim"))
        for line in lines:
            text = Text("\n".join(_step(line, number, width)), style="green")
            parts.append(Padding(text, (0, 0, 0, 2)))
            number += 1
    if fix.warning:
        warning = Text("Warning: ", style="bold yellow")
        parts.append(warning.append(reflow(fix.warning), style="not bold default"))
    return Group(*parts)


def put_in(fix: Fix | None, text: str) -> str:
    """The report with every command of the fix in its place."""
    if fix is None:
        return text
    commands = [printable(line.partition(ASIDE)[0]) for line in (*fix.now, *fix.recipe)]
    return _PLACE.sub(lambda place: commands[int(place[1])], text)


def _step(line: str, number: int, width: int) -> Iterator[str]:
    """Each line of a note begins as a comment; then the command's place."""
    command, _, note = ("", "", line[1:]) if line.startswith("#") else line.partition(ASIDE)
    if note:
        from textwrap import wrap

        for part in wrap(printable(note).strip(), max(20, width - _INDENT)):
            yield f"# {part}"
    if command:
        yield _UNBROKEN.format(number)


def change(diff: str, *, colour: bool) -> str:
    """The change to the launch script at the left edge, its lines whole, so that it can be copied."""
    if not diff:
        return ""
    lines = []
    for line in diff.split("\n")[:-1]:
        style = _PAINT.get(line[:1], "") if colour else ""
        lines.append(f"{style}{printable(line)}{chr(27) + '[0m' if style else ''}")
    return "\nThe change to the launch script\n\n" + "\n".join(lines) + "\n"
