"""The wait-for graph: who waits for whom, and the one thing in the way, on hand-made snapshots."""

from __future__ import annotations

import pytest
from looks import NOW, frames, process, snapshot, thread, worker

from diagnose.model import (
    Block,
    Connection,
    CouldNotLook,
    FileLock,
    Growth,
    LockFile,
    OpenFile,
    Pipe,
    Thread,
)
from diagnose.stacks import standings
from diagnose.waits import View, blockers, merged

BATON = (
    "wait /v/torch/utils/file_baton.py:50",
    "_jit_compile /v/torch/utils/cpp_extension.py:2400",
)
POLLS = ("_poll_until_acquired /v/filelock/_api.py:1177", "acquire /v/filelock/_api.py:1037")
BUILDS = (
    "communicate /usr/lib/python3.11/subprocess.py:1196",
    "_run_ninja_build /v/torch/utils/cpp_extension.py:2893",
)
READY = (
    "wait_until_ready /v/vllm/distributed/device_communicators/shm_broadcast.py:703",
    "worker_main /v/vllm/v1/executor/multiproc_executor.py:939",
)
IDLE = (
    "acquire_read /v/vllm/distributed/device_communicators/shm_broadcast.py:864",
    "dequeue /v/vllm/distributed/device_communicators/shm_broadcast.py:971",
    "worker_busy_loop /v/vllm/v1/executor/multiproc_executor.py:1041",
)
ANSWER = (
    "acquire_read /v/vllm/distributed/device_communicators/shm_broadcast.py:864",
    "dequeue /v/vllm/distributed/device_communicators/shm_broadcast.py:971",
    "get_response /v/vllm/v1/executor/multiproc_executor.py:440",
)
WORKERS = ("wait_for_ready /v/vllm/v1/executor/multiproc_executor.py:799",)
REDUCE = (
    "all_reduce /v/vllm/distributed/parallel_state.py:745",
    "forward /v/vllm/models/llama.py:5",
)
GATHER = (
    "all_gather /v/vllm/distributed/parallel_state.py:790",
    "forward /v/vllm/models/llama.py:9",
)
LOCK = "/cache/kernel_ext/lock"


def core(pid=10, **more):
    return process(pid, "EngineCore", "engine-core", ppid=1, **more)


def ends(look):
    return blockers(View(look, standings(look)))[1]


def arrows(look):
    view = View(look, standings(look))
    return merged(view, blockers(view)[0])


def lock_file(**more):
    fields = {
        "path": LOCK, "family": "torch-extension", "by_existence": True, "age_s": 900.0, "inode": 5,
        "size": 0, "filesystem": "ext4",
    }  # fmt: skip
    return LockFile(**{**fields, **more})


def waiting(lock, *, filesystem="", **more):
    """Two ranks that wait for the lock of an extension, and the engine that waits for both."""
    baton = thread(*BATON)
    jit = frames(BATON[1], values={"build_directory": "'/cache/kernel_ext'"})
    both = Thread(0, "MainThread", False, False, (baton.frames[0], *jit))
    return snapshot(
        [core(), worker(20, 0), worker(21, 1)],
        {10: thread(*ANSWER), 20: both, 21: both},
        lock_files=(lock,) if lock else (),
        **more,
    )


def test_a_lock_that_nobody_has_open_is_held_by_nobody():
    look = waiting(lock_file())
    first, *rest = ends(look)

    assert (first.kind, first.resource, first.caveat) == (Block.NOBODY, LOCK, "")
    assert first.waiters == (10, 20, 21)
    assert rest == []
    assert [(w.waiter, w.kind, w.holder) for w in arrows(look)] == [
        ("EngineCore (pid 10)", "answer", "workers 0-1"),
        ("workers 0-1", "file-existence", ""),
    ]


def test_nobody_is_not_certain_on_a_network_file_system():
    assert "another host" in ends(waiting(lock_file(filesystem="nfs4")))[0].caveat


def test_nobody_is_not_certain_where_a_lock_names_another_host():
    other = ends(waiting(lock_file(content="4711\nnode-7")))[0]
    same = ends(waiting(lock_file(content="4711\nhere")))[0]

    assert "pid 4711 on the host node-7" in other.caveat
    assert same.caveat == ""


def test_nobody_is_not_certain_where_descriptors_could_not_be_read():
    blind = (CouldNotLook("the open files of process 77", "it belongs to another user"),)

    assert "process 77" in ends(waiting(lock_file(), could_not=blind))[0].caveat


def test_nobody_is_not_certain_where_the_lock_itself_was_not_seen():
    assert "not looked at" in ends(waiting(None))[0].caveat


def test_what_could_not_be_looked_at_and_has_nothing_to_do_with_locks_is_no_reservation():
    gpus = (CouldNotLook("the GPUs", "no tool is installed"),)

    assert ends(waiting(lock_file(), could_not=gpus))[0].caveat == ""


def test_a_lock_whose_holder_compiles_leads_to_the_compiler():
    jit = frames(BATON[1], values={"build_directory": "/cache/kernel_ext"})
    waits = Thread(0, "MainThread", False, False, (*frames(BATON[0]), *jit))
    look = snapshot(
        [
            worker(20, 0), worker(21, 1),
            process(30, "ninja", "builder", ppid=21, python=False),
            process(31, "cc1plus", "builder", ppid=30, python=False, cpu_share=0.98, state="R"),
        ],
        {20: waits, 21: thread(*BUILDS)},
        lock_files=(lock_file(holders=(21,)),),
    )  # fmt: skip

    (end,) = ends(look)

    assert (end.kind, end.pids) == (Block.MOVING, (31,))
    assert end.waiters == (20, 21, 30)


def test_a_holder_that_is_itself_stuck_is_what_is_in_the_way():
    jit = frames(BATON[1], values={"build_directory": "/cache/kernel_ext"})
    waits = Thread(0, "MainThread", False, False, (*frames(BATON[0]), *jit))
    look = snapshot(
        [worker(20, 0), worker(21, 1, state="T")],
        {20: waits},
        lock_files=(lock_file(holders=(21,)),),
    )

    assert [(e.kind, e.pids) for e in ends(look)] == [(Block.STOPPED, (21,))]


def two_flocks():
    lock = {"device": 1, "write": True}
    return snapshot(
        [process(100), process(101)],
        {
            100: thread("work /a.py:4", syscall="flock 6"),
            101: thread("work /a.py:4", syscall="flock 5"),
        },
        files=(OpenFile(100, 6, "/b.lock", 2, 1), OpenFile(101, 5, "/a.lock", 1, 1)),
        locks=(
            FileLock("flock", 100, 1, path="/a.lock", **lock),
            FileLock("flock", 101, 1, path="/a.lock", waiting=True, **lock),
            FileLock("flock", 101, 2, path="/b.lock", **lock),
            FileLock("flock", 100, 2, path="/b.lock", waiting=True, **lock),
        ),
    )


def test_two_processes_with_two_flocks_are_a_circle():
    (end,) = ends(two_flocks())

    assert (end.kind, end.pids) == (Block.CYCLE, (100, 101))
    assert "waits for /b.lock, which python (pid 101) holds" in end.what
    assert "waits for /a.lock, which python (pid 100) holds" in end.what


def test_one_who_waits_for_a_flock_is_not_taken_for_its_holder():
    lock = {"device": 1, "inode": 1, "path": "/a.lock"}
    look = snapshot(
        [process(100), process(101, ppid=100), process(102, ppid=100)],
        {
            100: thread("work /a.py:4"),
            101: thread("take /a.py:9", syscall="flock 5"),
            102: thread("take /a.py:9", syscall="flock 5"),
        },
        files=tuple(OpenFile(pid, 5, "/a.lock", 1, 1) for pid in (100, 101, 102)),
        locks=(
            FileLock("flock", 100, **lock),
            FileLock("flock", 101, waiting=True, **lock),
            FileLock("flock", 102, waiting=True, **lock),
        ),
        lock_files=(LockFile("/a.lock", "other", False, 9.0, 1, 0, holders=(100, 101, 102)),),
    )

    assert [w.holders for w in arrows(look)] == [(100,)]


def test_a_polled_file_lock_is_named_by_the_frame_and_its_holder_outside_the_tree():
    polls = Thread(
        0, "MainThread", False, False, frames(*POLLS, values={"lock_filename": "/dl/w.lock"})
    )
    look = snapshot(
        [core(), worker(20, 0), process(99, "other.py")],
        {10: thread(*WORKERS), 20: polls, 99: thread("<module> /other.py:1")},
        root=10,
        locks=(FileLock("flock", 99, 7, 1, "/dl/w.lock"),),
    )

    (end,) = ends(look)

    assert (end.kind, end.pids, end.resource) == (Block.OUTSIDE, (99,), "/dl/w.lock")
    assert "does not belong to this server" in end.what


def test_a_flock_whose_holder_is_in_another_namespace_is_not_called_free():
    polls = Thread(
        0, "MainThread", False, False, frames(*POLLS, values={"lock_filename": "/dl/w.lock"})
    )
    look = snapshot([process(20)], {20: polls}, locks=(FileLock("flock", 0, 7, 1, "/dl/w.lock"),))

    (end,) = ends(look)

    assert end.kind is Block.UNSEEN
    assert "namespace" in end.caveat


def test_a_fifo_that_nobody_writes_is_in_the_way_when_it_is_opened():
    look = snapshot(
        [process(7)],
        {7: thread("main /f.py:5", syscall="openat /run/q")},
        pipes=(Pipe(3, (), (), "/run/q"),),
    )

    assert [(e.kind, e.resource) for e in ends(look)] == [(Block.NOBODY, "/run/q")]


def test_a_fifo_that_is_opened_is_known_by_the_kernel_function_alone():
    look = snapshot(
        [process(7, wchan="wait_for_partner")], {7: thread("main /f.py:5", syscall="openat /run/q")}
    )

    assert ends(look)[0].resource == "/run/q"


def test_a_file_that_opens_slowly_is_not_a_fifo():
    look = snapshot([process(7)], {7: thread("main /f.py:5", syscall="openat /data/model")})

    assert [e.kind for e in ends(look)] == [Block.ASLEEP]


def test_a_pipe_leads_to_its_writer():
    look = snapshot(
        [process(7), process(8, ppid=7)],
        {7: thread("main /f.py:5", syscall="read 4"), 8: thread("f /g.py:1")},
        files=(OpenFile(7, 4, "pipe:[55]", 55),),
        pipes=(Pipe(55, (7,), (7, 8)),),
    )

    assert [(w.kind, w.holders) for w in arrows(look)] == [("pipe", (8,))]


@pytest.mark.parametrize("count", [2, 40])
def test_readers_of_one_pipe_do_not_wait_for_each_other(count):
    """Each holds the write end that it inherited; more than a few, and not every path can be followed."""
    readers = range(8, 8 + count)
    look = snapshot(
        [process(7), *(process(pid, ppid=7) for pid in readers)],
        {
            7: thread("f /g.py:1"),
            **{pid: thread("main /f.py:5", syscall="read 4") for pid in readers},
        },
        files=tuple(OpenFile(pid, 4, "pipe:[55]", 55) for pid in (7, *readers)),
        pipes=(Pipe(55, (7, *readers), (7, *readers)),),
    )

    assert {holder for wait in arrows(look) for holder in wait.holders} == {7}
    assert Block.CYCLE not in {end.kind for end in ends(look)}


def test_a_ring_of_many_is_followed_once():
    """Everybody holds what everybody waits for."""
    pids = range(7, 37)
    look = snapshot(
        [process(pid) for pid in pids],
        {pid: thread("main /f.py:5", syscall=f"read {pid}") for pid in pids},
        files=tuple(OpenFile(pid, pid, f"pipe:[{pid}]", pid) for pid in pids),
        pipes=tuple(Pipe(pid, (pid,), tuple(pids)) for pid in pids),
    )

    assert {end.kind for end in ends(look)} == {Block.CYCLE}


def test_a_peer_that_accepted_and_sends_nothing_is_named_by_its_address():
    look = snapshot(
        [process(7)],
        {7: thread("readinto /usr/lib/python3.11/socket.py:706", syscall="recvfrom 4")},
        connections=(Connection(7, 4, "ESTABLISHED", "10.0.0.1:5", "10.0.0.2:8443"),),
    )

    assert [(e.kind, e.resource) for e in ends(look)] == [(Block.SILENT, "10.0.0.2:8443")]


def test_a_peer_on_this_host_is_named_by_its_process():
    look = snapshot(
        [process(7), process(8, "peer.py", ppid=7)],
        {
            7: thread("readinto /usr/lib/python3.11/socket.py:706", syscall="recvfrom 4"),
            8: thread("<module> /peer.py:5"),
        },
        connections=(Connection(7, 4, "ESTABLISHED", "127.0.0.1:5", "127.0.0.1:6", peer_pid=8),),
    )

    (end,) = ends(look)

    assert (end.kind, end.pids) == (Block.SILENT, (8,))


def test_a_connection_that_nobody_accepts_is_a_missing_peer():
    look = snapshot(
        [process(7)],
        {7: thread("create_connection /usr/lib/python3.11/socket.py:827", syscall="connect 4")},
        connections=(Connection(7, 4, "SYN_SENT", "10.0.0.1:5", "10.0.0.2:8443"),),
    )

    assert ends(look)[0].kind is Block.ABSENT


def pool(*inner):
    future = (
        "wait /usr/lib/python3.11/threading.py:327",
        "result /usr/lib/python3.11/concurrent/futures/_base.py:451",
    )
    base = "_worker /usr/lib/python3.11/concurrent/futures/thread.py:83"
    threads = [thread(*future, "main /job.py:20")]
    for number, calls in enumerate(inner):
        stack = (*future, "outer /job.py:7", base) if calls == "waits" else (*calls, base)
        threads.append(thread(*stack, name=f"ThreadPoolExecutor-0_{number}", os_id=50 + number))
    return snapshot([process(7)], {7: threads})


def test_a_pool_whose_threads_all_wait_for_tasks_is_a_deadlock():
    (end,) = ends(pool("waits", "waits"))

    assert end.kind is Block.CYCLE
    assert "outer (/job.py:7)" in end.what


def test_a_pool_with_a_thread_that_works_is_not():
    assert [e.kind for e in ends(pool("waits", ("work /job.py:3",)))] != [Block.CYCLE]


def test_a_pool_thread_without_work_is_free():
    assert [e.kind for e in ends(pool("waits", ()))] != [Block.CYCLE]


def test_two_threads_on_locks_with_nobody_else_running_are_a_deadlock():
    look = snapshot(
        [process(7)],
        {
            7: [
                thread("left /l.py:6", syscall="futex"),
                thread("right /l.py:10", name="Thread-1", os_id=8, syscall="futex"),
            ]
        },
    )

    (end,) = ends(look)

    assert end.kind is Block.CYCLE
    assert "left (/l.py:6)" in end.what
    assert "right (/l.py:10)" in end.what


def test_a_thread_that_sleeps_may_still_set_the_other_free():
    look = snapshot(
        [process(7)],
        {
            7: [
                thread("left /l.py:6", syscall="futex"),
                thread("nap /l.py:10", name="Thread-1", os_id=8, syscall="clock_nanosleep"),
            ]
        },
    )

    assert Block.CYCLE not in [e.kind for e in ends(look)]


def test_a_stopped_engine_core_is_in_the_way_although_all_others_are_idle():
    look = snapshot(
        [process(1, "APIServer", "api-server", ppid=0), core(state="T"), worker(20, 0)],
        {1: thread("run /usr/lib/python3.11/asyncio/runners.py:118"), 20: thread(*IDLE)},
    )

    assert [(e.kind, e.pids) for e in ends(look)] == [(Block.STOPPED, (10,))]


def test_the_busy_rank_is_the_victim_of_the_stopped_one():
    look = snapshot(
        [core(), worker(20, 0, cpu_share=1.0, state="R"), worker(21, 1, state="T")],
        {10: thread(*ANSWER), 20: thread(*REDUCE)},
    )

    assert [(e.kind, e.pids) for e in ends(look)] == [(Block.STOPPED, (21,))]


def test_the_one_rank_outside_the_collective_is_the_culprit_not_the_many_inside():
    ranks = [worker(20 + n, n) for n in range(8)]
    stacks = {p.pid: thread(*REDUCE) for p in ranks[:7]}
    look = snapshot([core(), *ranks], {10: thread(*ANSWER), **stacks, 27: thread("nap /p.py:3")})

    (end,) = ends(look)

    assert (end.kind, end.pids) == (Block.ASLEEP, (27,))
    assert end.waiters == (10, *range(20, 27))


def test_ranks_in_different_collectives_wait_for_each_other():
    look = snapshot(
        [worker(20, 0), worker(21, 1), worker(22, 2)],
        {20: thread(*REDUCE), 21: thread(*REDUCE), 22: thread(*GATHER)},
    )

    first = ends(look)[0]

    assert first.kind is Block.CYCLE
    assert "0-1 in all_reduce" in first.what
    assert "2 in all_gather" in first.what


def test_all_ranks_in_one_collective_is_said_as_that():
    look = snapshot([worker(20, 0), worker(21, 1)], {20: thread(*REDUCE), 21: thread(*REDUCE)})

    assert [e.kind for e in ends(look)] == [Block.COLLECTIVE]


def test_an_engine_that_waits_for_idle_workers_has_lost_a_message():
    look = snapshot([core(), worker(20, 0)], {10: thread(*ANSWER), 20: thread(*IDLE)})

    assert [e.kind for e in ends(look)] == [Block.LOST]


def test_the_cause_may_sit_in_another_thread_than_the_main_one():
    hung = [
        thread(*IDLE),
        thread("copy /v/out.py:3", name="output", os_id=77, syscall="openat /run/q"),
    ]
    look = snapshot(
        [core(), worker(20, 0)],
        {10: thread(*ANSWER), 20: hung},
        pipes=(Pipe(3, (), (), "/run/q"),),
    )

    assert [(e.kind, e.resource) for e in ends(look)] == [(Block.NOBODY, "/run/q")]


def test_an_engine_without_workers_waits_for_the_dead():
    assert [e.kind for e in ends(snapshot([core()], {10: thread(*WORKERS)}))] == [Block.DEAD]


def test_a_rendezvous_names_the_address_and_who_is_missing():
    store = frames(
        "_create_c10d_store /v/torch/distributed/rendezvous.py:199",
        values={"hostname": "'head'", "port": "29500", "rank": "0", "world_size": "2"},
    )
    look = snapshot([worker(20, 0)], {20: Thread(0, "MainThread", False, False, store)})

    (end,) = ends(look)

    assert (end.kind, end.resource) == (Block.ABSENT, "head:29500")
    assert "rank 0 of 2" in end.what


def test_a_rank_that_has_not_come_to_the_rendezvous_is_what_the_others_wait_for():
    store = frames(
        "_create_c10d_store /v/torch/distributed/rendezvous.py:199",
        values={"hostname": "head", "port": "29500", "rank": "0", "world_size": "2"},
    )
    look = snapshot(
        [worker(20, 0), worker(21, 1)],
        {20: Thread(0, "MainThread", False, False, store), 21: thread("nap /p.py:3")},
    )

    assert [(e.kind, e.pids) for e in ends(look)] == [(Block.ASLEEP, (21,))]


def test_a_download_that_grows_moves_although_its_stack_does_not():
    fetch = thread(
        "read /usr/lib/python3.11/ssl.py:1",
        "http_get /v/huggingface_hub/file_download.py:5",
        "load_model /v/vllm/loader.py:1",
    )
    both = {10: thread(*WORKERS), 20: fetch}
    stuck = snapshot([core(), worker(20, 0)], both)
    grows = snapshot([core(), worker(20, 0)], both, growth=(Growth("/hub/blob", 10, 99, 1000.0),))

    assert [e.kind for e in ends(grows)] == [Block.MOVING]
    assert [e.kind for e in ends(stuck)] == [Block.ASLEEP]


def test_a_worker_that_moves_is_at_work():
    look = snapshot(
        [core(), worker(20, 0)],
        {10: thread(*ANSWER), 20: thread("one /m.py:1")},
        later={20: thread("two /m.py:7")},
    )

    assert [(e.kind, e.pids) for e in ends(look)] == [(Block.MOVING, (20,))]


def test_nobody_waits_in_a_server_that_is_idle():
    look = snapshot(
        [core(), worker(20, 0)],
        {
            10: thread("_process_input_queue /v/vllm/v1/engine/core.py:1588"),
            20: thread(*IDLE),
        },
    )

    assert ends(look) == []


def test_idle_workers_mean_that_the_front_end_is_to_be_looked_at():
    look = snapshot(
        [process(1, "APIServer", "api-server", ppid=0), core(), worker(20, 0)],
        {
            1: thread("slow_hook /srv/hook.py:3", "run /usr/lib/python3.11/asyncio/runners.py:118"),
            10: thread("_process_input_queue /v/vllm/v1/engine/core.py:1588"),
            20: thread(*IDLE),
        },
    )

    assert [(e.kind, e.pids) for e in ends(look)] == [(Block.ASLEEP, (1,))]


def test_of_a_program_that_is_no_server_the_children_come_before_their_parent():
    look = snapshot(
        [process(1), process(2, ppid=1)], {1: thread("main /a.py:1"), 2: thread("nap /a.py:7")}
    )

    assert [e.pids for e in ends(look)] == [(2,), (1,)]


def test_a_process_that_waits_for_a_lock_it_holds_itself_is_a_circle():
    jit = frames(BATON[1], values={"build_directory": "/cache/kernel_ext"})
    waits = Thread(0, "MainThread", False, False, (*frames(BATON[0]), *jit))
    look = snapshot([process(7)], {7: waits}, lock_files=(lock_file(holders=(7,)),))

    assert [(e.kind, e.pids) for e in ends(look)] == [(Block.CYCLE, (7,))]


def test_two_builds_that_wait_for_each_others_lock_are_a_circle():
    def waits(folder):
        jit = frames(BATON[1], values={"build_directory": folder})
        return Thread(0, "MainThread", False, False, (*frames(BATON[0]), *jit))

    look = snapshot(
        [process(7), process(8)],
        {7: waits("/cache/a"), 8: waits("/cache/b")},
        lock_files=(
            lock_file(path="/cache/a/lock", holders=(8,)),
            lock_file(path="/cache/b/lock", holders=(7,)),
        ),
    )

    assert [(e.kind, e.pids) for e in ends(look)] == [(Block.CYCLE, (7, 8))]


def test_a_rank_in_a_collective_whose_sisters_idle_is_not_passed_over():
    look = snapshot(
        [core(), worker(20, 0), worker(21, 1)],
        {10: thread(*ANSWER), 20: thread(*IDLE), 21: thread(*REDUCE)},
    )

    (end,) = ends(look)

    assert end.kind is Block.COLLECTIVE
    assert "Worker_TP0 (pid 20)" in end.what


def test_engines_that_meet_in_a_collective_wait_for_engines_not_for_workers():
    look = snapshot(
        [core(10), core(11), worker(20, 0)],
        {10: thread(*REDUCE), 11: thread("nap /p.py:3"), 20: thread(*IDLE)},
    )

    assert [(e.kind, e.pids) for e in ends(look)] == [(Block.ASLEEP, (11,))]


def test_a_child_that_ended_is_progress_only_for_who_waits_for_children():
    """A monitor that a thread starts now and then says nothing of the rank."""
    loader = thread("flush /srv/hook.py:7", "load_model /v/vllm/v1/worker/gpu_worker.py:9")
    waits = thread("wait /usr/lib/python3.11/subprocess.py:1264", "build /srv/hook.py:9")
    late = ends(snapshot([core(), worker(20, 0, reaped_s=0.2)], {10: thread(*ANSWER), 20: loader}))
    busy = ends(snapshot([core(), worker(20, 0, reaped_s=0.2)], {10: thread(*ANSWER), 20: waits}))

    assert late[0].kind is Block.ASLEEP
    assert busy[0].kind is Block.MOVING


def test_a_child_that_was_started_during_the_look_has_not_stood_still():
    parent = process(20)
    waits = thread("Popen._try_wait subprocess.py:2004", syscall="wait4 21")
    for started_s, kind in ((NOW + 1.9, Block.MOVING), (NOW - 60, Block.ASLEEP)):
        child = process(21, ppid=20, started_s=started_s)
        seen = snapshot([parent, child], {20: waits, 21: thread("<module> <string>:1")})
        assert [end.kind for end in ends(seen)] == [kind]


LOOP = ("run /usr/lib/python3.11/asyncio/runners.py:118",)
ITSELF = Connection(99, 6, "unix", "", "", peer_pid=99)


def test_an_event_loop_of_a_program_alone_that_nothing_can_wake_is_told():
    look = snapshot(
        [process(99, "job.py")],
        {99: thread(*LOOP, syscall="epoll_wait 6 forever")},
        connections=(ITSELF,),
    )

    assert [(e.kind, e.pids) for e in ends(look)] == [(Block.ASLEEP, (99,))]
    assert "and has no other thread" in ends(look)[0].what


def test_a_program_beside_a_server_that_idles_holds_nobody_up():
    """A proxy or an exporter in the server's tree waits all its life."""
    look = snapshot(
        [core(), worker(20, 0), process(99, "exporter.py", ppid=10), process(98, "job.py", ppid=10, locked_inside=True)],
        {
            10: thread("_process_input_queue /v/vllm/v1/engine/core.py:1200"),
            20: thread(*IDLE),
            99: thread(*LOOP, syscall="epoll_wait 6 forever"),
            98: thread("wait /usr/lib/python3.11/threading.py:629", syscall="futex private forever"),
        },
        root=10,
        connections=(ITSELF,),
    )  # fmt: skip

    assert ends(look) == []


def test_a_thread_that_comes_back_by_itself_is_in_no_circle():
    def look(limit):
        return snapshot(
            [process(7, threads=2)],
            {
                7: [
                    thread("join /usr/lib/python3.11/threading.py:1119", syscall="futex private forever"),
                    thread("wait /usr/lib/python3.11/threading.py:331", name="Thread-1", os_id=8,
                           syscall=f"futex private {limit}"),
                ],
            },
        )  # fmt: skip

    assert [e.kind for e in ends(look("forever"))] == [Block.CYCLE]
    assert Block.CYCLE not in [e.kind for e in ends(look("15s"))]


def test_a_poll_of_several_descriptors_waits_for_none_of_them_alone():
    def look(other):
        return snapshot(
            [process(7), process(8, ppid=7), process(9, ppid=7)],
            {7: thread("main /f.py:5", syscall="poll 4 5"), 8: thread("f /g.py:1")},
            files=(OpenFile(7, 4, "pipe:[55]", 55), OpenFile(7, 5, "pipe:[56]", 56)),
            pipes=(Pipe(55, (7,), (8,)), Pipe(56, (7,), (other,))),
        )

    assert arrows(look(9)) == ()
    assert [wait.holders for wait in arrows(look(8))] == [(8,)]


def test_who_waits_for_a_child_that_was_not_looked_at_does_not_wait_for_its_sisters():
    look = snapshot(
        [process(7), process(8, ppid=7)],
        {7: thread("main /f.py:5", syscall="wait4 9"), 8: thread("f /g.py:1")},
    )
    seen = snapshot(
        [process(7), process(8, ppid=7)],
        {7: thread("main /f.py:5", syscall="wait4 8"), 8: thread("f /g.py:1")},
    )

    assert arrows(look) == ()
    assert [wait.holders for wait in arrows(seen)] == [(8,)]


def test_others_who_wait_for_a_lock_that_the_server_holds_are_none_of_its_waits():
    """A lock that a shell took before it started the server is open in all that it starts."""
    lock = {"device": 1, "inode": 1, "path": "/run/job.lock"}
    look = snapshot(
        [process(7, "server.py"), process(99, "flock", python=False, syscall="flock 3")],
        {7: thread("main /f.py:5", syscall="clock_nanosleep 600s")},
        files=(OpenFile(99, 3, "/run/job.lock", 1, 1),),
        locks=(FileLock("flock", 7, **lock), FileLock("flock", 99, waiting=True, **lock)),
    )

    assert arrows(look) == ()
    assert [(e.kind, e.pids, e.waiters) for e in ends(look)] == [(Block.ASLEEP, (7,), ())]
