"""Whether what a build or a download writes gets bigger while we look.

Part of the probe, floor 10. Folders are walked without following links and only so far, so that a cache with
millions of files costs no more than a small one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from diagnose.model import Growth

_MOST_ENTRIES = 4000


@dataclass(frozen=True, slots=True)
class Size:
    """A file's or folder's size at one time."""

    bytes: int
    newest_s: float
    entries: int


def measure(paths: Mapping[str, str]) -> dict[str, Size]:
    """Sizes by shown path; the values say where to find each here. What is gone is left out."""
    found = {}
    for shown, here in paths.items():
        size = _size(here)
        if size is not None:
            found[shown] = size
    return found


def compare(before: Mapping[str, Size], after: Mapping[str, Size]) -> tuple[Growth, ...]:
    """What was measured at both ends; a folder whose files changed but not its size has a newer time."""
    return tuple(
        Growth(
            path,
            before[path].bytes if path in before else 0,
            after[path].bytes,
            after[path].newest_s,
        )
        for path in sorted(after)
    )


def _size(path: str) -> Size | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    if not os.path.isdir(path):
        return Size(status.st_size, status.st_mtime, 1)
    total, newest, count = 0, status.st_mtime, 0
    for entry in _walk(path):
        try:
            one = entry.stat(follow_symlinks=False)
        except OSError:
            continue
        count += 1
        newest = max(newest, one.st_mtime)
        total += 0 if entry.is_dir(follow_symlinks=False) else one.st_size
    return Size(total, newest, count)


def _walk(path: str) -> Iterable[os.DirEntry[str]]:
    queue, seen = [path], 0
    while queue and seen < _MOST_ENTRIES:
        try:
            with os.scandir(queue.pop(0)) as entries:
                for entry in entries:
                    seen += 1
                    yield entry
                    if entry.is_dir(follow_symlinks=False):
                        queue.append(entry.path)
                    if seen >= _MOST_ENTRIES:
                        return
        except OSError:
            continue
