"""Tracebacks of several processes, in every form in which they are printed."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from diagnose import document
from diagnose.dialects.tracebacks import Frame, Traceback
from diagnose.model import Line, Writer

FIXTURES = Path(__file__).parent.parent / "fixtures" / "tracebacks"


def read(text: str | bytes) -> list[Line]:
    raw = text.encode() if isinstance(text, str) else text
    lines = raw.split(b"\n")
    return [document.read_line("a.log", number, line) for number, line in enumerate(lines, 1)]


def tracebacks(text: str | bytes) -> tuple[Traceback, ...]:
    return document.tracebacks(read(text))


def span(block: Traceback) -> tuple[int, int]:
    return block.first.number, block.last.number


BARE = """\
Traceback (most recent call last):
  File "/opt/vllm/engine.py", line 12, in run
    self.load()
    ^^^^^^^^^^^
  File "/opt/vllm/loader.py", line 7, in load
    raise ValueError("no weights")
ValueError: no weights"""
FRAMES = (Frame("/opt/vllm/engine.py", 12, "run"), Frame("/opt/vllm/loader.py", 7, "load"))


def test_a_bare_traceback_has_its_frames_outermost_first():
    (block,) = tracebacks(f"starting\n{BARE}\nstopping")

    assert block.frames == FRAMES
    assert (block.exception, block.message) == ("ValueError", "no weights")
    assert (block.writer, block.chained) == (Writer(), "")
    assert span(block) == (2, 8)
    assert [line.number for line in block.lines] == list(range(2, 9))


def test_a_logged_traceback_of_a_real_worker_is_whole_and_knows_its_process():
    text = (FIXTURES / "worker-raises.log").read_bytes()
    assert b"\r\n" in text

    worker, core, bare_core, server = tracebacks(text)

    assert (worker.writer.name, worker.exception) == ("Worker_TP1", "RuntimeError")
    assert worker.message == "lab: simulated failure while loading weights"
    assert worker.frames[-1].func == "_fault_raise"
    assert (core.writer.name, core.writer.pid, len(core.frames)) == ("EngineCore", 13524, 9)
    assert (bare_core.writer, len(bare_core.frames)) == (
        Writer("EngineCore", None, "engine-core"),
        12,
    )
    assert (server.writer, server.exception, len(server.frames)) == (Writer(), "RuntimeError", 23)


def test_a_real_chain_says_how_its_second_traceback_follows():
    cause, effect, server = tracebacks((FIXTURES / "rpc-times-out.log").read_bytes())

    assert (cause.exception, cause.message, cause.chained) == ("TimeoutError", "", "")
    assert effect.message == "RPC call to execute_model timed out."
    assert effect.chained == "cause"
    assert server.exception == "vllm.v1.engine.exceptions.EngineDeadError"
    assert server.chained == ""


def test_an_exception_during_the_handling_of_another_is_a_context():
    between = "During handling of the above exception, another exception occurred:"

    first, second = tracebacks(f"{BARE}\n\n{between}\n\n{BARE}")

    assert (first.chained, second.chained) == ("", "context")


def styled(text: str, prefix: str) -> list[str]:
    return [prefix + line for line in text.split("\n")]


PREFIXES = {
    "logged": "(Worker_TP{rank} pid={pid}) ERROR 11-21 22:19:35 [multiproc_executor.py:953] ",
    "decorated": "\x1b[1;36m(VllmWorker rank={rank} pid={pid})\x1b[0;0m ",
    "torch": "[rank{rank}]: ",
    "mpirun": "[1,{rank}]<stderr>:",
    "ray": "(RayWorkerWrapper pid={pid}, ip=10.0.0.{rank}) ",
    "srun": "{rank}: ",
}


@pytest.mark.parametrize("style", PREFIXES)
def test_interleaved_tracebacks_of_eight_ranks_come_apart(style):
    ranks = []
    for rank in range(8):
        prefix = PREFIXES[style].format(rank=rank, pid=100 + rank)
        ranks.append(styled(BARE.replace("no weights", f"rank {rank} has none"), prefix))
    order = [rank for rank, lines in enumerate(ranks) for _ in lines]
    random.Random(style).shuffle(order)
    queues = [iter(lines) for lines in ranks]

    found = tracebacks("\r\n".join(next(queues[rank]) for rank in order))

    assert {block.message for block in found} == {f"rank {rank} has none" for rank in range(8)}
    assert all(block.frames == FRAMES for block in found)
    assert len({block.writer for block in found}) == 8
    firsts = [block.first.number for block in found]
    assert firsts == sorted(firsts)


def test_bare_lines_after_a_schedulers_record_are_its_traceback():
    head = "[2026-06-20 08:00:51 DP2 TP2] Scheduler hit an exception: "

    (block,) = tracebacks(f"{head}{BARE}\n[2026-06-20 08:00:52] Received sigquit")

    assert block.writer.ranks == (("DP", 2), ("TP", 2))
    assert block.frames == FRAMES
    assert block.first.message.startswith("Scheduler hit")


def test_a_bare_traceback_after_a_schedulers_is_nobodys():
    head = "[2026-06-20 08:00:51 TP2] Scheduler hit an exception: "

    scheduler, bare = tracebacks(f"{head}{BARE}\nKilled\n{BARE}")

    assert (scheduler.writer.ranks, bare.writer) == ((("TP", 2),), Writer())


def test_a_line_that_names_the_process_names_the_writer_of_what_follows():
    (block,) = tracebacks(f"Process SpawnProcess-1:\n{BARE}")

    assert block.writer.name == "SpawnProcess-1"


def test_records_of_other_processes_may_lie_between():
    lines = BARE.split("\n")
    lines.insert(3, "(EngineCore pid=1) INFO 11-21 22:17:34 [shm.py:871] ValueError: not mine")
    lines.insert(5, "[2026-06-20 08:00:52] KeyError: not mine either")

    (block,) = tracebacks("\n".join(lines))

    assert (block.frames, block.message) == (FRAMES, "no weights")
    assert len(block.lines) == 7


def test_foreign_bare_lines_may_lie_between():
    lines = BARE.split("\n")
    lines.insert(2, "Loading safetensors checkpoint shards: 100% Completed | 1/1")
    lines.insert(4, "srun: error: node-07: task 0: Exited with exit code 1")

    (block,) = tracebacks("\n".join(lines))

    assert (block.frames, block.message) == (FRAMES, "no weights")


def test_further_lines_of_a_logged_message_belong_to_it():
    prefix = "(Worker_TP0 pid=1) ERROR 11-21 22:19:35 [worker.py:5] "
    more = f"{BARE}\nSet HIP_LAUNCH_BLOCKING=1."

    (block,) = tracebacks("\n".join(styled(more, prefix)) + "\nother")

    assert (block.last.number, block.lines[-1].number) == (7, 8)


def test_an_extract_that_starts_in_the_middle_is_still_a_traceback():
    (block,) = tracebacks("\n".join(BARE.split("\n")[4:]))

    assert (block.frames, block.exception) == (FRAMES[1:], "ValueError")
    assert span(block) == (1, 3)


def test_a_traceback_that_is_cut_off_has_no_exception():
    (block,) = tracebacks("\n".join(BARE.split("\n")[:3]))

    assert (block.exception, block.message, span(block)) == ("", "", (1, 3))


def test_printed_frames_without_an_exception_end_with_the_next_words():
    frames = "\n".join(BARE.split("\n")[1:3])

    first, second = tracebacks(f"{frames}\n[QUARK-ERROR]: C++ kernel compile error\n{BARE}")

    assert (first.exception, span(first)) == ("", (1, 2))
    assert (second.exception, second.frames) == ("ValueError", FRAMES)


@pytest.mark.parametrize(
    ("line", "exception", "message"),
    [
        ("KeyboardInterrupt", "KeyboardInterrupt", ""),
        ("SystemExit: 1", "SystemExit", "1"),
        ("Exception: stop", "Exception", "stop"),
        ("TimeoutError", "TimeoutError", ""),
        ("torch.OutOfMemoryError: HIP out of memory.", "torch.OutOfMemoryError", None),
        ("zmq.error.ZMQError: Address in use (addr='x')", "zmq.error.ZMQError", None),
        ("socket.gaierror: [Errno -2] Name", "socket.gaierror", "[Errno -2] Name"),
        ("queue.Empty", "queue.Empty", ""),
        (
            "triton.runtime.errors.OutOfResources: shared",
            "triton.runtime.errors.OutOfResources",
            None,
        ),
        ("RuntimeError: ", "RuntimeError", ""),
    ],
)
def test_the_class_and_the_message_are_taken_apart(line, exception, message):
    (block,) = tracebacks(BARE.replace("ValueError: no weights", line))

    assert block.exception == exception
    assert block.message == (line.partition(": ")[2] if message is None else message)


@pytest.mark.parametrize("line", ["Killed", "srun: error: x", "Loading: 5%", "INFO: up", "a.b: c"])
def test_other_words_end_no_traceback(line):
    (block,) = tracebacks(f"{BARE}".replace("ValueError: no weights", line))

    assert block.exception == ""


def test_a_traceback_in_a_json_line_is_found():
    entry = {"levelname": "ERROR", "message": "failed", "processName": "Worker_TP1", "process": 9}

    (block,) = tracebacks(json.dumps({**entry, "exc_info": BARE}))

    assert (block.frames, block.message, block.writer.pid) == (FRAMES, "no weights", 9)
    assert block.lines == (block.first,) == (block.last,)


def test_a_traceback_that_was_printed_on_one_line_is_found():
    (block,) = tracebacks("RemoteError: " + BARE.replace("\n", "\\n"))

    assert (block.frames, block.message) == (FRAMES, "no weights")


def test_the_remote_half_of_a_ray_error_has_the_actors_process():
    remote = (
        "ray.exceptions.RayTaskError(ValueError): ray::RayWorkerWrapper.execute_method() "
        "(pid=978, ip=10.0.0.8, actor_id=3f, repr=<x>)"
    )
    inner = "\n".join(BARE.split("\n")[1:])

    outer, worker = tracebacks(f"{BARE.replace('ValueError: no weights', remote)}\n{inner}")

    assert outer.exception == "ray.exceptions.RayTaskError(ValueError)"
    assert worker.writer == Writer("RayWorkerWrapper", 978, "worker", (), "10.0.0.8")
    assert (worker.frames, worker.message) == (FRAMES, "no weights")


def test_each_member_of_an_exception_group_is_a_traceback():
    members = "\n".join(f"    | {line}" for line in BARE.split("\n"))
    text = f"""\
  + Exception Group Traceback (most recent call last):
  |   File "/opt/main.py", line 3, in main
  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)
  +-+---------------- 1 ----------------
{members}
    +------------------------------------"""

    group, member = tracebacks(text)

    assert (group.exception, group.frames) == (
        "ExceptionGroup",
        (Frame("/opt/main.py", 3, "main"),),
    )
    assert (member.message, member.frames) == ("no weights", FRAMES)


def test_a_pytest_failure_is_a_traceback():
    (block,) = tracebacks("""\
tests/evals/test_gsm8k.py:31: in run
    check(score)
E   AssertionError: GSM8K metric too low: 0.8370 < 0.8500
E   assert 0.837 >= 0.85

tests/evals/test_gsm8k.py:74: AssertionError""")

    assert (block.exception, block.message) == (
        "AssertionError",
        "GSM8K metric too low: 0.8370 < 0.8500",
    )
    assert block.frames == (
        Frame("tests/evals/test_gsm8k.py", 31, "run"),
        Frame("tests/evals/test_gsm8k.py", 74, ""),
    )


def test_a_traceback_inside_a_pytest_error_is_found_once():
    (block,) = tracebacks("\n".join(f"E   {line}" for line in BARE.split("\n")))

    assert (block.frames, block.exception) == (FRAMES, "ValueError")
    assert block.message == "no weights"


def test_ordinary_lines_hold_no_traceback():
    assert tracebacks("(Worker pid=1) INFO 11-21 22:19:35 [a.py:1] up\nKeyError is a class\n") == ()
