"""A run compared with good runs: recorded logs of one program, and composed ones with a known difference."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import compose
import jsonschema
import matrix
import pytest

import diagnose
from diagnose.baseline.lines import Lines
from diagnose.baseline.templates import Templates

FIXTURES = Path(__file__).parent.parent / "fixtures"
GOOD = FIXTURES / "healthy" / "vllm-start-and-one-request.log"
AGAIN = FIXTURES / "healthy" / "vllm-start-another-day.log"
RAISES = FIXTURES / "logs" / "worker-raises-in-load.log"
HUNG = FIXTURES / "logs" / "mxfp4-ep-hang.log"
EP1 = FIXTURES / "logs" / "mxfp4-ep1.log"
SCHEMA = json.loads((Path(diagnose.__file__).parent / "report" / "schema.json").read_text())


def run(*arguments, stdin=b"", **env):
    return subprocess.run(
        [sys.executable, "-m", "diagnose", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        check=False,
        env={**os.environ, "COLUMNS": "100", **env},
    )


def answer(*arguments, command="log", stdin=b""):
    done = run(command, "--format", "json", *arguments, stdin=stdin)
    said = json.loads(done.stdout)
    jsonschema.validate(said, SCHEMA)
    return said


def test_a_run_is_not_unlike_itself():
    said = answer(GOOD, "--baseline", GOOD)["baseline"]

    assert (said["new_lines"], said["missing_lines"], said["slower_phases"], said["settings"]) == (
        [],
        [],
        [],
        [],
    )


@pytest.mark.parametrize(("one", "other"), [(GOOD, AGAIN), (AGAIN, GOOD)])
def test_two_healthy_runs_of_one_thing_differ_in_nothing_but_what_they_are_called(
    tmp_path, one, other
):
    bare = tmp_path / "bare.log"
    bare.write_text(one.read_text().partition("\n")[2])

    said = answer(bare, "--baseline", other)["baseline"]

    assert said["new_lines"] == []
    assert said["missing_lines"] == []
    assert said["slower_phases"] == []
    assert [setting["name"] for setting in said["settings"]] == ["model"]


def test_a_run_that_says_more_because_it_was_asked_to_is_not_unlike_the_good_one():
    debug = FIXTURES / "logs" / "start-with-debug-heartbeat.log"
    new = answer(debug, "--baseline", GOOD)["baseline"]["new_lines"]

    assert not any(" DEBUG " in line["text"] for line in new)


def test_the_error_that_nobody_knows_is_the_line_that_no_good_run_has():
    said = answer(RAISES, "--baseline", GOOD)

    new = [line["text"] for line in said["baseline"]["new_lines"]]
    assert any("RuntimeError: lab: simulated failure while loading weights" in text for text in new)
    assert not any("Starting to load model" in text for text in new)
    # Before the wrappers that a signature knows, although they come first in the log.
    assert "simulated failure" in new[0]
    assert "simulated failure" in said["unexplained"]["telling"][0]["text"]


def test_new_lines_stand_in_the_file_at_their_numbers():
    lines = RAISES.read_bytes().decode().split("\n")
    for place in answer(RAISES, "--baseline", GOOD)["baseline"]["new_lines"]:
        assert place["text"].strip() in lines[place["line"] - 1]


def test_where_a_good_run_goes_on_is_told():
    missing = answer(RAISES, "--baseline", GOOD)["baseline"]["missing_lines"]

    assert missing
    assert "KV cache" in missing[0]["text"]


def test_settings_backends_and_phases_that_differ_are_told():
    said = answer(HUNG, "--baseline", EP1)["baseline"]

    settings = {one["name"]: (one["value"], one["good"]) for one in said["settings"]}
    assert settings["backend:moe"] == ("EMULATION", ["AITER_MXFP4_FP8"])
    assert settings["env:EP_SIZE"] == ("8", ["1"])
    assert "env:TP" not in settings
    slow = {one["phase"]: one for one in said["slower_phases"]}
    assert slow["memory-profiling"]["took_s"] > 8 * 3600
    assert not slow["memory-profiling"]["ended"]
    assert any("EMULATION" in line["text"] for line in said["new_lines"])


def test_a_library_of_another_version_is_told(tmp_path):
    other = tmp_path / "other.log"
    other.write_text(HUNG.read_text().replace("nccl==2.27.7", "nccl==2.19.3"))
    said = answer(other, "--baseline", EP1)["baseline"]

    versions = {one["name"]: (one["value"], one["good"]) for one in said["settings"]}
    assert versions["version:nccl"] == ("2.19.3", ["2.27.7"])


def test_what_any_good_run_has_is_not_new(tmp_path):
    other = tmp_path / "other.log"
    other.write_text(matrix.log(compose.slow_build()))
    alone = answer(HUNG, "--baseline", EP1)["baseline"]
    both = answer(HUNG, "--baseline", EP1, "--baseline", other)["baseline"]

    assert len(both["runs"]) == 2
    assert any("Emulation" in line["text"] for line in alone["new_lines"])
    assert not any("Emulation" in line["text"] for line in both["new_lines"])


def test_the_good_jobs_of_a_dump_are_the_good_runs(tmp_path):
    said = answer(HUNG, "--baseline", matrix.dump(tmp_path))["baseline"]

    assert len(said["runs"]) == 8
    assert len(said["left_out"]) == 12


def test_a_baseline_that_failed_itself_is_refused():
    done = run("log", HUNG, "--baseline", RAISES)

    assert done.returncode == 4
    assert b"no run of --baseline went well" in done.stderr


def test_a_baseline_that_is_not_there_is_one_sentence():
    done = run("log", HUNG, "--baseline", "no-such.log")

    assert done.returncode == 4
    assert b"no-such.log" in done.stderr
    assert b"Traceback" not in done.stderr


def test_without_drain_the_extra_is_named(tmp_path):
    (tmp_path / "drain3.py").write_text("raise ImportError('not here')\n")
    done = run("log", HUNG, "--baseline", EP1, PYTHONPATH=str(tmp_path))

    assert done.returncode == 2
    assert b"vllm-diagnose[baseline]" in done.stderr


def test_a_look_at_a_server_is_compared_by_its_logs():
    bundle = FIXTURES / "bundles" / "sleeping-loader.tar.gz"
    said = answer(bundle, "--baseline", GOOD, command="attach")["baseline"]

    assert said["runs"] == [str(GOOD)]
    assert said["missing_lines"]


def test_variables_that_only_a_look_can_see_are_no_difference_to_a_log():
    bundle = FIXTURES / "bundles" / "stale-extension-lock.tar.gz"
    told = answer(bundle, "--baseline", GOOD, command="attach")["baseline"]["settings"]

    assert [one["name"] for one in told if one["name"].startswith("env:")] == []
    assert "quantization" in {one["name"] for one in told}


def test_a_look_is_not_unlike_itself_and_looks_are_compared_with_looks():
    good = FIXTURES / "bundles" / "healthy-idle.tar.gz"
    same = answer(good, "--baseline", good, command="attach")["baseline"]
    other = FIXTURES / "bundles" / "stale-extension-lock.tar.gz"
    told = answer(other, "--baseline", good, command="attach")["baseline"]["settings"]

    assert (same["runs"], same["new_lines"], same["settings"], same["slower_phases"]) == ([str(good)], [], [], [])  # fmt: skip
    assert "env:VLLM_HOST_IP" not in {one["name"] for one in told}


def test_a_look_at_a_server_that_hung_is_no_good_run():
    hung = FIXTURES / "bundles" / "sleeping-loader.tar.gz"
    done = run("attach", hung, "--baseline", hung)

    assert done.returncode == 4
    assert b"went well" in done.stderr


def test_the_reports_tell_it():
    for format_ in ("terminal", "markdown"):
        shown = run("log", HUNG, "--baseline", EP1, "--format", format_).stdout.decode()
        assert "AITER" in shown
        assert "had lasted 8 h 14 min when the log ended" in shown


def test_lines_of_logs_are_data_in_the_comparison(tmp_path):
    evil = tmp_path / "evil.log"
    evil.write_bytes(b"ERROR \x1b[31m\x07 token=ghp_0123456789abcdefghij0123456789abcdef\n")
    for format_ in ("terminal", "markdown", "json"):
        shown = run("log", evil, "--baseline", GOOD, "--format", format_).stdout
        assert b"\x1b" not in shown
        assert b"\x07" not in shown
        assert b"ghp_0123456789" not in shown


SAME = [
    ("took 3.2 s for 48 shards", "took 771 s for 2 shards"),
    ("loaded /srv/lab/model/a.safetensors", "loaded /data/x/y/b.safetensors"),
    ("non-default args: {'port': 8011}", "non-default args: {'port': 1, 'model': 'x'}"),
    ("routes [1, 2, 3] found", "routes [1, 2] found"),
    ("attached to psm_44f0b5e3 of rank 0", "attached to psm_b0c1aa12 of rank 7"),
    ("Route: /docs, Methods: GET, HEAD", "Route: /docs, Methods: HEAD, GET"),
    (
        "id 4f1c2d3e-aaaa-4bbb-8ccc-0123456789ab ends",
        "id 77777777-bbbb-4aaa-9ccc-abcdefabcdef ends",
    ),
    (
        "engine with config: model='a', seed=0, eager=True, cache={'x': {'y': 1}",
        "engine with config: model='b', seed=1, eager=False, dp=2, cache={'x': {'z': 1}",
    ),
    ("request 6fa1b2c3d4e5f607 done", "request 00aa11bb22cc33dd done"),
]


@pytest.mark.parametrize(("good", "now"), SAME)
def test_what_varies_by_its_form_is_the_same_line(good, now):
    templates = Templates()
    templates.learn(good)

    assert templates.template(now) is not None


@pytest.mark.parametrize(
    ("good", "now"),
    [
        ("Using 'AITER' Mxfp4 MoE backend.", "Using 'EMULATION' Mxfp4 MoE backend."),
        ("Using AITER backend", "Using EMULATION backend"),
        ("weights loaded", "weights missing"),
        ("Using fp8_e4m3fn for the cache", "Using fp8_e5m2fnuz for the cache"),
        ("Backends that fit: AITER, TRITON", "Backends that fit: AITER, EMULATION"),
    ],
)
def test_a_choice_that_differs_is_a_new_line(good, now):
    templates = Templates()
    templates.learn(good)

    assert templates.template(now) is None


def test_what_a_run_is_called_by_is_no_word_of_a_message():
    templates = Templates()
    templates.learn("Starting to load model org/Big-1 on b200-12 now", ("org/Big-1", "b200-12"))

    assert templates.template("Starting to load model x/Y on gb-7 now", ("x/Y", "gb-7"))


def test_bars_and_lines_without_words_are_not_news(tmp_path):
    log = tmp_path / "bars.log"
    log.write_text(
        GOOD.read_text()
        + "#=#=#   ##O#-  #\n####### 12.5%\nFetching 3 files: 100%|####| 3/3 [00:00<00:00, 57.17it/s]\n"
    )

    assert answer(log, "--baseline", GOOD)["baseline"]["new_lines"] == []


def test_lines_that_differ_in_numbers_are_kept_once_and_counted():
    lines = Lines()
    hear = lines.source("x.log")
    for piece in (
        b"step 1 of 9\nst",
        b"ep 2 of 9\n",
        b"10%|\xe2\x96\x88\xe2\x96\x88\xe2\x96\x88|\r90%|\xe2\x96\x88\xe2\x96\x88\xe2\x96\x88\xe2\x96\x88|\nlast",
    ):
        hear(piece)

    kept = [(line.number, line.text, count) for line, count in lines]

    assert kept[0] == (1, "step 1 of 9", 2)
    assert [number for number, _, _ in kept] == [1, 3, 4]
    assert kept[-1][1] == "last"


def test_a_log_of_endlessly_many_different_lines_is_kept_in_part():
    lines = Lines()
    hear = lines.source("x.log")
    words = [
        a + b + c + d
        for a in "abcdefghijkl"
        for b in "abcdefghijkl"
        for c in "abcdefghijkl"
        for d in "abcdefghijklmn"
    ]
    hear(("\n".join(words) + "\n").encode())

    assert lines.partial
    assert len(list(lines)) == 20_000
