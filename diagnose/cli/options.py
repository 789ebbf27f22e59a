"""The options that every command with a report has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from diagnose.cli.output import FORMATS

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)

_REPORT = (
    click.option(
        "--format", "format_", type=click.Choice(FORMATS), default="terminal", show_default=True
    ),
    click.option(
        "--output", "-o", type=FILE, help="Write the report there instead of to standard output."
    ),
    click.option(
        "--signatures",
        "roots",
        multiple=True,
        type=FOLDER,
        help="A further folder of signature files.",
    ),
    click.option("--quiet", "-q", is_flag=True, help="Only the verdict, the cause and the fix."),
    click.option("--verbose", "-v", is_flag=True, help="More evidence, settings and processes."),
)


def report(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --format, --output, --signatures, --quiet and --verbose to a command's function.

    They arrive as `format_`, `output`, `roots`, `quiet` and `verbose`.
    """
    for option in reversed(_REPORT):
        command = option(command)
    return command
