"""Lock files that matter to engines: where they lie, since when, and who has them open.

Part of the probe, floor 10. Locks of torch extensions and AITER are held by existing, so every one that exists
is told; of the others (Hugging Face, vLLM, FlashInfer) the mere file means nothing, and only those are told
that a process has open or waits for.
"""

from __future__ import annotations

import glob
import os
import pwd
import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from diagnose.model import CouldNotLook, LockFile, OpenFile, Sample
from diagnose.probe import proc
from diagnose.probe.descriptors import Descriptors
from diagnose.probe.mounts import View
from diagnose.redact import redact

_MOST = 200
_NAME = re.compile(r"(?:^|/)(?:lock|lock_[^/]+|[^/]+\.lock)$")
_FAMILIES = (
    ("aiter", re.compile(r"/aiter(?:/|_configs/)|/\.aiter/|/lock_module_[^/]+$"), True),
    ("flashinfer", re.compile(r"/flashinfer/"), False),
    ("huggingface", re.compile(r"/\.locks/|/huggingface/"), False),
    ("inductor", re.compile(r"torchinductor_|/inductor_cache/|/torch_compile_cache/"), False),
    ("torch-extension", re.compile(r"/lock$"), True),
    ("vllm", re.compile(r"/[0-9a-f]{64}[^/]*\.lock$"), False),
)


@dataclass(frozen=True, slots=True)
class Seat:
    """A process's view and the variables that say where its caches lie."""

    view: View
    environment: Mapping[str, str]
    packages: tuple[str, ...] = ()
    """Its site-packages folders."""


def family(path: str) -> tuple[str, bool]:
    """The family of a lock file and whether it is held by existing."""
    for name, pattern, by_existence in _FAMILIES:
        if pattern.search(path):
            return name, by_existence
    return "other", False


def lock_files(
    seats: Iterable[Seat],
    table: Descriptors,
    files: Collection[OpenFile],
    samples: Iterable[Sample],
) -> tuple[tuple[LockFile, ...], tuple[CouldNotLook, ...]]:
    """Every lock file that matters, by path, and the folders that could not be listed."""
    found: dict[str, LockFile] = {}
    refused: dict[str, CouldNotLook] = {}
    waited = set(_waited(samples))
    opened = {one.path for one in files if one.path.startswith("/") and _NAME.search(one.path)}
    for seat in seats:
        for path in sorted({*_existing(seat, refused), *opened, *waited}):
            if path not in found and len(found) < _MOST:
                one = _look(path, seat.view, table)
                if one is not None:
                    found[path] = one
    return tuple(found[path] for path in sorted(found)), tuple(refused.values())


def _waited(samples: Iterable[Sample]) -> Iterator[str]:
    """Paths that the stacks name."""
    for frame in {
        id(f): f for s in samples for t in s.threads for f in t.frames if f.locals
    }.values():
        for name in ("lock_filename", "lock_path", "lock_file_path"):
            if frame.locals.get(name, "").startswith("/"):
                yield frame.locals[name]
        folder = frame.locals.get("build_directory", "")
        if folder.startswith("/"):
            yield f"{folder}/lock"


def _existing(seat: Seat, refused: dict[str, CouldNotLook]) -> Iterator[str]:
    """Locks that exist where torch and AITER put them."""
    for folder, patterns in _folders(seat):
        here = seat.view.here(folder)
        if os.path.isdir(here) and not os.access(here, os.R_OK | os.X_OK):
            refused[folder] = CouldNotLook(
                f"the lock files in {folder}",
                "this user may not list the folder",
                "sudo diagnose attach …",
            )
        for pattern in patterns:
            for path in glob.iglob(os.path.join(glob.escape(here), pattern)):
                yield path.removeprefix(seat.view.prefix)


def _folders(seat: Seat) -> Iterator[tuple[str, tuple[str, ...]]]:
    environment = seat.environment
    home = environment.get("HOME") or _home(seat.view.pid)
    cache = environment.get("XDG_CACHE_HOME") or f"{home}/.cache"
    if environment.get("TORCH_EXTENSIONS_DIR"):
        yield environment["TORCH_EXTENSIONS_DIR"], ("lock", "*/lock")
    yield f"{cache}/torch_extensions", ("*/lock", "*/*/lock")
    jit = ("build/lock_*", "build/*/build/lock", "build/*/lock")
    for folder in (environment.get("AITER_JIT_DIR", ""), f"{home}/.aiter/jit"):
        if folder:
            yield folder, jit
    for packages in seat.packages:
        yield f"{packages}/aiter/jit", jit
        yield f"{packages}/aiter_meta/jit", jit
    yield "/tmp/aiter_configs", ("*.lock",)


def _home(pid: int) -> str:
    try:
        return pwd.getpwuid(os.stat(f"/proc/{pid}").st_uid).pw_dir
    except (OSError, KeyError):
        return "/root"


def _look(path: str, view: View, table: Descriptors) -> LockFile | None:
    try:
        status = os.stat(view.here(path))
    except OSError:
        return None
    key = (status.st_dev, status.st_ino)
    holders = {
        pid for pid, fd, _ in table.named({os.path.basename(path)}) if table.key(pid, fd) == key
    }
    name, by_existence = family(path)
    return LockFile(
        path=redact(path),
        family=name,
        by_existence=by_existence,
        age_s=max(0.0, time.time() - status.st_mtime),
        inode=status.st_ino,
        size=status.st_size,
        content=_content(view.here(path)) if name == "aiter" and 0 < status.st_size < 4096 else "",
        holders=tuple(sorted(holders)),
        filesystem=view.filesystem(path),
    )


def _content(path: str) -> str:
    return redact(proc.text(path, 200).strip())
