"""`--baseline`: the option, and what it adds to a diagnosis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from diagnose.errors import InputError

if TYPE_CHECKING:
    from diagnose.baseline import Lines
    from diagnose.model import Diagnosis
    from diagnose.pipeline import Examiner


def baseline_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --baseline to a command's function; it arrives as `baseline`, a tuple of paths."""
    return click.option(
        "--baseline",
        multiple=True,
        metavar="GOOD",
        help="The log of a run that went well, to say what is new, slower or set differently; may be repeated.",
    )(command)


def comparer(
    examiner: Examiner, paths: Sequence[str]
) -> Callable[[Diagnosis, Lines], Diagnosis] | None:
    """What compares a diagnosis with the good runs; None where none are given.

    Raises:
        InputError: If a path cannot be read, or no run of them went well.
        UsageError: If what the comparison needs is not installed.
    """
    if not paths:
        return None
    from diagnose.baseline import compare
    from diagnose.baseline.templates import Templates
    from diagnose.several import good_runs

    Templates()  # says what is missing before hours of logs are read
    good, bad = good_runs(examiner, paths)
    if not good:
        raise InputError(
            f"no run of --baseline went well: {', '.join(bad)}", "give the log of a run that did"
        )
    return lambda diagnosis, lines: compare(diagnosis, lines, good, bad)


def compared(
    diagnosis: Diagnosis,
    logs: Mapping[str, bytes],
    compare: Callable[[Diagnosis, Lines], Diagnosis] | None,
) -> Diagnosis:
    """The diagnosis of a live server, compared by its logs."""
    if compare is None:
        return diagnosis
    from diagnose.baseline import Lines

    lines = Lines()
    for path, data in logs.items():
        lines.source(path)(data)
    return compare(diagnosis, lines)
