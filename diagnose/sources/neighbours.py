"""The files that lie beside a launch script: what it sources or runs, and the recipe it is the sister of.

Floor 10.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from diagnose.errors import InputError

_LARGEST = 4_000_000


def read_script(path: str) -> bytes:
    """The bytes of a launch script.

    Raises:
        InputError: If it cannot be read or is no text.
    """
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path}: {reason}", "name a launch script") from error
    if b"\0" in data[:8192]:
        raise InputError(f"{path}: not a text file", "name a launch script")
    return data


class Neighbours:
    """Reads the files that a script names: those that are given with it, or lie in its repository.

    Nothing else is read: what a machine has under the same absolute path is not what the job has.

    Args:
        script: Its path.
        given: Further paths that the user named.
    """

    def __init__(self, script: str, given: Sequence[str] = ()) -> None:
        self._folder = Path(script).parent
        self._top = repository_of(script) or self._folder.resolve()
        self._given = given
        self.files: dict[str, bytes] = {}
        """What was read, by its path from the top of the repository."""

    def __call__(self, name: str) -> bytes | None:
        """The bytes of a file as a script names it; None where it is not at hand."""
        for path in _candidates(name, self._folder, self._top, self._given):
            try:
                data = self._read(path)
            except (OSError, ValueError):
                continue
            if data is not None:
                return data
        return None

    def _read(self, path: Path) -> bytes | None:
        whole = path.resolve()
        inside = whole.is_relative_to(self._top)
        if not (inside or str(path) in self._given) or not whole.is_file():
            return None
        if whole.stat().st_size > _LARGEST:
            return None
        data = whole.read_bytes()
        if b"\0" in data[:8192]:
            return None
        if inside:
            self.files[whole.relative_to(self._top).as_posix()] = data
        return data


def _candidates(name: str, folder: Path, top: Path, given: Sequence[str]) -> Iterator[Path]:
    """Where a file may lie: as it is named, under the same end of its path in the repository, in the script's folder."""
    last = name.rpartition("/")[2]
    yield from (Path(other) for other in given if other.rpartition("/")[2] == last)
    if "$" not in name:
        yield Path(name)
        yield folder / name
    parts = [part for part in name.split("/") if part]
    known = next((i for i in reversed(range(len(parts))) if "$" in parts[i]), -1) + 1
    for begin in range(known, len(parts)):
        yield folder.joinpath(*parts[begin:])
        yield top.joinpath(*parts[begin:])


def repository_of(path: str) -> Path | None:
    """The top of the repository that a file lies in; None outside of one."""
    return next((f for f in Path(path).resolve().parents if (f / ".git").exists()), None)


def git_path(path: str) -> str:
    """A file's path as its repository knows it; relative to the working directory outside of one."""
    whole = Path(path).resolve()
    top = repository_of(path)
    if top is not None:
        return whole.relative_to(top).as_posix()
    try:
        return whole.relative_to(Path.cwd()).as_posix()
    except ValueError:
        return whole.as_posix()
