"""Sources, those of one job together: a text that holds several jobs is taken apart first."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from diagnose.sources.dumps import HEAD, is_dump, split
from diagnose.sources.source import Delivery, Source, readable, unreadable


def by_job(sources: Iterable[Source], folder: Path) -> Iterator[tuple[str, Source]]:
    """Every source, with the name of the job that it belongs to; the empty name where none is told.

    Args:
        sources: As `open_paths` gives them.
        folder: Where the jobs of a dump are kept while they are read; the caller removes it.
    """
    for source in sources:
        delivery = source.stream
        if isinstance(delivery, Delivery) and is_dump(delivery.peek(HEAD)):
            yield from _jobs(source, folder)
        else:
            yield "", source


def _jobs(source: Source, folder: Path) -> Iterator[tuple[str, Source]]:
    parts = split(source.stream, Path(tempfile.mkdtemp(dir=folder)))
    for part in parts:
        size = part.path.stat().st_size
        with part.path.open("rb", buffering=0) as file:
            one = readable(source.name, file, size)
            one.numbers = tuple(part.numbers)
            # What a run's dump is made of has ended, however fresh the dump is.
            one.fresh_s = None
            yield part.job, one
        part.path.unlink()
    if source.problem:
        yield "", unreadable(source.name, source.problem)
