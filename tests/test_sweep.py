"""`diagnose sweep` as a user meets it: folders, archives and dumps of composed and recorded jobs."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import compose
import jsonschema
import matrix
import pytest
from markdown_it import MarkdownIt

import diagnose

SCHEMA = json.loads((Path(diagnose.__file__).parent / "report" / "sweep.schema.json").read_text())
FIXTURES = Path(__file__).parent.parent / "fixtures"


def run(*arguments, stdin=b"", **env):
    return subprocess.run(
        [sys.executable, "-m", "diagnose", "sweep", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        check=False,
        env={**os.environ, "COLUMNS": "80", **env},
    )


def answer(*arguments, stdin=b""):
    done = run("--format", "json", *arguments, stdin=stdin)
    said = json.loads(done.stdout)
    jsonschema.validate(said, SCHEMA)
    return said, done.returncode


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return matrix.write(tmp_path_factory.mktemp("matrix"))


@pytest.fixture(scope="module")
def told(folder):
    return answer(folder)


def test_the_setting_that_separates_is_named_with_the_cause(told):
    said, code = told

    assert code == 1
    assert said["separation"]["statement"] == "12 of 12 with ep > 1 hung; 8 of 8 with ep = 1 passed"
    assert [(c["id"], c["count"]) for c in said["causes"]] == [
        ("vllm/mxfp4-emulation-fallback", 12)
    ]
    assert said["separation"]["said"][0]["value"] == "EMULATION"


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A matrix with two planted causes, a third that is in one job only, and a result file of another job."""
    place = tmp_path_factory.mktemp("mixed")
    stamp = "2026-07-01T02:05:11.0500000Z "
    head = ["##[group]Run x.sh", "env:", "  MODEL: amd/MiniMax-M3-MXFP4", "##[endgroup]", ""]
    good, small, port = (
        f"\n{stamp}".join(head) + (FIXTURES / file).read_text()
        for file in (
            "healthy/vllm-start-and-one-request.log",
            "logs/kv-cache-too-small.log",
            "logs/port-in-use.log",
        )
    )
    for tp, ep, conc, place_ in itertools.product((4, 8), (1, 8), (4, 16, 64, 128, 256), (1, 2)):
        text = small if ep == 1 and conc > 64 else good
        text = matrix.log(compose.hang(), conc=conc) if (tp, ep) == (8, 8) else text
        text = port if (tp, ep, conc, place_) == (4, 8, 4, 1) else text
        (place / f"bench_tp={tp}_ep={ep}_conc={conc}_no{place_}.log").write_text(text)
    name = "m_8k1k_fp4_vllm_tp8-ep4-dpafalse_disagg-false_spec-none_conc64_node_1"
    wrong = place / "bench_tp=8_ep=8_conc=64_no1"
    wrong.mkdir()
    (wrong / f"{name}.json").write_text(json.dumps({"tput_per_gpu": 1.0}))
    return place


def test_each_of_several_causes_is_told_with_its_settings(mixed):
    said, _ = answer(mixed)

    assert said["separation"] is None
    assert {
        cause["id"]: cause["separation"] and cause["separation"]["statement"]
        for cause in said["causes"]
    } == {
        "vllm/mxfp4-emulation-fallback": "10 of 10 with ep > 1 and tp = 8 hung; 21 of 21 others passed",
        "vllm/no-memory-for-kv-cache": (
            "8 of 8 with conc ≥ 128 and ep = 1 failed; 21 of 21 others passed"
        ),
        "host/port-already-in-use": None,
    }


def test_several_causes_and_a_dispute_are_readable_on_a_terminal_and_in_markdown(mixed):
    shown = run(mixed).stdout.decode()
    rendered = run(mixed, "--format", "markdown").stdout.decode()

    assert max(len(line) for line in shown.splitlines()) <= 80
    for text in (" ".join(shown.split()), rendered.replace("\\", "")):
        assert "failed in 3 different ways" in text
        assert "10 of 10 with ep > 1 and tp = 8 hung" in text
        assert (
            "ep is 8 in the environment block of its log and 4 in the name of its result file"
            in text
        )


def test_a_cancelled_sibling_is_left_out(told):
    said, _ = told

    assert said["counts"]["cancelled"] == 1
    assert said["counts"]["hung"] == 12


def test_evidence_stands_in_the_file_at_its_line(told):
    said, _ = told
    place = said["causes"][0]["evidence"]

    assert (
        Path(place["source"])
        .read_text()
        .split("\n")[place["line"] - 1]
        .endswith(place["text"][-60:])
    )


def test_a_dump_of_a_whole_run_is_taken_apart(tmp_path, told):
    dump = matrix.dump(tmp_path)
    said, code = answer("-", stdin=dump.read_bytes())

    assert code == 1
    assert said["separation"]["statement"] == told[0]["separation"]["statement"]
    assert len(said["jobs"]) == 20
    # The line is that of the dump, not of the job.
    place = said["causes"][0]["evidence"]
    assert dump.read_text().split("\n")[place["line"] - 1].endswith(place["text"][-60:])


def test_an_archive_is_as_good_as_the_folder(tmp_path, folder, told):
    packed = tmp_path / "run.tar.gz"
    with tarfile.open(packed, "w:gz") as archive:
        archive.add(folder, "logs-of-run")

    said, _ = answer(packed)

    assert said["separation"] == told[0]["separation"]
    assert [job["name"] for job in said["jobs"]] == [job["name"] for job in told[0]["jobs"]]


def test_a_log_archive_of_github_has_a_job_in_each_of_its_files(tmp_path, folder):
    packed = tmp_path / "logs.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for number, (name, text) in enumerate(matrix.incident()):
            job = name.replace("#", "")
            archive.writestr(f"{number}_{job}.txt", text)
            archive.writestr(f"{job}/1_Set up job.txt", text.partition("\n")[0])
            archive.writestr(f"{job}/2_Launch job script.txt", text)

    said, _ = answer(packed)

    assert len(said["jobs"]) == 20
    assert said["counts"]["hung"] == 12


def test_jobs_that_are_folders_keep_their_files_together(tmp_path):
    for name, text in matrix.incident():
        place = tmp_path / name.replace(" ", "_")
        place.mkdir()
        (place / "server.log").write_text(text)
        (place / "client.log").write_text("client: 2560 prompts\n")

    said, _ = answer(tmp_path)

    assert len(said["jobs"]) == 20
    assert said["separation"]["predicate"] == [
        {"axis": "ep", "op": ">", "value": "1", "kind": "config"}
    ]


def test_where_no_job_is_known_to_have_passed_the_undecided_ones_stand_for_them(tmp_path):
    for name, text in matrix.incident():
        undecided = text.partition("+ vllm serve")[0] if "ep=1" in name else text
        (tmp_path / f"{name}.log").write_text(undecided)

    said, _ = answer(tmp_path)

    assert said["counts"]["passed"] == 0
    assert said["presumed"] is True
    assert said["separation"]["statement"] == (
        "12 of 12 with ep > 1 hung; 8 of 8 with ep = 1 show no failure"
    )


def test_several_paths_are_a_job_each(folder):
    logs = sorted(folder.iterdir())

    said, _ = answer(*logs[:3])

    assert len(said["jobs"]) == 3


def test_the_matrix_and_the_sentence_fit_a_terminal(folder):
    shown = run(folder).stdout.decode()

    assert max(len(line) for line in shown.splitlines()) <= 80
    assert "12 of 12 with ep > 1 hung" in shown
    assert "2 HUNG" in shown
    assert "2 pass" in shown


def test_processes_do_not_change_the_answer(folder):
    assert run("-j", "1", folder).stdout == run("-j", "3", folder).stdout


def test_settings_can_be_given_as_a_table_or_as_an_expression(tmp_path):
    for number in range(6):
        shutil.copy(FIXTURES / "logs" / "port-in-use.log", tmp_path / f"run-a{number}.log")
        shutil.copy(
            FIXTURES / "healthy" / "vllm-start-and-one-request.log", tmp_path / f"run-b{number}.log"
        )
    table = tmp_path.parent / "axes.csv"
    rows = [f"run-{kind}{n},{kind}" for kind in "ab" for n in range(6)]
    table.write_text("\n".join(["job,variant", *rows]))

    for given in (table, r"run-(?P<variant>\w)"):
        said, _ = answer(tmp_path, "--axes", given)
        assert said["separation"]["statement"].startswith("6 of 6 with variant = a failed")


def test_results_without_logs_are_contrasted(tmp_path):
    name = "m_1k1k_fp8_vllm_tp8-ep{ep}-dpafalse_disagg-false_spec-none_conc64_node_1"
    for ep, rate in ((8, 434.0), (1, 905.0)):
        row = {"tp": 8, "ep": ep, "conc": 64, "tput_per_gpu": rate}
        (tmp_path / f"agg_{name.format(ep=ep)}.json").write_text(json.dumps(row))

    said, code = answer(tmp_path)

    assert code == 0
    assert [(e["axis"], e["low"], e["low_median"], e["high_median"]) for e in said["effects"]] == [
        ("ep", "8", 434.0, 905.0)
    ]


def test_downloaded_artefacts_of_one_job_are_put_together(tmp_path):
    for ep, rate in ((8, 434.0), (1, 905.0)):
        name = f"m_8k1k_fp4_vllm_tp8-ep{ep}-dpafalse_disagg-false_spec-none_conc64_node_1"
        logs, results = tmp_path / f"server_logs_{name}", tmp_path / f"bmk_{name}"
        logs.mkdir()
        results.mkdir()
        server = matrix.log(compose.no_expert_parallelism()).partition("+ vllm serve")[2]
        (logs / "server.log").write_text(server)
        (results / f"agg_{name}.json").write_text(json.dumps({"tput_per_gpu": rate, "conc": 64}))
        (tmp_path / f"gpu_metrics_{name}.csv").write_text("timestamp,index,power.draw\n")

    said, _ = answer(tmp_path)

    assert [(j["config"]["ep"], j["outcome"], j["numbers"]) for j in said["jobs"]] == [
        ("1", "passed", {"tput_per_gpu": 905.0}),
        ("8", "passed", {"tput_per_gpu": 434.0}),
    ]
    assert [(e["axis"], e["low"]) for e in said["effects"]] == [("ep", "8")]


def test_results_go_to_the_job_whose_log_names_them(tmp_path, folder):
    log = matrix.log(matrix.compose.no_expert_parallelism(), conc=64)
    name = "m_8k1k_fp4_vllm_tp8-ep1-dpafalse_disagg-false_spec-none_conc64_node_1"
    log = log.replace(
        "CONC: 64", f"CONC: 64\n2026-07-01T02:05:11.7000000Z   RESULT_FILENAME_BASE: {name}"
    )
    (tmp_path / "0_a job.txt").write_text(log)
    (tmp_path / f"{name}.json").write_text(json.dumps({"tput_per_gpu": 905.0}))

    said, _ = answer(tmp_path)

    assert [job["numbers"] for job in said["jobs"]] == [{"tput_per_gpu": 905.0}]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["no-such-folder"], 4, "no-such-folder"),
        (["EMPTY"], 4, "no logs"),
        (["LOGS", "--axes", "(["], 2, "no expression"),
        (["LOGS", "--axes", "nothing"], 2, "without named groups"),
        (["LOGS", "--axes", "(?P<x>never-there)"], 2, "fits none"),
        (["LOGS", "--axes", "missing.csv"], 2, "missing.csv"),
        ([], 2, "PATH"),
    ],
)
def test_bad_input_is_one_sentence(tmp_path, folder, arguments, code, words):
    (tmp_path / "empty").mkdir()
    places = {"EMPTY": str(tmp_path / "empty"), "LOGS": str(folder)}

    done = run(*(places.get(a, a) for a in arguments))

    assert done.returncode == code
    assert b"Traceback" not in done.stderr
    if code == 4 or arguments:
        assert words in done.stderr.decode()
    assert done.stdout == b""


def test_the_report_is_not_written_over_a_log(tmp_path):
    log = tmp_path / "a.log"
    shutil.copy(FIXTURES / "logs" / "port-in-use.log", log)
    before = log.read_bytes()

    done = run(log, FIXTURES / "logs" / "flag-misspelt.log", "--output", log)

    assert done.returncode == 2
    assert log.read_bytes() == before


def test_a_job_that_cannot_be_read_does_not_cost_the_others(tmp_path):
    shutil.copy(FIXTURES / "logs" / "port-in-use.log", tmp_path / "a.log")
    (tmp_path / "b.log").write_bytes(b"")
    (tmp_path / "c.log.gz").write_bytes(b"\x1f\x8b\x08broken")

    said, code = answer(tmp_path)

    assert code == 1
    assert {job["name"]: job["outcome"] for job in said["jobs"]} == {
        "a": "failed",
        "b": "unreadable",
        "c": "unreadable",
    }


def test_a_file_that_is_no_result_is_no_job(tmp_path):
    shutil.copy(FIXTURES / "logs" / "port-in-use.log", tmp_path / "a.log")
    (tmp_path / "package.json").write_text('{"version": 3, "name": "x"}')

    assert [job["name"] for job in answer(tmp_path)[0]["jobs"]] == ["a"]


def test_names_and_lines_from_logs_are_data(tmp_path):
    evil = tmp_path / "ep=8 \x1b[31m<script>@someone.log"
    evil.write_bytes(b"\x1b]0;owned\x07RuntimeError: \x1b[8mhidden ![x](http://192.0.2.1)\n")

    for format_ in ("terminal", "markdown"):
        shown = run(tmp_path, "--format", format_).stdout.decode()
        assert "\x1b" not in shown
        assert "\x07" not in shown
    rendered = MarkdownIt("commonmark", {"html": True}).enable("table").render(shown)
    assert "<table>" in rendered
    assert "<script" not in rendered
    assert "<img" not in rendered


def test_ray_gives_the_same_answer(folder):
    pytest.importorskip("ray", reason="Ray is an optional extra")

    local, on_ray = run("--format", "json", folder), run("--format", "json", "--on", "ray", folder)

    assert on_ray.stdout == local.stdout


def test_without_ray_the_extra_is_named(folder, tmp_path):
    (tmp_path / "ray.py").write_text("raise ImportError('not here')\n")

    done = run(folder, "--on", "ray", PYTHONPATH=str(tmp_path))

    assert done.returncode == 2
    assert b"vllm-diagnose[ray]" in done.stderr
