"""`diagnose sweep`: from the logs of a matrix of jobs to the setting that separates failed from passed."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from diagnose.cli.output import colour, keep_inputs, put, width

if TYPE_CHECKING:
    from diagnose.model.sweep import Sweep
    from diagnose.sweep.work import Answer, Examined

EXIT_OK, EXIT_NAMED, EXIT_UNKNOWN, EXIT_INTERRUPTED = 0, 1, 3, 130
FORMATS = ("terminal", "json", "markdown")
ENGINES = ("local", "ray")


@click.command("sweep")
@click.argument("paths", nargs=-1, required=True, metavar="DIR|ARCHIVE|FILE…")
@click.option(
    "--axes",
    "given",
    metavar="FILE|REGEX",
    help="Settings of the jobs: a CSV or JSON table with a column `job`, or an expression with named groups"
    " for the job's name.",
)
@click.option(
    "--on",
    "engine",
    type=click.Choice(ENGINES),
    default="local",
    show_default=True,
    help="Where the jobs are read: processes of this machine, or a Ray cluster.",
)
@click.option(
    "--processes",
    "-j",
    type=click.IntRange(1, 4096),
    help="How many at once; as many as there are processors if not given.",
)
@click.option(
    "--format", "format_", type=click.Choice(FORMATS), default="terminal", show_default=True
)
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the report there instead of to stdout.",
)
@click.option(
    "--signatures",
    "roots",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A further folder of signature files.",
)
@click.option(
    "--scanner",
    type=click.Choice(("auto", "hyperscan", "re2", "regex")),
    default="auto",
    hidden=True,
)
@click.option("--quiet", "-q", is_flag=True, help="Only the predicate, the causes and the numbers.")
@click.option("--verbose", "-v", is_flag=True, help="Every job with its settings.")
def command(
    paths: tuple[str, ...],
    given: str | None,
    engine: str,
    processes: int | None,
    format_: str,
    output: Path | None,
    roots: tuple[Path, ...],
    scanner: str,
    quiet: bool,
    verbose: bool,
) -> int:
    """Say which setting separates the failed jobs of a matrix from those that passed.

    One folder, archive or `gh run view --log` dump holds the jobs, each a file, a folder or an archive in it;
    of several paths each is a job. A folder may be a URL that fsspec knows. Results (*.json) beside the
    logs are compared too.
    """
    keep_inputs(paths, output)
    found = run(paths, given, engine, processes, roots, scanner)
    put(render(found, format_, to_file=output is not None, quiet=quiet, verbose=verbose), output)
    return exit_code(found)


def run(
    paths: tuple[str, ...],
    given: str | None = None,
    engine: str = "local",
    processes: int | None = None,
    roots: tuple[Path, ...] = (),
    scanner: str = "auto",
) -> Sweep:
    """Reads, diagnoses and compares the jobs.

    Raises:
        InputError: If there are no jobs, or none could be read.
        UsageError: If the settings given are no table and no expression.
    """
    from diagnose.contrast import contrast
    from diagnose.errors import InputError
    from diagnose.model.sweep import Outcome
    from diagnose.reason import catalogue
    from diagnose.sweep.gather import gather
    from diagnose.sweep.given import with_settings
    from diagnose.sweep.join import join

    known = catalogue(roots)
    stdin = sys.stdin.buffer if sys.stdin is not None else None
    with tempfile.TemporaryDirectory(prefix="diagnose-") as folder:
        units = gather(paths, Path(folder), stdin)
        if given is not None:
            units = with_settings(units, given)
        if engine == "ray":
            from diagnose.sweep.rays import examine_on_ray as examine
        else:
            from diagnose.sweep.local import examine_all as examine
        answers = examine(units, known, scanner=scanner, processes=processes)
        examined = _collected(answers, len(units))
    jobs = join(one for _, found in sorted(examined.items()) for one in found)
    if all(job.outcome is Outcome.UNREADABLE for job in jobs):
        problems = "; ".join(f"{job.problem or job.name}" for job in jobs[:3])
        raise InputError(
            f"none of the {len(jobs)} jobs could be read ({problems})",
            "name a folder, an archive or a dump with one log a job",
        )
    return replace(contrast(jobs), unread=len(units) - len(examined))


def _collected(answers: Generator[Answer], total: int) -> dict[int, list[Examined]]:
    """What was read of the jobs, by their positions; of some of them only, if the user stops it with Ctrl-C.

    Raises:
        KeyboardInterrupt: If nothing was read until then.
    """
    done: dict[int, list[Examined]] = {}
    with _Count(total) as count, closing(answers):
        try:
            for position, examined in answers:
                done[position] = examined
                count.advance()
        except KeyboardInterrupt:
            if not done:
                raise
    return done


def render(sweep: Sweep, format_: str, *, to_file: bool, quiet: bool, verbose: bool) -> str:
    """The report as text; with colour only for a terminal."""
    if format_ == "json":
        from diagnose.report.sweep_json import sweep_to_json

        return json.dumps(sweep_to_json(sweep), indent=2, ensure_ascii=False) + "\n"
    if format_ == "markdown":
        from diagnose.report.sweep_markdown import sweep_to_markdown

        return sweep_to_markdown(sweep)
    from diagnose.report.sweep_terminal import sweep_to_terminal

    shown = not to_file and colour()
    return sweep_to_terminal(
        sweep, width=width(to_file=to_file), colour=shown, quiet=quiet, verbose=verbose
    )


def exit_code(sweep: Sweep) -> int:
    """0 no job failed, 1 a cause is named for some job, 3 jobs failed and no cause is named, 130 stopped."""
    if sweep.unread:
        return EXIT_INTERRUPTED
    if not sweep.ways:
        return EXIT_OK
    return EXIT_NAMED if any(way.cause for way in sweep.ways) else EXIT_UNKNOWN


class _Count:
    """How many jobs are done, on standard error, where it is a terminal and takes longer than a second."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._started = time.monotonic()
        self._shown = False

    def __enter__(self) -> _Count:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def advance(self) -> None:
        """Notes one more."""
        self._done += 1
        if time.monotonic() - self._started > 1.0 and sys.stderr.isatty():
            self._shown = True
            sys.stderr.write(f"\rjobs: {self._done:,} of {self._total:,}\x1b[K")
            sys.stderr.flush()
