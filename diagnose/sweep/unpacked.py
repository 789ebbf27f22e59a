"""Jobs that lie in one file: a dump or an archive of a whole run, taken apart into a file for each text.

Floor 12.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from diagnose.errors import InputError
from diagnose.jobs.results import stem
from diagnose.sources import Source, by_job, open_paths, whole_runs
from diagnose.sources.dumps import HEAD, is_dump
from diagnose.sweep.unit import File, Unit

ARCHIVES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst")
_COPY = 1 << 20


def is_archive(path: str) -> bool:
    """Whether a file is called like an archive."""
    return path.lower().endswith(ARCHIVES)


def is_whole_run(path: str) -> bool:
    """Whether a file holds several jobs: a dump of a run, or GitHub's log archive of one."""
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD)
    except OSError:
        return False  # whoever reads it will say why
    return is_dump(head) or bool(whole_runs([path]))


def taken_out(path: str, folder: Path, stdin: BinaryIO | None) -> Iterator[tuple[str, File]]:
    """Writes every text of a stream or archive to a file of its own; gives each with the name of its job.

    Raises:
        InputError: If nothing could be read.
    """
    place = Path(tempfile.mkdtemp(dir=folder))
    kept: list[tuple[str, str, File]] = []
    with closing(by_job(open_paths([path], stdin), whole_runs([path]))) as sources:
        for number, (job, source) in enumerate(sources):
            copy = place / f"{number}"
            try:
                with copy.open("wb") as out:
                    _drain(source, out)
            except OSError as error:
                raise InputError(
                    f"no room to unpack {path}: {error.strerror}", "set TMPDIR, or unpack it first"
                ) from error
            # A member of an archive in the archive is a file of that one's job.
            member = source.name.partition("!")[2].replace("!", "/")
            one = File(
                source.name, str(copy), source.numbers, taken_out=True, problem=source.problem
            )
            kept.append((job, member, one))
    keys = iter(keyed([member for job, member, _ in kept if member and not job]))
    for job, member, file in kept:
        yield job or (next(keys) if member else stem(path)), file


def keyed(names: Sequence[str]) -> list[str]:
    """The job of every file below a folder: by the first part of its name in which the files differ."""
    split = [name.split("/") for name in names]
    depth = 0
    while split and all(len(parts) > depth + 1 for parts in split):
        if len({parts[depth] for parts in split}) > 1:
            break
        depth += 1
    return [stem(parts[depth]) for parts in split]


def carried(unit: Unit) -> Unit:
    """A job that another machine can read: what was unpacked here goes with it."""
    files = tuple(
        replace(f, path="", data=Path(f.path).read_bytes()) if f.taken_out else f
        for f in unit.files
    )
    return replace(unit, files=files)


def _drain(source: Source, file: BinaryIO) -> None:
    space = memoryview(bytearray(_COPY))
    while count := source.stream.readinto(space):
        file.write(space[:count])
