"""Stacks: noise cut, movement, classes over ranks, the prefix tree, places, dumps read and written."""

from __future__ import annotations

from looks import frames, process, recorded, snapshot, thread, worker

from diagnose.document import read_line
from diagnose.model import Frame
from diagnose.stacks import (
    cut,
    dump,
    groups,
    least_progressed,
    pasted,
    places_of,
    rank_set,
    shown,
    standings,
    tree,
    tree_lines,
)
from diagnose.stacks.frames import last_name, short_file
from diagnose.stacks.places import phase_of, places, waiting
from diagnose.stacks.standing import moved

SITE = "/opt/venv/lib/python3.11/site-packages"
SHM = f"{SITE}/vllm/distributed/device_communicators/shm_broadcast.py"
EXECUTOR = f"{SITE}/vllm/v1/executor/multiproc_executor.py"
READY = (f"MessageQueue.wait_until_ready {SHM}:703", f"WorkerProc.worker_main {EXECUTOR}:939")
IDLE = (
    f"Poller.poll {SITE}/zmq/sugar/poll.py:106",
    f"SpinCondition.wait {SHM}:210",
    f"MessageQueue.acquire_read {SHM}:864",
    "_GeneratorContextManager.__enter__ /usr/lib/python3.11/contextlib.py:137",
    f"MessageQueue.dequeue {SHM}:971",
    f"WorkerProc.worker_busy_loop {EXECUTOR}:1041",
)


def test_a_name_is_compared_by_its_last_part():
    assert last_name("MultiprocExecutor.collective_rpc.<locals>.get_response") == "get_response"
    assert last_name("<module>") == "<module>"
    assert last_name("AutoWeightsLoader._groupby.<locals>.<genexpr>") == "<genexpr>"
    assert last_name("c10d::TCPStore::wait(std::vector<std::string> const&)") == "wait"


def test_a_file_is_shown_from_its_package_on():
    assert short_file(f"{SITE}/torch/utils/file_baton.py") == "torch/utils/file_baton.py"
    assert short_file("/usr/lib/python3.11/queue.py") == "queue.py"
    assert short_file("/srv/job.py") == "/srv/job.py"


def test_implementation_frames_are_cut():
    kept = cut(frames(*IDLE, "instrument_otel.<locals>.sync_wrapper /x/vllm/tracing/otel.py:175"))

    assert [last_name(f.name) for f in kept] == [
        "poll", "wait", "acquire_read", "dequeue", "worker_busy_loop",
    ]  # fmt: skip


def test_a_stack_of_nothing_but_noise_stays():
    only = frames("spawn_main /usr/lib/python3.11/multiprocessing/spawn.py:122")

    assert cut(only) == only


def test_native_frames_are_shown_only_when_asked_for():
    stack = (Frame("shm_allreduce", "libvllm.so", 0, native=True), *frames("all_reduce /x.py:1"))

    assert [f.name for f in cut(stack)] == ["all_reduce"]
    assert [f.name for f in cut(stack, native=True)] == ["shm_allreduce", "all_reduce"]


def test_an_import_lock_is_not_cut_although_importlib_is():
    stack = frames(
        "_ModuleLock.acquire <frozen importlib._bootstrap>:300",
        "_find_and_load <frozen importlib._bootstrap>:1176",
        "run /srv/job.py:3",
    )

    assert [last_name(f.name) for f in cut(stack)] == ["acquire", "run"]


def place(*calls):
    found = waiting(places_of(cut(frames(*calls))))
    return found.place.id if found else ""


def test_an_idle_worker_is_not_one_that_waits_for_a_message_of_another_rank():
    assert place(*IDLE) == "worker-idle"
    assert (
        place(*IDLE[:3], f"broadcast_object {SHM}:9", "forward /m.py:1") == "worker-awaits-message"
    )


def test_the_engine_of_an_old_version_is_read_as_well():
    old = (
        f"sched_yield {SITE}/vllm/distributed/utils.py:40",
        f"acquire_read {SHM}:410",
        f"dequeue {SHM}:460",
        f"collective_rpc {EXECUTOR}:190",
    )

    assert place(*old) == "engine-awaits-answer"


def test_a_place_of_ours_explains_the_library_call_inside_it():
    assert (
        place(
            "Condition.wait /usr/lib/python3.11/threading.py:327",
            "Queue.get /usr/lib/python3.11/queue.py:171",
            f"EngineCoreProc._process_input_queue {SITE}/vllm/v1/engine/core.py:1588",
        )
        == "engine-idle"
    )


def test_of_library_calls_inside_each_other_the_outer_one_counts():
    assert (
        place(
            "Condition.wait /usr/lib/python3.11/threading.py:327",
            "Future.result /usr/lib/python3.11/concurrent/futures/_base.py:451",
            "outer /srv/job.py:7",
        )
        == "future"
    )


def test_the_phase_is_that_of_the_outermost_place_that_has_one():
    stack = cut(
        frames(
            f"_dummy_run {SITE}/vllm/v1/worker/gpu_model_runner.py:1",
            f"Worker.compile_or_warm_up_model {SITE}/vllm/v1/worker/gpu_worker.py:2",
        )
    )

    assert phase_of(places_of(stack)) == "warm-up"


def test_no_two_places_have_one_name():
    ids = [place.id for place in places()]

    assert sorted(ids) == sorted(set(ids))


SLEEP = "wait /v/torch/utils/file_baton.py:{}"
CALLER = "_jit_compile /v/torch/utils/cpp_extension.py:2400"


def test_a_loop_that_polls_does_not_move():
    once, again = frames(SLEEP.format(49), CALLER), frames(SLEEP.format(50), CALLER)

    assert not moved(once, again, asleep=True)


def test_a_wait_that_was_left_and_entered_from_another_line_has_moved():
    once = frames(SLEEP.format(50), CALLER)
    again = frames(SLEEP.format(50), CALLER.replace("2400", "2410"))

    assert moved(once, again, asleep=True)


def test_a_spin_within_one_function_does_not_move():
    once, again = frames("spin /p.py:19", "load /p.py:59"), frames("spin /p.py:20", "load /p.py:59")

    assert not moved(once, again, asleep=False)


def test_another_function_is_a_move_unless_the_process_only_polls():
    once, again = frames("work /p.py:1"), frames("exists /q.py:9", "work /p.py:1")

    assert moved(once, again, asleep=False)
    assert not moved(once, again, asleep=True)


def test_a_thread_with_one_sample_neither_moved_nor_stood():
    look = snapshot([process(1)], {})
    single = standings(look)[1]

    assert single.main is None
    assert not single.moved
    assert single.state == "unknown"


def test_seven_ranks_that_wait_and_one_that_does_not_are_told_apart():
    others = [worker(20 + n, n) for n in range(7)]
    odd = worker(27, 7)
    stacks = {p.pid: thread(*READY) for p in others}
    stacks[27] = thread("sleep_here /srv/plugin.py:14", "load_model /v/base_loader.py:88")

    found = groups(standings(snapshot([*others, odd], stacks)))

    assert [(g.ranks, g.state, g.odd) for g in found] == [
        ("0-6", "waiting", False),
        ("7", "asleep", True),
    ]
    assert found[1].frames[0] == "sleep_here (/srv/plugin.py:14)"


def test_two_ranks_in_two_places_have_no_odd_one():
    look = snapshot([worker(20, 0), worker(21, 1)], {20: thread(*READY), 21: thread("f /g.py:1")})

    assert [g.odd for g in groups(standings(look))] == [False, False]


def test_the_line_of_the_innermost_frame_does_not_part_a_class():
    stacks = {20: thread("f /g.py:1", "main /g.py:9"), 21: thread("f /g.py:2", "main /g.py:9")}

    assert [
        g.ranks for g in groups(standings(snapshot([worker(20, 0), worker(21, 1)], stacks)))
    ] == ["0-1"]


def test_rank_sets_are_written_as_people_write_them():
    assert rank_set(worker(20 + n, n) for n in (0, 1, 2, 5)) == "0-2,5"
    grid = [
        process(20 + n, f"Worker_PP0_TP{n}", "worker", ranks=(("PP", 0), ("TP", n))) for n in (1, 2)
    ]
    assert rank_set(grid) == "Worker_PP0_TP1, Worker_PP0_TP2"
    assert rank_set([process(7), process(8)]) == "pids 7-8"


def test_the_rank_that_is_an_earlier_phase_is_least_progressed():
    stacks = {
        20: thread(*READY),
        21: thread(
            f"_create_c10d_store {SITE}/torch/distributed/rendezvous.py:199", "init_device /w.py:1"
        ),
    }
    found = standings(snapshot([worker(20, 0), worker(21, 1)], stacks))

    assert [s.pid for s in least_progressed(found.values())] == [21]
    assert least_progressed([found[20]]) == []


def test_the_tree_parts_where_the_ranks_do():
    look = snapshot(
        [worker(20, 0), worker(21, 1), worker(22, 2)],
        {
            20: thread("a /x.py:1", "main /x.py:9"),
            21: thread("a /x.py:1", "main /x.py:9"),
            22: thread("b /x.py:5", "main /x.py:9"),
        },
    )

    assert list(tree_lines(tree(standings(look).values()))) == [
        "[0-2] main (/x.py)",
        "  [0-1] a (/x.py)",
        "  [2] b (/x.py)",
    ]


def test_threads_that_wait_all_their_life_are_left_out():
    stacks = {1: [thread("f /x.py:1"), thread("run /y.py:1", name="tqdm_monitor", os_id=9)]}

    assert len(standings(snapshot([process(1)], stacks))[1].stacks) == 1


def test_a_dump_that_was_written_is_read_back():
    look = recorded("sigstop_start")
    sample = next(s for s in look.samples if s.pid == 14197)
    who = next(p for p in look.processes if p.pid == 14197)
    lines = [
        read_line("x", n, line.encode()) for n, line in enumerate(dump(who, sample).splitlines(), 1)
    ]

    (back,) = pasted(lines)

    assert back.pid == 14197
    assert back.threads[0].name == "MainThread"
    by_name = {t.name: t for t in sample.threads}
    assert [shown(f) for f in back.threads[0].frames] == [
        shown(f) for f in by_name["MainThread"].frames
    ]


def test_two_dumps_of_one_process_are_two_samples():
    text = 'Process 7: x\nThread 7 (idle): "MainThread"\n    f (a.py:1)\n'
    lines = [read_line("x", n, t.encode()) for n, t in enumerate((text * 2).splitlines(), 1)]

    found = pasted(lines)

    assert [(s.pid, len(s.threads)) for s in found] == [(7, 1), (7, 1)]
    assert found[0].time_s < found[1].time_s


def test_a_thread_on_its_way_back_into_a_call_sits_in_that_call():
    """The look stops a thread, which is then seen for a moment outside the call that it goes back to."""
    look = snapshot(
        [process(7)],
        {7: thread("wait /usr/lib/python3.11/threading.py:331", syscall="futex private 15s")},
        {7: thread("wait /usr/lib/python3.11/threading.py:331")},
    )
    left = snapshot(
        [process(7)],
        {7: thread("wait /usr/lib/python3.11/threading.py:331", syscall="futex private 15s")},
        {7: thread("compute /job.py:4")},
    )

    assert standings(look)[7].main.thread.syscall == "futex private 15s"
    assert standings(left)[7].main.thread.syscall == ""
