"""A file as it was in an earlier revision of its git repository; nothing is written and no hook is run.

Floor 10.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from diagnose.errors import InputError

_LIMIT_S = 20


def at_revision(path: str, revision: str) -> bytes | None:
    """The file's bytes at a revision; None where it was not there.

    Raises:
        InputError: If git is not there, or knows neither the repository nor the revision.
    """
    whole = Path(path).resolve()
    if revision.startswith("-"):
        raise InputError(f"no revision: {revision}", "name a branch, a tag or a commit")
    commit = _git(whole.parent, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if commit is None:
        raise InputError(
            f"{path}: git knows no revision {revision} here", "name a branch, a tag or a commit"
        )
    return _git(whole.parent, "show", f"{commit.decode().strip()}:./{whole.name}")


def _git(folder: Path, *arguments: str) -> bytes | None:
    """What a git command printed; None where it failed."""
    command = [
        "git",
        "--no-optional-locks",
        "-c",
        "core.fsmonitor=false",
        "-C",
        str(folder),
        *arguments,
    ]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_LIMIT_S, check=False)
    except FileNotFoundError as error:
        raise InputError("git is not installed", "install git, or leave --base out") from error
    except subprocess.TimeoutExpired as error:
        raise InputError("git does not answer", "leave --base out") from error
    return done.stdout if done.returncode == 0 else None
