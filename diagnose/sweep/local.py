"""Many jobs at once, in processes of this machine.

Floor 12. A worker knows nothing of the others, so that answers do not depend on how many there are. One that dies over a
job, by a crash or because it needs too much memory, takes nothing else with it. (`ProcessPoolExecutor` gives up all jobs
when a process dies, does not say which was to blame, and may wait for ever if one is started in that moment.)
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from diagnose.model import Signature
from diagnose.sweep.unit import Unit
from diagnose.sweep.work import TRIES, Answer, Examined, Worker, died

FEW = 4
"""So many jobs are done before a second process has been started."""
PATIENCE_S = 5.0
"""How long a process may take to end after its pipe did: its memory is given back first."""
_OBJECTS_PER_SWEEP = 100_000
"""How many new objects there are before cycles are looked for."""


def examine_all(
    units: Sequence[Unit],
    signatures: Mapping[str, Signature],
    *,
    scanner: str = "auto",
    processes: int | None = None,
) -> Generator[Answer]:
    """Diagnoses every job; answers come as they are ready, each with the position of its job.

    When the iterator is closed, what is still being read is given up.

    Args:
        units: The jobs.
        signatures: The catalogue.
        scanner: Which scanner to use.
        processes: How many; as many as there are processors if absent.
    """
    count = min(processes or available(), max(1, len(units) // FEW))
    waiting = deque((position, 1) for position in range(len(units)))
    running: dict[Connection, tuple[_Process, int, int]] = {}
    idle = [_Process(signatures, scanner) for _ in range(count)]
    try:
        while waiting or running:
            while waiting and idle:
                process, (position, number) = idle.pop(), waiting.popleft()
                running[process.pipe] = (process, position, number)
                process.give(units[position])
            for pipe in wait(list(running)):
                assert isinstance(pipe, Connection)
                process, position, number = running.pop(pipe)
                examined = process.answer()
                if examined is not None:
                    idle.append(process)
                    yield position, examined
                    continue
                how = process.end(PATIENCE_S)
                idle.append(_Process(signatures, scanner))
                if number < TRIES:
                    waiting.append((position, number + 1))
                else:
                    yield position, died(units[position], how)
    finally:
        for process in (*idle, *(process for process, _, _ in running.values())):
            process.end()


def available() -> int:
    """Processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


class _Process:
    """One process, which reads one job after the other.

    Args:
        signatures: The catalogue.
        scanner: Which scanner to use.
    """

    def __init__(self, signatures: Mapping[str, Signature], scanner: str) -> None:
        # A forked child would inherit whatever threads of the parent happen to hold.
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self._process: SpawnProcess = context.Process(
            target=_work, args=(other, signatures, scanner), daemon=True
        )
        with _uninterruptible():
            self._process.start()
        # Its end of the pipe is now its own, so that its death is the end of the pipe.
        other.close()

    def give(self, unit: Unit) -> None:
        """Has it read a job."""
        # Whether it is still there is what its answer, or none, will say.
        with suppress(OSError):
            self.pipe.send(unit)

    def answer(self) -> list[Examined] | None:
        """What it read of the job; None where it died over it."""
        try:
            found: list[Examined] = self.pipe.recv()
        except (EOFError, OSError):
            return None
        return found

    def end(self, patience_s: float = 0.0) -> str:
        """Ends it, whatever it is doing, and says how it ended.

        Args:
            patience_s: How long to wait for an end of its own.
        """
        self.pipe.close()
        self._process.join(patience_s)
        self._process.kill()
        self._process.join()
        code = self._process.exitcode or 0
        return f"signal {-code}" if code < 0 else f"exit code {code}"


@contextmanager
def _uninterruptible() -> Iterator[None]:
    """Processes that are started meanwhile ignore Ctrl-C: it goes to all of a terminal, and is for the sweep as a whole."""
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _work(pipe: Connection, signatures: Mapping[str, Signature], scanner: str) -> None:
    worker = Worker(signatures, scanner)
    # The catalogue stays, and so does most of what is made while a job is read, until its answer is sent.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_PER_SWEEP)
    with suppress(EOFError, OSError):  # the sweep is over, or gone
        while True:
            pipe.send(worker.examine(pipe.recv()))
