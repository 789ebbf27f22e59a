"""The log of a job on GitHub, fetched with the `gh` client, which has the user's rights and proxy.

The only place of `diagnose ci` that talks to a network, and only for a run that the user names.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diagnose.errors import InputError
from diagnose.model import Job
from diagnose.redact import redact

TIMEOUT_S = 120.0
SHOWN = 8
_URL = re.compile(
    r"^https://(?P<host>[^/]+)/(?P<repo>[^/]+/[^/]+)/actions/runs/(?P<run>\d+)(?:.*?/job/(?P<job>\d+))?"
)
_BROKE = ("failure", "timed_out", "startup_failure")
_STATUS = {**dict.fromkeys(_BROKE, "failure"), "cancelled": "cancelled", "success": "success"}
_NAME = re.compile(r"[^A-Za-z0-9._-]+")


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
    jobs = _jobs(where, repository, number)
    chosen = _chosen(jobs, job or (url["job"] if url and url["job"] else ""), number)
    path = folder / f"{_NAME.sub('-', chosen['name'])[:80].strip('-') or 'job'}.log"
    log = _gh(["api", *where, f"repos/{repository}/actions/jobs/{chosen['id']}/logs"])
    path.write_bytes(log)
    return Fetched(_job(chosen, number), str(path))


def _jobs(where: Sequence[str], repository: str, number: str) -> list[dict[str, Any]]:
    """Every job of the last attempt."""
    found: list[dict[str, Any]] = []
    for page in range(1, 11):
        path = (
            f"repos/{repository}/actions/runs/{number}/jobs?filter=latest&per_page=100&page={page}"
        )
        try:
            listed = json.loads(_gh(["api", *where, path]))["jobs"]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"`gh` gave no list of the jobs of run {number}") from error
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
        _STATUS.get(str(one["conclusion"]), ""),
    )


def _gh(arguments: Sequence[str]) -> bytes:
    try:
        done = subprocess.run(
            ["gh", *arguments],
            capture_output=True,
            check=False,
            timeout=TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"`gh` did not answer: {error}", "try it again") from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        gone = "410" in said or "404" in said
        raise InputError(
            f"`gh` says: {redact(said) or 'nothing'}",
            "the run is unknown, still going on, or its log was deleted after its time"
            if gone
            else "see `gh auth status`",
        )
    return done.stdout
