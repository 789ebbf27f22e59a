"""The same jobs on a Ray cluster, for a folder or an object store that one machine is too slow for.

Floor 12. Ray is an optional extra. Every machine of the cluster needs this package; files are opened
where they are read, so they must be URLs or on a file system that all machines see. What was unpacked
here travels with the job.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from diagnose.errors import UsageError
from diagnose.model import Signature
from diagnose.sweep.gather import carried
from diagnose.sweep.unit import Unit
from diagnose.sweep.work import Examined, Worker


def examine_on_ray(
    units: Sequence[Unit],
    signatures: Mapping[str, Signature],
    *,
    scanner: str = "auto",
    processes: int | None = None,
    advance: Callable[[], None] | None = None,
) -> list[Examined]:
    """Diagnoses every job; the answers come in the order of the jobs.

    The cluster is the one that `RAY_ADDRESS` names, or a new one on this machine.

    Args:
        units: The jobs.
        signatures: The catalogue.
        scanner: Which scanner to use.
        processes: How many workers at most; as many as the cluster has processors if absent.
        advance: Called with every job that is done.

    Raises:
        UsageError: If Ray is not installed.
    """
    try:
        import ray
        from ray.util import ActorPool
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
        actor: Any = ray.remote(num_cpus=1)(Worker)
        workers = [actor.remote(catalogue, scanner) for _ in range(count)]
        found: list[Examined] = []
        answers = ActorPool(workers).map(
            lambda worker, unit: worker.examine.remote(carried(unit)), units
        )
        for examined in answers:
            found += examined
            if advance is not None:
                advance()
        return found
    finally:
        if started:
            ray.shutdown()
