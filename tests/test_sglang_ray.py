"""Servers of other shapes than vLLM's own processes: SGLang's schedulers, Ray's actors.

The frames are those of SGLang 0.5 and of vLLM's Ray executors, as dumps in their issue trackers show them.
"""

from __future__ import annotations

from looks import process, snapshot, thread

from diagnose.live import look
from diagnose.model import Block, State

SITE = "/usr/lib/python3/dist-packages"
SRT = f"{SITE}/sglang/srt"
C10D = f"{SITE}/torch/distributed/distributed_c10d.py"
LOOP = (
    f"event_loop_overlap {SRT}/managers/scheduler.py:1132",
    f"run_scheduler_process {SRT}/managers/scheduler.py:2983",
)
RECEIVES = (
    f"recv_pyobj {SITE}/zmq/sugar/socket.py:989",
    f"recv_requests {SRT}/managers/scheduler.py:1190", *LOOP,
)  # fmt: skip
IS_TOLD = (
    f"broadcast {C10D}:2714", f"wrapper {SITE}/torch/distributed/c10d_logger.py:81",
    f"broadcast_pyobj {SRT}/utils/common.py:1243", f"recv_requests {SRT}/managers/scheduler.py:1233", *LOOP,
)  # fmt: skip
REDUCES = (
    f"all_reduce {C10D}:2810", f"all_reduce {SRT}/distributed/parallel_state.py:508",
    f"forward {SRT}/models/llama.py:240", f"run_batch {SRT}/managers/scheduler.py:2101", *LOOP,
)  # fmt: skip
SERVES = (
    "run /usr/lib/python3.12/asyncio/runners.py:118",
    f"launch_server {SRT}/entrypoints/http_server.py:1600",
)
DETOKENIZES = (
    f"recv_pyobj {SITE}/zmq/sugar/socket.py:989",
    f"event_loop {SRT}/managers/detokenizer_manager.py:139",
)
BARRIER = (f"monitored_barrier {C10D}:4690", f"load_model {SRT}/model_executor/model_runner.py:830")
AWAITS = (
    "_recv /usr/lib/python3.12/multiprocessing/connection.py:395", "recv /usr/lib/python3.12/multiprocessing/connection.py:250",
    f"_wait_for_scheduler_ready {SRT}/entrypoints/engine.py:2013",
)  # fmt: skip
SLEEPS = (
    "wait_for_share /srv/storage.py:9",
    f"load_model {SRT}/model_executor/model_runner.py:801",
)


def sglang(**stacks):
    """A front end, two schedulers and a detokenizer; by name the main thread of each."""
    processes = [
        process(1, "TokenizerManager", "api-server"),
        process(2, "scheduler_TP0", "scheduler", ppid=1, ranks=(("TP", 0),)),
        process(3, "scheduler_TP1", "scheduler", ppid=1, ranks=(("TP", 1),)),
        process(4, "detokenizer", "detokenizer", ppid=1),
    ]
    numbers = {"front": 1, "tp0": 2, "tp1": 3, "detokenizer": 4}
    calls = {"front": SERVES, "detokenizer": DETOKENIZES, **stacks}
    return snapshot(processes, {numbers[name]: thread(*value) for name, value in calls.items()})


def test_schedulers_that_ask_for_requests_are_idle_also_where_they_ask_by_a_broadcast():
    seen = look(sglang(tp0=RECEIVES, tp1=IS_TOLD))

    assert (seen.state, seen.blocker) == (State.IDLE, None)


def test_a_scheduler_that_left_the_collective_is_named():
    seen = look(sglang(tp0=REDUCES, tp1=("flush /srv/hook.py:7", *REDUCES[2:])))

    assert seen.blocker.kind is Block.ASLEEP
    assert seen.blocker.pids == (3,)
    assert seen.blocker.waiters == (2,)


def test_one_scheduler_in_a_collective_while_the_other_asks_for_requests_is_a_hang():
    seen = look(sglang(tp0=REDUCES, tp1=IS_TOLD))

    assert seen.blocker.kind is Block.COLLECTIVE
    assert "scheduler_TP0" in seen.blocker.what


def test_a_scheduler_that_does_not_come_back_from_loading_is_named():
    seen = look(sglang(front=AWAITS, tp0=BARRIER, tp1=SLEEPS))

    assert (seen.blocker.kind, seen.blocker.pids) == (Block.ASLEEP, (3,))
    assert set(seen.blocker.waiters) == {1, 2}
    assert "loads the model" in seen.blocker.what


RAY = f"{SITE}/ray/_private/worker.py"
ASKS = (
    f"get {RAY}:2858",
    f"collective_rpc {SITE}/vllm/v1/executor/ray_executor.py:510",
    f"step {SITE}/vllm/v1/engine/core.py:674",
)
ACTOR_IDLE = (
    f"main_loop {RAY}:1066",
    f"<module> {SITE}/ray/_private/workers/default_worker.py:323",
)
ACTOR_REDUCES = (
    f"all_reduce {C10D}:2810", f"all_reduce {SITE}/vllm/distributed/parallel_state.py:508",
    f"execute_method {SITE}/vllm/v1/worker/worker_base.py:340", *ACTOR_IDLE,
)  # fmt: skip
ACTOR_SLEEPS = ("flush /srv/hook.py:7", *ACTOR_REDUCES[2:])


def ray(first, second, core=ASKS):
    """An engine core that asks two actors, whose parent is a raylet."""
    processes = [
        process(1, "APIServer", "api-server"),
        process(10, "EngineCore", "engine-core", ppid=1),
        process(20, "ray::RayWorkerWrapper", "worker", ppid=5),
        process(21, "ray::RayWorkerWrapper", "worker", ppid=5),
    ]
    stacks = {1: SERVES, 10: core, 20: first, 21: second}
    return snapshot(processes, {pid: thread(*calls) for pid, calls in stacks.items()})


def test_an_engine_that_asks_ray_actors_waits_for_the_one_that_left_the_collective():
    seen = look(ray(ACTOR_REDUCES, ACTOR_SLEEPS))

    assert (seen.blocker.kind, seen.blocker.pids) == (Block.ASLEEP, (21,))
    assert set(seen.blocker.waiters) == {10, 20}


def test_actors_without_a_call_are_idle():
    core = (
        "get /usr/lib/python3.12/queue.py:171",
        f"_process_input_queue {SITE}/vllm/v1/engine/core.py:800",
    )

    assert look(ray(ACTOR_IDLE, ACTOR_IDLE, core)).state is State.IDLE


def test_actors_that_all_wait_for_a_call_below_an_engine_that_waits_have_lost_one():
    assert look(ray(ACTOR_IDLE, ACTOR_IDLE)).blocker.kind is Block.LOST
