"""Live looks: recorded servers get their state, cause, culprit and advice; what logs say is joined with it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from looks import SNAPSHOTS, diagnose, frames, process, recorded, snapshot, sources, thread, worker

import diagnose as diagnose_package
from diagnose.catalogue import default_root
from diagnose.document import read_line
from diagnose.live import documents, from_lines, look
from diagnose.model import Block, Channel, CouldNotLook, Growth, LockFile, State, Thread, Verdict
from diagnose.pipeline import Examiner
from diagnose.prove import load_all, source
from diagnose.report.json import to_json
from diagnose.report.markdown import to_markdown
from diagnose.report.terminal import to_terminal

SCHEMA = json.loads((Path(diagnose_package.__file__).parent / "report" / "schema.json").read_text())
STALE = "torch/torch-extension-build-lock"
STOPPED = "host/process-stopped"
SLEEPS = "vllm/rank-sleeps-in-loader"
# Snapshot: state, cause, kind of obstacle, pids of the culprit, part of the resource, phase, part of `now`.
RECORDED = {
    "stale_lock_quark": (State.HUNG, STALE, Block.NOBODY, (), "/te/kernel_ext/lock", "memory-profiling", "rm -f /tmp/run-stale"),
    "stale_lock_jit": (State.HUNG, STALE, Block.NOBODY, (), "/te/kernel_ext/lock", "weight-load", "rm -f /tmp/run-stale"),
    "killed_builder_quark": (State.HUNG, STALE, Block.NOBODY, (), "/te/kernel_ext/lock", "memory-profiling", "rm -f /tmp/run-killed"),
    "request_stale_lock_quark": (State.HUNG, STALE, Block.NOBODY, (), "/te/kernel_ext/lock", "ready", "rm -f /tmp/run-request"),
    "torch_race8_killed": (State.HUNG, STALE, Block.NOBODY, (), "/race/kernel_ext/lock", "", "rm -f /srv/lab/race"),
    "live_build_quark": (State.SLOW, None, Block.MOVING, (10949,), "", "memory-profiling", None),
    "sigstop_start": (State.STOPPED, STOPPED, Block.STOPPED, (14198,), "", "weight-load", "kill -CONT 14198"),
    "runtime_sigstop_worker": (State.STOPPED, STOPPED, Block.STOPPED, (20626,), "", "ready", "kill -CONT 20626"),
    "sleep_load": (State.HUNG, SLEEPS, Block.ASLEEP, (17208,), "", "weight-load", "--pid 17208"),
    "ready_timeout": (State.HUNG, SLEEPS, Block.ASLEEP, (21920,), "", "weight-load", "--pid 21920"),
    "spin_load": (State.UNCLEAR, None, Block.BUSY, (11746,), "", "weight-load", None),
    "nnodes_missing": (State.DEAD_PEER, "torch/rendezvous-peer-missing", Block.ABSENT, (), "127.0.0.1:51645", "distributed-init", "nc -vz 127.0.0.1 51645"),
    "nnodes_wrong_port": (State.DEAD_PEER, "torch/rendezvous-peer-missing", Block.ABSENT, (), "127.0.0.1:55503", "distributed-init", "nc -vz 127.0.0.1 55503"),
    "dp_missing": (State.DEAD_PEER, "vllm/dp-peer-missing", Block.ABSENT, (), "127.0.0.1:42757", "engine-ready", "on the other nodes"),
    "weights_filelock": (State.HUNG, "host/lock-held-by-other-process", Block.OUTSIDE, (25919,), "/dl/0337e861", "weight-load", "kill 25919"),
    "healthy_tp2": (State.IDLE, None, None, (), "", "ready", None),
}  # fmt: skip
VERDICTS = {
    State.HUNG: Verdict.HUNG, State.STOPPED: Verdict.HUNG, State.DEAD_PEER: Verdict.HUNG,
    State.SLOW: Verdict.SLOW, State.IDLE: Verdict.HEALTHY, State.WORKING: Verdict.HEALTHY,
    State.UNCLEAR: Verdict.UNDECIDABLE,
}  # fmt: skip
READY_LOG = """\
(EngineCore pid=10) INFO 11-21 22:40:01 [core.py:402] init engine (profile, create kv cache, warmup model) took 0.93 s
(APIServer pid=1) INFO:     Application startup complete.
"""


@pytest.fixture(scope="module")
def examiner() -> Examiner:
    return Examiner(load_all(default_root())[0])


def test_every_recorded_look_is_judged():
    assert {path.stem for path in SNAPSHOTS.glob("*.json")} >= set(RECORDED)


@pytest.mark.parametrize("name", RECORDED)
def test_the_recorded_server_gets_its_state_its_cause_and_its_culprit(name, examiner):
    state, cause, kind, pids, resource, phase, now = RECORDED[name]
    found = diagnose(examiner, recorded(name))

    assert (found.state, found.verdict) == (state, VERDICTS[state]), found.verdict_why
    assert (found.cause.signature.id if found.cause else None) == cause
    assert (found.blocker.kind if found.blocker else None) == kind
    if found.blocker:
        assert found.blocker.pids == pids
        assert resource in found.blocker.resource
    assert found.progress.reached == phase
    if now:
        assert [line for line in found.fix.now if now in line]


@pytest.mark.parametrize("name", RECORDED)
def test_the_reason_names_who_is_in_the_way(name, examiner):
    found = diagnose(examiner, recorded(name))

    for pid in found.blocker.pids if found.blocker else ():
        assert f"(pid {pid})" in found.verdict_why


def test_a_stale_lock_is_removed_only_after_the_server_was_stopped(examiner):
    now = diagnose(examiner, recorded("stale_lock_quark")).fix.now
    stop = next(n for n, line in enumerate(now) if "stop the server" in line)
    remove = next(n for n, line in enumerate(now) if line.startswith("rm "))

    assert stop < remove < now.index("# start the server again")
    assert len(now) == len(set(now))


def test_a_build_that_runs_is_named_with_its_age_and_what_is_usual(examiner):
    why = diagnose(examiner, recorded("live_build_quark")).verdict_why

    assert "ninja (pid 10949)" in why
    assert "for 28 s" in why
    assert "Worker_TP1 (pid 10274), which builds a torch C++ extension" in why
    assert "one to ten minutes" in why


def test_a_place_that_no_signature_knows_is_named_with_its_frame(examiner):
    found = diagnose(examiner, recorded("spin_load"))

    assert "Worker_TP1 (pid 11746)" in found.verdict_why
    assert "_fault_spin (/srv/lab/scripts/shim/vllm_lab_plugin.py:" in found.verdict_why
    assert found.look is not None
    assert found.look.now == (f"diagnose attach {recorded('spin_load').root} --interval 30",)
    assert found.unknowns[0].what == "why it does so"


def test_a_rank_that_alone_is_busy_in_one_function_for_long_is_a_hang(examiner):
    whole = recorded("spin_load")
    long = replace(whole, duration_s=61.0)
    alone = replace(long, processes=tuple(p for p in whole.processes if p.name != "Worker_TP0"))

    assert diagnose(examiner, whole).verdict is Verdict.UNDECIDABLE
    assert diagnose(examiner, long).verdict is Verdict.HUNG
    assert "while all other ranks wait" in diagnose(examiner, long).verdict_why
    assert diagnose(examiner, alone).verdict is Verdict.UNDECIDABLE


def stale(lock_file, **more):
    jit = frames(
        "_jit_compile /v/torch/utils/cpp_extension.py:2400", values={"build_directory": "/cache/x"}
    )
    waits = Thread(
        0, "MainThread", False, False, (*frames("wait /v/torch/utils/file_baton.py:50"), *jit)
    )
    return snapshot(
        [worker(20, 0, ppid=1), worker(21, 1, ppid=1)],
        {20: waits, 21: waits},
        lock_files=(lock_file,),
        **more,
    )


LOCK = LockFile("/cache/x/lock", "torch-extension", True, 900.0, 5, 0, filesystem="ext4")


def test_a_lock_on_a_network_file_system_is_not_called_stale(examiner):
    found = diagnose(examiner, stale(replace(LOCK, filesystem="nfs4")))

    assert (found.state, found.verdict) == (State.UNCLEAR, Verdict.UNDECIDABLE)
    assert "another host" in found.verdict_why
    assert any("/cache/x/lock" in u.what for u in found.unknowns)


def test_a_lock_that_is_older_than_any_build_is_a_hang_with_its_reservation(examiner):
    found = diagnose(examiner, stale(replace(LOCK, filesystem="nfs4", age_s=8 * 3600)))

    assert found.verdict is Verdict.HUNG
    assert "not certain" in found.verdict_why


def test_an_old_lock_whose_folder_grows_is_not_a_hang(examiner):
    lock = replace(LOCK, filesystem="nfs4", age_s=8 * 3600)
    grows = (Growth("/cache/x/a.o", 1, 2, 1000.0),)

    assert diagnose(examiner, stale(lock, growth=grows)).verdict is Verdict.UNDECIDABLE


def test_a_lock_with_descriptors_that_could_not_be_read_is_not_called_stale(examiner):
    blind = (CouldNotLook("the open files of process 99", "it belongs to another user", "sudo …"),)

    assert diagnose(examiner, stale(LOCK, could_not=blind)).verdict is Verdict.UNDECIDABLE


def test_a_lock_held_by_a_process_that_was_not_looked_at_is_not_stale(examiner):
    found = diagnose(examiner, stale(replace(LOCK, holders=(77,))))

    assert found.blocker.kind is Block.OUTSIDE
    assert found.cause is None or found.cause.signature.id != STALE


def test_what_is_so_now_is_not_cleared_by_a_log_that_says_ready(examiner):
    found = diagnose(examiner, recorded("request_stale_lock_quark"), READY_LOG)

    assert found.progress.ready is not None
    assert found.cause.signature.id == STALE


def test_what_is_so_now_comes_before_what_a_log_tells(examiner):
    oom = "(Worker_TP1 pid=21) ERROR 11-21 22:39:59 [x.py:1] torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.10 GiB of which 1.00 GiB is free.\n"
    found = diagnose(examiner, recorded("sigstop_start"), oom)

    assert found.cause.signature.id == STOPPED


def test_a_cause_of_a_hang_is_not_named_for_a_server_that_idles(examiner):
    heartbeats = "".join(
        f"(EngineCore pid=10) INFO 11-21 {hour}:{minute:02}:00 [shm_broadcast.py:871] No available shared memory broadcast block found in 60 seconds. This typically happens when some processes are hanging\n"
        for hour in (20, 21)
        for minute in range(60)
    )
    found = diagnose(examiner, recorded("healthy_tp2"), heartbeats)

    assert (found.verdict, found.cause, found.chain, found.fix) == (Verdict.HEALTHY, None, (), None)


def test_the_emulation_that_made_the_build_necessary_stays_the_cause(examiner):
    line = "(Worker_TP0_EP0 pid=612) INFO 07-01 02:06:33 [mxfp4.py:356] Using 'EMULATION' Mxfp4 MoE backend.\n"
    found = diagnose(examiner, recorded("stale_lock_quark"), line)

    assert found.cause.signature.id == "vllm/mxfp4-emulation-fallback"
    assert STALE in [link.signature.id for link in found.chain]
    assert found.blocker.kind is Block.NOBODY


def test_settings_of_the_process_count_as_those_of_the_run(examiner):
    look_ = replace(
        recorded("dp_missing"),
        versions={"vllm": "0.32.0"},
        environment={"VLLM_ROCM_USE_AITER": "1"},
    )
    found = diagnose(examiner, look_)

    assert found.facts["version"] == "0.32.0"
    assert found.facts["env:VLLM_ROCM_USE_AITER"] == "1"
    assert found.facts["data_parallel_size"] == "2"


def test_an_engine_that_runs_steps_is_at_work(examiner):
    step = "step /v/vllm/v1/engine/core.py:674"
    one = thread("one /m.py:1", step)
    found = diagnose(
        examiner,
        snapshot(
            [process(10, "EngineCore", "engine-core"), worker(20, 0)],
            {10: one, 20: thread("a /m.py:1")},
            later={10: thread("two /m.py:2", step), 20: thread("b /m.py:4")},
        ),
    )

    assert (found.state, found.verdict) == (State.WORKING, Verdict.HEALTHY)


def test_a_stopped_engine_core_of_an_idle_server_is_the_cause(examiner):
    healthy = recorded("healthy_tp2")
    processes = [replace(p, state="T") if p.name == "EngineCore" else p for p in healthy.processes]
    found = diagnose(examiner, replace(healthy, processes=tuple(processes)))

    assert found.cause.signature.id == STOPPED
    assert found.blocker.pids == (28319,)


def test_one_sample_only_is_said(examiner):
    whole = recorded("sleep_load")
    first = min(s.time_s for s in whole.samples)
    single = replace(whole, samples=tuple(s for s in whole.samples if s.time_s == first))

    assert "one sample only" in diagnose(examiner, single).verdict_why


def test_what_could_not_be_looked_at_is_told_with_its_remedy(examiner):
    blind = CouldNotLook(
        "the stacks of process 7", "it belongs to another user", "sudo diagnose attach 7"
    )
    found = diagnose(examiner, replace(recorded("healthy_tp2"), could_not=(blind,)))

    assert [(u.what, u.how) for u in found.unknowns] == [(blind.what, blind.how)]


def test_nobody_is_sent_to_attach_who_has_attached(examiner):
    found = diagnose(examiner, recorded("sleep_load"))

    assert "diagnose attach" not in [u.how for u in found.unknowns]


def test_the_documents_are_stacks_host_facts_and_the_kernels_log():
    made = documents(
        replace(recorded("sigstop_start"), kernel=("[12.3] Out of memory: Killed process 9",))
    )

    assert [(d.name, d.channel) for d in made][-3:] == [
        ("stack 14197 (Worker_TP0)", Channel.STACK),
        ("host", Channel.HOST),
        ("kernel log", Channel.LOG),
    ]
    assert "process 14198 Worker_TP1 role worker state T stopped" in made[-2].text


def test_the_kernels_log_is_read_as_a_log(examiner):
    killed = "[12.3] Memory cgroup out of memory: Killed process 25363 (VLLM::Worker_TP) total-vm:1kB, anon-rss:1kB"
    found = diagnose(examiner, replace(recorded("healthy_tp2"), kernel=(killed,)))
    logged = examiner.diagnose(sources(replace(recorded("healthy_tp2"), kernel=(killed,))))

    assert found.verdict is Verdict.HEALTHY
    assert logged.cause.signature.id == "host/host-oom-kill"


def test_a_signature_of_the_host_does_not_look_at_logs(examiner):
    line = "blocker stopped: Worker_TP1 (pid 14198) is stopped (state T)"

    assert examiner.diagnose([source(line, channel=Channel.HOST)]).cause.signature.id == STOPPED
    assert examiner.diagnose([source(line)]).cause is None


def test_a_stack_is_no_progress_and_no_error(examiner):
    text = 'Process 7: x\nThread 7 (idle): "MainThread"\n    raise_ValueError (a.py:1)\nValueError: x\n'
    found = examiner.diagnose([source(text, channel=Channel.STACK)])

    assert found.verdict is Verdict.UNDECIDABLE
    assert found.progress.last_progress is None


@pytest.mark.parametrize("name", RECORDED)
def test_every_report_shows_ranks_and_waits(name, examiner):
    found = diagnose(examiner, recorded(name))
    data = json.loads(json.dumps(to_json(found)))

    assert len(data["ranks"]) == len(found.ranks) > 0
    assert len(data["waits"]) == len(found.waits)
    assert data["state"] == found.state
    jsonschema.validate(data, SCHEMA)
    for text in (to_terminal(found), to_markdown(found)):
        assert all(str(group.pids[0]) in text for group in found.ranks)
    for wait in found.waits:
        assert wait.resource in to_terminal(found, width=400)


def test_the_json_of_a_stale_lock_is_as_promised(examiner):
    data = to_json(diagnose(examiner, recorded("stale_lock_quark")))
    ranks = next(group for group in data["ranks"] if group["role"] == "worker")
    wait = next(wait for wait in data["waits"] if wait["kind"] == "file-existence")

    assert (ranks["ranks"], ranks["state"]) == ("0-1", "waiting")
    assert ranks["frames"][0] == "FileBaton.wait (torch/utils/file_baton.py:50)"
    assert wait["holder"] is None
    assert wait["resource"].endswith("/kernel_ext/lock")
    assert wait["waiters"] == [11426, 11427]


def as_lines(text):
    return [read_line("dump.txt", n, line.encode()) for n, line in enumerate(text.splitlines(), 1)]


def test_pasted_stacks_are_reasoned_about_like_a_look(examiner):
    text = "".join(d.text for d in documents(recorded("sleep_load")) if d.channel is Channel.STACK)
    found = diagnose(examiner, from_lines(as_lines(text)))

    assert found.blocker.pids == (17208,)
    assert (
        "load_weights" in " ".join(found.blocker.what.split())
        or "_fault_sleep" in found.blocker.what
    )
    assert [(g.ranks, g.role) for g in found.ranks][:2] == [("0", "worker"), ("1", "worker")]


def test_a_lock_is_not_called_stale_for_pasted_stacks(examiner):
    text = "".join(
        d.text for d in documents(recorded("stale_lock_quark")) if d.channel is Channel.STACK
    )

    assert diagnose(examiner, from_lines(as_lines(text))).state is State.UNCLEAR


def test_lines_without_a_stack_are_no_look():
    assert from_lines(as_lines("INFO nothing here\nTraceback (most recent call last):\n")) is None


def test_the_reasoning_does_not_depend_on_the_order_of_processes():
    whole = recorded("runtime_sigstop_worker")
    turned = replace(whole, processes=whole.processes[::-1], samples=whole.samples[::-1])

    assert look(turned).blocker == look(whole).blocker


def test_the_tree_of_stacks_parts_the_ranks_that_stand_apart(examiner):
    found = diagnose(examiner, recorded("sleep_load"))
    text = to_terminal(found, verbose=True, width=400)

    assert found.tree[0].startswith("[0-1] worker_main")
    assert [line.split("]")[0] + "]" for line in found.tree] == ["[0-1]", "  [0]", "  [1]"]
    assert all(line.strip() in text for line in found.tree)
