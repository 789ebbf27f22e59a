"""`diagnose attach` and `diagnose bundle` as a user calls them, on real processes."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from living import PROGRAMS, running

from diagnose import bundle
from diagnose.cli import group

FIXTURES = Path(__file__).parent.parent / "fixtures"
linux = pytest.mark.skipif(sys.platform != "linux", reason="looking needs /proc")
DEADLOCK = """
    import fcntl, os, sys, time
    first, second = sys.argv[1:]
    child = os.fork()
    mine, other = (first, second) if child else (second, first)
    lock = open(mine, "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    if child: print("ready", flush=True)
    time.sleep(0.5)
    fcntl.flock(open(other, "w"), fcntl.LOCK_EX)
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "diagnose", *arguments], capture_output=True, text=True, check=False
    )


@linux
def test_a_deadlock_that_no_signature_knows_is_hung_and_both_locks_are_named(tmp_path):
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    with running(DEADLOCK, first, second, folder=tmp_path) as one:
        done = run("attach", str(one.pid), "--format", "json")

    answer = json.loads(done.stdout)
    assert done.returncode in (1, 3), done.stderr
    assert answer["verdict"] == "hung"
    assert {first, second} <= {wait["resource"] for wait in answer["waits"]}


FIFO = """
    import sys
    print("ready", flush=True)
    open(sys.argv[1]).read()
"""
SILENT_PEER = """
    import os, socket, sys, time
    server = socket.create_server(("127.0.0.1", 0))
    if not os.fork():
        peer, _ = server.accept()
        time.sleep(600)
    client = socket.create_connection(server.getsockname())
    print("ready", flush=True)
    client.recv(1)
"""
POOL = """
    from concurrent.futures import ThreadPoolExecutor
    pool = ThreadPoolExecutor(1, thread_name_prefix="loader")
    def inner(): return 1
    def outer(): return pool.submit(inner).result()
    future = pool.submit(outer)
    print("ready", flush=True)
    future.result()
"""
LOCKS = """
    import threading, time
    first, second = threading.Lock(), threading.Lock()
    def take(one, other):
        with one:
            time.sleep(0.3)
            with other: pass
    threading.Thread(target=take, args=(second, first), name="saver").start()
    threading.Timer(0.6, lambda: print("ready", flush=True)).start()
    take(first, second)
"""


@linux
@pytest.mark.parametrize(
    ("program", "kind"),
    [(FIFO, "fifo"), (SILENT_PEER, "socket"), (POOL, "pool"), (LOCKS, "thread")],
    ids=["fifo", "silent-peer", "thread-pool", "two-locks"],
)
def test_a_hang_that_nobody_listed_says_who_waits_for_what(program, kind, tmp_path):
    path = str(tmp_path / "queue")
    os.mkfifo(path)
    with running(program, path, folder=tmp_path) as one:
        done = run("attach", str(one.pid), "--format", "json")

    answer = json.loads(done.stdout)
    assert done.returncode in (1, 3), done.stderr
    assert answer["verdict"] == "hung"
    assert kind in {wait["kind"] for wait in answer["waits"]}


@linux
def test_a_process_that_only_computes_is_not_called_hung(tmp_path):
    program = 'print("ready", flush=True)\nwhile True: sum(range(1000))'
    with running(program, folder=tmp_path) as one:
        done = run("attach", str(one.pid), "--format", "json")

    assert json.loads(done.stdout)["verdict"] != "hung"
    assert done.returncode == 3, done.stdout


@linux
def test_a_bundle_gives_the_same_answer_to_attach_and_to_log(tmp_path):
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    saved = tmp_path / "saved.tar.gz"
    with running(DEADLOCK, first, second, folder=tmp_path) as one:
        live = run("attach", str(one.pid), "--save", str(saved), "--format", "json")
    attached = run("attach", str(saved), "--format", "json")
    logged = run("log", str(saved), "--format", "json")

    assert "saved" in live.stderr
    assert json.loads(attached.stdout) == json.loads(live.stdout)
    assert json.loads(logged.stdout) == json.loads(live.stdout)
    assert live.returncode == attached.returncode == logged.returncode


@linux
def test_a_missing_process_is_one_sentence_and_no_report():
    ended = subprocess.Popen(["true"])
    ended.wait()
    done = run("attach", str(ended.pid))

    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith(f"diagnose: there is no process {ended.pid}\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["12", "--port", "80"], "named in one way"),
        (["no-such-thing"], "neither a pid nor a file"),
        ([__file__], "is no bundle"),
        (["--samples", "0"], "samples"),
        (["--interval", "0"], "interval"),
    ],
)
def test_impossible_command_lines_are_refused(arguments, says):
    done = run("attach", *arguments)

    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_damaged_bundle_is_one_sentence(tmp_path):
    whole = next((FIXTURES / "bundles").glob("*.tar.gz")).read_bytes()
    path = tmp_path / "cut.tar.gz"
    path.write_bytes(whole[: len(whole) // 2])
    done = run("attach", str(path))

    assert (done.returncode, done.stdout) == (4, "")
    assert "damaged" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "path", sorted((FIXTURES / "bundles").glob("*.tar.gz")), ids=lambda p: p.stem
)
def test_a_saved_bundle_is_listed_and_hides_what_it_is_told_to_hide(path, tmp_path):
    snapshot, logs = bundle.unpack(path.read_bytes())
    shown = CliRunner().invoke(group, ["bundle", "show", str(path)])
    target = tmp_path / "clean.tar.gz"
    redacted = CliRunner().invoke(
        group, ["bundle", "redact", str(path), "-o", str(target), "--hide", "tmp"]
    )
    clean, clean_logs = bundle.unpack(target.read_bytes())

    assert shown.exit_code == 0
    for process in snapshot.processes:
        assert str(process.pid) in shown.output
    assert redacted.exit_code == 0
    assert len(clean.processes) == len(snapshot.processes)
    assert len(clean_logs) == len(logs)
    with tarfile.open(fileobj=io.BytesIO(target.read_bytes())) as archive:
        texts = [archive.extractfile(member).read().decode() for member in archive]
    assert not any("/tmp/" in text for text in texts)


@linux
@pytest.mark.slow
def test_ranks_that_wait_for_the_lock_of_a_builder_that_was_killed(tmp_path):
    python = os.environ.get("DIAGNOSE_TORCH_PYTHON", sys.executable)
    if subprocess.run([python, "-c", "import torch"], capture_output=True, check=False).returncode:
        pytest.skip("torch is not installed; DIAGNOSE_TORCH_PYTHON names a Python that has it")
    path = f"{Path(python).parent}:{os.environ['PATH']}"
    folder = tmp_path / "extensions"
    folder.mkdir()
    command = [python, str(PROGRAMS / "race.py"), str(folder), "8"]
    with running(command, folder=tmp_path, environment={"PATH": path}) as one:
        done = run("attach", str(one.pid), "--format", "json")

    answer = json.loads(done.stdout)
    assert answer["cause"]["id"] == "torch/torch-extension-build-lock"
    assert any(wait["resource"] == f"{folder}/kernel_ext/lock" for wait in answer["waits"])
    assert any(str(folder) in line for line in answer["fix"]["now"])


CHURN = """
    import subprocess, sys
    print("ready", flush=True)
    while True: subprocess.run([sys.executable, "-c", "sum(range(10**6))"])
"""
WEIRD = """
    import ctypes, time
    ctypes.CDLL(None).prctl(15, b"a) R 1\\n\\x1b[31", 0, 0, 0)
    print("ready", flush=True)
    time.sleep(600)
"""


@linux
def test_a_process_whose_children_come_and_go_is_not_hung(tmp_path):
    with running(CHURN, folder=tmp_path) as one:
        answer = json.loads(run("attach", str(one.pid), "--format", "json").stdout)

    assert answer["verdict"] in ("healthy", "slow")
    assert answer["state"] != "hung"


@linux
def test_a_program_that_sleeps_for_itself_holds_nobody_up(tmp_path):
    with running(
        'import time\nprint("ready", flush=True)\ntime.sleep(600)', folder=tmp_path
    ) as one:
        done = run("attach", str(one.pid), "--format", "json")

    assert json.loads(done.stdout)["verdict"] == "undecidable"
    assert "nobody is seen to wait for it" in json.loads(done.stdout)["verdict_why"]
    assert done.returncode in (0, 3)


@linux
def test_a_name_that_holds_control_characters_reaches_no_terminal(tmp_path):
    with running(WEIRD, "arg\n\x1b[31mred", folder=tmp_path) as one:
        done = run("attach", str(one.pid))

    assert done.returncode in (0, 1, 3), done.stderr
    assert "\x1b" not in done.stdout + done.stderr


@linux
def test_a_program_that_is_not_python_is_named_with_its_system_call(tmp_path):
    with running(["sh", "-c", "echo ready; exec sleep 600"], folder=tmp_path) as one:
        why = json.loads(run("attach", str(one.pid), "--format", "json").stdout)["verdict_why"]

    assert f"sleep (pid {one.pid}) is not a Python process; it sits in `" in why
    assert "nanosleep`" in why


@linux
@pytest.mark.skipif(not Path("/proc/2/stat").exists(), reason="no threads of the kernel here")
def test_a_thread_of_the_kernel_is_called_one():
    if "kthreadd" not in Path("/proc/2/comm").read_text():
        pytest.skip("process 2 is no thread of the kernel in a container")

    assert "is a thread of the kernel" in run("attach", "2").stdout


@linux
def test_processes_that_end_while_they_are_looked_at_are_told_in_a_sentence(tmp_path):
    program = """
        import os, time
        for _ in range(12):
            if not os.fork(): time.sleep(1.5); os._exit(0)
        print("ready", flush=True)
        time.sleep(1.8)
    """
    with running(program, folder=tmp_path) as one:
        done = run("attach", str(one.pid), "--samples", "4")

    assert done.returncode in (0, 3, 4)
    assert "Traceback" not in done.stderr
    assert "ended while" in done.stdout + done.stderr or "has ended" in done.stdout + done.stderr


@linux
def test_an_empty_name_is_refused():
    done = run("attach", "--name", "")

    assert done.returncode == 2
    assert "--name is empty" in done.stderr


@linux
def test_the_number_of_a_thread_names_its_process(tmp_path):
    program = """
        import threading, time
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
        print("ready", threading.enumerate()[1].native_id, flush=True)
        time.sleep(600)
    """
    with running(program, folder=tmp_path) as one:
        thread = (tmp_path / "out.log").read_text().split()[1]
        done = run("attach", thread)

    assert done.returncode == 4
    assert (
        done.stderr
        == f"diagnose: {thread} is a thread of process {one.pid}\n  diagnose attach {one.pid}\n"
    )
