"""Real processes for tests that look at them: started here, ended here, told apart by what they print."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from textwrap import dedent

from diagnose.model import Process, Sample, Snapshot
from diagnose.probe import Plan, find, look

QUICK = Plan(samples=2, interval_s=0.2)
PROGRAMS = Path(__file__).parent / "programs"


@contextlib.contextmanager
def running(
    program: str | Sequence[str],
    *arguments: str,
    folder: Path,
    prefix: Sequence[str] = (),
    environment: dict[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A Python program, or a command, in a session of its own; waits until it has printed `ready`.

    Args:
        program: The text of a Python program, or a whole command.
        arguments: Handed to the Python program.
        folder: Where its output goes, to `out.log`.
        prefix: What to put before the command, such as `setpriv …`.
        environment: Further variables.
    """
    if isinstance(program, str):
        file = folder / f"program{len(list(folder.iterdir()))}.py"
        file.write_text(dedent(program), encoding="utf-8")
        command = [sys.executable, str(file), *arguments]
    else:
        command = list(program)
    log = folder / "out.log"
    with log.open("ab") as out:
        started = subprocess.Popen(
            [*prefix, *command],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
        )
    try:
        until(lambda: b"ready" in log.read_bytes() or started.poll() is not None)
        assert started.poll() is None, log.read_text()
        yield started
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()
        assert started.stdin is not None
        started.stdin.close()


def until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    """Waits for a state of the outside world; fails when it does not come."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to that state"
        time.sleep(0.02)


def seen(pid: int, plan: Plan = QUICK) -> Snapshot:
    """What a look at a process and its children gives."""
    return look(find(pid), plan).snapshot


def main_thread(snapshot: Snapshot, pid: int) -> list[str]:
    """The functions of the main thread in the last sample, innermost first."""
    sample = last(snapshot, pid)
    return [f.name for t in sample.threads if t.name == "MainThread" for f in t.frames]


def last(snapshot: Snapshot, pid: int) -> Sample:
    """The last sample of a process."""
    return [sample for sample in snapshot.samples if sample.pid == pid][-1]


def process(snapshot: Snapshot, pid: int) -> Process:
    """One process of a snapshot."""
    return next(one for one in snapshot.processes if one.pid == pid)
