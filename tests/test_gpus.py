"""What the devices say beside the stacks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from looks import diagnose, process, recorded, snapshot, thread, worker

from diagnose.catalogue import default_root
from diagnose.live import documents, look
from diagnose.live.gpus import devices
from diagnose.model import Block, Gpu
from diagnose.pipeline import Examiner
from diagnose.prove import load_all

C10D = "/v/torch/distributed/distributed_c10d.py:2810"
REDUCES = (f"all_reduce {C10D}", "forward /v/vllm/model_executor/models/llama.py:240")


def gpus(*busy, pids=()):
    """Devices with a use in per cent each; `pids` are their processes, one a device."""
    found = []
    for index, use in enumerate(busy):
        users = (pids[index],) if pids else ()
        found.append(Gpu(index, "NVIDIA H100 80GB HBM3", use, 2**30, 80 * 2**30, 120.0, users))
    return tuple(found)


def ranks(count, cards):
    """Ranks that all stand in the same collective, below an engine that waits for them."""
    answer = (
        "acquire_read /v/vllm/distributed/device_communicators/shm_broadcast.py:864",
        "dequeue /v/vllm/distributed/device_communicators/shm_broadcast.py:971",
        "get_response /v/vllm/v1/executor/multiproc_executor.py:440",
    )
    members = [worker(20 + rank, rank) for rank in range(count)]
    stacks = {member.pid: thread(*REDUCES) for member in members}
    core = process(10, "EngineCore", "engine-core")
    return snapshot([core, *members], {10: thread(*answer), **stacks}, gpus=cards)


def test_one_device_at_zero_among_busy_ones_names_its_rank():
    seen = look(ranks(8, gpus(100, 100, 100, 0, 100, 100, 100, 100, pids=range(20, 28))))

    assert seen.blocker.kind is Block.COLLECTIVE
    assert "GPU 3 (Worker_TP3 (pid 23)) is idle while GPUs 0-2,4-7 are at full use" in seen.why


def test_without_the_devices_processes_only_the_device_is_named():
    seen = look(ranks(4, gpus(0, 100, 100, 100)))

    assert "GPU 0 is idle while GPUs 1-3 are at full use" in seen.why


@pytest.mark.parametrize(
    ("busy", "says"),
    [
        ((0, 2, 0), "all 3 GPUs are idle: what is waited for is on the host"),
        ((99, 100, 100), "all 3 GPUs are at full use, which a kernel that waits"),
        ((100,), "the GPU is at full use"),
        ((50, 100, 0), ""),
        ((None, None), ""),
        ((), ""),
    ],
)
def test_what_all_devices_say_together(busy, says):
    said = devices(look(ranks(3, gpus(*busy))).view).sentence

    assert said.startswith(says)
    assert bool(said) == bool(says)


def test_devices_of_other_servers_do_not_count():
    cards = gpus(0, 0, 100, pids=(20, 21, 999))

    assert devices(look(ranks(2, cards)).view).sentence.startswith("all 2 GPUs are idle")


def test_the_odd_device_is_evidence_for_the_catalogue():
    examiner = Examiner(load_all(default_root())[0])
    hung = replace(recorded("runtime_sigstop_worker"), gpus=gpus(100, 0, pids=(20625, 20626)))
    (host,) = [d.text for d in documents(hung) if d.name == "host"]
    found = diagnose(examiner, hung)

    assert "gpu 1 NVIDIA H100 80GB HBM3 busy 0 % by Worker_TP1 (pid 20626)\n" in host
    assert "gpu 1 idle now while gpu 0 is pegged\n" in host
    assert found.cause.signature.id == "host/process-stopped"


def test_a_server_that_idles_stays_healthy_whatever_its_devices_do():
    examiner = Examiner(load_all(default_root())[0])
    for cards in (gpus(0, 0), gpus(100, 0), gpus(100, 100)):
        found = diagnose(examiner, replace(recorded("healthy_tp2"), gpus=cards))
        assert (found.verdict, found.cause) == ("healthy", None)


def test_a_full_dev_shm_stands_behind_what_blocks():
    examiner = Examiner(load_all(default_root())[0])
    full = {"shm_free": 0, "shm_total": 64 * 2**20}
    stopped = diagnose(examiner, replace(recorded("sigstop_start"), **full))
    idle = diagnose(examiner, replace(recorded("healthy_tp2"), **full))

    assert stopped.cause.signature.id == "host/process-stopped"
    assert (idle.verdict, idle.cause) == ("healthy", None)
