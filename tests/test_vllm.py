"""Looks at a real vLLM server with two ranks; skipped where vLLM is not installed.

DIAGNOSE_VLLM names the `vllm` program, DIAGNOSE_MODEL a small model (else one is made). Every scenario is a
server of its own that is broken from outside or by a plugin, as `serving` and `programs/` tell.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
import serving
from living import PROGRAMS, running, until

from diagnose.probe import find, look, proc

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.usefixtures("plugins"),
    serving.INSTALLED,
]
STALE = "torch/torch-extension-build-lock"
SOURCE = """
#include <torch/extension.h>
#include <regex>
template <int N> int f(const std::string& s) { return std::regex_search(s, std::regex("a+b*c?")) + f<N - 1>(s); }
template <> int f<0>(const std::string&) { return 0; }
int slow(const std::string& s) { return f<200>(s); }
PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) { m.def("slow", &slow); }
"""


def attach(*arguments: str) -> dict[str, Any]:
    """The answer of a look in a process of its own, without what the server needs in its environment."""
    command = [sys.executable, "-m", "diagnose", "attach", *arguments, "--format", "json"]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.stdout, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def settled(server: serving.Server) -> None:
    """Waits until no process of it uses the processor any more, beyond loops that look at a clock."""
    before: dict[int, int] = {}

    def quiet() -> bool:
        table = proc.processes()
        ticks = {pid: table[pid].ticks for pid in proc.family(server.pid) if pid in table}
        still = before.keys() == ticks.keys() and sum(ticks.values()) - sum(before.values()) < 10
        before.clear()
        before.update(ticks)
        return still

    until(lambda: _after(1.0) and quiet(), serving.START_S)


def _after(seconds: float) -> bool:
    time.sleep(seconds)
    return True


def waits(answer: dict[str, Any], kind: str) -> dict[str, Any]:
    """The one wait of a kind."""
    (found,) = [wait for wait in answer["waits"] if wait["kind"] == kind]
    return dict(found)


def test_a_rank_that_is_stopped_while_it_loads(tmp_path, model):
    with serving.server(tmp_path, model) as server:
        server.wait(lambda: server.said("Starting to load model") and server.worker(1))
        stopped = server.worker(1)
        os.kill(stopped, signal.SIGSTOP)
        server.wait(lambda: server.said("Loading weights took"))
        settled(server)
        answer = attach(str(server.pid))
        still = proc.stat(stopped)

    assert (answer["verdict"], answer["state"]) == ("hung", "stopped")
    assert answer["cause"]["id"] == "host/process-stopped"
    assert answer["blocker"]["pids"] == [stopped]
    assert f"kill -CONT {stopped}" in answer["fix"]["now"]
    assert still is not None
    assert still.state == "T"


def test_a_server_that_waits_for_requests_is_healthy_until_its_engine_is_stopped(tmp_path, model):
    with serving.server(tmp_path, model) as server:
        server.wait(server.serves)
        settled(server)
        found = find(port=server.port)
        snapshot = look(found).snapshot
        healthy = attach("--port", str(server.port))
        alive = server.serves()
        engine = server.titled("VLLM::EngineCore")
        os.kill(engine, signal.SIGSTOP)
        stopped = attach(str(server.pid))

    assert found.root == server.pid
    names = {one.name for one in snapshot.processes}
    assert names >= {"APIServer", "EngineCore", "Worker_TP0", "Worker_TP1"}
    assert str(server.log) in snapshot.logs
    assert (healthy["verdict"], healthy["cause"], healthy["blocker"]) == ("healthy", None, None)
    assert alive
    assert (stopped["verdict"], stopped["cause"]["id"]) == ("hung", "host/process-stopped")
    assert f"kill -CONT {engine}" in stopped["fix"]["now"]


def test_a_rank_that_sleeps_while_it_loads_is_named_with_its_frame(tmp_path, model):
    with serving.server(tmp_path, model, FAULT="sleep") as server:
        server.wait(lambda: server.said("Loading weights took"))
        settled(server)
        sleeper = server.worker(1)
        answer = attach(str(server.pid))

    assert (answer["verdict"], answer["cause"]["id"]) == ("hung", "vllm/rank-sleeps-in-loader")
    assert answer["blocker"]["pids"] == [sleeper]
    assert f"Worker_TP1 (pid {sleeper})" in answer["verdict_why"]
    assert "vllm_faults.py" in answer["verdict_why"]


def test_ranks_that_wait_for_a_lock_nobody_holds(tmp_path, model):
    source, extensions = tmp_path / "slow.cpp", tmp_path / "extensions"
    source.write_text(SOURCE)
    lock = extensions / "slow_kernel" / "lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    fault = {
        "FAULT": "extension",
        "FAULT_SOURCE": str(source),
        "TORCH_EXTENSIONS_DIR": str(extensions),
    }
    with serving.server(tmp_path, model, **fault) as server:
        server.wait(lambda: server.log.read_text(errors="replace").count("load model") >= 1)
        settled(server)
        both = [server.worker(rank) for rank in (0, 1)]
        answer = attach(str(server.pid))

    wait = waits(answer, "file-existence")
    now = answer["fix"]["now"]
    assert (answer["verdict"], answer["cause"]["id"]) == ("hung", STALE)
    assert (wait["resource"], wait["holder"], wait["waiters"]) == (str(lock), None, both)
    assert f"rm -f {lock}" in now
    assert "stop the server" in " ".join(now[: now.index(f"rm -f {lock}")])


def test_a_build_that_runs_is_slow_and_not_hung(tmp_path, model):
    source, extensions = tmp_path / "slow.cpp", tmp_path / "extensions"
    source.write_text(SOURCE)
    fault = {
        "FAULT": "extension",
        "FAULT_SOURCE": str(source),
        "TORCH_EXTENSIONS_DIR": str(extensions),
    }

    with serving.server(tmp_path, model, **fault) as server:

        def compiles() -> bool:
            states = map(proc.stat, proc.family(server.pid))
            return any(state is not None and state.comm == "cc1plus" for state in states)

        server.wait(compiles)
        answer = attach(str(server.pid))
        at_work = compiles()

    if not at_work:
        pytest.skip("the compiler was done before the look was")
    wait = waits(answer, "file-existence")
    assert (answer["verdict"], answer["cause"]) == ("slow", None)
    assert wait["resource"] == str(extensions / "slow_kernel" / "lock")
    assert wait["holder"].startswith("Worker_TP")
    assert "cc1plus" in answer["verdict_why"] or "ninja" in answer["verdict_why"]


HOLDER = """
import sys, time
from vllm.model_executor.model_loader.weight_utils import get_lock
lock = get_lock(sys.argv[1], sys.argv[2])
lock.acquire()
print("ready", lock.lock_file, flush=True)
time.sleep(600)
"""


def test_weights_whose_lock_another_process_holds(tmp_path, model):
    downloads, holding, serves = (tmp_path / n for n in ("downloads", "holder", "hub"))
    for folder in (downloads, holding, serves):
        folder.mkdir()
    name = "test/tiny"
    hub = [sys.executable, str(PROGRAMS / "hub.py"), model, name]
    holder = [serving.PYTHON, "-c", HOLDER, name, str(downloads)]
    with (
        running(hub, folder=serves),
        running(holder, folder=holding) as held,
    ):
        port = (serves / "out.log").read_text().split()[1]
        path = (holding / "out.log").read_text().split("ready ")[1].split()[0]
        online = {
            "HF_ENDPOINT": f"http://127.0.0.1:{port}",
            "HF_HUB_CACHE": str(tmp_path / "cache"),
        }
        with serving.server(
            tmp_path, name, "--download-dir", str(downloads), HF_HUB_DISABLE_XET="1", **online
        ) as server:
            server.wait(lambda: server.said("Starting to load model"))
            settled(server)
            both = [server.worker(rank) for rank in (0, 1)]
            answer = attach(str(server.pid))

    wait = waits(answer, "flock")
    assert (answer["verdict"], answer["cause"]["id"]) == ("hung", "host/lock-held-by-other-process")
    assert (wait["resource"], wait["holders"], wait["waiters"]) == (path, [held.pid], both)
    assert f"kill {held.pid}" in answer["fix"]["now"]
    assert f"pid {held.pid}" in answer["verdict_why"]
    assert "get_lock" in answer["verdict_why"]


def test_a_peer_that_never_comes_to_the_rendezvous(tmp_path, model):
    port = str(serving.free_port())
    nodes = [
        "--nnodes",
        "2",
        "--node-rank",
        "0",
        "--master-addr",
        "127.0.0.1",
        "--master-port",
        port,
    ]
    with serving.server(tmp_path, model, *nodes) as server:
        server.wait(lambda: server.said("distributed_init_method"))
        settled(server)
        answer = attach(str(server.pid))

    assert answer["verdict"] == "hung"
    assert answer["cause"]["id"] == "torch/rendezvous-peer-missing"
    assert f"127.0.0.1:{port}" in answer["verdict_why"]
    assert waits(answer, "rendezvous")["holder"] is None
    assert f"nc -vz 127.0.0.1 {port}" in " ".join(answer["fix"]["now"])
