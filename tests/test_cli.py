"""The command line as a user meets it: real processes, real pipes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import malformed
import pytest

import diagnose

FIXTURES = Path(__file__).parent.parent / "fixtures"
SEED = FIXTURES / "logs" / "mxfp4-ep-hang.log"
SCHEMA = json.loads((Path(diagnose.__file__).parent / "report" / "schema.json").read_text())


def run(*arguments, stdin=b"", **env):
    return subprocess.run(
        [sys.executable, "-m", "diagnose", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        check=False,
        env={**os.environ, "COLUMNS": "100", **env},
    )


def answer(*arguments, stdin=b""):
    done = run("log", "--format", "json", *arguments, stdin=stdin)
    return json.loads(done.stdout), done.returncode


def test_a_named_cause_exits_1():
    assert run("log", SEED).returncode == 1


def test_a_healthy_log_exits_0():
    assert run("log", FIXTURES / "healthy" / "vllm-start-and-one-request.log").returncode == 0


def test_a_failure_without_a_known_cause_exits_3():
    assert run("log", FIXTURES / "logs" / "worker-raises-in-load.log").returncode == 3


def test_a_missing_file_is_one_sentence_and_exits_4():
    done = run("log", "no-such-file.log")

    assert done.returncode == 4
    assert b"no-such-file.log" in done.stderr
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""


def test_no_argument_is_a_usage_error():
    assert run("log").returncode == 2
    assert run("no-such-command").returncode == 2


def test_a_missing_file_beside_a_good_one_gives_a_partial_answer():
    said, code = answer(SEED, "no-such-file.log")

    assert code == 1
    assert any("no-such-file.log" in unknown["what"] for unknown in said["unknowns"])


def test_standard_input_is_read():
    said, code = answer("-", stdin=SEED.read_bytes())

    assert code == 1
    assert said["cause"]["id"] == "vllm/mxfp4-emulation-fallback"
    assert said["chain"][0]["evidence"][0]["source"] == "-"


@pytest.mark.parametrize("path", sorted(FIXTURES.rglob("*.log")), ids=lambda p: p.stem)
def test_every_answer_follows_the_schema(path):
    said, _ = answer(path)

    jsonschema.validate(said, SCHEMA)


def test_quoted_lines_stand_in_the_file_at_their_numbers():
    said, _ = answer(SEED)
    lines = SEED.read_text(encoding="utf-8").split("\n")

    assert said["evidence"]
    for place in said["evidence"]:
        assert place["text"][-60:].strip() in lines[place["line"] - 1].replace("\x1b[0m", "")


def test_a_pipe_gets_no_colour_and_a_forced_one_does():
    assert b"\x1b[" not in run("log", SEED).stdout
    assert b"\x1b[" in run("log", SEED, FORCE_COLOR="1").stdout
    assert b"\x1b[" not in run("log", SEED, FORCE_COLOR="1", NO_COLOR="1").stdout


@pytest.mark.parametrize("columns", [60, 80, 160])
def test_no_line_is_wider_than_the_terminal(columns):
    shown = run("log", SEED, COLUMNS=str(columns)).stdout.decode()

    # But for a command, which would no longer be one.
    assert [
        n for n in shown.splitlines() if len(n) > columns and not n.strip().startswith("rm -f ")
    ] == []


def test_a_reader_that_goes_away_is_no_error():
    done = subprocess.run(
        f"{sys.executable} -m diagnose log {SEED} | head -1",
        shell=True,
        capture_output=True,
        check=False,
    )

    assert done.stdout.startswith(b"HUNG")
    assert b"Traceback" not in done.stderr


def test_the_report_can_be_written_to_a_file(tmp_path):
    done = run("log", SEED, "--format", "markdown", "--output", tmp_path / "report.md")

    assert done.stdout == b""
    assert "mxfp4" in (tmp_path / "report.md").read_text()


def test_an_output_that_cannot_be_written_is_one_sentence(tmp_path):
    done = run("log", SEED, "--output", tmp_path / "no" / "folder" / "report.md")

    assert done.returncode == 4
    assert b"cannot write" in done.stderr


def test_help_imports_nothing_heavy():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "diagnose", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}

    assert (
        imported
        & {"rich", "regex", "hyperscan", "psutil", "packaging", "tomllib", "json", "zstandard"}
        == set()
    )


def test_every_malformed_input_is_one_sentence_or_a_partial_answer(tmp_path):
    cases = malformed.cases(tmp_path)
    assert len(cases) >= 50

    for name, path in cases:
        done = run("log", path)

        assert done.returncode in (0, 1, 3, 4), (name, done.stderr)
        assert b"Traceback" not in done.stderr, (name, done.stderr)
        if done.returncode == 4:
            assert len(done.stderr.strip().splitlines()) <= 2, (name, done.stderr)
            assert done.stderr.strip(), name


def test_control_characters_of_a_log_never_reach_the_terminal(tmp_path):
    log = tmp_path / "evil.log"
    log.write_bytes(
        b"\x1b]0;owned\x07\x1b[2J\x9b31mRuntimeError: \x1b[8mhidden\x08\x08 \xe2\x80\xae rtl\n##[error]Process completed with exit code 1.\n"
    )

    shown = run("log", log).stdout

    assert b"\x1b" not in shown
    assert b"\x07" not in shown
    assert "\u202e" not in shown.decode()


@pytest.mark.parametrize(
    "arguments", [["list"], ["show", "vllm/mxfp4-emulation-fallback"], ["show", "engine-dead"]]
)
def test_the_catalogue_can_be_looked_at(arguments):
    done = run("signatures", *arguments)

    assert done.returncode == 0
    assert done.stdout


def test_a_mistyped_signature_is_answered_with_the_nearest():
    done = run("signatures", "show", "vllm/mxfp4-emulation-falback")

    assert done.returncode == 2
    assert b"vllm/mxfp4-emulation-fallback" in done.stderr


def test_a_match_can_be_explained():
    done = run("signatures", "explain", "vllm/mxfp4-emulation-fallback", SEED)

    assert b"matches" in done.stdout
    assert b"mxfp4-ep-hang.log:45" in done.stdout


def test_a_draft_is_written_for_a_line():
    done = run("signatures", "new", "RuntimeError: cannot frob /tmp/x at 0x7f12 after 30 s")

    assert b"cannot frob" in done.stdout
    assert b"0x7f12" not in done.stdout.split(b"[[example]]")[0]


def test_a_report_never_overwrites_the_log_it_is_about(tmp_path):
    log = tmp_path / "server.log"
    log.write_bytes(SEED.read_bytes())

    done = run("log", "-o", log, log)

    assert done.returncode == 2
    assert log.read_bytes() == SEED.read_bytes()


@pytest.mark.parametrize("closed", ["1>&-", "2>&-"])
def test_a_closed_stream_is_no_reason_not_to_answer(tmp_path, closed):
    report = tmp_path / "report.txt"
    done = subprocess.run(
        f"{sys.executable} -m diagnose log -o {report} {SEED} {closed}", shell=True, check=False
    )

    assert done.returncode == 1
    assert "mxfp4-emulation-fallback" in report.read_text()
