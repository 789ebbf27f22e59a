"""From what the user names to jobs: which files belong together.

Floor 12. One folder or archive holds the jobs of a matrix, each a file, a folder or an archive in it;
of several paths each is a job. A dump or a log archive of a whole run is taken apart. Artefacts of one job
(`server_logs_X`, `gpu_metrics_X`, `X.json`) are put together by their common name.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from diagnose.errors import InputError
from diagnose.jobs.results import stem
from diagnose.sources import Source, by_job, open_paths, whole_runs
from diagnose.sources.dumps import HEAD, is_dump
from diagnose.sources.folder import walk
from diagnose.sources.limits import Limits
from diagnose.sources.names import natural
from diagnose.sweep.unit import File, Unit

ARCHIVES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst")
_COPY = 1 << 20


def gather(paths: Sequence[str], folder: Path, stdin: BinaryIO | None = None) -> list[Unit]:
    """The jobs that the paths hold, in natural order of their names.

    Args:
        paths: Files, folders, archives, URLs, or `-`.
        folder: For what has to be unpacked; the caller removes it.
        stdin: Standard input.

    Raises:
        InputError: If there is nothing to read.
    """
    found: list[tuple[str, File]] = []
    whole = len(paths) == 1
    for path in paths:
        found += _of_path(path, folder, stdin, whole=whole)
    units: dict[str, list[File]] = {}
    for name, file in found:
        units.setdefault(name, []).append(file)
    if not units:
        raise InputError(
            f"no logs in {', '.join(paths)}",
            "name a folder, an archive or a dump with one log a job",
        )
    return [Unit(name, tuple(units[name])) for name in sorted(units, key=natural)]


def _of_path(
    path: str, folder: Path, stdin: BinaryIO | None, *, whole: bool
) -> Iterator[tuple[str, File]]:
    if "://" in path and not os.path.lexists(path):
        yield from _remote(path, folder, whole=whole)
    elif os.path.isdir(path):
        entries = [
            (entry.name, entry.path) for entry in walk(path, Limits().files).entries if entry.path
        ]
        yield from _listed(path, entries, folder, whole=whole)
    elif path == "-" or not os.path.isfile(path) or (whole and _is_archive(path)):
        yield from _taken_out(path, folder, stdin)
    else:
        yield from _file(path, path, folder)


def _listed(
    root: str, entries: Sequence[tuple[str, str]], folder: Path, *, whole: bool
) -> Iterator[tuple[str, File]]:
    if not whole:
        yield from ((stem(root), File(path, path)) for _, path in entries)
        return
    for key, name, path in _keyed(entries):
        for job, file in _file(path, os.path.join(root, name), folder):
            yield (job if job != stem(path) else key), file


def _keyed(entries: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    """The job of every file below a folder: by the first part of its name in which the files differ."""
    names = [name.split("/") for name, _ in entries]
    depth = 0
    while names and all(len(name) > depth + 1 for name in names):
        if len({name[depth] for name in names}) > 1:
            break
        depth += 1
    for (name, path), parts in zip(entries, names, strict=True):
        yield stem(parts[depth]), name, path


def _file(path: str, name: str, folder: Path) -> Iterator[tuple[str, File]]:
    """One file: usually one job; several for a dump of a whole run."""
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD)
    except OSError:
        head = b""
    if is_dump(head):
        yield from _taken_out(path, folder, None)
    else:
        yield stem(path), File(name, path)


def _remote(url: str, folder: Path, *, whole: bool) -> Iterator[tuple[str, File]]:
    """The files below a URL, to be opened where they are read; a single archive is taken apart here."""
    from diagnose.sources.remote import Remote, local, without_secrets
    from diagnose.sources.stream import DamagedError

    here = local(url)
    if here is not None:
        yield from _of_path(here, folder, None, whole=whole)
        return
    try:
        remote = Remote(url)
    except DamagedError as damage:
        raise InputError(f"{without_secrets(url)}: {damage.problem}") from damage
    named = [(remote.name(path), remote.url(path)) for path in remote.paths]
    if len(named) == 1 and whole:
        yield from _taken_out(url, folder, None)
        return
    if not whole:
        yield from ((stem(url), File(name, path)) for name, path in named)
        return
    for key, name, path in _keyed(named):
        yield key, File(f"{without_secrets(url).rstrip('/')}/{name}", path)


def _taken_out(path: str, folder: Path, stdin: BinaryIO | None) -> Iterator[tuple[str, File]]:
    """Writes every text of a stream or archive to a file of its own.

    Raises:
        InputError: If nothing could be read.
    """
    place = Path(tempfile.mkdtemp(dir=folder))
    kept: list[tuple[str, str, File]] = []
    for number, (job, source) in enumerate(_parts(path, stdin)):
        copy = place / f"{number}"
        try:
            with copy.open("wb") as out:
                _drain(source, out)
        except OSError as error:
            raise InputError(
                f"no room to unpack {path}: {error.strerror}", "set TMPDIR, or unpack it first"
            ) from error
        member = source.name.partition("!")[2]
        one = File(source.name, str(copy), source.numbers, taken_out=True, problem=source.problem)
        kept.append((job, member, one))
    members = [(member, "") for job, member, _ in kept if member and not job]
    keys = iter([key for key, _, _ in _keyed(members)])
    for job, member, file in kept:
        yield job or (next(keys) if member else stem(path)), file


def _parts(path: str, stdin: BinaryIO | None) -> Iterator[tuple[str, Source]]:
    return by_job(open_paths([path], stdin), whole_runs([path]))


def _drain(source: Source, file: BinaryIO) -> None:
    space = memoryview(bytearray(_COPY))
    while count := source.stream.readinto(space):
        file.write(space[:count])


def _is_archive(path: str) -> bool:
    return path.lower().endswith(ARCHIVES)


def carried(unit: Unit) -> Unit:
    """A job that another machine can read: what was unpacked here goes with it."""
    files = tuple(
        replace(f, path="", data=Path(f.path).read_bytes()) if f.taken_out else f
        for f in unit.files
    )
    return replace(unit, files=files)
