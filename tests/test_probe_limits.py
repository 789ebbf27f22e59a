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

import pytest
from living import last, main_thread, process, running, seen, until

from diagnose.cli import main
from diagnose.cli.reason import prepare
from diagnose.probe import proc

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
        inner = next(p for p in proc.descendants(outer.pid, proc.processes()) if p != outer.pid)
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


SLEEP_LINE = "import time; print('ready', flush=True); time.sleep(600)"
