"""Looks at real processes that hang in known ways, and checks what was seen of them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

import pytest
from living import QUICK, last, main_thread, process, running, seen, until

from diagnose.errors import InputError, UsageError
from diagnose.probe import Plan, find, locks, look, proc, pyspy

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looking needs /proc")

SLEEP = """
    import time
    print("ready", flush=True)
    time.sleep(600)
"""


def test_two_processes_that_wait_for_each_others_flock(tmp_path):
    program = """
        import fcntl, os, sys, time
        first, second = sys.argv[1:]
        child = os.fork()
        mine, other = (first, second) if child else (second, first)
        lock = open(mine, "w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        print("ready", flush=True)
        time.sleep(0.5)
        fcntl.flock(open(other, "w"), fcntl.LOCK_EX)
    """
    first, second = str(tmp_path / "a"), str(tmp_path / "b")
    with running(program, first, second, folder=tmp_path) as parent:
        pair = proc.family(parent.pid)
        until(lambda: {e.pid for e in locks.entries() if e.waiting} >= set(pair))
        snapshot = seen(parent.pid)
        child = next(one.pid for one in snapshot.processes if one.pid != parent.pid)

    found = {(lock.pid, lock.path, lock.waiting) for lock in snapshot.locks}
    assert found == {
        (parent.pid, first, False),
        (parent.pid, second, True),
        (child, second, False),
        (child, first, True),
    }
    waiting = process(snapshot, parent.pid).syscall
    assert waiting.startswith("flock ")
    number = int(waiting.split()[1])
    assert [f.path for f in snapshot.files if (f.pid, f.fd) == (parent.pid, number)] == [second]


def test_a_lock_inherited_by_a_child_belongs_to_the_child_when_the_parent_is_dead(tmp_path):
    program = """
        import fcntl, os, subprocess, sys, time
        lock = open(sys.argv[1], "w")
        if not os.fork():
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.fork():
                time.sleep(600)
            os._exit(0)
        os.wait()
        lock.close()
        time.sleep(0.1)
        print("ready", flush=True)
        fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX)
    """
    path = str(tmp_path / "held")
    with running(program, path, folder=tmp_path) as parent:
        snapshot = seen(parent.pid)

    holders = {lock.pid for lock in snapshot.locks if lock.path == path and not lock.waiting}
    assert len(holders) == 1
    assert parent.pid not in holders


def test_a_reader_of_a_fifo_that_nobody_writes_to(tmp_path):
    program = """
        import os, sys
        fifo = os.open(sys.argv[1], os.O_RDWR)
        print("ready", flush=True)
        os.read(fifo, 1)
    """
    path = str(tmp_path / "queue")
    os.mkfifo(path)
    with running(program, path, folder=tmp_path) as reader:
        snapshot = seen(reader.pid)

    (pipe,) = [one for one in snapshot.pipes if one.path == path]
    assert pipe.readers == pipe.writers == (reader.pid,)
    assert process(snapshot, reader.pid).syscall.startswith("read ")


def test_a_fifo_whose_other_end_was_never_opened_is_named_by_its_path(tmp_path):
    path = str(tmp_path / "queue")
    os.mkfifo(path)
    program = 'import sys; print("ready", flush=True); open(sys.argv[1]).read()'
    with running(program, path, folder=tmp_path) as reader:
        until(lambda: "wait" in proc.text(f"/proc/{reader.pid}/wchan"))
        snapshot = seen(reader.pid)

    assert process(snapshot, reader.pid).syscall in (f"openat {path}", f"open {path}")
    assert last(snapshot, reader.pid).threads[0].syscall.endswith(path)
    assert [(p.readers, p.writers) for p in snapshot.pipes if p.path == path] == [((), ())]


def test_a_client_of_a_server_that_accepts_and_never_answers(tmp_path):
    program = """
        import os, socket, sys, time
        server = socket.create_server(("127.0.0.1", 0))
        if not os.fork():
            peer, _ = server.accept()
            time.sleep(600)
        client = socket.create_connection(server.getsockname())
        client.sendall(b"hello")
        print("ready", flush=True)
        client.recv(1)
    """
    with running(program, folder=tmp_path) as client:
        until(lambda: len(proc.family(client.pid)) == 2)
        snapshot = seen(client.pid)
        child = next(one.pid for one in snapshot.processes if one.pid != client.pid)

    number = int(process(snapshot, client.pid).syscall.split()[1])
    (one,) = [c for c in snapshot.connections if (c.pid, c.fd) == (client.pid, number)]
    assert one.state == "ESTABLISHED"
    assert one.peer_pid == child
    (other,) = [c for c in snapshot.connections if c.pid == child and c.state == "ESTABLISHED"]
    assert (other.local, other.receive_queue) == (one.remote, 5)


CONNECTS = """
    import socket, sys
    client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    print("ready", flush=True)
    client.recv(1)
"""


def test_a_client_of_the_server_is_left_in_peace(tmp_path):
    program = """
        import socket, time
        server = socket.create_server(("127.0.0.1", 0))
        print(server.getsockname()[1], "ready", flush=True)
        peer, _ = server.accept()
        time.sleep(600)
    """
    other = tmp_path / "client"
    other.mkdir()
    with running(program, folder=tmp_path) as server:
        port = (tmp_path / "out.log").read_text().split()[0]
        with running(CONNECTS, port, folder=other) as client:
            until(lambda: any(c.peer_pid == client.pid for c in seen(server.pid).connections))
            snapshot, asked = seen(server.pid), seen(client.pid)

    assert {one.pid for one in snapshot.processes} == {server.pid}
    assert {one.pid for one in asked.processes} == {server.pid, client.pid}


def test_the_peer_of_a_local_socket(tmp_path):
    program = """
        import os, socket, sys, time
        path = sys.argv[1]
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        server.listen()
        if not os.fork():
            server.close()
            client = socket.socket(socket.AF_UNIX)
            client.connect(path)
            client.recv(1)
        peer, _ = server.accept()
        print("ready", flush=True)
        time.sleep(600)
    """
    path = str(tmp_path / "s")
    with running(program, path, folder=tmp_path) as server:
        snapshot = seen(server.pid)
        child = next(one.pid for one in snapshot.processes if one.pid != server.pid)

    peers = {c.peer_pid for c in snapshot.connections if c.pid == child and c.state == "unix"}
    assert server.pid in peers
    assert path in {c.local for c in snapshot.connections}


def test_a_thread_pool_that_waits_for_itself(tmp_path):
    program = """
        from concurrent.futures import ThreadPoolExecutor
        pool = ThreadPoolExecutor(1, thread_name_prefix="loader")
        def inner(): return 1
        def outer(): return pool.submit(inner).result()
        future = pool.submit(outer)
        print("ready", flush=True)
        future.result()
    """
    with running(program, folder=tmp_path) as one:
        snapshot = seen(one.pid)

    threads = {t.name: [f.name for f in t.frames] for t in last(snapshot, one.pid).threads}
    assert "outer" in threads["loader_0"]
    assert any(name.endswith("result") for name in threads["loader_0"])
    calls = {t.syscall for t in last(snapshot, one.pid).threads}
    assert calls == {"futex private forever"}


def test_a_stopped_process_is_seen_without_waking_it(tmp_path):
    with running(SLEEP, folder=tmp_path) as one:
        one.send_signal(signal.SIGSTOP)
        until(lambda: proc.stat(one.pid).state == "T")
        snapshot = seen(one.pid)
        state = proc.stat(one.pid).state

    assert state == "T"
    assert process(snapshot, one.pid).state == "T"
    assert {sample.how for sample in snapshot.samples} == {"py-spy --nonblocking"}
    assert main_thread(snapshot, one.pid) == ["<module>"]


def test_a_process_that_is_already_traced_is_read_without_stopping_it(tmp_path):
    strace = shutil.which("strace") or shutil.which("gdb")
    if not strace:
        pytest.skip("neither strace nor gdb is installed")
    tracer = (
        [strace, "-p"]
        if strace.endswith("strace")
        else [strace, "-batch", "-ex", "shell sleep 30", "-p"]
    )
    with running(SLEEP, folder=tmp_path) as one:
        tracing = subprocess.Popen(
            [*tracer, str(one.pid)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until(lambda: proc.status(one.pid).get("TracerPid") != "0")
            snapshot = seen(one.pid)
        finally:
            tracing.kill()
            tracing.wait()

    assert {sample.how for sample in snapshot.samples} == {"py-spy --nonblocking"}


def test_a_process_that_is_gone_is_one_sentence():
    ended = subprocess.Popen(["true"])
    ended.wait()

    with pytest.raises(InputError, match=f"no process {ended.pid}"):
        find(ended.pid)


def test_a_process_that_ends_between_finding_and_looking_is_one_sentence(tmp_path):
    with running(SLEEP, folder=tmp_path) as one:
        target = find(one.pid)

    with pytest.raises(InputError, match="ended while it was looked at"):
        look(target, QUICK)


def test_a_zombie_is_named_with_the_parent_to_look_at(tmp_path):
    program = """
        import os, time
        child = os.fork()
        if not child: os._exit(0)
        time.sleep(0.2)
        print("ready", child, flush=True)
        time.sleep(600)
    """
    with running(program, folder=tmp_path) as parent:
        child = int((tmp_path / "out.log").read_text().split()[1])
        with pytest.raises(InputError, match="zombie") as refused:
            seen(child)
        snapshot = seen(parent.pid)

    assert f"diagnose attach {parent.pid}" in refused.value.remedy
    assert process(snapshot, child).state == "Z"


def test_a_process_that_is_not_python_is_told_by_its_system_call(tmp_path):
    path = str(tmp_path / "queue")
    os.mkfifo(path)
    command = ["sh", "-c", f"echo ready; exec cat {path}"]
    with running(command, folder=tmp_path) as one:
        until(lambda: "open" in seen(one.pid, Plan(samples=1, interval_s=0.1)).processes[0].syscall)
        snapshot = seen(one.pid)

    assert snapshot.samples == ()
    assert not process(snapshot, one.pid).python
    assert process(snapshot, one.pid).syscall.endswith(path)
    assert not any("stacks" in one.what for one in snapshot.could_not)


def test_time_on_the_processor_is_measured_over_the_look(tmp_path):
    program = """
        import os, time
        if os.fork():
            print("ready", flush=True)
            time.sleep(600)
        while True: pass
    """
    with running(program, folder=tmp_path) as parent:
        snapshot = seen(parent.pid, Plan(samples=2, interval_s=1.0))
        child = next(one for one in snapshot.processes if one.pid != parent.pid)

    # Only the order is sure: on a busy machine the child gets little of a processor.
    assert child.cpu_share > 2 * process(snapshot, parent.pid).cpu_share
    assert child.cpu_share > 0.01
    assert last(snapshot, child.pid).threads[0].active


def test_a_program_that_names_a_frame_like_torch_gives_away_only_the_locals_that_are_known(
    tmp_path,
):
    (tmp_path / "file_baton.py").write_text(
        "import time\n\ndef wait(secret):\n    start_time = 12.5\n    password = secret\n    time.sleep(600)\n"
    )
    program = """
        import sys
        sys.path.insert(0, sys.argv[1])
        import file_baton
        print("ready", flush=True)
        file_baton.wait("hunter2-hunter2")
    """
    with running(program, str(tmp_path), folder=tmp_path) as one:
        snapshot = seen(one.pid)

    frames = [f for s in snapshot.samples for t in s.threads for f in t.frames if f.name == "wait"]
    assert [dict(frame.locals) for frame in frames] == [{"start_time": "12.5"}] * 2
    assert "hunter2" not in repr(snapshot)


def test_only_steering_variables_are_kept_and_without_secrets(tmp_path):
    environment = {
        "VLLM_LOGGING_LEVEL": "DEBUG",
        "VLLM_API_KEY": "abcdefgh12345678",
        "HF_TOKEN": "hf_abcdefghijklmnop1234",
        "BANK_ACCOUNT": "12345678",
    }
    with running(SLEEP, folder=tmp_path, environment=environment) as one:
        snapshot = seen(one.pid)

    assert snapshot.environment["VLLM_LOGGING_LEVEL"] == "DEBUG"
    assert snapshot.environment["VLLM_API_KEY"] == snapshot.environment["HF_TOKEN"] == "[redacted]"
    assert "BANK_ACCOUNT" not in snapshot.environment
    assert "abcdefgh" not in repr(snapshot)


def test_native_frames_are_marked(tmp_path):
    with running(SLEEP, folder=tmp_path) as one:
        snapshot = seen(one.pid, Plan(samples=1, interval_s=0.1, native=True))

    frames = last(snapshot, one.pid).threads[0].frames
    if "--native" not in last(snapshot, one.pid).how:
        pytest.skip("py-spy cannot read C frames here")
    assert any(frame.native for frame in frames)
    assert any(frame.name == "<module>" and not frame.native for frame in frames)


def test_c_frames_are_asked_for_once_and_only_where_the_python_frames_say_nothing(tmp_path):
    computes = """
        import os, time
        if not os.fork(): time.sleep(600)
        print("ready", flush=True)
        sum(range(10**12))
    """
    moves = """
        steps = {}
        for number in range(100): exec(f"def step{number}(): sum(range(10**6))", steps)
        print("ready", flush=True)
        while True:
            for number in range(100): steps[f"step{number}"]()
    """
    (tmp_path / "2").mkdir()
    with running(moves, folder=tmp_path / "2") as other:
        moving = seen(other.pid, Plan(samples=24, interval_s=0.1))
    with running(computes, folder=tmp_path) as one:
        by_itself = seen(one.pid, Plan(samples=3, interval_s=0.1))
        asked = seen(one.pid, Plan(samples=3, interval_s=0.1, native=True))

    def native(snapshot):
        return [s.pid for s in snapshot.samples if "--native" in s.how]

    if not native(asked):
        pytest.skip("py-spy cannot read C frames here")
    assert native(by_itself) == [one.pid]
    assert native(moving) == []
    assert len(native(asked)) == len(set(native(asked))) == 2


def test_every_error_of_py_spy_has_a_reason_of_our_own(tmp_path):
    with running(SLEEP, folder=tmp_path) as one:
        errors = {
            "Error: Failed to get process executable name. Check that the process is running.\nReason: Permission denied (os error 13)": "capab",
            "Permission Denied: Try running again with elevated permissions": "capab",
            "Error: Failed to suspend process\nReason: EPERM: Operation not permitted": "traces it",
            "Error: Failed to get process executable name. No such file or directory (os error 2)": "container",
            "Error: something new\nStack backtrace:\n 0: core": "py-spy: Error: something new",
        }
        answers = {text: pyspy.explain(one.pid, text) for text in errors}

    for text, part in errors.items():
        assert "backtrace" not in answers[text].why
        if part != "capab":
            assert part in answers[text].why
        if part != errors["Error: something new\nStack backtrace:\n 0: core"]:
            assert answers[text].how


def test_a_missing_py_spy_is_a_reason_and_the_rest_is_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(pyspy, "program", lambda: "")
    with running(SLEEP, folder=tmp_path) as one:
        snapshot = seen(one.pid)

    (reason,) = [r for r in snapshot.could_not if "stacks" in r.what]
    assert reason.how == "pip install py-spy"
    assert process(snapshot, one.pid).syscall


def test_several_candidates_are_listed_and_none_is_taken(tmp_path):
    name = f"twin{os.getpid()}"
    first, second = tmp_path / "1", tmp_path / "2"
    first.mkdir()
    second.mkdir()
    with running(SLEEP, name, folder=first) as one, running(SLEEP, name, folder=second) as two:
        with pytest.raises(UsageError, match="2 servers fit") as refused:
            find(name=name)

        assert f"{one.pid} " in refused.value.remedy
        assert f"{two.pid} " in refused.value.remedy


def test_a_server_is_found_by_the_port_it_listens_on(tmp_path):
    program = """
        import socket, sys, time
        server = socket.create_server(("127.0.0.1", 0))
        print("ready", server.getsockname()[1], flush=True)
        time.sleep(600)
    """
    with running(program, folder=tmp_path) as one:
        port = int((tmp_path / "out.log").read_text().split()[1])

        assert find(port=port).root == one.pid
    with pytest.raises(InputError, match=f"port {port}"):
        find(port=port)


def test_a_part_of_a_server_stands_for_the_whole_of_it(tmp_path):
    program = """
        import ctypes, os, sys, time
        def rename(title):
            # A title as setproctitle leaves it: in place of the arguments.
            with open("/proc/self/stat") as file: fields = file.read().rpartition(")")[2].split()
            start, end = int(fields[45]), int(fields[46])
            raw = title.encode()[: end - start].ljust(end - start, bytes(1))
            ctypes.memmove(start, raw, end - start)
        if not os.fork():
            rename("VLLM::EngineCore")
            if not os.fork():
                rename("VLLM::Worker_TP1_EP1")
                print("ready", os.getpid(), flush=True)
                time.sleep(600)
            time.sleep(600)
        time.sleep(600)
    """
    with running(program, "a-long-argument-that-leaves-room-for-a-title", folder=tmp_path) as head:
        worker = int((tmp_path / "out.log").read_text().split()[1])
        target = find(worker)
        snapshot = seen(worker)

    one = process(snapshot, worker)
    assert (one.name, one.role, one.ranks) == ("Worker_TP1_EP1", "worker", (("TP", 1), ("EP", 1)))
    engine = process(snapshot, one.ppid)
    assert (engine.name, engine.role) == ("EngineCore", "engine-core")
    assert target.root == engine.pid
    assert engine.ppid == head.pid


def test_a_lock_holder_outside_the_server_is_looked_at_too(tmp_path):
    hold = """
        import fcntl, sys, time
        lock = open(sys.argv[1], "w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        print("ready", flush=True)
        time.sleep(600)
    """
    wait = """
        import fcntl, sys
        lock = open(sys.argv[1], "w")
        print("ready", flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)
    """
    path = str(tmp_path / "held")
    first, second = tmp_path / "1", tmp_path / "2"
    first.mkdir()
    second.mkdir()
    with running(hold, path, folder=first) as holder, running(wait, path, folder=second) as waiter:
        snapshot = seen(waiter.pid)

    assert snapshot.root == waiter.pid
    assert {one.pid for one in snapshot.processes} == {holder.pid, waiter.pid}
    assert main_thread(snapshot, holder.pid) == ["<module>"]


def test_the_holder_of_a_lock_that_is_polled_for_is_in_the_kernels_table(tmp_path):
    """As `filelock` does: the waiter has the file open only while it tries."""
    hold = """
        import fcntl, sys, time
        lock = open(sys.argv[1], "w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        print("ready", flush=True)
        time.sleep(600)
    """
    library = tmp_path / "filelock"
    library.mkdir()
    (library / "__init__.py").touch()
    (library / "_api.py").write_text(
        "import fcntl, time\n"
        "def _poll_until_acquired(lock_filename):\n"
        "    while True:\n"
        "        with open(lock_filename, 'w') as lock:\n"
        "            try: return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
        "            except OSError: pass\n"
        "        time.sleep(0.3)\n"
    )
    wait = """
        import sys
        from filelock._api import _poll_until_acquired
        print("ready", flush=True)
        _poll_until_acquired(sys.argv[1])
    """
    path = str(tmp_path / "weights.lock")
    first, second = tmp_path / "1", tmp_path / "2"
    first.mkdir()
    second.mkdir()
    with (
        running(hold, path, folder=first) as holder,
        running(wait, path, folder=second, environment={"PYTHONPATH": str(tmp_path)}) as waiter,
    ):
        snapshot = seen(waiter.pid)

    assert (holder.pid, path, False) in {(o.pid, o.path, o.waiting) for o in snapshot.locks}
