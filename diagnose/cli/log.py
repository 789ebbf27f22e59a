"""`diagnose log`: from what a job left behind to the cause, the chain and the fix."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from diagnose.cli.good import baseline_option
from diagnose.cli.options import report
from diagnose.cli.output import keep_inputs, write
from diagnose.errors import InputError, UsageError

if TYPE_CHECKING:
    from diagnose.model import Diagnosis
    from diagnose.origin import Script

EXIT_OK, EXIT_NAMED, EXIT_UNKNOWN, EXIT_UNREADABLE = 0, 1, 3, 4


@click.command("log")
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@report
@click.option(
    "--scanner",
    type=click.Choice(("auto", "hyperscan", "re2", "regex")),
    default="auto",
    hidden=True,
)
@click.option(
    "--recipe",
    type=click.Path(dir_okay=False),
    metavar="SCRIPT",
    help="The launch script of the job: the cause is looked for in it too, and the report ends in the change to it.",
)
@baseline_option
def command(
    paths: tuple[str, ...],
    format_: str,
    output: Path | None,
    roots: tuple[Path, ...],
    scanner: str,
    recipe: str | None,
    baseline: tuple[str, ...],
    quiet: bool,
    verbose: bool,
) -> int:
    """Name the likely cause of a failed or hung job from the logs it left behind.

    PATH is a file, a folder, an archive (.gz .bz2 .xz .zst .zip .tar.*) or - for standard input. All
    of them together are taken as one run; of a dump or an archive with several jobs, the one that went wrong
    is answered for. A file written by `diagnose attach --save`, or one that
    begins with the dump of a stack, is taken as the live server that it shows.
    """
    keep_inputs(paths, output)
    diagnosis = run(paths, roots=roots, scanner=scanner, recipe=recipe, baseline=baseline)
    write(diagnosis, format_, output, quiet=quiet, verbose=verbose)
    return exit_code(diagnosis)


def run(
    paths: tuple[str, ...],
    *,
    roots: tuple[Path, ...] = (),
    scanner: str = "auto",
    recipe: str | None = None,
    baseline: tuple[str, ...] = (),
) -> Diagnosis:
    """Reads the inputs and diagnoses them as one run, together with the launch script where one is given.

    Raises:
        InputError: If none of the inputs could be read.
    """
    from diagnose import several
    from diagnose.cli.good import compared, comparer
    from diagnose.cli.progress import Bar
    from diagnose.cli.saved import names_bundle, open_bundle
    from diagnose.reason import prepare, reason
    from diagnose.sources import open_paths

    examiner = prepare(roots, scanner)
    compare = comparer(examiner, baseline)
    if len(paths) == 1 and names_bundle(paths[0]):
        _only_logs(recipe)
        snapshot, logs = open_bundle(paths[0])
        return compared(reason(examiner, snapshot, logs), logs, compare)
    script = open_script(recipe, roots) if recipe else None
    # The order in which a shell happens to list the files must not change the answer.
    paths = tuple(sorted(paths))
    stdin = sys.stdin.buffer if sys.stdin is not None else None
    with Bar(paths) as bar:
        opened = open_paths(paths, stdin, progress=bar.advance)
        findings = script.findings if script else None
        diagnosis = several.diagnose(examiner, opened, paths, findings, compare)
    if not any(source.size_bytes for source in diagnosis.sources):
        problems = "; ".join(f"{s.name}: {s.problem or 'empty'}" for s in diagnosis.sources)
        raise InputError(
            f"nothing could be read ({problems or 'no files found'})",
            "name a log file, a folder or an archive",
        )
    if script is not None:
        return script.changed(diagnosis)
    # What the lines themselves say is quoted by its place; a look at the stacks says more where they say nothing.
    if diagnosis.cause is None and len(paths) == 1:
        from diagnose.cli.pasted import begins_with_stacks, read_stacks

        stacks = read_stacks(paths[0]) if begins_with_stacks(paths[0]) else None
        if stacks is not None:
            return compared(reason(examiner, stacks.snapshot, stacks.logs), stacks.logs, compare)
    return diagnosis


def _only_logs(recipe: str | None) -> None:
    if recipe:
        raise UsageError(
            "--recipe goes with logs, not with a look at a server", "name the log files"
        )


def open_script(recipe: str, roots: tuple[Path, ...]) -> Script:
    """The launch script of a job.

    Raises:
        InputError: If it cannot be read.
    """
    from diagnose.lint import Linter
    from diagnose.origin import Script
    from diagnose.reason import catalogue
    from diagnose.sources.neighbours import Neighbours, git_path, read_script

    data, linter = read_script(recipe), Linter(catalogue(roots))
    return Script(recipe, data, linter, git_path(recipe), Neighbours(recipe))


def exit_code(diagnosis: Diagnosis) -> int:
    """0 no failure seen, 1 cause named, 3 failed, hung or in doubt with no cause known.

    A log that settles nothing may simply be of something else. Who looks at a process asks about that process: there
    an answer that is none is a doubt.
    """
    from diagnose.model import Verdict

    if diagnosis.cause is not None:
        return EXIT_NAMED
    if diagnosis.verdict in (Verdict.FAILED, Verdict.HUNG):
        return EXIT_UNKNOWN
    cut_off = any(source.problem for source in diagnosis.sources)
    if diagnosis.verdict is Verdict.UNDECIDABLE and (
        diagnosis.state or diagnosis.chain or diagnosis.alternatives or cut_off
    ):
        return EXIT_UNKNOWN
    return EXIT_OK
