"""Several servers in one log."""

from __future__ import annotations

from examine import cause, diagnose

from diagnose.pipeline import Examiner
from diagnose.prove import source

ARGS = "(APIServer pid={0}) INFO 07-01 02:00:00 [a.py:1] non-default args: {{'port': 1}}"
BANNER = "(APIServer pid={0}) INFO 07-01 02:00:00 [a.py:1]  ▀▄▀ █  version 0.22.1"
CORE = "(EngineCore pid=2) INFO 07-01 02:00:09 [core.py:113] Initializing a V1 LLM engine (v0.22.1) with config: model='m'"
READY = "INFO:     Application startup complete."
APPLE = cause("a/one", "apple")


def log(*lines):
    return "\n".join(lines)


def test_the_second_servers_readiness_proves_nothing_about_the_first():
    text = log(ARGS.format(1), CORE, "apple", ARGS.format(7), CORE, READY)

    diagnosis = diagnose(text, APPLE)

    assert diagnosis.cause is not None
    assert diagnosis.cause.first.line.number == 3


def test_a_healthy_server_after_healthy_servers_is_healthy():
    text = log(*[ARGS.format(1), CORE, READY] * 3)

    assert diagnose(text, APPLE).verdict == "healthy"


def test_a_servers_own_readiness_clears_what_came_before():
    text = log(ARGS.format(1), CORE, "apple", READY, ARGS.format(7), CORE, READY)

    assert diagnose(text, APPLE).verdict == "healthy"


def test_of_two_failures_the_last_is_told():
    text = log(ARGS.format(1), CORE, "apple", ARGS.format(7), CORE, "apple")

    diagnosis = diagnose(text, APPLE)

    assert diagnosis.cause is not None
    assert diagnosis.cause.first.line.number == 6


def test_repeated_lines_of_one_banner_are_one_server():
    text = log(ARGS.format(1), ARGS.format(1), CORE, "apple", READY)

    assert diagnose(text, APPLE).verdict == "healthy"


def test_what_follows_the_end_of_the_work_belongs_to_the_next_server():
    text = log(
        ARGS.format(1),
        CORE,
        READY,
        "Script completed successfully",
        "apple",
        ARGS.format(7),
        CORE,
        READY,
    )

    assert diagnose(text, APPLE).verdict == "healthy"


def test_a_server_in_another_file_that_came_up_proves_nothing():
    files = [
        source(log(ARGS.format(1), CORE, "apple"), "a.log"),
        source(log(ARGS.format(7), CORE, READY), "b.log"),
    ]

    assert Examiner({APPLE.id: APPLE}).diagnose(files).cause is not None


STAMP = "2026-07-01T02:{}:00.0000000Z "


def test_a_launchers_file_goes_with_the_server_that_came_up_later():
    server = source(log(ARGS.format(7), CORE, STAMP.format("10") + READY), "b.log")
    files = [source(STAMP.format("05") + "apple", "a.log"), server]

    assert Examiner({APPLE.id: APPLE}).diagnose(files).verdict == "healthy"


def test_a_line_of_another_file_without_a_time_is_not_known_to_have_passed():
    files = [source("apple", "a.log"), source(log(ARGS.format(7), CORE, READY), "b.log")]

    assert Examiner({APPLE.id: APPLE}).diagnose(files).cause is not None


def test_what_broke_before_the_first_server_does_not_cut_its_banner():
    text = log("apple: SomeError: retried", BANNER.format(1), ARGS.format(1), CORE, READY)

    assert diagnose(text, APPLE).verdict == "healthy"


def test_a_later_server_that_serves_did_what_the_first_could_not():
    served = 'INFO:     127.0.0.1:50382 - "POST /v1/completions HTTP/1.1" 200 OK'
    text = log(ARGS.format(1), CORE, "apple", ARGS.format(7), CORE, READY, served)

    assert diagnose(text, APPLE).verdict == "healthy"


def test_the_good_end_of_one_node_says_nothing_about_another():
    """Each node's file holds two attempts; which file comes last is only a matter of its name."""
    served = 'INFO:     127.0.0.1:50382 - "POST /v1/completions HTTP/1.1" 200 OK'
    bad = log(ARGS.format(1), CORE, "apple", ARGS.format(7), CORE, "apple")
    good = log(ARGS.format(1), CORE, "plum", ARGS.format(7), CORE, READY, served)
    examiner = Examiner({APPLE.id: APPLE})

    diagnosis = examiner.diagnose([source(bad, "node0.log"), source(good, "node1.log")])

    assert diagnosis.verdict == "failed"
