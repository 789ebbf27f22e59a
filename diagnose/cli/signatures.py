"""`diagnose signatures`: look at the catalogue, check it, see why a signature matches, write a new one."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from diagnose.errors import InputError, UsageError

if TYPE_CHECKING:
    from diagnose.model import Signature

ROOT = click.option(
    "--signatures",
    "root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The catalogue to use instead of the one that came with the tool.",
)


@click.group("signatures")
def command() -> None:
    """Look at the catalogue of failure signatures, check it, extend it."""


@command.command("list")
@ROOT
@click.option("--role", type=click.Choice(("cause", "symptom", "failure", "benign")))
def list_(root: Path | None, role: str | None) -> int:
    """List every signature: its id, its role and what it means."""
    signatures = {i: s for i, s in _load(root).items() if role in (None, s.role)}
    width = max((len(id) for id in signatures), default=0)
    # A terminal gets whole lines, cut at its edge; a pipe gets everything.
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else 1 << 16
    for id, signature in signatures.items():
        click.echo(f"{id:<{width}}  {signature.role:<7}  {signature.title}"[:columns])
    return 0


@command.command("show")
@click.argument("id", metavar="ID")
@ROOT
def show(id: str, root: Path | None) -> int:
    """Show everything that is known about one signature."""
    from diagnose.report.signature import to_page

    click.echo(to_page(_one(_load(root), id)), nl=False)
    return 0


@command.command("check")
@click.argument(
    "root", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option(
    "--healthy",
    type=click.Path(exists=True, path_type=Path),
    help="Logs in which nothing may be found wrong.",
)
def check(root: Path | None, healthy: Path | None) -> int:
    """Prove every signature of the catalogue, or of the folder ROOT beside it.

    Each example must match, no counterexample and no healthy log may, and nothing may be dead or shadowed.
    """
    from diagnose.catalogue import default_root
    from diagnose.prove import check as prove
    from diagnose.prove import load_all

    shipped = default_root()
    folder = (root or shipped).resolve()
    signatures, problems = load_all(folder)
    if not signatures and not problems:
        raise InputError(
            f"no signature files below {folder}", "expected <component>/<mechanism>.toml"
        )
    others = {} if folder == shipped.resolve() else load_all(shipped)[0]
    fixtures = shipped.parent / "fixtures" / "healthy"
    logs = sorted((healthy or fixtures).rglob("*.log")) if (healthy or fixtures).exists() else []
    problems += prove(signatures, logs, others)
    for problem in problems:
        click.echo(str(problem))
    click.echo(
        f"{folder}: {len(signatures)} signatures, {len(logs)} healthy logs: "
        + (f"{len(problems)} problems" if problems else "all proved")
    )
    return 4 if problems else 0


@command.command("explain")
@click.argument("id", metavar="ID")
@click.argument("paths", nargs=-1, required=True, metavar="FILE…")
@ROOT
def explain(id: str, paths: tuple[str, ...], root: Path | None) -> int:
    """Say why a signature did or did not match: every condition, and what it found."""
    from diagnose.explain import explain as tell

    signatures = _load(root)
    for line in tell(_one(signatures, id), signatures, paths, sys.stdin.buffer):
        click.echo(line)
    return 0


@command.command("new")
@click.argument("line", metavar="LINE")
def new(line: str) -> int:
    """Write a draft signature for a log line (- reads it from standard input)."""
    from diagnose.document import read_line
    from diagnose.mystery import draft

    text = sys.stdin.buffer.readline() if line == "-" else os.fsencode(line)
    if not text.strip():
        raise UsageError("the line is empty", "give the log line that names the cause")
    click.echo(draft(read_line("-", 1, text.rstrip(b"\n"))), nl=False)
    return 0


def _load(root: Path | None) -> Mapping[str, Signature]:
    from diagnose.cache import default_cache
    from diagnose.catalogue import default_root
    from diagnose.packed import load

    return load(root or default_root(), default_cache())


def _one(signatures: Mapping[str, Signature], id: str) -> Signature:
    if id in signatures:
        return signatures[id]
    matching = [known for known in signatures if known.endswith(f"/{id}")]
    if len(matching) == 1:
        return signatures[matching[0]]
    import difflib

    near = difflib.get_close_matches(id, signatures, n=3, cutoff=0.4)
    hint = f"did you mean {', '.join(near)}?" if near else "diagnose signatures list shows them all"
    raise UsageError(f"no signature is called {id}", hint)
