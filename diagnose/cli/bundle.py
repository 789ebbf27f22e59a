"""`diagnose bundle`: what a bundle holds, and one with more taken out."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from diagnose.cli.options import FILE
from diagnose.cli.output import write_file
from diagnose.cli.saved import open_bundle

if TYPE_CHECKING:
    from diagnose.model import Process, Snapshot

_FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False))


@click.group("bundle")
def command() -> None:
    """Show what a saved look at a server holds, or take more out of it before it is handed on."""


@command.command("show")
@_FILE
@click.option(
    "--json", "as_json", is_flag=True, help="The whole snapshot, as docs/bundle-format.md tells."
)
def show(file: str, as_json: bool) -> int:
    """Show when and where it was taken, its processes, and what could not be looked at."""
    from diagnose.bundle import to_json

    snapshot, logs = open_bundle(file)
    if as_json:
        click.echo(json.dumps(to_json(snapshot), indent=1, ensure_ascii=False))
        return 0
    for line in _lines(snapshot, {path: len(data) for path, data in logs.items()}):
        click.echo("".join(c if c.isprintable() else "�" for c in line))
    return 0


@command.command("redact")
@_FILE
@click.option("--output", "-o", required=True, type=FILE)
@click.option(
    "--hide", multiple=True, metavar="TEXT", help="Also replace this text wherever it stands."
)
@click.option("--no-logs", is_flag=True, help="Leave the logs out.")
def redact(file: str, output: Path, hide: tuple[str, ...], no_logs: bool) -> int:
    """Write another bundle without secrets, host name, user names and home folders.

    Secrets are taken out when a bundle is saved already; this takes out who and where, too. Addresses, container
    ids and names of models and projects stay: name them with --hide.
    """
    from diagnose.bundle import anonymous, pack

    snapshot, logs = open_bundle(file)
    snapshot, logs = anonymous(snapshot, {} if no_logs else logs, hide)
    write_file(output, pack(snapshot, logs), "--output")
    return 0


def _lines(snapshot: Snapshot, logs: dict[str, int]) -> Iterator[str]:
    taken = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(snapshot.taken_s))
    yield f"taken      {taken} on {snapshot.host}, for {snapshot.duration_s:.1f} s"
    if snapshot.versions:
        yield "versions   " + ", ".join(f"{name} {one}" for name, one in snapshot.versions.items())
    rounds = max(
        (sum(s.pid == p.pid for s in snapshot.samples) for p in snapshot.processes), default=0
    )
    yield f"processes  {len(snapshot.processes)}, with up to {rounds} samples each"
    for depth, process in _tree(snapshot):
        cpu = f"{process.cpu_share:.2f} cores"
        yield f"  {'  ' * depth}{process.pid} {process.name}  {process.state}  {cpu}  {process.title[:80]}"
    for path, size in logs.items():
        yield f"log        {path} ({size} bytes)"
    kept = {
        "files": snapshot.files, "locks": snapshot.locks, "lock files": snapshot.lock_files,
        "connections": snapshot.connections, "pipes": snapshot.pipes, "GPUs": snapshot.gpus,
        "kernel lines": snapshot.kernel, "variables": snapshot.environment,
    }  # fmt: skip
    yield "also       " + ", ".join(f"{len(value)} {name}" for name, value in kept.items())
    for one in snapshot.could_not:
        yield f"not seen   {one.what}: {one.why}" + (f" — {one.how}" if one.how else "")


def _tree(snapshot: Snapshot) -> Iterator[tuple[int, Process]]:
    """Every process with its depth below the others."""
    known = {process.pid: process for process in snapshot.processes}
    children: dict[int, list[Process]] = {}
    for process in snapshot.processes:
        children.setdefault(process.ppid if process.ppid in known else 0, []).append(process)
    stack = [(0, process) for process in reversed(children.get(0, []))]
    seen: set[int] = set()
    while stack:
        depth, process = stack.pop()
        if process.pid not in seen:
            seen.add(process.pid)
            yield depth, process
            stack += [(depth + 1, child) for child in reversed(children.get(process.pid, []))]
