"""`diagnose log`: from what a job left behind to the cause, the chain and the fix."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from diagnose.cli.options import report
from diagnose.cli.output import write
from diagnose.errors import InputError

if TYPE_CHECKING:
    from diagnose.model import Diagnosis

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
def command(
    paths: tuple[str, ...],
    format_: str,
    output: Path | None,
    roots: tuple[Path, ...],
    scanner: str,
    quiet: bool,
    verbose: bool,
) -> int:
    """Name the likely cause of a failed or hung job from the logs it left behind.

    PATH is a file, a folder, an archive (.gz .bz2 .xz .zst .zip .tar.*) or - for standard input. All
    of them together are taken as one run. A file written by `diagnose attach --save`, or one that
    begins with the dump of a stack, is taken as the live server that it shows.
    """
    diagnosis = run(paths, roots=roots, scanner=scanner)
    write(diagnosis, format_, output, quiet=quiet, verbose=verbose)
    return exit_code(diagnosis)


def run(
    paths: tuple[str, ...], *, roots: tuple[Path, ...] = (), scanner: str = "auto"
) -> Diagnosis:
    """Reads the inputs and diagnoses them as one run.

    Raises:
        InputError: If none of the inputs could be read.
    """
    from diagnose.cli.pasted import begins_with_stacks, read_stacks
    from diagnose.cli.progress import Bar
    from diagnose.cli.reason import names_bundle, open_bundle, prepare, reason
    from diagnose.sources import open_paths

    examiner = prepare(roots, scanner)
    if len(paths) == 1 and names_bundle(paths[0]):
        return reason(examiner, *open_bundle(paths[0]))
    if len(paths) == 1 and begins_with_stacks(paths[0]) and (stacks := read_stacks(paths[0])):
        return reason(examiner, stacks.snapshot, stacks.logs)
    # The order in which a shell happens to list the files must not change the answer.
    paths = tuple(sorted(paths))
    stdin = sys.stdin.buffer if sys.stdin is not None else None
    with Bar(paths) as bar:
        diagnosis = examiner.diagnose(open_paths(paths, stdin, progress=bar.advance))
    if not any(source.size_bytes for source in diagnosis.sources):
        problems = "; ".join(f"{s.name}: {s.problem or 'empty'}" for s in diagnosis.sources)
        raise InputError(
            f"nothing could be read ({problems or 'no files found'})",
            "name a log file, a folder or an archive",
        )
    return diagnosis


def exit_code(diagnosis: Diagnosis) -> int:
    """0 no failure seen, 1 cause named, 3 failed or hung with no cause known."""
    from diagnose.model import Verdict

    if diagnosis.cause is not None:
        return EXIT_NAMED
    if diagnosis.verdict in (Verdict.FAILED, Verdict.HUNG):
        return EXIT_UNKNOWN
    if diagnosis.verdict is Verdict.UNDECIDABLE and (diagnosis.chain or diagnosis.alternatives):
        return EXIT_UNKNOWN
    return EXIT_OK
