"""What the run did, with and without a cause."""

from __future__ import annotations

from examine import cause, diagnose, failure, symptom

STOP = failure("ci/step-failed", "step failed")
STARVED = symptom("vllm/starved", "No available shared memory", kind="startup-hang")
BEAT = "(EngineCore pid=2) INFO 07-01 {} [shm_broadcast.py:1] No available shared memory broadcast block found in 60 seconds."
LOADED = "(Worker_TP0 pid=9) INFO 07-01 02:00:00 [a.py:1] Loading weights took 12.50 seconds"
SPAWNED = "(Worker pid=9) INFO 07-01 02:00:00 [a.py:1] world_size=2 rank=0 local_rank=0 distributed_init_method=tcp://h:1 backend=nccl"
READY = "(APIServer pid=1) INFO:     Application startup complete."


def verdict(text, *signatures):
    return diagnose(text, *(signatures or (cause("a/one", "apple"),))).verdict


def test_the_kind_of_the_cause_decides():
    assert verdict("apple", cause("a/one", "apple", kind="crash")) == "failed"
    assert verdict("apple", cause("a/one", "apple", kind="startup-hang")) == "hung"
    assert verdict("apple", cause("a/one", "apple", kind="slow")) == "slow"


def test_what_was_slow_and_then_ended_by_a_failure_failed():
    assert verdict("apple\nstep failed", cause("a/one", "apple", kind="slow"), STOP) == "failed"


def test_half_an_hour_of_heartbeats_is_a_hang():
    text = "\n".join([LOADED, BEAT.format("02:01:00"), BEAT.format("02:35:00")])

    assert verdict(text, STARVED) == "hung"


def test_a_heartbeat_or_two_decide_nothing():
    text = "\n".join([LOADED, BEAT.format("02:01:00"), BEAT.format("02:02:00")])

    assert verdict(text, STARVED) == "undecidable"


def test_heartbeats_before_the_server_was_ready_are_healthy():
    assert verdict("\n".join([LOADED, BEAT.format("02:01:00"), READY]), STARVED) == "healthy"


def test_a_start_that_ends_in_a_quiet_phase_is_a_hang():
    assert verdict(SPAWNED) == "hung"


def test_a_start_that_ends_with_an_error_failed():
    assert verdict(f"{SPAWNED}\nRuntimeError: it broke") == "failed"


def test_an_error_that_the_run_outlived_is_no_failure():
    assert verdict(f"RuntimeError: it broke\n{READY}") == "healthy"


def test_an_error_after_the_server_was_ready_failed():
    assert verdict(f"{READY}\nRuntimeError: it broke") == "failed"


def test_work_that_was_done_is_healthy():
    assert verdict("Script completed successfully") == "healthy"


def test_a_log_that_says_nothing_is_not_judged():
    assert verdict("hello") == "undecidable"
    assert diagnose("hello", cause("a/one", "apple")).chain == ()


def test_a_server_killed_after_the_work_was_done_is_cleaned_up():
    killed = symptom("host/killed", "Killed", kind="crash")
    done = "Found result file: out.json"

    assert verdict(f"{READY}\n{done}\n8112 Killed  vllm serve", killed) == "healthy"
    assert verdict(f"{READY}\n8112 Killed  vllm serve", killed) == "failed"
