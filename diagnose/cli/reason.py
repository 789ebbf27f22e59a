"""From a snapshot and its logs to a diagnosis: the same way live and from a bundle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from diagnose.errors import InputError

if TYPE_CHECKING:
    from diagnose.model import Diagnosis, Signature, Snapshot
    from diagnose.pipeline import Examiner
    from diagnose.sources import Source

_HEAD = 64 * 1024


def prepare(roots: tuple[Path, ...] = (), scanner: str = "auto") -> Examiner:
    """What can be made ready before anything was seen.

    Args:
        roots: Further folders of signatures.
        scanner: Which scanner to use.
    """
    from diagnose.cache import default_cache
    from diagnose.pipeline import Examiner

    return Examiner(catalogue(roots), cache=default_cache(), engine=scanner)


def catalogue(roots: tuple[Path, ...] = ()) -> dict[str, Signature]:
    """The catalogue that ships, and further folders of signatures on top of it."""
    from diagnose.cache import default_cache
    from diagnose.catalogue import default_root
    from diagnose.packed import load

    cache = default_cache()
    signatures = load(default_root(), cache)
    for root in roots:
        signatures.update(load(root, cache))
    return signatures


def reason(
    examiner: Examiner,
    snapshot: Snapshot,
    logs: Mapping[str, bytes],
    more: Iterable[Source] = (),
) -> Diagnosis:
    """Diagnoses what was seen together with what was printed.

    Args:
        examiner: With the catalogue.
        snapshot: What was seen.
        logs: What was printed, by the logs' paths.
        more: Logs that are read from elsewhere.
    """
    from diagnose import live

    return live.conclude(snapshot, examiner.diagnose(_sources(snapshot, logs, more)))


def _sources(
    snapshot: Snapshot, logs: Mapping[str, bytes], more: Iterable[Source]
) -> Iterator[Source]:
    from diagnose import live
    from diagnose.sources import Source

    yield from more
    for path, data in logs.items():
        yield Source(path, BytesIO(data), len(data))
    for document in live.documents(snapshot):
        data = document.text.encode()
        yield Source(document.name, BytesIO(data), len(data), channel=document.channel)


def open_bundle(path: str) -> tuple[Snapshot, dict[str, bytes]]:
    """The snapshot and the logs of a bundle.

    Raises:
        InputError: If it cannot be read.
    """
    from diagnose.bundle import unpack

    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", "name a file that can be read") from error
    return unpack(data, path)


def names_bundle(path: str) -> bool:
    """Whether a path is a file that `diagnose attach --save` wrote."""
    try:
        if not Path(path).is_file():
            return False
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    except (OSError, ValueError):
        return False
    # Most files are logs, and a log needs none of what reads a bundle.
    if not head.startswith(b"\x1f\x8b") and head.lstrip()[:1] != b"{":
        return False
    from diagnose.bundle import is_bundle

    return is_bundle(head)
