"""The same jobs on a Ray cluster, for a folder or an object store that one machine is too slow for.

Floor 12. Ray is an optional extra. Every machine of the cluster needs this package; files are opened
where they are read, so they must be URLs or on a file system that all machines see. What was unpacked
here travels with the job.
"""

from __future__ import annotations

import importlib
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

from diagnose.errors import UsageError
from diagnose.model import Signature
from diagnose.sweep.unit import Unit
from diagnose.sweep.unpacked import carried
from diagnose.sweep.work import TRIES, Answer, Worker, died


def examine_on_ray(
    units: Sequence[Unit],
    signatures: Mapping[str, Signature],
    *,
    scanner: str = "auto",
    processes: int | None = None,
) -> Generator[Answer]:
    """Diagnoses every job; answers come as they are ready, each with the position of its job.

    The cluster is the one that `RAY_ADDRESS` names, or a new one on this machine.

    Args:
        units: The jobs.
        signatures: The catalogue.
        scanner: Which scanner to use.
        processes: How many workers at most; as many as the cluster has processors if absent.

    Raises:
        UsageError: If Ray is not installed.
    """
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError:
        raise UsageError(
            "--on ray needs Ray, which is not installed", 'pip install "vllm-diagnose[ray]"'
        ) from None
    started = not ray.is_initialized()
    if started:
        ray.init(log_to_driver=False, include_dashboard=False, configure_logging=False)
    try:
        # An actor that the cluster has no processor for would be waited for without end.
        most = max(1, int(ray.cluster_resources().get("CPU", 1)))
        count = min(processes or most, most, len(units))
        catalogue = ray.put(dict(signatures))
        actor = ray.remote(num_cpus=1)(Worker)
        yield from _read(ray, [lambda: actor.remote(catalogue, scanner)] * count, units)
    finally:
        if started:
            ray.shutdown()


def _read(ray: Any, make: Sequence[Any], units: Sequence[Unit]) -> Iterator[Answer]:
    """Gives each worker one job at a time; a worker that dies over one is replaced."""
    waiting = deque((position, 1) for position in range(len(units)))
    running: dict[Any, tuple[Any, int, int]] = {}
    idle = [one() for one in make]
    while waiting or running:
        while waiting and idle:
            worker, (position, number) = idle.pop(), waiting.popleft()
            future = worker.examine.remote(carried(units[position]))
            running[future] = (worker, position, number)
        for future in ray.wait(list(running))[0]:
            worker, position, number = running.pop(future)
            try:
                yield position, ray.get(future)
            except ray.exceptions.RayActorError:
                worker = make[0]()
                if number < TRIES:
                    waiting.append((position, number + 1))
                else:
                    yield position, died(units[position])
            idle.append(worker)
