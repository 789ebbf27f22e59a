from __future__ import annotations

import pytest
from examine import cause, diagnose

from diagnose.document import read_line
from diagnose.news import is_ending, is_heartbeat, last_news
from diagnose.phases import engines, phases


def progress(text):
    return diagnose(text, cause("a/one", "apple")).progress


def lines(*texts):
    return [read_line("log", number, text.encode()) for number, text in enumerate(texts, start=1)]


def test_the_furthest_phase_counts():
    came = progress("""
        (EngineCore pid=2) INFO 07-01 02:00:00 [core.py:113] Initializing a V1 LLM engine (v0.22.1) with config: model='m'
        (Worker pid=9) INFO 07-01 02:00:09 [a.py:1] world_size=2 rank=0 local_rank=0 distributed_init_method=tcp://h:1 backend=nccl
        (Worker_TP0 pid=9) INFO 07-01 02:00:19 [a.py:1] Loading weights took 12.50 seconds
    """)

    assert came.engine == "vllm"
    assert came.reached == "weight-processing"
    assert came.ready is None


def test_readiness_is_the_last_phase():
    assert progress("(APIServer pid=1) INFO:     Application startup complete.").reached == "ready"


def test_a_second_server_in_one_log_starts_anew():
    came = progress("""
        (APIServer pid=1) INFO 07-01 02:00:00 [a.py:1] non-default args: {'port': 1}
        (APIServer pid=1) INFO:     Application startup complete.
        (APIServer pid=5) INFO 07-01 03:00:00 [a.py:1] non-default args: {'port': 1}
        (EngineCore pid=6) INFO 07-01 03:00:09 [core.py:113] Initializing a V1 LLM engine (v0.22.1) with config: model='m'
    """)

    assert came.ready is None
    assert came.reached == "engine-start"


def test_a_rank_without_the_line_of_its_sisters_is_behind():
    text = "\n".join(
        f"(Worker_TP{rank} pid={90 + rank}) INFO 07-01 02:00:0{rank} [a.py:1] Starting to load model m..."
        for rank in range(3)
    )
    late = "\n(Worker_TP3 pid=93) INFO 07-01 02:00:00 [a.py:1] apple"

    assert [writer.name for writer in progress(text + late).behind] == ["Worker_TP3"]


def test_a_line_that_only_rank_0_prints_makes_nobody_late():
    came = progress("""
        (Worker_TP0 pid=90) INFO 07-01 02:00:01 [a.py:1] Loading weights took 12.50 seconds
        (Worker_TP1 pid=91) INFO 07-01 02:00:01 [a.py:1] apple
    """)

    assert came.behind == ()


def test_the_stall_runs_from_the_last_news_to_the_end():
    came = progress("""
        (Worker_TP0 pid=90) INFO 07-01 02:00:00 [a.py:1] Loading weights took 12.50 seconds
        (EngineCore pid=2) INFO 07-01 02:30:00 [shm_broadcast.py:1] No available shared memory broadcast block found in 60 seconds.
        (EngineCore pid=2) INFO 07-01 03:00:00 [shm_broadcast.py:1] No available shared memory broadcast block found in 60 seconds.
    """)

    assert came.stalled_s == 3600
    assert came.last_progress is not None
    assert "Loading weights" in came.last_progress.text


def test_without_times_nothing_is_claimed_about_the_stall():
    assert progress("apple\npears").stalled_s is None


@pytest.mark.parametrize(
    "text",
    [
        "No available shared memory broadcast block found in 60 seconds.",
        "Waiting for 1 local, 0 remote core engine proc(s) to start.",
        "Waiting for READY message from DP Coordinator...",
        "Still waiting to acquire lock on /x (elapsed: 600.0 seconds)",
        'INFO:     127.0.0.1:50214 - "GET /health HTTP/1.1" 200 OK',
    ],
)
def test_a_heartbeat_is_no_news(text):
    assert is_heartbeat(lines(text)[0])
    assert last_news(lines("news", text)).message == "news"


@pytest.mark.parametrize(
    "text",
    [
        "##[error]The operation was canceled.",
        "slurmstepd: error: *** STEP 1.0 ON n CANCELLED AT 2026-03-09T05:12:41 DUE TO TIME LIMIT ***",
        "Cleaning up orphan processes",
    ],
)
def test_an_ending_is_no_news(text):
    assert is_ending(lines(text)[0])


def test_what_was_said_before_is_no_news():
    assert last_news(lines("one", "two", "one")).message == "two"


def test_a_bar_that_moves_is_news_and_one_that_only_redraws_is_not():
    moves = lines("Loading:  10%|# | 1/10 [00:01<00:09]", "Loading:  20%|## | 2/10 [00:02<00:08]")
    stands = lines(
        "Down:   0%| | 5.07M/3.50G [31:07<358:02]", "Down:   0%| | 5.07M/3.50G [3:02:44<2102:57]"
    )

    assert last_news(moves).number == 2
    assert last_news(stands).number == 1


@pytest.mark.parametrize("engine", engines())
def test_every_engine_ends_ready_and_names_each_phase_once(engine):
    ids = [phase.id for phase in phases(engine)]

    assert ids[-1] == "ready"
    assert len(ids) == len(set(ids))


def test_an_engine_without_a_table_has_no_phases():
    assert phases("tgi") == ()
