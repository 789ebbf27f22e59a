"""Sources, those of one job together: a text or a log archive that holds several jobs is taken apart.

What one job printed is no evidence about another, so that the two must not meet in one chain.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from diagnose.expressions import later
from diagnose.sources.dumps import HEAD, Part, is_dump, split
from diagnose.sources.input import reason
from diagnose.sources.source import Delivery, Source, readable, unreadable

_ZIP = b"PK\x03\x04"
_JOB = later(r"(?:^|[!/])-?\d+_(?P<job>[^/!]+)\.txt$")
_FIRST_STEP = later(r"(?:^|[!/])\d+_Set up job\.txt$")


def by_job(
    sources: Iterable[Source], runs: frozenset[str] = frozenset()
) -> Generator[tuple[str, Source]]:
    """Every source, with the name of the job that it belongs to; the empty name where there is but one.

    The jobs of a dump are kept in a folder of their own while they are read; to be closed.

    Args:
        sources: As `open_paths` gives them.
        runs: Paths that hold the log of a whole run, as `whole_runs` names them.
    """
    for source in sources:
        delivery = source.stream
        if isinstance(delivery, Delivery) and is_dump(delivery.peek(HEAD)):
            yield from _jobs(source)
            continue
        named = _JOB.search(source.name)
        inside = named and any(_within(source.name, run) for run in runs)
        yield (named["job"] if named and inside else ""), source


def whole_runs(paths: Iterable[str]) -> frozenset[str]:
    """The paths that are the log archive of a run of several jobs, or a folder it was unpacked to."""
    return frozenset(path for path in paths if _is_run(_top(path)))


def _is_run(names: list[str]) -> bool:
    """GitHub numbers the logs of the jobs of a run, and within a job's folder those of its steps."""
    jobs = [name for name in names if _JOB.search(name)]
    return len(jobs) > 1 and not any(_FIRST_STEP.search(name) for name in jobs)


def _top(path: str) -> list[str]:
    """The names of the files at the top of an archive or a folder; none where it is neither."""
    try:
        if os.path.isdir(path):
            return os.listdir(path)
        # A device or a FIFO has no end to look for.
        if os.path.isfile(path) and _is_zip(path):
            return _top_of_zip(path)
    except (OSError, ValueError, NotImplementedError):
        pass  # whoever reads it will say what is wrong with it
    return []


def _is_zip(path: str) -> bool:
    with open(path, "rb", buffering=0) as file:
        return file.read(len(_ZIP)) == _ZIP


def _top_of_zip(path: str) -> list[str]:
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            return [name for name in archive.namelist() if "/" not in name]
    except zipfile.BadZipFile:
        return []


def _within(name: str, run: str) -> bool:
    """Whether a source lies at the top of an archive, or of a folder whose sources are named from it."""
    inner = name.removeprefix(f"{run}!").removeprefix(f"{run.rstrip('/')}/")
    return "/" not in inner and "!" not in inner


def _jobs(source: Source) -> Iterator[tuple[str, Source]]:
    import tempfile

    with ExitStack() as stack:
        try:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="diagnose-"))
            parts = split(source.stream, Path(folder))
        except OSError as error:
            yield "", unreadable(source.name, f"no room to take its jobs apart: {reason(error)}")
            return
        yield from _parts(source, parts)


def _parts(source: Source, parts: Sequence[Part]) -> Iterator[tuple[str, Source]]:
    for part in parts:
        size = part.path.stat().st_size
        with part.path.open("rb", buffering=0) as file:
            one = readable(source.name, file, size)
            one.numbers = tuple(part.numbers)
            # What a run's dump is made of has ended, however fresh the dump is.
            one.fresh_s = None
            yield (part.job if len(parts) > 1 else ""), one
        part.path.unlink()
    if source.problem:
        yield "", unreadable(source.name, source.problem)
