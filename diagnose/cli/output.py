"""Writes a diagnosis in the format asked for, to standard output or to a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from diagnose.errors import InputError, UsageError

if TYPE_CHECKING:
    from diagnose.model import Diagnosis

FORMATS = ("terminal", "json", "markdown", "github", "html", "sarif", "junit")


def write(
    diagnosis: Diagnosis,
    format_: str,
    output: Path | None = None,
    *,
    quiet: bool = False,
    verbose: bool = False,
) -> None:
    """Renders the diagnosis and writes it.

    Raises:
        InputError: If the output file cannot be written.
    """
    put(
        render(diagnosis, format_, to_file=output is not None, quiet=quiet, verbose=verbose), output
    )


def put(text: str, output: Path | None) -> None:
    """Writes a report to standard output or to a file.

    Raises:
        InputError: If the file cannot be written.
    """
    if output is None or str(output) == "-":
        click.echo(text, nl=False, color=True)
        return
    write_file(output, text.encode(), "--output")


def keep_inputs(paths: Iterable[str], output: Path | None) -> None:
    """Refuses to write the report over a log that it is about.

    Raises:
        UsageError: If the output is one of the inputs.
    """
    if output is not None and output.exists():
        for path in paths:
            if Path(path).exists() and output.samefile(path):
                raise UsageError(
                    f"{path} is read and would be overwritten", "name another --output"
                )


def write_file(path: Path, data: bytes, option: str) -> None:
    """Writes a file that the user asked for by an option.

    Raises:
        InputError: If it cannot be written; the remedy is to give the option another path.
    """
    try:
        path.write_bytes(data)
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror}", f"name another {option}"
        ) from error


def render(
    diagnosis: Diagnosis, format_: str, *, to_file: bool, quiet: bool = False, verbose: bool = False
) -> str:
    """The report as text; with colour only for a terminal."""
    if format_ in ("json", "sarif"):
        import json
    if format_ == "json":
        from diagnose.report.json import to_json

        return json.dumps(to_json(diagnosis), indent=2, ensure_ascii=False) + "\n"
    if format_ == "markdown":
        from diagnose.report.markdown import to_markdown

        return to_markdown(diagnosis)
    if format_ == "html":
        from diagnose.report.html import to_html

        return to_html(diagnosis)
    if format_ == "sarif":
        from diagnose.report.sarif import to_sarif

        return json.dumps(to_sarif(diagnosis), indent=2, ensure_ascii=False) + "\n"
    if format_ == "junit":
        from diagnose.report.junit import to_junit

        return to_junit(diagnosis)
    from diagnose.report.terminal import to_terminal

    text = to_terminal(
        diagnosis,
        width=width(to_file=to_file),
        colour=not to_file and colour(),
        quiet=quiet,
        verbose=verbose,
    )
    if format_ == "github":
        from diagnose.report.github import to_github

        return to_github(diagnosis, text, os.urandom(16).hex())
    return text


def colour() -> bool:
    """Whether standard output takes colour."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()


def width(*, to_file: bool = False) -> int:
    """Columns of the terminal that will show the report, also behind a pager; 100 where there is none."""
    asked = os.environ.get("COLUMNS", "")
    if asked.isdigit() and int(asked) > 0:
        return max(40, min(int(asked), 160))
    for stream in () if to_file else (sys.stdout, sys.stderr):
        if stream.isatty():
            return max(40, min(os.get_terminal_size(stream.fileno()).columns, 160))
    return 100
