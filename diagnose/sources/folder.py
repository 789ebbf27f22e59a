"""Every file below a folder that may be a log, in natural order, each once."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

from diagnose.sources.input import reason, unopened
from diagnose.sources.names import SKIPPED_FOLDERS, copies, is_log, natural


@dataclass(frozen=True, slots=True)
class Entry:
    """One file below a folder, or a place that could not be looked at."""

    name: str
    """Relative to the folder, with `/`."""
    path: str
    size: int = 0
    identity: tuple[int, int] = (0, 0)
    """Device and inode: equal for a file and the links to it; zeros where unknown."""
    linked: bool = False
    problem: str = ""
    """Why it could not be looked at."""


@dataclass(slots=True)
class Listing:
    """What is below a folder."""

    entries: list[Entry] = field(default_factory=list)
    skipped: int = 0
    """Files that are no logs by their name or their kind."""


def walk(root: str, most: int) -> Listing:
    """Lists a folder and all folders below it; follows symbolic links, but never in a circle.

    Args:
        root: The folder.
        most: How many files to list.
    """
    listing = Listing()
    found: list[Entry] = []
    visited = _ancestors(root)
    folders = [(root, "")]
    while folders and len(found) <= most:
        path, name = folders.pop()
        for entry in _scan(path, name):
            if isinstance(entry, Entry):
                found.append(entry)
                continue
            child, status = entry
            if stat.S_ISDIR(status.st_mode):
                identity = (status.st_dev, status.st_ino)
                if child.name.rpartition("/")[2] in SKIPPED_FOLDERS or identity in visited:
                    continue
                visited.add(identity)
                folders.append((child.path, child.name))
            elif stat.S_ISREG(status.st_mode) and is_log(child.name):
                found.append(child)
            else:
                listing.skipped += 1
    if len(found) > most:
        too_many = f"holds more than {most:,} files; only the first ones were read"
        found = [*found[:most], Entry("", root, problem=too_many)]
    listing.entries = _unique(found)
    return listing


def _scan(path: str, name: str) -> Iterator[Entry | tuple[Entry, os.stat_result]]:
    try:
        children = list(os.scandir(path))
    except OSError as error:
        yield Entry(name, path, problem=reason(error))
        return
    # Real folders first, so that a link such as `latest` does not take their name from them.
    for child in sorted(children, key=lambda c: (c.is_symlink(), c.name)):
        full = f"{name}/{child.name}" if name else child.name
        try:
            status = os.stat(child.path)
        except OSError as error:
            yield Entry(full, child.path, problem=unopened(child.path, error))
            continue
        identity = (status.st_dev, status.st_ino)
        yield (
            Entry(full, child.path, status.st_size, identity, linked=child.is_symlink()),
            status,
        )


def _ancestors(root: str) -> set[tuple[int, int]]:
    """The folder and all above it: a link to one of them would lead over the whole disk."""
    seen = set()
    path = os.path.realpath(root)
    while True:
        try:
            status = os.stat(path)
            seen.add((status.st_dev, status.st_ino))
        except OSError:
            pass  # not permitted: then it cannot be walked into either
        parent = os.path.dirname(path)
        if parent == path:
            return seen
        path = parent


def _unique(found: list[Entry]) -> list[Entry]:
    twice = copies(entry.name for entry in found)
    kept: list[Entry] = []
    identities: set[tuple[int, int]] = set()
    for entry in sorted(found, key=lambda e: (e.linked, natural(e.name))):
        if entry.name in twice or (entry.identity in identities and any(entry.identity)):
            continue
        identities.add(entry.identity)
        kept.append(entry)
    return sorted(kept, key=lambda e: natural(e.name))
