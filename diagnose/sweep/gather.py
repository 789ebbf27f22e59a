"""From what the user names to jobs: which files belong together.

Floor 12. One folder or archive holds the jobs of a matrix, each a file, a folder or an archive in it;
of several paths each is a job. A dump or a log archive of a whole run is taken apart. Artefacts of one job
(`server_logs_X`, `gpu_metrics_X`, `X.json`) are put together by their common name; a file that is reached twice is read once.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from diagnose.errors import InputError
from diagnose.jobs.results import stem
from diagnose.sources.folder import walk
from diagnose.sources.limits import Limits
from diagnose.sources.names import natural
from diagnose.sweep.unit import File, Unit
from diagnose.sweep.unpacked import is_archive, is_whole_run, keyed, taken_out


@dataclass(frozen=True, slots=True)
class _Found:
    """One file, and the job that it is of."""

    job: str
    file: File
    run: str = ""
    """What holds the whole run that the job was taken out of; empty for a job with files of its own."""


def gather(paths: Sequence[str], folder: Path, stdin: BinaryIO | None = None) -> list[Unit]:
    """The jobs that the paths hold, in natural order of their names.

    Args:
        paths: Files, folders, archives, URLs, or `-`.
        folder: For what has to be unpacked; the caller removes it.
        stdin: Standard input.

    Raises:
        InputError: If there is nothing to read.
    """
    named = _labels(paths)
    whole = len(named) == 1
    found = [
        one
        for path, label in named.items()
        for one in _of_path(path, label, folder, stdin, whole=whole)
    ]
    runs: dict[str, set[str]] = {}
    for one in found:
        runs.setdefault(one.job, set()).add(one.run)
    units: dict[str, list[File]] = {}
    for one in found:
        # Two runs have a job of the same name each.
        apart = one.run and len(runs[one.job]) > 1
        units.setdefault(f"{one.run}/{one.job}" if apart else one.job, []).append(one.file)
    if not units:
        raise InputError(
            f"no logs in {', '.join(paths)}",
            "name a folder, an archive or a dump with one log a job",
        )
    return [Unit(name, tuple(units[name])) for name in sorted(units, key=natural)]


def _labels(paths: Sequence[str]) -> dict[str, str]:
    """What each path is called, those that lead to one file once.

    Artefacts of one job have a common stem. Files that are called quite alike lie in different folders, and are
    different jobs.
    """
    different = list({os.path.realpath(p) if os.path.exists(p) else p: p for p in paths}.values())
    alike = Counter(os.path.basename(path.rstrip("/")) for path in different)
    twice = {stem(name) for name, count in alike.items() if count > 1}
    labels = {}
    for path in different:
        parent = os.path.dirname(path.rstrip("/"))
        label = stem(path)
        labels[path] = f"{parent}/{label}" if label in twice and parent else label
    return labels


def _of_path(
    path: str, label: str, folder: Path, stdin: BinaryIO | None, *, whole: bool
) -> Iterator[_Found]:
    if "://" in path and not os.path.lexists(path):
        yield from _remote(path, label, folder, whole=whole)
    elif os.path.isdir(path):
        yield from _folder(path, label, folder, whole=whole)
    elif path == "-" or not os.path.isfile(path) or (whole and is_archive(path)):
        yield from _parts(path, "" if whole else label, folder, stdin)
    elif is_whole_run(path):
        yield from _parts(path, label, folder, None)
    else:
        yield _Found(label, File(path, path))


def _folder(root: str, label: str, folder: Path, *, whole: bool) -> Iterator[_Found]:
    listed = walk(root, Limits().files).entries
    entries = [entry for entry in listed if entry.name and entry.path]
    if not whole:
        yield from (_Found(label, File(entry.path, entry.path)) for entry in entries)
    elif len(entries) == 1 and is_archive(entries[0].path):
        yield from _parts(entries[0].path, "", folder, None)
    else:
        for job, entry in zip(keyed([entry.name for entry in entries]), entries, strict=True):
            if is_whole_run(entry.path):
                yield from _parts(entry.path, stem(entry.name), folder, None)
            else:
                yield _Found(job, File(os.path.join(root, entry.name), entry.path))
    for entry in listed:
        if not entry.name:
            yield _Found(stem(root), File(root, problem=entry.problem))


def _parts(path: str, run: str, folder: Path, stdin: BinaryIO | None) -> Iterator[_Found]:
    yield from (_Found(job, file, run) for job, file in taken_out(path, folder, stdin))


def _remote(url: str, label: str, folder: Path, *, whole: bool) -> Iterator[_Found]:
    """The files below a URL, to be opened where they are read; a single archive is taken apart here."""
    from diagnose.sources.remote import Remote, local, without_secrets
    from diagnose.sources.stream import DamagedError

    here = local(url)
    if here is not None:
        yield from _of_path(here, stem(here), folder, None, whole=whole)
        return
    try:
        remote = Remote(url)
    except DamagedError as damage:
        raise InputError(f"{without_secrets(url)}: {damage.problem}") from damage
    named = [(remote.name(path), remote.url(path)) for path in remote.paths]
    if len(named) == 1 and whole:
        yield from _parts(url, "", folder, None)
    elif not whole:
        yield from (_Found(label, File(name, path)) for name, path in named)
    else:
        root = without_secrets(url).rstrip("/")
        for job, (name, path) in zip(keyed([name for name, _ in named]), named, strict=True):
            yield _Found(job, File(f"{root}/{name}", path))
