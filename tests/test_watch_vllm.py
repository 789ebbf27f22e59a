"""`diagnose watch` over a real vLLM server with two ranks; skipped where vLLM is not installed.

DIAGNOSE_VLLM and DIAGNOSE_MODEL as in `serving`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import serving
from living import until

from diagnose.bundle import unpack
from diagnose.probe import proc

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.usefixtures("plugins"),
    serving.INSTALLED,
    pytest.mark.skipif(
        not os.environ.get("DIAGNOSE_WATCH_VLLM"),
        reason="minutes for each server on two cores; DIAGNOSE_WATCH_VLLM=1 runs them",
    ),
]
WATCH = [sys.executable, "-m", "diagnose", "watch", "--stall", "30", "--on-hang", "stop"]


@contextlib.contextmanager
def watched(folder: Path, model: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server that is started by a watch, its output in `s.log` and what the watch says in `said`."""
    command = serving.command(model, serving.free_port())
    with (folder / "said").open("wb") as said:
        one = subprocess.Popen(
            [*WATCH, "--log", "s.log", "--save", "seen.tar.gz", "--", *command], cwd=folder,
            stdout=subprocess.DEVNULL, stderr=said, env=serving.variables(folder, **environment),
        )  # fmt: skip
    try:
        yield one
    finally:
        one.kill()
        one.wait()
        for pid in left(folder):
            os.kill(pid, signal.SIGKILL)


def left(folder: Path) -> list[int]:
    """Processes that were started in a folder and still run."""
    return [
        pid
        for pid, state in proc.processes().items()
        if state.state != "Z" and proc.link(f"/proc/{pid}/cwd") == str(folder)
    ]


def said(folder: Path) -> str:
    return (folder / "said").read_text(errors="replace")


def test_a_server_that_comes_up_is_left_alone_and_ends_in_good_order_when_asked(tmp_path, model):
    with watched(tmp_path, model) as one:
        until(lambda: "ready after" in said(tmp_path) or one.poll() is not None, serving.START_S)
        one.send_signal(signal.SIGTERM)
        code = one.wait(60)
    assert code == 0, said(tmp_path)
    assert "HUNG" not in said(tmp_path)
    assert "Application shutdown complete" in (tmp_path / "s.log").read_text(errors="replace")
    assert not (tmp_path / "seen.tar.gz").exists()
    assert left(tmp_path) == []


def test_a_rank_that_sleeps_while_it_loads_is_named_kept_and_ended(tmp_path, model):
    with watched(tmp_path, model, FAULT="sleep") as one:
        code = one.wait(serving.START_S)
    assert code == 125, said(tmp_path)
    assert "[vllm/rank-sleeps-in-loader]" in said(tmp_path)
    snapshot, logs = unpack((tmp_path / "seen.tar.gz").read_bytes())
    assert {"EngineCore", "Worker_TP0", "Worker_TP1"} <= {one.name for one in snapshot.processes}
    assert logs
    assert left(tmp_path) == []


def test_beside_a_server_whose_rank_is_stopped(tmp_path, model):
    with serving.server(tmp_path, model) as server:
        server.wait(lambda: server.said("Starting to load model") and server.worker(1))
        os.kill(server.worker(1), signal.SIGSTOP)
        done = subprocess.run(
            [*WATCH, "--pid", str(server.pid), "--log", str(server.log),
             "--health", f"http://127.0.0.1:{server.port}/health"],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        ended = proc.stat(server.pid)
    assert done.returncode == 125, done.stderr
    assert "[host/process-stopped]" in done.stderr
    assert ended is None or ended.state == "Z"
