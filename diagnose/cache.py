"""What was prepared before, on disk: compiled scanners and read catalogues.

Floor 0, and the one of its modules that does input and output. A file is written whole and then renamed, carries its own checksum, and its name is a digest
of everything it depends on. What cannot be read, belongs to somebody else or is damaged is as good as
absent, and what cannot be written is not: a cache is never a reason to fail. What does not depend on the machine comes
with the package, found by the same digests: a first run in a new container need not make it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

try:
    # `hashlib` has the same, but loads OpenSSL beside it, which takes three milliseconds.
    from _blake2 import blake2b
except ImportError:
    from hashlib import blake2b

SHIPPED = Path(__file__).parent / "prepared"
"""What was prepared when the package was built, where it was built (`.ci/hatch_build.py`); as good as the code beside it."""
FORMAT = 4
"""Of `marshal`: what every Python from 3.11 on reads."""
_MAGIC = b"diagnose-cache-2\n"
_SUFFIX = ".cache"
_DIGEST_BYTES = 32
_KEPT_FILES = 24


def default_cache() -> Path | None:
    """The user's cache folder; None where `DIAGNOSE_CACHE_DIR` is empty or `off`, or there is none."""
    chosen = os.environ.get("DIAGNOSE_CACHE_DIR")
    if chosen is not None:
        return None if chosen in ("", "off") else Path(os.path.expanduser(chosen))
    shared = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(shared):
        return Path(shared) / "diagnose"
    try:
        return Path.home() / ".cache" / "diagnose"
    except RuntimeError:
        return None


class Cache:
    """The files of one thing that was prepared.

    Args:
        folder: Where they are; None for nowhere.
        depends_on: All that makes what others stored unusable for this one.
    """

    def __init__(self, folder: Path | None, depends_on: Iterable[bytes]) -> None:
        self._folder = folder
        digest = blake2b(digest_size=_DIGEST_BYTES)
        for part in depends_on:
            digest.update(b"%d:" % len(part) + part)
        self.key = digest.hexdigest()[:32]
        """The digest of what it depends on."""

    def read(self, name: str) -> bytes | None:
        """What was written under a name; None if there is nothing to be trusted."""
        payload = self._payload(SHIPPED, name)
        if payload is not None or self._folder is None:
            return payload
        try:
            if not _is_private(self._folder):
                return None
        except OSError:
            return None
        return self._payload(self._folder, name)

    def write(self, name: str, payload: bytes) -> None:
        """Stores a file, if that is possible."""
        if self._folder is None:
            return
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _is_private(self._folder):
                return
            self._put(self._path(self._folder, name), payload)
            _prune(self._folder)

    def _payload(self, folder: Path, name: str) -> bytes | None:
        try:
            stored = self._path(folder, name).read_bytes()
        except OSError:
            return None
        head = len(_MAGIC) + _DIGEST_BYTES
        payload = stored[head:]
        return payload if stored[:head] == _head(payload) else None

    def _put(self, path: Path, payload: bytes) -> None:
        import tempfile

        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_head(payload) + payload)
            os.replace(temporary, path)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(temporary)

    def _path(self, folder: Path, name: str) -> Path:
        return folder / f"{self.key}-{name}{_SUFFIX}"


def _head(payload: bytes) -> bytes:
    """What stands before a payload: which kind of file it is, and its checksum."""
    return _MAGIC + blake2b(payload, digest_size=_DIGEST_BYTES).digest()


def _is_private(folder: Path) -> bool:
    """Whether nobody else can have put a file there."""
    if os.name != "posix":
        return True
    status = folder.stat()
    return status.st_uid == os.geteuid() and not status.st_mode & 0o022


def _prune(folder: Path) -> None:
    files = sorted(folder.glob(f"*{_SUFFIX}"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in files[_KEPT_FILES:]:
        path.unlink(missing_ok=True)
