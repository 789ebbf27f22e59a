"""The log of a job on GitHub, fetched with the `gh` client, which has the user's rights and proxy.

The only place of `diagnose ci` that talks to a network, and only for a run that the user names.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from diagnose.ci.job import STATUS
from diagnose.errors import InputError
from diagnose.model import Job
from diagnose.redact import redact

TIMEOUT_S = 120.0
SHOWN = 8
_URL = re.compile(
    r"^https://(?P<host>[^/]+)/(?P<repo>[^/]+/[^/]+)/actions/runs/(?P<run>\d+)"
    r"(?P<attempt>/attempts/\d+)?(?:.*?/job/(?P<job>\d+))?"
)
_BROKE = ("failure", "timed_out", "startup_failure")
_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_COLOURED = ("GH_FORCE_TTY", "CLICOLOR_FORCE")
"""Variables with which `gh` writes for a terminal also where there is none."""
_REMEDIES = {
    "expand placeholder|determine base repo": "give the address of the run's page, or set GH_REPO=OWNER/REPOSITORY",
    "auth login|HTTP 401": "log in with `gh auth login`, or set GH_TOKEN",
    "rate limit": "wait, or use the token of somebody else",
    "HTTP 403": "the token may not read Actions: a workflow needs `permissions: {actions: read}` and GH_TOKEN",
    "HTTP 404|HTTP 410": "the run is unknown or hidden from this token, still going on, or its log was deleted after its time",
    "connecting|dial|timeout|TLS": "see whether the network and the proxy (HTTPS_PROXY) answer",
}
"""By what `gh` says, as a regular expression; the first that fits."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A job's log, on disk."""

    job: Job
    path: str


def fetch(run: str, job: str, folder: Path) -> Fetched:
    """Fetches the log of one job of a run.

    Args:
        run: The run's number in the repository of the working directory, or the address of its page.
        job: The job's number or name; empty for the only one that failed or was cancelled.
        folder: Where to put the log.

    Raises:
        InputError: If there is no `gh`, it is refused, the run has several such jobs, or the log is gone.
    """
    if shutil.which("gh") is None:
        raise InputError(
            "the `gh` client is not on the path",
            f"install it, or download the log of run {run} from its page and name the file",
        )
    url = _URL.match(run)
    if url is None and not run.isdecimal():
        raise InputError(f"{run} is no run of GitHub Actions", "give its number or its address")
    number = url["run"] if url else run
    where = ["--hostname", url["host"]] if url and url["host"] != "github.com" else []
    repository = url["repo"] if url else "{owner}/{repo}"
    jobs = _jobs(where, f"repos/{repository}/actions/runs/{number}{(url and url['attempt']) or ''}")
    chosen = _chosen(jobs, job or (url["job"] if url and url["job"] else ""), number)
    path = folder / f"{_NAME.sub('-', chosen['name'])[:80].strip('-') or 'job'}.log"
    with path.open("wb") as file:
        _gh(["api", *where, f"repos/{repository}/actions/jobs/{chosen['id']}/logs"], file)
    if not path.stat().st_size:
        raise InputError(f"the log of job {chosen['id']} is empty", "look at its page")
    return Fetched(_job(chosen, number), str(path))


def _jobs(where: Sequence[str], run: str) -> list[dict[str, Any]]:
    """Every job of an attempt; of the last one where none is named."""
    found: list[dict[str, Any]] = []
    for page in range(1, 11):
        try:
            said = _gh(["api", *where, f"{run}/jobs?filter=latest&per_page=100&page={page}"])
            listed = json.loads(said)["jobs"]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                "`gh` gave no list of the run's jobs", "see what answers: gh api user"
            ) from error
        found += listed
        if len(listed) < 100:
            break
    return found


def _chosen(jobs: Sequence[dict[str, Any]], wanted: str, number: str) -> dict[str, Any]:
    if wanted:
        named = [one for one in jobs if wanted in (str(one["id"]), one["name"])]
        if len(named) == 1:
            return named[0]
        raise InputError(f"run {number} has no job {wanted}", _listed(jobs))
    broke = [one for one in jobs if one["conclusion"] in _BROKE]
    # Where one job fails fast, its sisters are cancelled: that says nothing about them.
    ended = broke or [one for one in jobs if one["conclusion"] == "cancelled"]
    if len(ended) == 1:
        return ended[0]
    if not ended:
        raise InputError(f"no job of run {number} failed or was cancelled", _listed(jobs))
    raise InputError(f"{len(ended)} jobs of run {number} failed or were cancelled", _listed(ended))


def _listed(jobs: Sequence[dict[str, Any]]) -> str:
    if not jobs:
        return "it has no jobs"
    names = [
        f"{one['id']} ({one['name']}: {one['conclusion'] or 'goes on'})" for one in jobs[:SHOWN]
    ]
    more = f" and {len(jobs) - SHOWN} more" if len(jobs) > SHOWN else ""
    return f"choose one with --job: {', '.join(names)}{more}"


def _job(one: dict[str, Any], number: str) -> Job:
    return Job(
        "GitHub Actions",
        redact(str(one["name"])),
        number,
        redact(str(one.get("runner_name") or "")),
        str(one.get("html_url") or ""),
        STATUS.get(str(one["conclusion"]), ""),
    )


def _gh(arguments: Sequence[str], to: IO[bytes] | int = subprocess.PIPE) -> bytes:
    """What `gh` writes: to a file, or as the answer."""
    try:
        done = subprocess.run(
            ["gh", *arguments],
            stdout=to,
            stderr=subprocess.PIPE,
            check=False,
            timeout=TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if name not in _COLOURED},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"`gh` did not answer: {error}", "try it again") from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        fitting = (remedy for words, remedy in _REMEDIES.items() if re.search(words, said))
        remedy = next(fitting, "see `gh auth status`")
        raise InputError(f"`gh` says: {redact(said) or 'nothing'}", remedy)
    return done.stdout or b""
