"""Looking where it is not allowed or not simple: another user, no capability, containers, dead ends."""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from living import last, main_thread, process, running, seen, until

from diagnose.cli import main
from diagnose.probe import proc
from diagnose.reason import prepare

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looking needs /proc"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may change users and namespaces"),
]

SLEEP = """
    import time
    print("ready", flush=True)
    time.sleep(600)
"""


def attach(*arguments: str, without: Callable[[], None], home: Path) -> tuple[int, str, str]:
    """The command line with fewer rights: exit code, output, errors.

    It runs in a child of this process that has all modules already, since an interpreter may lie where others
    cannot read it.
    """
    for name in ("bundle", "live", "probe", "report.json", "report.terminal", "cli.attach"):
        importlib.import_module(f"diagnose.{name}")
    importlib.import_module("packaging.specifiers")
    prepare()

    outs = [home / "stdout", home / "stderr"]
    child = os.fork()
    if not child:
        try:
            for number, path in enumerate(outs, 1):
                os.dup2(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY), number)
            sys.stdout, sys.stderr = (open(n, "w", closefd=False) for n in (1, 2))  # noqa: SIM115
            os.environ["HOME"] = str(home)
            without()
            main(["attach", "--samples", "1", *arguments])
        except SystemExit as end:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(int(end.code or 0))
        finally:
            os._exit(99)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, outs[0].read_text(), outs[1].read_text()


def nobody() -> None:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)


def no_ptrace() -> None:
    """Takes CAP_SYS_PTRACE from this process, and from what it starts."""
    libc = ctypes.CDLL(None)
    assert libc.prctl(24, 19, 0, 0, 0) == 0
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, sets) == 0
    sets[0] &= ~(1 << 19)
    assert libc.capset(header, sets) == 0


def hidden() -> None:
    """Mounts a /proc that shows each user only what is theirs, in mounts of this process's own."""
    libc = ctypes.CDLL(None)
    assert libc.unshare(0x20000) == 0
    assert libc.mount(b"none", b"/", None, 0x44000, None) == 0
    assert libc.mount(b"proc", b"/proc", b"proc", 0, b"hidepid=2") == 0
    nobody()


def need(*programs: str) -> None:
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")


def test_another_users_process_is_one_sentence_with_the_command_that_would_work(tmp_path):
    with running(SLEEP, folder=tmp_path) as one:
        code, out, errors = attach(str(one.pid), without=nobody, home=tmp_path)

    assert code == 4, errors
    assert errors == (
        f"diagnose: process {one.pid} may not be looked at: "
        "it belongs to another user (uid 0), and only that user and root may look\n"
        f"  sudo diagnose attach {one.pid}\n"
    )
    assert out == ""


def test_a_process_that_proc_hides_is_said_to_be_hidden(tmp_path):
    with running(SLEEP, folder=tmp_path) as one:
        code, out, errors = attach(str(one.pid), without=hidden, home=tmp_path)

    assert (code, out) == (4, ""), errors
    assert errors == (
        f"diagnose: process {one.pid} is hidden from this user (/proc is mounted with hidepid)\n"
        f"  sudo diagnose attach {one.pid}\n"
    )


def test_root_without_the_capability_is_told_which_one_is_missing(tmp_path):
    with running(SLEEP, folder=tmp_path) as one:
        code, out, errors = attach(str(one.pid), without=no_ptrace, home=tmp_path)

    assert code == 4, errors
    assert "CAP_SYS_PTRACE" in errors
    assert "--cap-add SYS_PTRACE" in errors
    assert out == ""


def test_a_stopped_process_of_another_user_is_still_seen_to_be_stopped(tmp_path):
    with running(SLEEP, folder=tmp_path) as one:
        os.kill(one.pid, signal.SIGSTOP)
        until(lambda: proc.stat(one.pid).state == "T")
        code, out, errors = attach(str(one.pid), "--format", "json", without=nobody, home=tmp_path)
        if "Permission denied" in errors:
            pytest.skip("the catalogue lies where other users cannot read it")

    assert code in (1, 3), errors
    answer = json.loads(out)
    assert answer["verdict"] == "hung"
    assert any("sudo diagnose attach" in unknown["how"] for unknown in answer["unknowns"])


def test_a_process_in_a_pid_namespace_is_seen_from_outside(tmp_path):
    need("unshare")
    program = """
        import os, threading, time
        thread = threading.Thread(target=time.sleep, args=(600,), name="sleeper", daemon=True)
        thread.start()
        print("ready", os.getpid(), flush=True)
        time.sleep(600)
    """
    unshared = ["unshare", "--pid", "--mount-proc", "--fork"]
    if subprocess.run([*unshared, "true"], check=False).returncode:
        pytest.skip("namespaces cannot be made here")
    with running(program, folder=tmp_path, prefix=unshared) as outer:
        inner = next(p for p in proc.family(outer.pid) if p != outer.pid)
        snapshot = seen(inner)

    one = process(snapshot, inner)
    assert one.ns_pid == 1
    assert one.container
    assert main_thread(snapshot, inner) == ["<module>"]
    threads = {thread.name: thread for thread in last(snapshot, inner).threads}
    assert threads["MainThread"].os_id == inner
    assert not threads["sleeper"].active
    assert "sleep" in threads["sleeper"].syscall


def test_a_lock_in_another_root_is_found_under_the_path_the_server_uses(tmp_path):
    need("unshare")
    folder = tmp_path / "inside" / "ext" / "kernel_ext"
    folder.mkdir(parents=True)
    (folder / "lock").touch()
    bound = tmp_path / "bound"
    bound.mkdir()
    command = f'mount --bind {tmp_path}/inside {bound} && exec {sys.executable} -c "{SLEEP_LINE}"'
    with running(
        ["unshare", "--mount", "sh", "-c", command],
        folder=tmp_path,
        environment={"TORCH_EXTENSIONS_DIR": f"{bound}/ext"},
    ) as one:
        snapshot = seen(one.pid)

    (lock,) = [lock for lock in snapshot.lock_files if str(tmp_path) in lock.path]
    assert lock.path == f"{bound}/ext/kernel_ext/lock"
    assert lock.by_existence
    assert not lock.holders


BATON = """
    import os, sys, time
    sys.path.insert(0, sys.argv[2])
    from torch.utils.file_baton import wait
    def _jit_compile(build_directory): wait(build_directory + "/lock")
    print("ready", flush=True)
    _jit_compile(sys.argv[1])
"""
HOLD = """
    import os, sys, time
    handle = os.open(sys.argv[1], os.O_RDWR)
    print("ready", flush=True)
    time.sleep(600)
"""


def baton_library(folder: Path) -> str:
    """Modules that are called like torch's, with the loop that waits for a lock file."""
    utils = folder / "lib" / "torch" / "utils"
    utils.mkdir(parents=True)
    (utils.parent / "__init__.py").touch()
    (utils / "__init__.py").touch()
    (utils / "file_baton.py").write_text(
        "import os, time\ndef wait(lock_file_path):\n"
        "    while os.path.exists(lock_file_path): time.sleep(0.1)\n"
    )
    return str(folder / "lib")


def test_a_lock_held_in_another_container_is_not_held_by_nobody(tmp_path):
    """The holder has mounts and pids of its own and knows the file by another path."""
    need("unshare")
    library, cache, inside = baton_library(tmp_path), tmp_path / "cache", tmp_path / "inside"
    for folder in (cache, inside, tmp_path / "1", tmp_path / "2"):
        folder.mkdir()
    (cache / "lock").touch()
    (tmp_path / "hold.py").write_text(dedent(HOLD))
    command = (
        f"mount --bind {cache} {inside} && exec {sys.executable} {tmp_path}/hold.py {inside}/lock"
    )
    apart = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-c", command]
    if subprocess.run([*apart[:5], "true"], check=False).returncode:
        pytest.skip("namespaces cannot be made here")
    with (
        running(apart, folder=tmp_path / "1") as outer,
        running(BATON, str(cache), library, folder=tmp_path / "2") as waiter,
    ):
        holder = proc.family(outer.pid)[-1]
        answer = looked(str(waiter.pid))

    (wait,) = [one for one in answer["waits"] if one["kind"] == "file-existence"]
    assert (wait["resource"], wait["holders"]) == (f"{cache}/lock", [holder])
    assert "torch/torch-extension-build-lock" not in str(answer["cause"])


@pytest.mark.parametrize(("private", "verdict"), [(False, "undecidable"), (True, "hung")])
def test_a_look_from_inside_a_container_says_what_it_cannot_see(private, verdict, tmp_path):
    """A fresh lock without a holder: on a disk that others may share it proves nothing, on its own it does."""
    need("unshare")
    library, cache = baton_library(tmp_path), tmp_path / "cache"
    cache.mkdir()
    (tmp_path / "baton.py").write_text(dedent(BATON))
    mount = f"mount -t tmpfs none {cache} && " if private else ""
    inner = (
        f"{mount}touch {cache}/lock; {sys.executable} {tmp_path}/baton.py {cache} {library} & sleep 1; "
        f"{sys.executable} -m diagnose attach $! --format json > {tmp_path}/answer.json; echo ready; sleep 600"
    )
    apart = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-c", inner]
    if subprocess.run([*apart[:5], "true"], check=False).returncode:
        pytest.skip("namespaces cannot be made here")
    (tmp_path / "1").mkdir()
    with running(apart, folder=tmp_path / "1"):
        until(lambda: (tmp_path / "1" / "out.log").read_bytes() == b"ready\n" * 2)
    answer = json.loads((tmp_path / "answer.json").read_text())

    assert answer["verdict"] == verdict
    assert ("lock holders outside this container" in str(answer["unknowns"])) == (not private)
    assert f"{cache}/lock" in answer["verdict_why"]


def looked(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "diagnose", "attach", *arguments, "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_peers_are_found_in_a_network_namespace_of_their_own(tmp_path):
    need("unshare", "ip")
    program = """
        import os, socket, subprocess, time
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        server = socket.create_server(("127.0.0.1", 0))
        ours, theirs = socket.socketpair()
        if not os.fork():
            ours.close()
            peer, _ = server.accept()
            time.sleep(600)
        theirs.close()
        client = socket.create_connection(server.getsockname())
        server.close()
        print("ready", flush=True)
        client.recv(1)
    """
    if subprocess.run(["unshare", "--net", "true"], check=False).returncode:
        pytest.skip("namespaces cannot be made here")
    with running(program, folder=tmp_path, prefix=["unshare", "--net"]) as one:
        snapshot = seen(one.pid)

    (child,) = [p.pid for p in snapshot.processes if p.ppid == one.pid]
    mine = {c.state: c.peer_pid for c in snapshot.connections if c.pid == one.pid}
    assert mine == {"ESTABLISHED": child, "unix": child}


def test_a_peer_in_another_network_namespace_of_this_machine_is_found(tmp_path):
    need("unshare", "ip", "nsenter")
    serve = """
        import socket, sys, time
        print("ready", flush=True)
        sys.stdin.readline()
        server = socket.create_server(("10.99.7.1", 7001))
        print("serves", flush=True)
        peer, _ = server.accept()
        time.sleep(600)
    """
    ask = """
        import socket, sys
        print("ready", flush=True)
        sys.stdin.readline()
        client = socket.create_connection(("10.99.7.1", 7001))
        print("asks", flush=True)
        client.recv(1)
    """
    if subprocess.run(["unshare", "--net", "true"], check=False).returncode:
        pytest.skip("namespaces cannot be made here")
    first, second = tmp_path / "1", tmp_path / "2"
    first.mkdir()
    second.mkdir()
    unshared = ["unshare", "--net"]
    with (
        running(serve, folder=first, prefix=unshared) as server,
        running(ask, folder=second, prefix=unshared) as client,
    ):
        pair = f"link add v0 netns {server.pid} type veth peer name v0 netns {client.pid}"
        if subprocess.run(["ip", *pair.split()], check=False).returncode:
            pytest.skip("no virtual network cards here")
        for number, one in enumerate((server, client), 1):
            enter = ["nsenter", "--target", str(one.pid), "--net", "ip"]
            address = f"10.99.7.{number}/24"
            subprocess.run([*enter, "addr", "add", address, "dev", "v0"], check=True)
            subprocess.run([*enter, "link", "set", "v0", "up"], check=True)
        for one, folder, says in ((server, first, b"serves"), (client, second, b"asks")):
            one.stdin.write(b"\n")
            one.stdin.flush()
            until(lambda folder=folder, says=says: says in (folder / "out.log").read_bytes())
        snapshot = seen(client.pid)

    (connection,) = [c for c in snapshot.connections if c.pid == client.pid]
    assert (connection.state, connection.remote) == ("ESTABLISHED", "10.99.7.1:7001")
    assert connection.peer_pid == server.pid
    assert server.pid in {one.pid for one in snapshot.processes}


SLEEP_LINE = "import time; print('ready', flush=True); time.sleep(600)"


def test_a_proc_of_another_pid_namespace_is_refused(tmp_path):
    """Its numbers mean other processes than the kernel's calls in here."""
    need("unshare")
    code = "import sys; from diagnose.cli import main; sys.argv[1:] = ['attach', '2']; main()"
    done = subprocess.run(
        ["unshare", "--pid", "--fork", sys.executable, "-c", code],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 4, done.stderr
    assert "another PID namespace" in done.stderr
    assert "mount -t proc" in done.stderr
