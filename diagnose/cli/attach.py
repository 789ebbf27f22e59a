"""`diagnose attach`: from a server that runs, or a bundle of one that ran, to what it waits for."""

from __future__ import annotations

import dataclasses
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import click

from diagnose.cli.good import baseline_option, compared, comparer
from diagnose.cli.log import exit_code
from diagnose.cli.options import FILE, report
from diagnose.cli.output import write, write_file
from diagnose.cli.saved import names_bundle, open_bundle
from diagnose.errors import InputError, UsageError
from diagnose.reason import prepare, reason

if TYPE_CHECKING:
    from diagnose.model import Snapshot


@click.command("attach")
@click.argument("target", required=False, metavar="[PID|FILE]")
@click.option(
    "--port", type=click.IntRange(1, 65535), help="The server that listens on this TCP port."
)
@click.option("--name", help="The server with this text in its title or command line.")
@click.option(
    "--samples",
    type=click.IntRange(1, 100),
    default=3,
    show_default=True,
    help="How often to look at each process.",
)
@click.option(
    "--interval",
    type=click.FloatRange(0.1, 600),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="From one sample to the next.",
)
@click.option("--native", is_flag=True, help="Ask for C frames too; stops each process for longer.")
@click.option(
    "--log",
    "logs",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False),
    help="A log file of the server, where it cannot be found by itself.",
)
@click.option(
    "--save",
    type=FILE,
    help="Keep everything that was seen in this file, for `diagnose attach FILE` anywhere.",
)
@report
@baseline_option
def command(
    target: str | None,
    port: int | None,
    name: str | None,
    samples: int,
    interval: float,
    native: bool,
    logs: tuple[str, ...],
    save: Path | None,
    format_: str,
    output: Path | None,
    roots: tuple[Path, ...],
    baseline: tuple[str, ...],
    quiet: bool,
    verbose: bool,
) -> int:
    """Look at a server that hangs: what every process waits for, who holds it, what unblocks it.

    Without arguments the one vLLM or SGLang server of this machine is taken. PID is any process of it, or the
    first of any other tree of processes. FILE is what `--save` wrote, or stacks that somebody took: `py-spy dump`
    (also `--json`), faulthandler, pystack, gdb; `-` reads them from standard input. Nothing is changed: no signal,
    nothing written, nothing installed.
    """
    if sum(one is not None for one in (target, port, name)) > 1:
        raise UsageError(
            "a server is named in one way", "give a pid, --port or --name, not several"
        )
    if target is not None and not target.isdigit():
        snapshot, seen = _file(target)
        examiner = prepare(roots)
    else:
        with ThreadPoolExecutor(1) as pool:
            # The catalogue is made ready while the samples are waited for.
            ready = pool.submit(prepare, roots)
            pid = int(target) if target else None
            snapshot, seen = _live(pid, port, name, samples, interval, native, logs)
            examiner = ready.result()
    if save is not None:
        snapshot, seen = _save(snapshot, seen, save)
    diagnosis = compared(reason(examiner, snapshot, seen), seen, comparer(examiner, baseline))
    write(diagnosis, format_, output, quiet=quiet, verbose=verbose)
    return exit_code(diagnosis)


def _file(path: str) -> tuple[Snapshot, dict[str, bytes]]:
    """A bundle, or stacks that somebody took."""
    from diagnose.cli.pasted import read_stacks

    if path != "-" and not Path(path).exists():
        raise UsageError(
            f"`{path}` is neither a pid nor a file", "give a pid, --name TEXT or a bundle"
        )
    if names_bundle(path):
        return open_bundle(path)
    stacks = read_stacks(path)
    if stacks is None:
        raise UsageError(
            f"{path} is no bundle and holds no stacks",
            f"for a log: diagnose log {path}; with a server: diagnose attach --log {path}",
        )
    return stacks.snapshot, stacks.logs


def _live(
    pid: int | None,
    port: int | None,
    name: str | None,
    samples: int,
    interval: float,
    native: bool,
    logs: tuple[str, ...],
) -> tuple[Snapshot, dict[str, bytes]]:
    if sys.platform != "linux":
        raise InputError(
            "live processes can be looked at on Linux only",
            "run `diagnose attach --save FILE` there, and `diagnose attach FILE` here",
        )
    from diagnose.probe import Plan, find, look
    from diagnose.probe.tails import read_logs

    found = find(pid, port, name)
    if sys.stderr.isatty():
        seconds = max(1.0, (samples - 1) * interval)
        click.echo(
            f"looking at {len(found.pids)} processes of {found.root} for {seconds:.0f} s", err=True
        )
    seen = look(found, Plan(samples, interval, native), {path: path for path in logs})
    texts, missing = read_logs(seen.logs)
    snapshot = dataclasses.replace(seen.snapshot, could_not=(*seen.snapshot.could_not, *missing))
    return snapshot, texts


def _save(
    snapshot: Snapshot, logs: dict[str, bytes], path: Path
) -> tuple[Snapshot, dict[str, bytes]]:
    """Writes the bundle; what is reasoned about afterwards is what was written."""
    from diagnose.bundle import pack, redacted

    snapshot, logs = redacted(snapshot, logs)
    data = pack(snapshot, logs)
    write_file(path, data, "--save")
    click.echo(
        f"saved {path} ({len(data) / 1000:,.0f} kB); anywhere: diagnose attach {path}", err=True
    )
    return snapshot, logs
