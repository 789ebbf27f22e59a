"""Which files below a folder a job left behind: its logs, its GPU metrics, its bundles.

The folder of a job is a checkout with a few files more, so that a file counts by its name, and only if
it is not part of the checkout and was written since the job began.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from diagnose.ci.tracked import tracked
from diagnose.sources.names import SKIPPED_FOLDERS, is_log, natural

DEPTH = 6
"""Folders below the first that are looked into."""
MOST = 50_000
"""Files and folders looked at."""
SLACK_S = 30.0
"""By how much the clock of a shared file system may be behind."""
APART_S = 60.0
"""Files that were written last within so long ended with the job, each in its turn."""
OUTPUT = "diagnosis"
"""The folder in which `diagnose ci` leaves its own files, unless it is told another."""

_HEAD = 64 * 1024
_PACKED = r"(?:\.(?:gz|bz2|xz|zst|lzma))?"
_LOG = re.compile(
    rf"(?i)^(?:.+\.(?:log|out|err|stdout|stderr)(?:[.-]\d+)?{_PACKED}"
    rf"|nohup\.out|.*logs?\b[^/]*\.(?:txt|jsonl){_PACKED}|console[^/]*\.txt|\d+_[^/]+\.txt|[^/]*_command\.txt"
    rf"|.*logs?[^/]*\.(?:zip|tar|tgz|tar\.(?:gz|bz2|xz|zst)))$"
)
_METRICS = re.compile(rf"(?i)^(?=.*(?:gpu|nvidia|amd|rocm))[^/]*\.csv{_PACKED}$")
_BUNDLE = re.compile(r"(?i)^.+\.(?:tar\.gz|tgz|json)$")
_SLURM = re.compile(r"(?i)^slurm[-_](?:job[-_])?(\d+)\b")


@dataclass(slots=True)
class Left:
    """What was found, as paths that can be opened."""

    logs: list[str] = field(default_factory=list)
    metrics: list[str] = field(default_factory=list)
    bundles: list[str] = field(default_factory=list)
    older: int = 0
    """Files with such names that were there before the job began."""
    newest_s: float = 0.0
    """When the job wrote to any file for the last time (POSIX time); 0 when it left none."""
    incomplete: bool = False
    """Whether the folder holds more than was looked at."""

    @property
    def files(self) -> list[str]:
        """All that can be read as logs or metrics."""
        return [*self.logs, *self.metrics]

    def silence(self, written_s: float, now_s: float) -> float:
        """How long nobody wrote to a file before the job ended, in seconds.

        Another file that was written later tells when the job still lived, such as that of a GPU monitor; without
        one, a job that was just cancelled ended now.

        Args:
            written_s: When the file was last written.
            now_s: POSIX time, when the job was ended from outside just now; 0 where that is not known.
        """
        others = self.newest_s - written_s
        return others if others >= APART_S else max(0.0, others, now_s - written_s)

    def joined(self, other: Left) -> Left:
        """Both."""
        return Left(
            [*self.logs, *other.logs],
            [*self.metrics, *other.metrics],
            [*self.bundles, *other.bundles],
            self.older + other.older,
            max(self.newest_s, other.newest_s),
            self.incomplete or other.incomplete,
        )


def named(path: str) -> Left:
    """What a user named: the files of a folder that are logs by their names, or else all that it holds."""
    if os.path.isdir(path):
        found = left(path)
        return found if found.files or found.bundles else Left(logs=[path])
    return Left(bundles=[path]) if _is_bundle(path) else Left(logs=[path])


def left(root: str, *, since_s: float | None = None, slurm_job: str = "") -> Left:
    """Looks through a folder by names.

    Args:
        root: The folder.
        since_s: When the job began (POSIX time); what is older is not its own. None takes all.
        slurm_job: Its Slurm job's number: files named after another one are not its own.
    """
    found = Left()
    known = tracked(root)
    seen = 0
    for path, name, status in _files(root):
        seen += 1
        if seen > MOST:
            found.incomplete = True
            break
        kind = _kind(path, name, status.st_size)
        if kind is None or known.get(os.path.relpath(path, root)) == status.st_size:
            continue
        number = _SLURM.match(name)
        foreign = bool(slurm_job and number and number[1] != slurm_job)
        if foreign or (since_s is not None and status.st_mtime < since_s - SLACK_S):
            found.older += 1
            continue
        found.newest_s = max(found.newest_s, status.st_mtime)
        getattr(found, kind).append(path)
    for paths in (found.logs, found.metrics, found.bundles):
        paths.sort(key=natural)
    return found


def _kind(path: str, name: str, size: int) -> str | None:
    if not size:
        return None
    if _METRICS.match(name):
        return "metrics"
    if _BUNDLE.match(name) and _is_bundle(path):
        return "bundles"
    return "logs" if _LOG.match(name) and is_log(name) else None


def _is_bundle(path: str) -> bool:
    # Few jobs leave one, and reading them takes a while to load.
    from diagnose.bundle import is_bundle

    try:
        with open(path, "rb") as file:
            return is_bundle(file.read(_HEAD))
    except OSError:
        return False


def _files(root: str) -> Iterator[tuple[str, str, os.stat_result]]:
    """Every file, its name and its status, folder by folder; links are not followed."""
    folders = [(root, 0)]
    while folders:
        folder, depth = folders.pop()
        try:
            children = sorted(os.scandir(folder), key=lambda child: child.name, reverse=True)
        except OSError:
            continue  # not permitted, or gone since
        for child in children:
            try:
                if child.is_dir(follow_symlinks=False):
                    if depth < DEPTH and _entered(child.name):
                        folders.append((child.path, depth + 1))
                elif child.is_file(follow_symlinks=False):
                    yield (
                        os.path.normpath(child.path),
                        child.name,
                        child.stat(follow_symlinks=False),
                    )
            except OSError:
                continue


def _entered(name: str) -> bool:
    return not name.startswith(".") and name not in SKIPPED_FOLDERS and name != OUTPUT
