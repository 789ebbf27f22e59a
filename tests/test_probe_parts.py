"""Parts of the probe that read text, and small looks at files, logs and folders."""

from __future__ import annotations

import os
import sys
import time

import pytest
from living import QUICK, running, seen, until

from diagnose.model import CouldNotLook
from diagnose.probe import (
    Target,
    about,
    descriptors,
    find,
    growth,
    kernel,
    lockfiles,
    locks,
    look,
    mounts,
    proc,
    sockets,
    unseen,
)
from diagnose.probe.handles import Handles
from diagnose.probe.rounds import Rounds
from diagnose.probe.tails import HEAD, TAIL, read_logs
from diagnose.probe.titles import identify, is_python

linux = pytest.mark.skipif(sys.platform != "linux", reason="looking needs /proc")
PYTHON = "/opt/venv/bin/python3"


@pytest.mark.parametrize(
    ("argv", "name", "role", "ranks", "engine"),
    [
        (["VLLM::Worker_TP0_EP0"], "Worker_TP0_EP0", "worker", (("TP", 0), ("EP", 0)), "vllm"),
        (["VLLM::Worker_DP1_PP0_TP3"], "Worker_DP1_PP0_TP3", "worker", (("DP", 1), ("PP", 0), ("TP", 3)), "vllm"),
        (["VLLM::Worker"], "Worker", "worker", (), "vllm"),
        (["VLLM::EngineCore"], "EngineCore", "engine-core", (), "vllm"),
        (["VLLM::EngineCore_DP0"], "EngineCore_DP0", "engine-core", (("DP", 0),), "vllm"),
        (["VLLM::DPCoordinator"], "DPCoordinator", "coordinator", (), "vllm"),
        (["VLLM::APIServer_1"], "APIServer_1", "api-server", (), "vllm"),
        ([PYTHON, "/opt/venv/bin/vllm", "serve", "m"], "APIServer", "api-server", (), "vllm"),
        (["/opt/venv/bin/vllm", "serve", "m"], "APIServer", "api-server", (), "vllm"),
        (["/opt/venv/bin/vllm", "serve", "m", "--headless"], "vllm serve --headless", "launcher", (), "vllm"),
        ([PYTHON, "-m", "vllm.entrypoints.openai.api_server"], "APIServer", "api-server", (), "vllm"),
        ([PYTHON, "-X", "dev", "-u", "-m", "sglang.launch_server"], "TokenizerManager", "api-server", (), "sglang"),
        (["sglang::scheduler_TP3_EP3"], "scheduler_TP3_EP3", "scheduler", (("TP", 3), ("EP", 3)), "sglang"),
        (["sglang::scheduler"], "scheduler", "scheduler", (), "sglang"),
        (["sglang::detokenizer"], "detokenizer", "detokenizer", (), "sglang"),
        (["ray::RayWorkerWrapper.execute_method"], "ray::RayWorkerWrapper.execute_method", "worker", (), ""),
        (["ray::IDLE"], "ray::IDLE", "ray", (), ""),
        ([PYTHON, "-c", "from multiprocessing.resource_tracker import main;main(31)"], "resource_tracker", "resource-tracker", (), ""),
        (["ninja", "-v"], "ninja", "builder", (), ""),
        (["/opt/rocm/llvm/bin/clang-20", "-cc1"], "clang-20", "builder", (), ""),
        (["/usr/lib/gcc/x86_64-linux-gnu/12/cc1plus"], "cc1plus", "builder", (), ""),
        (["ptxas", "x"], "ptxas", "builder", (), ""),
        (["bash", "-c", "vllm serve m | tee log"], "bash", "shell", (), ""),
        ([PYTHON, "-c", "print('vllm serve')"], "python3", "", (), ""),
        ([PYTHON, "-m", "vllm.entrypoints.cli.main", "bench", "serve"], "vllm.entrypoints.cli.main", "", (), ""),
        (["vllm", "bench", "serve"], "vllm", "client", (), ""),
        ([PYTHON, "train.py", "--vllm"], "train.py", "", (), ""),
        (["grep", "vllm serve"], "grep", "", (), ""),
        ([], "kworker", "", (), ""),
    ],
)  # fmt: skip
def test_a_title_or_command_line_says_who_it_is(argv, name, role, ranks, engine):
    found = identify(" ".join(argv), argv, "kworker")

    if "bench" not in argv or argv[0] == "vllm":
        assert (found.name, found.role, found.ranks) == (name, role, ranks)
    assert found.engine == engine


def test_python_is_told_by_its_program_and_else_by_its_name():
    assert is_python(["VLLM::EngineCore"], "/usr/bin/python3.12", "VLLM::EngineCor")
    assert is_python(["VLLM::EngineCore"], "", "VLLM::EngineCor")
    assert not is_python(["python3"], "/usr/bin/bash", "python3")
    assert not is_python(["ninja"], "", "ninja")


def test_the_table_of_locks_is_read_with_waiters():
    text = (
        "1: FLOCK  ADVISORY  WRITE 25919 fe:00:2214162 0 EOF\n"
        "1: -> FLOCK  ADVISORY  WRITE 26000 fe:00:2214162 0 EOF\n"
        "2: POSIX  ADVISORY  READ -1 00:1b:77 128 128\n"
        "3: OFDLCK ADVISORY  WRITE -1 08:01:9 0 0\n"
        "4: LEASE  ACTIVE    READ 5 08:01:9 0 EOF\n"
    )

    first, waiter, posix, ofd = locks.entries(text)

    assert (first.kind, first.pid, first.waiting, first.write) == ("flock", 25919, False, True)
    assert first.key == (os.makedev(0xFE, 0), 2214162) == waiter.key
    assert (waiter.pid, waiter.waiting) == (26000, True)
    assert (posix.kind, posix.pid, posix.write) == ("posix", 0, False)
    assert ofd.kind == "ofd"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("0100007F:1F40", "127.0.0.1:8000"),
        ("00000000000000000000000000000000:1F40", "[::]:8000"),
        ("0000000000000000FFFF00000100007F:0050", "127.0.0.1:80"),
        ("00000000000000000000000001000000:0001", "[::1]:1"),
    ],
)
@pytest.mark.skipif(
    sys.byteorder != "little", reason="written in this order on little-endian machines"
)
def test_addresses_of_the_kernel_are_readable(text, shown):
    assert sockets.address(text) == shown


@pytest.mark.parametrize(
    ("path", "family", "by_existence"),
    [
        ("/root/.cache/torch_extensions/py311_cpu/kernel_ext/lock", "torch-extension", True),
        ("/opt/lib/python3.12/site-packages/aiter/jit/build/lock_module_moe", "aiter", True),
        ("/root/.aiter/jit/build/module_x/build/lock", "aiter", True),
        ("/tmp/aiter_configs/a8w8_tuned.csv.lock", "aiter", True),
        ("/root/.cache/flashinfer/0.7.2/90a/cached_ops/x/x.lock", "flashinfer", False),
        ("/root/.cache/huggingface/hub/.locks/models--a--b/etag.lock", "huggingface", False),
        ("/tmp/" + "0a" * 32 + "org-model.lock", "vllm", False),
        ("/tmp/torchinductor_root/locks/abc.lock", "inductor", False),
        ("/srv/app/my.lock", "other", False),
    ],
)
def test_lock_files_are_told_apart_by_their_path(path, family, by_existence):
    assert lockfiles.family(path) == (family, by_existence)


def test_kernel_lines_that_tell_something_are_kept_and_old_ones_are_not():
    records = [
        (100.0, "Out of memory: Killed process 395 (python3)"),
        (5000.0, "Memory cgroup out of memory: Killed process 25363 (VLLM::Worker_TP)"),
        (5001.0, "eth0: link up"),
        (5002.0, "NVRM: Xid (PCI:0000:41:00): 79, pid=395, GPU has fallen off the bus"),
        (5003.0, "amdgpu 0000:c1:00.0: amdgpu: GPU reset begin!"),
        (5004.0, "traps: something pid:395 error"),
        (5005.0, "audit: pid=1395 success"),
    ]

    told = kernel.select(records, {395}, 4990.0, {"VLLM::Worker_TP", "python3"})
    found = [line.split(" ", 2)[2] for line in told]

    assert found == [records[n][1] for n in (1, 3, 4, 5)]


@pytest.mark.parametrize(
    "text",
    [
        "Out of memory: Killed process 13020 (python) total-vm:24797700kB, anon-rss:22672632kB",
        "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,task_memcg=/x,task=python,pid=13020,uid=0",
        "oom_reaper: reaped process 13020 (python), now anon-rss:64kB, file-rss:88kB, shmem-rss:0kB",
        "python[13020]: segfault at 0 ip 00007f rsp 00007f error 4 in libc.so.6",
        "INFO: task python:13020 blocked for more than 120 seconds.",
    ],
)
def test_what_the_kernel_did_to_a_process_is_told_only_of_the_servers_own(text):
    """Two jobs share a machine, and both run Python."""
    records = [(5000.0, text)]

    assert len(list(kernel.select(records, {13020}, 4990.0, {"python"}))) == 1
    assert list(kernel.select(records, {395}, 4990.0, {"python"})) == []


def test_a_file_that_grows_and_one_that_does_not(tmp_path):
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "a.o").write_bytes(b"x" * 10)
    (tmp_path / "idle").write_bytes(b"x")
    paths = {name: str(tmp_path / name) for name in ("build", "idle", "gone")}
    before = growth.measure(paths)
    (tmp_path / "build" / "b.o").write_bytes(b"x" * 5)

    found = {
        one.path: (one.before, one.after) for one in growth.compare(before, growth.measure(paths))
    }

    assert found == {"build": (10, 15), "idle": (1, 1)}


def test_a_long_log_keeps_its_start_its_end_and_its_line_numbers(tmp_path):
    path = tmp_path / "server.log"
    line = b"0123456789abcdef" * 64 + b"\n"
    count = (HEAD + TAIL) // len(line) + 1000
    path.write_bytes(b"first\n" + line * count + b"last\n")

    found, missing = read_logs({"/srv/server.log": str(path), "/srv/none": str(tmp_path / "none")})

    text = found["/srv/server.log"]
    lines = text.split(b"\n")
    assert lines[0] == b"first"
    assert lines.index(b"last") == count + 1
    (note,) = [one for one in lines if b" bytes left out]" in one]
    kept = sum(len(one) + 1 for one in lines if one and one != note)
    assert kept + int(note[1:].split()[0]) == path.stat().st_size
    assert {one + b"\n" for one in lines[1:-2]} == {line, note + b"\n", b"\n"}
    assert [one.what for one in missing] == ["the log /srv/none"]


@pytest.mark.parametrize("ends", [b"", b"\n", b"\nlast\n"])
def test_a_log_of_one_giant_line_keeps_both_its_ends(ends, tmp_path):
    path = tmp_path / "server.log"
    path.write_bytes(b"a" * HEAD + b"m" * 5_000_000 + b"z" * TAIL + ends)

    text = read_logs({"log": str(path)})[0]["log"]

    assert text.startswith(b"aaa")
    assert text.endswith(b"zzz" + ends)
    assert text.count(b"\n") == ends.count(b"\n")


def test_lines_that_cannot_be_counted_in_time_are_said_not_to_be_counted(tmp_path, monkeypatch):
    monkeypatch.setattr("diagnose.probe.tails._MOST_LINES", 10)
    path = tmp_path / "server.log"
    path.write_bytes(b"0123456789abcde\n" * (3 * HEAD // 16 + TAIL // 16))

    text = read_logs({"log": str(path)})[0]["log"]

    assert b"bytes left out; lines are numbered as if there were none]\n" in text
    assert len(text) < HEAD + TAIL + 100


@linux
def test_the_log_is_found_behind_tee(tmp_path):
    log = tmp_path / "server.log"
    command = f"({sys.executable} -uc 'import time; print(1, flush=True); time.sleep(600)' & echo ready >> {tmp_path}/out.log; wait) | tee {log}"
    with running(["bash", "-c", command], folder=tmp_path) as shell:
        until(lambda: log.exists() and log.read_bytes() == b"1\n")
        table = proc.processes()
        server = next(p for p in proc.family(shell.pid) if proc.title(p).startswith(sys.executable))
        found, missing = about.logs(
            descriptors.scan(list(table)), [server], {server: mounts.view(server)}
        )

    assert str(log) in found
    assert missing == ()


@linux
def test_output_that_goes_nowhere_is_told_with_the_remedy(tmp_path):
    command = f"echo ready; exec {sys.executable} -c 'import time; time.sleep(600)' >/dev/null 2>&1"
    with running(["sh", "-c", command], folder=tmp_path) as server:
        time.sleep(0.3)
        snapshot = seen(server.pid)

    (missing,) = [one for one in snapshot.could_not if "log" in one.what]
    assert "/dev/null" in missing.why
    assert missing.how == "diagnose attach --log FILE"


@linux
def test_versions_are_those_of_the_targets_own_packages(tmp_path):
    packages = tmp_path / "lib" / "site-packages"
    for name in ("vllm-0.22.1", "amd_quark-0.11", "left_pad-1.0"):
        (packages / f"{name}.dist-info").mkdir(parents=True)
    program = 'import time; print("ready", flush=True); time.sleep(600)'
    with running(program, folder=tmp_path, environment={"PYTHONPATH": str(packages)}) as server:
        found = about.versions(mounts.view(server.pid), [str(packages)])
        folders = about.packages(mounts.view(server.pid), proc.environ(server.pid), [])

    assert found == {"amd-quark": "0.11", "vllm": "0.22.1"}
    assert str(packages) in folders


@linux
def test_a_lock_that_exists_without_holder_and_one_that_is_held(tmp_path):
    program = """
        import os, sys, time
        os.open(sys.argv[1], os.O_CREAT | os.O_EXCL)
        print("ready", flush=True)
        time.sleep(600)
    """
    stale, held = tmp_path / "te" / "old" / "lock", tmp_path / "te" / "new" / "lock"
    stale.parent.mkdir(parents=True)
    held.parent.mkdir(parents=True)
    stale.touch()
    os.utime(stale, (1e9, 1e9))
    environment = {"TORCH_EXTENSIONS_DIR": str(tmp_path / "te")}
    with running(program, str(held), folder=tmp_path, environment=environment) as server:
        snapshot = seen(server.pid)

    found = {one.path: one for one in snapshot.lock_files}
    assert found[str(held)].holders == (server.pid,)
    assert found[str(stale)].holders == ()
    assert found[str(stale)].age_s > 1e8
    assert found[str(stale)].filesystem


def test_who_comes_after_the_time_for_a_round_is_left_out_and_named(tmp_path):
    with running(
        "import time; print('ready', flush=True); time.sleep(600)", folder=tmp_path
    ) as one:
        rounds = Rounds()
        rounds.once([one.pid], within_s=-1.0)
        rounds.once([one.pid])

    assert rounds.samples == []
    assert "too many to look at" in rounds.refused[one.pid].why
    assert "py-spy dump" in rounds.refused[one.pid].how


def test_a_long_list_of_what_was_not_seen_is_counted():
    refused = {
        pid: CouldNotLook(f"the stacks of process {pid}", "why", "how") for pid in range(1, 301)
    }
    rounds = Rounds(refused=refused)

    (said,) = unseen.merged(Target(1, tuple(range(1, 301))), dict.fromkeys(range(1, 301)), rounds, no_handles(), ())  # fmt: skip

    assert said.what.startswith("the stacks of processes 1, 2, 3, ")
    assert said.what.endswith("20 and 280 more")


def no_handles() -> Handles:
    return Handles((), (), (), (), (), (), (), (), ())


@linux
def test_a_log_that_was_deleted_is_read_through_the_descriptor_that_has_it(tmp_path):
    program = """
        import os, sys, time
        handle = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)
        os.write(handle, b"the end\\n")
        print("ready", flush=True)
        os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
        os.dup2(handle, 2)
        os.unlink(sys.argv[1])
        time.sleep(600)
    """
    gone = str(tmp_path / "gone.log")
    with running(program, gone, folder=tmp_path) as one:
        until(lambda: gone in look(find(one.pid), QUICK).logs)
        texts, missing = read_logs(look(find(one.pid), QUICK).logs)

    assert texts[gone] == b"the end\n"
    assert missing == ()
