"""Stacks that somebody took by hand, in files and through a pipe: reasoned about like a look, with less claimed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from living import running, until
from looks import recorded

from diagnose.live import documents
from diagnose.model import Channel
from diagnose.probe import pyspy

FIXTURES = Path(__file__).parent.parent / "fixtures"
linux = pytest.mark.skipif(sys.platform != "linux", reason="looking needs /proc")
GDB = """\
[New LWP 4712]
[Thread debugging using libthread_db enabled]
0x00007f2a1c0b5e2e in wait_for_one () from /opt/venv/lib/python3.11/site-packages/vllm/_C.abi3.so

Thread 2 (Thread 0x7f29a8dfe6c0 (LWP 4712) "python3"):
#0  0x00007f2a9d5c13ce in epoll_wait (epfd=7, events=0x7f29a8dfc0c0, maxevents=256, timeout=-1) at ../sysdeps/unix/sysv/linux/epoll_wait.c:30
#1  0x00007f2a71e0b2f0 in zmq::epoll_t::loop() () from /opt/venv/lib/python3.11/site-packages/zmq/libzmq.so.5

Thread 1 (Thread 0x7f2a9d8c0740 (LWP 4711) "VLLM::Worker_TP"):
#0  0x00007f2a1c0b5e2e in wait_for_one () from /opt/venv/lib/python3.11/site-packages/vllm/_C.abi3.so
#1  0x00007f2a1c0b6120 in shm_allreduce(at::Tensor&) () from /opt/venv/lib/python3.11/site-packages/vllm/_C.abi3.so
#2  0x00007f2a8c3f1a55 in c10::Dispatcher::callBoxed(c10::OperatorHandle const&) () from /opt/venv/lib/python3.11/site-packages/torch/lib/libtorch_cpu.so
"""
FAULTHANDLER = """
    import faulthandler, socket, sys, threading
    server = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(server.getsockname())
    faulthandler.dump_traceback_later(0.2, file=open(sys.argv[1], "w"))
    print("ready", flush=True)
    client.recv(1)
"""
LOG = (
    "(Worker_TP1 pid=17208) INFO 11-21 22:40:01 [cpu_model_runner.py:68] Starting to load model x\n"
)


def run(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "diagnose", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)


def answer(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    assert done.stdout, done.stderr
    said: dict[str, object] = json.loads(done.stdout)
    return said


def stacks(name: str) -> str:
    """What `py-spy dump` prints for every process of a recorded server."""
    made = documents(recorded(name))
    return "".join(one.text for one in made if one.channel is Channel.STACK)


def test_a_file_a_pipe_and_log_give_one_answer(tmp_path):
    text = stacks("sleep_load")
    path = tmp_path / "dump.txt"
    path.write_text(text)
    attached = answer(run("attach", str(path), "--format", "json"))
    piped = answer(run("attach", "-", "--format", "json", text=text))
    logged = answer(run("log", str(path), "--format", "json"))

    assert attached["blocker"]["pids"] == [17208]
    assert "_fault_sleep" in attached["verdict_why"]
    assert piped["verdict_why"] == logged["verdict_why"] == attached["verdict_why"]


def test_one_sample_alone_is_never_called_a_hang(tmp_path):
    path = tmp_path / "dump.txt"
    path.write_text(stacks("sleep_load"))
    said = answer(run("attach", str(path), "--format", "json"))

    assert said["verdict"] == "undecidable"
    assert "one sample only" in said["verdict_why"]


def test_an_engine_whose_workers_were_not_dumped_is_not_said_to_have_none(tmp_path):
    said = answer(run("attach", str(FIXTURES / "stacks" / "pystack.txt"), "--format", "json"))

    assert said["verdict"] == "undecidable"
    assert said["blocker"]["kind"] == "unseen"
    assert "EngineCor (pid 10265)" in said["verdict_why"]
    assert "not given" in said["verdict_why"]


def test_a_dump_of_gdb_is_read_by_its_c_frames(tmp_path):
    path = tmp_path / "gdb.txt"
    path.write_text(GDB)
    said = answer(run("attach", str(path), "--format", "json"))
    (group,) = said["ranks"]

    assert group["pids"] == [4711]
    assert "collective" in group["doing"]


@linux
@pytest.mark.skipif(not shutil.which("gdb"), reason="gdb is not installed")
def test_what_gdb_says_of_a_real_process_names_it_and_its_call(tmp_path):
    with running(
        'import time\nprint("ready", flush=True)\ntime.sleep(600)', folder=tmp_path
    ) as one:
        command = ["gdb", "-p", str(one.pid), "-batch", "-ex", "thread apply all bt"]
        dump = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    if "Thread 1 (" not in dump:
        pytest.skip("gdb may not trace here")
    said = answer(run("attach", "-", "--format", "json", text=dump))

    assert said["ranks"][0]["pids"] == [one.pid]
    assert "nanosleep" in said["ranks"][0]["frames"][0]


@linux
def test_the_json_of_py_spy_is_read_one_dump_after_the_other(tmp_path):
    program = 'import time\nprint("ready", flush=True)\ndef waits(): time.sleep(600)\nwaits()'
    with running(program, folder=tmp_path) as one:
        dump = [pyspy.program(), "dump", "--json", "--pid", str(one.pid)]
        text = "\n".join(
            subprocess.run(dump, capture_output=True, text=True, check=True).stdout
            for _ in range(2)
        )
    said = answer(run("attach", "-", "--format", "json", text=text))
    path = tmp_path / "dump.json"
    path.write_text(text)

    assert said["ranks"][0]["pids"] == [one.pid]
    assert said["ranks"][0]["frames"][0].startswith("waits (")
    assert answer(run("log", str(path), "--format", "json"))["ranks"] == said["ranks"]


def test_what_faulthandler_wrote_names_the_call(tmp_path):
    path = tmp_path / "hang.txt"
    with running(FAULTHANDLER, str(path), folder=tmp_path):
        until(lambda: path.read_text().endswith("in <module>\n"))
    said = answer(run("attach", str(path), "--format", "json"))

    assert said["verdict"] == "undecidable"
    assert said["ranks"][0]["frames"][0].startswith("<module> (")
    assert "pid 0" not in run("attach", str(path)).stdout


def test_a_log_that_holds_a_dump_stays_a_log(tmp_path):
    path = tmp_path / "server.log"
    path.write_text(LOG + stacks("sleep_load"))
    logged = answer(run("log", str(path), "--format", "json"))
    attached = answer(run("attach", str(path), "--format", "json"))

    assert logged["state"] is None
    assert attached["blocker"]["pids"] == [17208]
    assert str(path) in [source["name"] for source in attached["sources"]]


@pytest.mark.parametrize("text", ["", "[]", "[1, 2]", "[[", "no stack here\n", "\x00\xff"])
def test_what_holds_no_stack_is_refused_in_a_sentence(text, tmp_path):
    path = tmp_path / "file"
    path.write_text(text)
    done = run("attach", str(path))

    assert done.returncode in (2, 4)
    assert done.stdout == ""
    assert done.stderr.startswith("diagnose: ")
    assert "Traceback" not in done.stderr
