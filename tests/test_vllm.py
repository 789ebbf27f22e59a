"""Looks at a real vLLM server with two ranks; skipped where vLLM is not installed.

DIAGNOSE_VLLM names the `vllm` program, DIAGNOSE_MODEL a small model; further variables are passed on as they are.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from living import until

from diagnose.probe import find, look, proc

VLLM = os.environ.get("DIAGNOSE_VLLM") or shutil.which("vllm") or ""
MODEL = os.environ.get("DIAGNOSE_MODEL", "")
START_S = 400.0
pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(not VLLM, reason="vLLM is not installed; DIAGNOSE_VLLM names its program"),
    pytest.mark.skipif(not MODEL, reason="DIAGNOSE_MODEL names no model"),
]
CPU = {
    "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_HOST_IP": "127.0.0.1", "GLOO_SOCKET_IFNAME": "lo",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
}  # fmt: skip


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextlib.contextmanager
def server(folder: Path, port: int) -> Iterator[int]:
    """A server in a session of its own, whose every process ends with the test."""
    command = [
        VLLM,
        "serve",
        MODEL,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--max-model-len",
        "256",
    ]
    command += ["--dtype", "bfloat16", "--enforce-eager", "--tensor-parallel-size", "2"]
    with (folder / "server.log").open("wb") as log:
        started = subprocess.Popen(
            command, stdout=log, stderr=log, start_new_session=True, env={**os.environ, **CPU}
        )
    try:
        yield started.pid
    finally:
        for pid, state in proc.processes().items():
            if state.session == started.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        started.wait()


def worker(root: int, name: str) -> int:
    """The pid of a rank; 0 while it has no title yet."""
    tree = proc.descendants(root, proc.processes())
    return next((pid for pid in tree if proc.title(pid) == f"VLLM::{name}"), 0)


def serves(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def attach(*arguments: str) -> dict[str, object]:
    command = [sys.executable, "-m", "diagnose", "attach", *arguments, "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def wait(true: Callable[[], object]) -> None:
    until(lambda: bool(true()), START_S)


def test_a_rank_that_is_stopped_while_it_starts(tmp_path):
    with server(tmp_path, free_port()) as root:
        wait(lambda: worker(root, "Worker_TP1"))
        stopped = worker(root, "Worker_TP1")
        os.kill(stopped, signal.SIGSTOP)
        time.sleep(20)
        answer = attach(str(root))
        still = proc.stat(stopped)

    assert answer["verdict"] == "hung"
    assert answer["cause"]["id"] == "host/process-stopped"
    assert f"kill -CONT {stopped}" in answer["fix"]["now"]
    assert still is not None
    assert still.state == "T"


def test_a_server_that_waits_for_requests_is_healthy_and_found_by_its_port(tmp_path):
    port = free_port()
    with server(tmp_path, port) as root:
        wait(lambda: serves(port))
        time.sleep(5)
        found = find(port=port)
        snapshot = look(found).snapshot
        answer = attach("--port", str(port))
        alive = serves(port)

    assert found.root == root
    assert {one.name for one in snapshot.processes} >= {
        "APIServer",
        "EngineCore",
        "Worker_TP0",
        "Worker_TP1",
    }
    assert str(tmp_path / "server.log") in snapshot.logs
    assert answer["verdict"] == "healthy"
    assert answer["cause"] is None
    assert alive
