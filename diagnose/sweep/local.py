"""Many jobs at once: processes of this machine, or Ray where one machine is too slow.

Floor 12. Both give the same answers in the same order: a worker knows nothing of the others.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor

from diagnose.model import Signature
from diagnose.sweep.unit import Unit
from diagnose.sweep.work import Examined, Worker

FEW = 4
"""So many jobs are done before a second process has been started."""

Advance = Callable[[], None]
_worker: Worker | None = None


def examine_all(
    units: Sequence[Unit],
    signatures: Mapping[str, Signature],
    *,
    scanner: str = "auto",
    processes: int | None = None,
    advance: Advance | None = None,
) -> list[Examined]:
    """Diagnoses every job.

    Args:
        units: The jobs.
        signatures: The catalogue.
        scanner: Which scanner to use.
        processes: How many; as many as there are processors if absent.
        advance: Called with every job that is done.
    """
    processes = min(processes or available(), max(1, len(units) // FEW))
    found = []
    for examined in _examined(units, signatures, scanner, processes):
        found += examined
        if advance is not None:
            advance()
    return found


def _examined(
    units: Sequence[Unit], signatures: Mapping[str, Signature], scanner: str, processes: int
) -> Iterator[list[Examined]]:
    if processes == 1:
        worker = Worker(signatures, scanner)
        yield from map(worker.examine, units)
        return
    # A forked child would inherit whatever threads of the parent happen to hold.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _prepare, (dict(signatures), scanner)) as pool:
        chunk = max(1, min(8, len(units) // (8 * processes)))
        try:
            yield from pool.map(_examine, units, chunksize=chunk)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def available() -> int:
    """Processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _prepare(signatures: Mapping[str, Signature], scanner: str) -> None:
    global _worker
    _worker = Worker(signatures, scanner)
    # The catalogue stays; looking through it for garbage between jobs costs a tenth of the time.
    gc.collect()
    gc.freeze()


def _examine(unit: Unit) -> list[Examined]:
    assert _worker is not None
    return _worker.examine(unit)
