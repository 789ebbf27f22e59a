"""From a snapshot and its logs to a diagnosis: the same way live, under watch and from a bundle.

Floor 12. What it needs is imported when it is needed: a log alone needs no look.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diagnose.model import Diagnosis, Finding, Signature, Snapshot
    from diagnose.pipeline import Examiner
    from diagnose.sources import Source

    Script = Callable[[Mapping[str, str]], Sequence[Finding]]

_MOST_PROCESSES = 4
"""Each holds some 80 MB, and one reader cannot feed many more."""


def prepare(roots: tuple[Path, ...] = (), scanner: str = "auto") -> Examiner:
    """What can be made ready before anything was seen.

    Args:
        roots: Further folders of signatures.
        scanner: Which scanner to use.
    """
    from diagnose.cache import default_cache
    from diagnose.pipeline import Examiner

    processes = min(_MOST_PROCESSES, cores())
    return Examiner(catalogue(roots), cache=default_cache(), engine=scanner, processes=processes)


def cores() -> int:
    """How many processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def catalogue(roots: tuple[Path, ...] = ()) -> Mapping[str, Signature]:
    """The catalogue that ships, and further folders of signatures on top of it."""
    from diagnose.cache import default_cache
    from diagnose.catalogue import default_root
    from diagnose.packed import load

    cache = default_cache()
    signatures: Mapping[str, Signature] = load(default_root(), cache)
    for root in roots:
        signatures = {**signatures, **load(root, cache)}
    return signatures


def reason(
    examiner: Examiner,
    snapshot: Snapshot | None,
    logs: Mapping[str, bytes],
    more: Iterable[Source] = (),
    script: Script | None = None,
) -> Diagnosis:
    """Diagnoses what was seen together with what was printed.

    Args:
        examiner: With the catalogue.
        snapshot: What was seen; None where nothing was left to look at.
        logs: What was printed, by the logs' paths.
        more: Logs that are read from elsewhere.
        script: What the job's launch script shows for given settings.
    """
    diagnosis = examiner.diagnose(_sources(snapshot, logs, more), script)
    if snapshot is None:
        return diagnosis
    from diagnose import live

    return live.conclude(snapshot, diagnosis)


def _sources(
    snapshot: Snapshot | None, logs: Mapping[str, bytes], more: Iterable[Source]
) -> Iterator[Source]:
    from diagnose.sources import Source

    yield from more
    for path, data in logs.items():
        yield Source(path, BytesIO(data), len(data))
    if snapshot is None:
        return
    from diagnose import live

    for document in live.documents(snapshot):
        data = document.text.encode()
        yield Source(document.name, BytesIO(data), len(data), channel=document.channel)
