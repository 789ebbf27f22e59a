"""What a step of a CI job leaves: files for other steps and other systems, and what its log shows.

Nothing here raises for a disk that is full or a folder that is not there: the rest is still told.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from diagnose.model import Diagnosis

REPORTS = {
    "diagnosis.json": "json",
    "diagnosis.md": "markdown",
    "diagnosis.html": "html",
    "diagnosis.sarif": "sarif",
    "diagnosis-junit.xml": "junit",
}
"""The files that are left for people, for later steps and for the pages of other systems, by their format."""


def write_reports(diagnosis: Diagnosis, folder: Path) -> list[str]:
    """Writes every report that can be written; one sentence for each that cannot."""
    from diagnose.cli.output import render

    problems = []
    for name, format_ in REPORTS.items():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            text = render(diagnosis, format_, to_file=True)
            _write(folder / name, text)
        except Exception as error:
            problems.append(f"cannot write {folder / name}: {_why(error)}")
    return problems


def _write(path: Path, text: str) -> None:
    """Writes a report, or leaves none: a part of one would break whatever reads it."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()
        raise


def tell_github(diagnosis: Diagnosis, folder: Path) -> list[str]:
    """Adds to the step's summary and outputs, where the runner names files for them."""
    from diagnose.report.github import output_file, outputs, summary

    written = folder / "diagnosis.md"
    values = {**outputs(diagnosis), "summary-file": str(written) if written.is_file() else ""}
    texts: dict[str, Callable[[], str]] = {
        "GITHUB_STEP_SUMMARY": lambda: summary(diagnosis),
        "GITHUB_OUTPUT": lambda: output_file(values, secrets.token_hex(16)),
    }
    problems = []
    for name, make in texts.items():
        if not (path := os.environ.get(name)):
            continue
        try:
            text = make()
            with open(path, "a", encoding="utf-8") as file:
                file.write(text)
        except Exception as error:
            problems.append(f"cannot write to ${name}: {_why(error)}")
    return problems


def _why(error: Exception) -> str:
    """A full disk in a word; a defect of this program, which must not take the other reports with it, in full."""
    return (isinstance(error, OSError) and error.strerror) or traceback.format_exc()


def show(diagnosis: Diagnosis, problems: Sequence[str], *, github: bool) -> None:
    """Prints the problems and the report; on GitHub the annotations too, and nothing that is obeyed."""
    from diagnose.cli.output import render
    from diagnose.redact import redact
    from diagnose.report.github import to_github

    notes = [redact(line) for problem in problems for line in f"diagnose: {problem}".splitlines()]
    report = render(diagnosis, "terminal", to_file=False)
    text = "\n".join([*notes, report])
    if github:
        text = to_github(diagnosis, text, secrets.token_hex(16))
    click.echo(text, nl=False, color=True)
