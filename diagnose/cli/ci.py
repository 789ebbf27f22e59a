"""`diagnose ci`: the step after a failed job, which finds by itself what the job left."""

from __future__ import annotations

import functools
import os
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from diagnose.cli.options import FOLDER
from diagnose.cli.step import show, tell_github, write_reports
from diagnose.errors import DiagnoseError, InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from diagnose.ci import Left
    from diagnose.model import Diagnosis, Finding, Job, Snapshot
    from diagnose.origin import Script
    from diagnose.sources import Source


@click.command("ci")
@click.argument("paths", nargs=-1, metavar="[PATH]…")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="The folder for the reports.  [default: diagnosis]",
)
@click.option(
    "--job-status",
    metavar="[success|failure|cancelled]",
    help="How the job ended, where its environment does not say: on GitHub ${{ job.status }}.",
)
@click.option(
    "--run",
    "run_",
    metavar="ID|URL",
    help="A run of GitHub Actions: its log is fetched with the gh client.",
)
@click.option("--job", "name", metavar="ID|NAME", help="The job of that run, when several failed.")
@click.option(
    "--recipe",
    type=click.Path(dir_okay=False),
    metavar="SCRIPT",
    help="The launch script of the job; without it, the one that is named after the job's place in the matrix.",
)
@click.option("--exit-code", is_flag=True, help="Exit as `diagnose log` does, instead of with 0.")
@click.option(
    "--signatures", "roots", multiple=True, type=FOLDER, help="A further folder of signature files."
)
def command(
    paths: tuple[str, ...],
    output: Path | None,
    job_status: str | None,
    run_: str | None,
    name: str | None,
    recipe: str | None,
    exit_code: bool,
    roots: tuple[Path, ...],
) -> int:
    """Name the cause of a failed, cancelled or timed-out CI job in the step after it.

    PATH is what to read; without one, what the job left in its folder is found by name. Runs on GitHub Actions,
    Buildkite, GitLab, Jenkins and in Slurm, offline. Writes diagnosis.json, diagnosis.md, diagnosis.html,
    diagnosis.sarif and diagnosis-junit.xml, on GitHub annotations, a summary and outputs too. Exits with 0,
    whatever it finds, so that the job's colour is its own.
    """
    from diagnose import ci
    from diagnose.cli.log import exit_code as code_of

    if run_ and paths:
        raise UsageError("--run names what to read, and so does a PATH", "give one of them")
    if name and not run_:
        raise UsageError("--job chooses a job of --run", "give --run as well")
    # A step that runs in every job must not fail for a variable that somebody forgot to set.
    status = job_status if job_status and job_status.lower() in ci.STATUS else ""
    asked = _Asked(paths, run_ or "", name or "", recipe or "", roots)
    folder = output or Path(ci.OUTPUT)
    diagnosis, problem, code = _diagnose(asked, ci.job(os.environ, status=status))
    problems = [problem] if problem else []
    if job_status and not status:
        problems.append(
            f"--job-status {job_status!r} is none of {', '.join(dict.fromkeys(ci.STATUS.values()))}, and is left out"
        )
    problems += write_reports(diagnosis, folder)
    on_github = bool(os.environ.get("GITHUB_ACTIONS"))
    if on_github:
        problems += tell_github(diagnosis, folder)
    try:
        show(diagnosis, problems, github=on_github)
        sys.stdout.flush()
    except OSError:
        if exit_code:
            raise
        # What the step prints may be lost; that is no reason to turn the job red.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - closed by the process's end
    if not exit_code:
        return 0
    return code if code is not None else code_of(diagnosis)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the user named; empty for what is to be found."""

    paths: tuple[str, ...]
    run: str
    job: str
    recipe: str
    roots: tuple[Path, ...]


def _diagnose(asked: _Asked, job: Job) -> tuple[Diagnosis, str, int | None]:
    """The diagnosis, what went wrong with making it, and the exit code that goes with that.

    Nothing may keep the step from telling what it can, also a defect of this program.
    """
    from diagnose.model import Diagnosis, Verdict

    why, code = "nothing that could be read was left behind", 4
    try:
        if not asked.run:
            return replace(_read(asked, asked.paths, job), job=job), "", None
        with tempfile.TemporaryDirectory() as folder:
            from diagnose.ci.run import fetch

            fetched = fetch(asked.run, asked.job, Path(folder))
            diagnosis = _read(asked, (fetched.path,), fetched.job, prefix=folder)
            return replace(diagnosis, job=fetched.job), "", None
    except DiagnoseError as error:
        problem, code = f"{error.message}\n  {error.remedy}".rstrip(), error.exit_code
    except Exception:
        why, problem, code = "diagnose itself failed; its log says how", traceback.format_exc(), 70
    return Diagnosis(Verdict.UNDECIDABLE, why, job=job), problem, code


def _read(asked: _Asked, paths: tuple[str, ...], job: Job, prefix: str = "") -> Diagnosis:
    """Reads and diagnoses.

    Args:
        asked: By the user.
        paths: What to read; nothing for what the job left in its folder.
        job: Whose it is.
        prefix: A folder that names are told without; the job's folder if absent.
    """
    from diagnose.model import Unknown
    from diagnose.reason import prepare, reason

    found = _found(paths, job)
    if not found.files and not found.bundles:
        raise InputError(
            f"no log was found in {', '.join(paths) or job.workspace or os.getcwd()}"
            + (f" ({found.older} older than the job)" if found.older else ""),
            "name the files or folders that hold the logs",
        )
    unread = []
    script: Script | None = None
    snapshot: Snapshot | None = None
    ends: dict[str, bytes] = {}
    try:
        script = _script(asked, job)
    except InputError as error:
        unread.append(Unknown("the launch script", error.message))
    try:
        snapshot, ends = _look(found)
    except InputError as error:
        if not found.files:
            raise
        unread.append(Unknown("a saved look at the server", error.message))
    sources = _ended(found, job, prefix or job.workspace or os.getcwd(), own=not paths)
    shows = _shows(script, job) if script is not None else None
    diagnosis = reason(prepare(asked.roots), snapshot, ends, sources, shows)
    if found.incomplete:
        why = "the folder holds too many files to look at all of them"
        unread.append(Unknown("some files", why, "diagnose ci PATH…"))
    diagnosis = replace(diagnosis, unknowns=(*diagnosis.unknowns, *unread))
    if script is None or script.place is None:
        return diagnosis
    return script.changed(replace(diagnosis, place=script.place))


def _shows(script: Script, job: Job) -> Callable[[Mapping[str, str]], Sequence[Finding]]:
    """What the script shows for the job's place in the matrix and what its logs tell besides."""
    matrix = {f"env:{name}": value for name, value in job.settings.items()}
    return lambda told: script.findings({**matrix, **told})


def _look(found: Left) -> tuple[Snapshot | None, dict[str, bytes]]:
    """What the last bundle holds, and the ends of logs that are only in it.

    Raises:
        InputError: If the bundle cannot be read.
    """
    from diagnose.cli.saved import open_bundle

    if not found.bundles:
        return None, {}
    snapshot, tails = open_bundle(found.bundles[-1])
    # The end of a log that lies there whole would count twice.
    names = {os.path.basename(path) for path in found.logs}
    ends = {path: data for path, data in tails.items() if os.path.basename(path) not in names}
    return snapshot, ends


def _script(asked: _Asked, job: Job) -> Script | None:
    """The launch script that is named, or the one whose name fits the job's place in the matrix.

    Raises:
        InputError: If it cannot be read.
    """
    from diagnose import ci
    from diagnose.cli.log import open_script

    folder = job.workspace or os.getcwd()
    path = asked.recipe or ci.recipe(folder, job)
    if not path:
        return None
    # Named as a reader of the repository would name it, where the step runs at its top.
    inside = os.path.samefile(folder, ".") and path.startswith(os.path.join(folder, ""))
    return open_script(os.path.relpath(path) if inside else path, asked.roots)


def _found(paths: Sequence[str], job: Job) -> Left:
    """What is named, or else what the job left in its folder."""
    from diagnose.ci import Left, left, named

    number = os.environ.get("SLURM_JOB_ID", "")
    if not paths:
        began = job.began_s or _written_s(os.environ.get("GITHUB_EVENT_PATH", ""))
        return left(job.workspace or os.getcwd(), since_s=began, slurm_job=number)
    return functools.reduce(Left.joined, map(named, paths))


def _written_s(path: str) -> float | None:
    """When a file was written: a runner writes the event's at the start of each job."""
    try:
        return os.stat(path).st_mtime if path else None
    except OSError:
        return None


def _ended(found: Left, job: Job, folder: str, *, own: bool) -> Iterator[Source]:
    """The sources, none of which is written any more: the job is over.

    Args:
        found: What to read.
        job: Whose it is.
        folder: Names are told without it.
        own: Whether the job that is over is the one that this step belongs to, so that the times of the files tell
            how long nobody wrote to them before it ended.
    """
    from diagnose.sources import open_paths

    now = time.time() if job.status == "cancelled" else 0.0
    for source in open_paths(found.files) if found.files else ():
        source.name = source.name.removeprefix(folder.rstrip("/") + "/")
        source.fresh_s = None
        written = _written_s(source.path)
        if own and job.status != "success" and written is not None:
            source.silent_s = found.silence(written, now)
        yield source
