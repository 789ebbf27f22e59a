"""`--baseline`: the option, and what it adds to a diagnosis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from diagnose.errors import InputError

if TYPE_CHECKING:
    from diagnose.baseline import GoodRun, Lines
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
    from diagnose.cli.saved import names_bundle
    from diagnose.several import good_runs

    Templates()  # says what is missing before hours of logs are read
    good, bad = good_runs(examiner, [path for path in paths if not names_bundle(path)])
    for path in filter(names_bundle, paths):
        one, well = _look(examiner, path)
        good, bad = ([*good, one], bad) if well else (good, [*bad, path])
    if not good:
        raise InputError(
            f"no run of --baseline went well: {', '.join(bad)}", "give the log of a run that did"
        )

    def against(diagnosis: Diagnosis, lines: Lines) -> Diagnosis:
        # A look reads the variables of processes, which a log hardly ever tells: only what both tell can differ.
        told = set().union(*(run.facts for run in good))
        looked = diagnosis.state is not None
        facts = {
            name: value
            for name, value in diagnosis.facts.items()
            if not looked or name in told or not name.startswith("env:")
        }
        result = compare(replace(diagnosis, facts=facts), lines, good, bad)
        return replace(result, facts=diagnosis.facts)

    return against


def _look(examiner: Examiner, path: str) -> tuple[GoodRun, bool]:
    """A saved look at a server as a run, and whether that was well."""
    from diagnose.baseline import GoodRun
    from diagnose.cli.saved import open_bundle
    from diagnose.jobs.outcome import outcome
    from diagnose.reason import reason

    snapshot, logs = open_bundle(path)
    diagnosis = reason(examiner, snapshot, logs)
    lines = _lines(logs)
    run = GoodRun(path, tuple(lines), diagnosis.facts, diagnosis.progress, lines.partial)
    return run, not outcome(diagnosis).bad


def _lines(logs: Mapping[str, bytes]) -> Lines:
    from diagnose.baseline import Lines

    lines = Lines()
    for path, data in logs.items():
        lines.source(path)(data)
    return lines


def compared(
    diagnosis: Diagnosis,
    logs: Mapping[str, bytes],
    compare: Callable[[Diagnosis, Lines], Diagnosis] | None,
) -> Diagnosis:
    """The diagnosis of a look at a server, compared by its logs and by what both tell of the settings."""
    return diagnosis if compare is None else compare(diagnosis, _lines(logs))
