"""From what the user named to sources: files, folders, pipes, standard input and URLs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, BinaryIO

from diagnose.errors import InputError
from diagnose.sources.input import open_file, open_stdin
from diagnose.sources.limits import Limits, Meter
from diagnose.sources.names import shown
from diagnose.sources.source import Delivery, Source, unreadable
from diagnose.sources.stream import DamagedError
from diagnose.sources.unpack import Item, sources

if TYPE_CHECKING:
    from diagnose.sources.remote import Remote

_SHOWN_PROBLEMS = 3


def open_paths(
    paths: Sequence[str],
    stdin: BinaryIO | None = None,
    *,
    progress: Callable[[int], None] | None = None,
    limits: Limits | None = None,
) -> Iterator[Source]:
    """Opens what the user named, one source at a time; each is closed when the next is asked for.

    What cannot be read is a source with a problem and an empty stream, so that the rest is read.
    A file reached in several ways is read once. Below a folder, names are relative to it (start
    with it if several paths are given), and what is no log is left out: binaries, source code,
    documents, version control.

    Args:
        paths: Files, folders, archives, URLs, and `-` for standard input.
        stdin: Standard input; that of the process if absent.
        progress: Called with each further number of bytes read from disk.
        limits: Bounds against decompression bombs and endless files.

    Raises:
        InputError: After the last source, if not a byte could be read of any of them; an empty
            file counts as one that could not be read.
    """
    opener = _Opener(stdin, limits or Limits(), progress, several=len(paths) > 1)
    readable = False
    problems: list[str] = []
    with closing(opener.open(paths)) as opened:
        for source in opened:
            yield source
            delivery = source.stream
            assert isinstance(delivery, Delivery)
            delivery.close()
            readable = readable or delivery.count > 0 or not (delivery.asked or source.problem)
            if source.problem:
                problems.append(f"{source.name}: {source.problem}")
    if not readable:
        raise _nothing(problems)


def _nothing(problems: Sequence[str]) -> InputError:
    if not problems:
        return InputError("nothing to read", "name a log, a folder, an archive, or - for stdin")
    if len(problems) == 1:
        return InputError(problems[0])
    more = len(problems) - _SHOWN_PROBLEMS
    listed = "; ".join(problems[:_SHOWN_PROBLEMS]) + (f"; and {more} more" if more > 0 else "")
    return InputError(f"none of the {len(problems)} inputs could be read ({listed})")


class _Opener:
    def __init__(
        self,
        stdin: BinaryIO | None,
        limits: Limits,
        progress: Callable[[int], None] | None,
        *,
        several: bool,
    ) -> None:
        self._stdin = stdin
        self._limits = limits
        self._progress = progress
        self._several = several
        self._seen: set[tuple[int, int]] = set()

    def open(self, paths: Iterable[str]) -> Generator[Source]:
        for path in paths:
            if path == "-":
                yield from self._guarded("-", "", self._standard_input())
            elif "://" in path and not os.path.lexists(path):
                yield from self._url(path)
            else:
                yield from self._local(path)

    def _local(self, path: str) -> Iterator[Source]:
        if os.path.isdir(path):
            yield from self._folder(path)
        else:
            yield from self._guarded(shown(path), path, self._file(path, shown(path)))

    def _guarded(self, name: str, path: str, found: Iterator[Source]) -> Iterator[Source]:
        """Makes a source of what keeps an input from being opened at all."""
        try:
            yield from found
        except DamagedError as damage:
            if not damage.reported:
                yield unreadable(name, damage.problem, path)

    def _standard_input(self) -> Iterator[Source]:
        # sys.stdin is None where the process was started without one.
        stdin = self._stdin or getattr(sys.stdin, "buffer", None)
        meter = self._meter()
        with open_stdin(stdin, meter) as file:
            yield from sources(Item("-", file), meter)

    def _file(self, path: str, name: str, *, asked_for: bool = True) -> Iterator[Source]:
        meter = self._meter()
        with open_file(path, meter) as file:
            if file.identity is not None:
                if file.identity in self._seen:
                    return
                self._seen.add(file.identity)
            yield from sources(Item(name, file, file.size, path, asked_for), meter)

    def _folder(self, path: str) -> Iterator[Source]:
        from diagnose.sources.folder import walk

        listing = walk(path, self._limits.files)
        found = 0
        for entry in listing.entries:
            name = os.path.join(path, entry.name) if self._several else entry.name
            name = shown((name or path).replace(os.sep, "/"))
            if entry.problem:
                found += 1
                yield unreadable(name, entry.problem, entry.path)
                continue
            found += entry.identity in self._seen
            inside = self._file(entry.path, name, asked_for=False)
            for source in self._guarded(name, entry.path, inside):
                found += 1
                yield source
        if not found:
            count = listing.skipped + len(listing.entries)
            files = f"{count} file" + ("s" if count != 1 else "")
            yield unreadable(
                shown(path),
                f"a folder without logs ({files})" if count else "an empty folder",
                path,
            )

    def _url(self, url: str) -> Iterator[Source]:
        from diagnose.sources.remote import Remote, local, without_secrets

        here = local(url)
        if here is not None:
            yield from self._local(here)
            return
        name = shown(without_secrets(url))
        try:
            remote = Remote(url)
        except DamagedError as damage:
            yield unreadable(name, damage.problem)
            return
        if not remote.paths:
            yield unreadable(name, "an empty folder")
        for path in remote.paths:
            name = shown(remote.name(path))
            yield from self._guarded(name, "", self._remote(remote, path, name))

    def _remote(self, remote: Remote, path: str, name: str) -> Iterator[Source]:
        meter = self._meter()
        with remote.open(path, meter) as file:
            yield from sources(Item(name, file, file.size), meter)

    def _meter(self) -> Meter:
        return Meter(self._limits, self._progress)
