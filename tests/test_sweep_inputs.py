"""What a sweep is given: which files are one job, and jobs that kill what reads them."""

from __future__ import annotations

import functools
import gzip
import http.server
import io
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile

import compose
import matrix
import psutil
import pytest
import results
from test_sweep import answer

from diagnose.catalogue import default_root, load
from diagnose.model.sweep import Outcome
from diagnose.sweep.gather import gather
from diagnose.sweep.local import examine_all
from diagnose.sweep.unit import File, Unit

JOBS = dict(matrix.incident())
FEW = list(JOBS.values())[::5]
"""Two that hang and two that pass."""


def jobs(paths, folder):
    """The names of the jobs, and how many files each has."""
    return {unit.name: len(unit.files) for unit in gather(list(map(str, paths)), folder)}


def tarred(members):
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as archive:
        for name, text in members.items():
            one = tarfile.TarInfo(name)
            one.size = len(text.encode())
            archive.addfile(one, io.BytesIO(text.encode()))
    return held.getvalue()


def zipped(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def artefacts(count=4):
    return {
        f"server_logs_job{n}.tar.gz": tarred({"results/server.log": "x\n", "results/b.log": "y\n"})
        for n in range(count)
    }


def test_an_archive_in_an_archive_is_one_job_with_all_its_files(tmp_path):
    packed = zipped(tmp_path / "run.zip", artefacts())

    assert jobs([packed], tmp_path) == {f"job{n}": 2 for n in range(4)}


def test_a_folder_that_holds_only_one_archive_is_that_archive(tmp_path):
    (tmp_path / "down").mkdir()
    zipped(tmp_path / "down" / "run.zip", artefacts())

    assert jobs([tmp_path / "down"], tmp_path) == {f"job{n}": 2 for n in range(4)}


def test_log_archives_of_two_runs_have_their_jobs_apart(tmp_path):
    place = tmp_path / "runs"
    place.mkdir()
    for run_ in ("first", "second"):
        zipped(place / f"{run_}.zip", {f"{n}_bench ({n}).txt": "x\n" for n in range(3)})

    found = jobs([place], tmp_path)

    assert len(found) == 6
    assert set(found.values()) == {1}
    assert "first/bench (0)" in found


def test_files_of_one_name_in_several_folders_are_several_jobs(tmp_path):
    paths = [tmp_path / f"run{n}" / "job.log" for n in range(3)]
    for path in paths:
        path.parent.mkdir()
        path.write_text("x\n")

    assert sorted(jobs(paths, tmp_path).values()) == [1, 1, 1]


def test_artefacts_of_one_job_in_several_folders_are_one_job(tmp_path):
    name = "m_8k1k_fp4_vllm_tp8-ep8-dpafalse_disagg-false_spec-none_conc64_node_1"
    paths = [tmp_path / f"server_logs_{name}.log", tmp_path / "results" / f"{name}.json"]
    paths[1].parent.mkdir()
    for path in paths:
        path.write_text("{}\n")

    assert jobs(paths, tmp_path) == {name: 2}


def test_a_file_that_is_reached_twice_is_one_job(tmp_path):
    place = tmp_path / "logs"
    place.mkdir()
    (place / "a.log").write_text("x\n")
    (place / "b.log").write_text("y\n")
    (place / "latest.log").symlink_to("a.log")
    (place / "loop").symlink_to(".")

    assert jobs([place], tmp_path) == {"a": 1, "b": 1}
    twice = [place / "a.log", place / "latest.log", place / "a.log", place / "b.log"]
    assert sorted(jobs(twice, tmp_path).values()) == [1, 1]


def test_a_link_that_leads_nowhere_is_told_and_costs_nothing_else(tmp_path):
    (tmp_path / "a.log").write_text(FEW[0])
    (tmp_path / "gone.log").symlink_to("nowhere")

    said, code = answer(tmp_path)

    assert code == 1
    assert {j["name"]: j["outcome"] for j in said["jobs"]} == {"a": "hung", "gone": "unreadable"}
    assert "nowhere" in next(j["problem"] for j in said["jobs"] if j["name"] == "gone")


def test_members_of_an_archive_behind_a_url_are_jobs(tmp_path):
    pytest.importorskip("fsspec")
    members = {f"logs/job{n}.log.gz": gzip.compress(text.encode()) for n, text in enumerate(FEW)}
    packed = zipped(tmp_path / "run.zip", members)

    said, _ = answer(f"zip://logs/::file://{packed}")

    assert [j["outcome"] for j in said["jobs"]] == ["hung", "hung", "hung", "passed"]
    assert [j["name"] for j in said["jobs"]] == [f"job{n}" for n in range(4)]


def test_an_archive_on_a_web_server_is_taken_apart(tmp_path):
    pytest.importorskip("aiohttp")
    zipped(tmp_path / "run.zip", {f"job{n}.log": text for n, text in enumerate(FEW)})
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        said, _ = answer(f"http://127.0.0.1:{server.server_port}/run.zip")
        server.shutdown()

    assert [j["outcome"] for j in said["jobs"]] == ["hung", "hung", "hung", "passed"]


def test_the_artefacts_of_a_run_tell_what_hangs_what_is_slow_and_what_answers_wrong(tmp_path):
    """What `gh run download` leaves: logs of all jobs, results of those that passed, in folders by artefact."""
    chance = random.Random(3)
    for tp, ep, conc in itertools.product((4, 8), (1, 8), (1, 16, 64, 128)):
        row = results.row(
            chance,
            tput=(900 if ep == 1 else 430) * conc**0.3,
            conc=conc,
            tp=tp,
            ep=ep,
            dp_attention="false",
        )
        name = (
            f"minimaxm3_8k1k_fp4_vllm_tp{tp}-pp1-dcp1-pcp1-ep{ep}-dpafalse_disagg-false_spec-none"
            f"_conc{conc}_mi355x-amds_03_recipe-{row['recipe_fingerprint']}"
        )
        hangs = tp == ep == 8
        text = matrix.log(compose.hang() if hangs else compose.no_expert_parallelism())
        files = {f"server_logs_{name}/server.log": text[text.index("+ vllm serve") :]}
        if not hangs:
            summed = {"total_token_throughput": tp * row["tput_per_gpu"], "max_concurrency": conc}
            files[f"bmk_{name}/agg_{name}.json"] = json.dumps(row)
            files[f"power_audit_{name}/{name}.json"] = json.dumps(summed)
            files[f"power_audit_{name}/power_validation_{name}.json"] = '{"power_valid": 0}'
        if not hangs and conc == 64:
            meta = {"tp": tp, "ep": ep, "conc": conc, "model": row["model"], "isl": 8192}
            score = results.lm_eval(0.95 if ep == 1 else 0.02)
            files[f"eval_minimaxm3_8k1k_{name}/meta_env.json"] = json.dumps(meta)
            files[f"eval_minimaxm3_8k1k_{name}/results_1.json"] = json.dumps(score)
        for file, data in files.items():
            place = tmp_path / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(data)

    said, _ = answer(tmp_path)

    assert len(said["jobs"]) == 16
    assert said["separation"]["statement"] == (
        "4 of 4 with ep > 1 and tp = 8 hung; 12 of 12 others passed"
    )
    assert [term["value"] for term in said["separation"]["said"]] == ["EMULATION"]
    told = {(one["metric"], one["axis"], one["low"]) for one in said["effects"]}
    assert ("tput_per_gpu", "ep", "8") in told
    assert ("gsm8k.exact_match,flexible-extract", "ep", "8") in told
    assert {axis for _, axis, _ in told} == {"ep"}
    assert not any(job["contradictions"] for job in said["jobs"])


class Deadly(bytes):
    """Data over which the process that unpacks it dies, as the kernel's killer for memory ends one."""

    def __reduce__(self):
        return os._exit, (9,)


def units(*deadly, count=8):
    log = FEW[0].encode()
    return [
        Unit(f"job-{n}", (File(f"{n}.log", data=Deadly() if n in deadly else log),))
        for n in range(count)
    ]


@pytest.mark.parametrize("deadly", [(3,), (0, 7)])
def test_a_job_that_kills_its_process_costs_no_other(deadly):
    given = units(*deadly)

    found = dict(examine_all(given, load(default_root()), processes=2))

    assert sorted(found) == list(range(8))
    assert {n for n, [one] in found.items() if one.job.outcome is Outcome.UNREADABLE} == {*deadly}
    assert "died, twice (exit code 9)" in found[deadly[0]][0].job.problem


def test_a_job_that_kills_its_worker_on_ray_costs_no_other():
    pytest.importorskip("ray", reason="Ray is an optional extra")
    from diagnose.sweep.rays import examine_on_ray

    found = dict(examine_on_ray(units(1, count=3), load(default_root()), processes=1))

    assert {n: one.job.outcome for n, [one] in found.items()} == {
        0: Outcome.HUNG,
        1: Outcome.UNREADABLE,
        2: Outcome.HUNG,
    }


@pytest.mark.skipif(sys.platform != "linux", reason="looks at what a process has open")
def test_a_sweep_that_is_stopped_tells_what_was_done(tmp_path):
    for number, text in enumerate(FEW):
        (tmp_path / f"a{number}.log").write_text(text)
    endless = tmp_path / "z.log.gz"
    endless.write_bytes(gzip.compress(FEW[0].encode() * 50) * 1500)
    command = [sys.executable, "-m", "diagnose", "sweep", "--format", "json", "-j", "1", tmp_path]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as sweep:
        until = time.monotonic() + 60
        while not _reads(sweep.pid, endless):
            assert sweep.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        children = psutil.Process(sweep.pid).children(recursive=True)
        os.killpg(sweep.pid, signal.SIGINT)
        out, err = sweep.communicate(timeout=60)

    said = json.loads(out)
    assert sweep.returncode == 130
    assert (len(said["jobs"]), said["unread"]) == (4, 1)
    assert "1 more were not read" in said["summary"]
    assert b"Traceback" not in err
    gone, alive = psutil.wait_procs(children, timeout=20)
    assert not alive
    assert gone


def _reads(pid, file):
    for child in psutil.Process(pid).children(recursive=True):
        try:
            if str(file) in [one.path for one in child.open_files()]:
                return True
        except psutil.Error:
            continue
    return False


def test_many_small_jobs_are_told_apart(tmp_path):
    for number in range(300):
        (tmp_path / f"job-{number}_ep={8 if number % 3 else 1}.log").write_text(
            "RuntimeError: odd\n"
            if number % 3
            else "vLLM is ready\nINFO: Application startup complete.\n"
        )

    said, _ = answer(tmp_path)

    assert len(said["jobs"]) == 300
    assert said["counts"]["failed"] == 200
