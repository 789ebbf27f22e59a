"""An input with several jobs: no line of one job may stand in the chain of another."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import zipfile
from itertools import zip_longest
from pathlib import Path

import compose
import matrix

FIXTURES = Path(__file__).parent.parent / "fixtures"


def run(*arguments, stdin=b"", command="log", room=None):
    limit = (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))) if room else None
    return subprocess.run(
        [sys.executable, "-m", "diagnose", command, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        check=False,
        preexec_fn=limit,
    )


def answer(*arguments, stdin=b""):
    done = run("--format", "json", *arguments, stdin=stdin)
    return json.loads(done.stdout), done.returncode


def prefixed(job, text):
    return "".join(f"{job}\tLaunch\t{line}\n" for line in text.splitlines())


GOOD = matrix.log(compose.no_expert_parallelism())
HUNG = matrix.log(compose.hang())
STAMP = "2026-07-01T02:05:11.0500000Z "
BROKEN = f"{STAMP}ValueError: nobody has seen this before\n{STAMP}##[error]Process completed with exit code 1.\n"


def test_the_one_job_that_failed_is_answered_for():
    dump = prefixed("a", GOOD) + prefixed("b", HUNG) + prefixed("c", GOOD)
    said, code = answer("-", stdin=dump.encode())

    assert code == 1
    assert said["job"]["name"] == "b"
    assert said["cause"]["id"] == "vllm/mxfp4-emulation-fallback"
    lines = dump.split("\n")
    first, last = len(GOOD.splitlines()), len(GOOD.splitlines()) + len(HUNG.splitlines())
    assert said["evidence"]
    for place in said["evidence"]:
        assert first < place["line"] <= last
        assert place["text"][-40:].strip() in lines[place["line"] - 1]


def test_a_good_end_of_one_job_does_not_clear_another():
    dump = prefixed("a", HUNG) + prefixed("b", GOOD)

    assert answer("-", stdin=dump.encode())[0]["verdict"] == "hung"


def test_an_error_of_one_job_is_not_explained_by_a_cause_in_another():
    slow = matrix.log(compose.slow_build())
    said, code = answer("-", stdin=(prefixed("a", slow) + prefixed("b", BROKEN)).encode())

    assert code == 3
    assert said["job"]["name"] == "b"
    assert said["cause"] is None
    assert [link["id"] for link in said["chain"]] == ["github/step-failed"]


def test_lines_that_interleave_are_told_apart_by_their_job():
    pairs = zip_longest(GOOD.splitlines(), HUNG.splitlines(), fillvalue="")
    mixed = "".join(prefixed("a", one) + prefixed("b", other) for one, other in pairs)
    said, _ = answer("-", stdin=mixed.encode())

    assert said["job"]["name"] == "b"
    lines = mixed.split("\n")
    assert said["evidence"]
    for place in said["evidence"]:
        assert lines[place["line"] - 1].startswith("b\t")
        assert place["text"][-40:].strip() in lines[place["line"] - 1]


def test_other_jobs_that_failed_are_named_with_the_command_that_compares_them():
    dump = prefixed("a", HUNG) + prefixed("b", BROKEN) + prefixed("c", GOOD)
    said, _ = answer("-", stdin=dump.encode())
    told = [unknown for unknown in said["unknowns"] if "went wrong too" in unknown["what"]]

    assert said["job"]["name"] == "a"
    assert "not about b" in told[0]["why"]
    assert told[0]["how"].startswith("diagnose sweep")


def test_a_dump_of_one_job_is_one_run_with_the_files_beside_it(tmp_path):
    (tmp_path / "job.log").write_text(prefixed("a", HUNG.partition("+ vllm serve")[0]))
    (tmp_path / "server.log").write_text("+ vllm serve" + HUNG.partition("+ vllm serve")[2])
    said, _ = answer(tmp_path / "job.log", tmp_path / "server.log")

    assert said["job"] is None
    assert said["config"]["ep_size"] == 8
    assert said["cause"]["id"] == "vllm/mxfp4-emulation-fallback"


def test_the_jobs_of_a_log_archive_are_told_apart(tmp_path):
    packed = tmp_path / "logs.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("0_good.txt", GOOD)
        archive.writestr("1_hangs.txt", HUNG)
        archive.writestr("hangs/system.txt", "2026-07-01T02:00:00.0000000Z Waiting for a runner\n")

    for given in (packed, tmp_path / "unpacked"):
        if given is not packed:
            zipfile.ZipFile(packed).extractall(given)
        said, code = answer(given)
        assert (code, said["job"]["name"], said["verdict"]) == (1, "hangs", "hung")
    shown = subprocess.run(
        [sys.executable, "-m", "diagnose", "log", "-q", packed], check=False, capture_output=True
    )
    assert "one of 2" in shown.stdout.decode()


def test_the_steps_of_one_job_are_one_run(tmp_path):
    (tmp_path / "1_Set up job.txt").write_text("Runner name: 'r'\n")
    (tmp_path / "2_Launch.txt").write_text(HUNG)

    assert answer(tmp_path)[0]["job"] is None


def test_a_plain_log_with_tabs_is_no_dump(tmp_path):
    log = tmp_path / "table.log"
    log.write_text("a\tb\t2026\na\tb\tValueError: x\n")

    assert answer(log)[0]["job"] is None


def test_a_dump_that_finds_no_room_is_one_sentence(tmp_path):
    dump = tmp_path / "run.log"
    dump.write_text(prefixed("a", GOOD) + prefixed("b", HUNG))

    for command in ("log", "sweep"):
        done = run(dump, command=command, room=10_000)
        assert done.returncode == 4
        assert b"no room" in done.stderr
        assert b"Traceback" not in done.stderr
