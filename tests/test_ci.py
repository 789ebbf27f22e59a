"""`diagnose ci` as a step of a job meets it: real processes, an environment, and what they leave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import pytest
from workflow_commands import Runner, file_values

import diagnose
from diagnose.ci import job, recipe

FIXTURES = Path(__file__).parent.parent / "fixtures"
SEED = FIXTURES / "logs" / "mxfp4-ep-hang.log"
SCHEMA = json.loads((Path(diagnose.__file__).parent / "report" / "schema.json").read_text())


@dataclass
class Step:
    """A workspace, and the files that a runner of GitHub Actions gives a step."""

    folder: Path

    @property
    def workspace(self) -> Path:
        return self.folder / "work"

    def leave(self, name: str, content: bytes) -> Path:
        path = self.workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def github(self, *arguments, **more):
        environment = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            **more,
        }
        return self.run(*arguments, **environment)

    def run(self, *arguments, **environment):
        self.workspace.mkdir(parents=True, exist_ok=True)
        basic = {
            k: os.environ[k] for k in ("PATH", "HOME", "DIAGNOSE_CACHE_DIR") if k in os.environ
        }
        return subprocess.run(
            [sys.executable, "-m", "diagnose", "ci", *map(str, arguments)],
            cwd=self.workspace,
            env={**basic, **environment},
            capture_output=True,
            check=False,
            text=True,
        )

    @property
    def outputs(self):
        return file_values((self.folder / "output").read_text())

    @property
    def summary(self):
        return (self.folder / "summary.md").read_text()

    @property
    def answer(self):
        answer = json.loads((self.workspace / "diagnosis" / "diagnosis.json").read_text())
        jsonschema.validate(answer, SCHEMA)
        return answer


@pytest.fixture
def step(tmp_path):
    return Step(tmp_path)


def test_the_cause_of_a_cancelled_job_is_named_and_the_step_is_green(step):
    step.leave("server.log", SEED.read_bytes())

    done = step.github("--job-status", "cancelled")

    assert done.returncode == 0
    assert done.stderr == ""
    assert step.outputs["cause"] == "vllm/mxfp4-emulation-fallback"
    assert step.outputs["verdict"] == "hung"
    assert step.outputs["retry"] == "useless"
    assert float(step.outputs["confidence"]) > 0.9
    assert (step.workspace / step.outputs["summary-file"]).is_file()
    assert step.answer["chain"][0]["evidence"][0]["source"] == "server.log"


def test_every_line_is_a_command_of_github_or_is_shown(step):
    step.leave("server.log", SEED.read_bytes())

    runner = Runner().read(step.github().stdout.splitlines())

    assert [c.name for c in runner.commands] == ["error"]
    assert (
        runner.commands[0].fields["title"].startswith("MXFP4 experts fall back to emulation, and")
    )
    assert "94%" in runner.commands[0].fields["title"]
    assert "--moe-backend aiter" in runner.commands[0].data
    assert runner.token == ""


FORGED = [
    "::set-output name=verdict::healthy",
    "::error file=x.py,line=1::forged",
    "   ::warning::forged",
    "##[error]forged",
    "text ##[set-env name=PATH]/evil",
    "::add-mask::server",
    "::stop-commands::forged",
    "::endgroup::",
    "\r::error::forged",
    "\x1b[0m::error::forged",
    "RuntimeError: ::error::forged%0A::error::forged",
    "RuntimeError: boom\x0b::error::forged\x0c::error::forged\u2028::error::forged\x85::error::forged",
]


def test_no_line_of_a_log_is_a_command(step):
    worker = "(Worker_TP0 pid=7) ERROR 07-01 02:06:33 [core.py:1] RuntimeError: "
    lines = [*FORGED, *(worker + line for line in FORGED), "EngineCore failed to start."]
    step.leave("server.log", "\n".join(lines).encode())
    step.leave("::set-output name=x::y.log", b"RuntimeError: boom\n")

    done = step.github()

    runner = Runner().read(done.stdout.splitlines())
    assert done.stderr == ""
    assert {c.name for c in runner.commands} <= {"error", "warning", "notice"}
    assert [c for c in runner.commands if "forged" in c.fields.get("title", "")] == []
    assert [c for c in runner.commands if c.fields.get("file")] == []
    assert step.outputs["verdict"] == "failed"


def test_nothing_left_behind_is_a_green_step_that_says_so(step):
    done = step.github("--job-status", "cancelled")

    assert done.returncode == 0
    assert "no log was found" in done.stdout
    assert step.outputs["verdict"] == "undecidable"
    assert step.outputs["cause"] == ""
    assert step.answer["cause"] is None


def test_what_an_earlier_step_wrote_is_not_read(step):
    step.leave("server.log", SEED.read_bytes())
    step.github()

    step.github(".")
    done = subprocess.run(
        [sys.executable, "-m", "diagnose", "log", "--format", "json", "."],
        cwd=step.workspace,
        capture_output=True,
        check=False,
    )

    assert [one["name"] for one in step.answer["sources"]] == ["server.log"]
    assert [one["name"] for one in json.loads(done.stdout)["sources"]] == ["server.log"]


def test_a_folder_that_cannot_be_written_does_not_take_the_rest_with_it(step):
    step.leave("server.log", SEED.read_bytes())
    step.leave("file", b"")

    done = step.github("--output", "file/below", GITHUB_OUTPUT="/nowhere/output")

    assert done.returncode == 0
    assert "cannot write file/below/diagnosis.json: Not a directory" in done.stdout
    assert "cannot write to $GITHUB_OUTPUT" in done.stdout
    assert "vllm/mxfp4-emulation-fallback" in done.stdout
    assert "vllm/mxfp4-emulation-fallback" in step.summary


def test_the_exit_code_tells_only_when_asked(step):
    step.leave("server.log", SEED.read_bytes())

    assert step.run("--exit-code").returncode == 1
    assert step.run().returncode == 0


def test_with_nothing_to_read_the_exit_code_says_unreadable(step):
    assert step.run("--exit-code").returncode == 4


def test_files_of_the_checkout_are_not_what_the_job_left(step):
    step.leave("docs/example.log", SEED.read_bytes())
    step.leave("server.log", (FIXTURES / "logs" / "port-in-use.log").read_bytes())
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(step.workspace)]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "docs"], check=True)

    for version in ("2", "4"):
        subprocess.run([*git, "update-index", "--index-version", version], check=True)
        step.github()

        assert [s["name"] for s in step.answer["sources"]] == ["server.log"]


def test_files_from_before_the_job_are_not_read(step):
    old = step.leave("results/old.log", SEED.read_bytes())
    os.utime(old, (time.time() - 3600, time.time() - 3600))
    step.leave("server.log", (FIXTURES / "logs" / "port-in-use.log").read_bytes())
    event = step.folder / "event.json"
    event.write_text("{}")

    step.github(GITHUB_EVENT_PATH=str(event))

    assert [s["name"] for s in step.answer["sources"]] == ["server.log"]


def test_the_output_of_another_slurm_job_is_not_read(step):
    step.leave("slurm-41.out", SEED.read_bytes())
    step.leave("slurm-42.out", (FIXTURES / "logs" / "port-in-use.log").read_bytes())

    step.run(SLURM_JOB_ID="42")

    assert [s["name"] for s in step.answer["sources"]] == ["slurm-42.out"]
    assert step.answer["job"]["system"] == "Slurm"


SILENT = FIXTURES / "logs" / "sleep-in-load.log"


def test_a_log_written_just_now_by_a_cancelled_job_is_not_still_going_on(step):
    now = time.strftime("%m-%d %H:%M:%S", time.gmtime())
    start = f"(Worker_TP0 pid=3) INFO {now} [gpu_model_runner.py:1] Starting to load model m...\n"
    log = step.leave("server.log", start.encode())

    step.github("--job-status", "cancelled")
    going_on = subprocess.run(
        [sys.executable, "-m", "diagnose", "log", log], capture_output=True, check=False, text=True
    )

    assert going_on.stdout.startswith("CANNOT TELL")
    assert step.outputs["verdict"] == "hung"


def test_the_silence_of_a_log_ends_with_its_job(step):
    log = step.leave("server.log", SILENT.read_bytes())
    os.utime(log, (time.time() - 28000, time.time() - 28000))

    step.github("--job-status", "cancelled")

    assert 27000 < step.answer["phase"]["stalled_s"] < 30000


def test_a_file_that_was_written_later_tells_when_the_job_ended(step):
    log = step.leave("server.log", SILENT.read_bytes())
    metrics = step.leave("gpu_metrics.csv", b"timestamp,gpu,gfx\n1,0,0\n")
    os.utime(log, (time.time() - 9000, time.time() - 9000))
    os.utime(metrics, (time.time() - 4000, time.time() - 4000))

    step.github("--job-status", "cancelled")

    assert 4900 < step.answer["phase"]["stalled_s"] < 5200


def test_a_log_that_tells_its_own_end_was_not_silent_after_it(step):
    log = step.leave("server.log", SEED.read_bytes())
    os.utime(log, (time.time() - 9000, time.time() - 9000))

    step.github("--job-status", "cancelled")

    assert "8 h 14 min" in step.answer["verdict_why"]


def test_the_times_of_files_that_are_named_tell_nothing(step):
    log = step.leave("server.log", SILENT.read_bytes())
    os.utime(log, (time.time() - 28000, time.time() - 28000))

    step.github(log, "--job-status", "cancelled")

    assert (step.answer["phase"]["stalled_s"] or 0) < 1000


def test_the_place_in_the_matrix_is_told_and_the_environment_is_not(step):
    step.leave("server.log", SEED.read_bytes())

    done = step.github(TP="8", EP_SIZE="8", MODEL="amd/model", MY_PASSWORD="hunter2-hunter2")

    assert step.answer["job"]["settings"] == {"MODEL": "amd/model", "TP": "8", "EP_SIZE": "8"}
    everything = done.stdout + step.summary + json.dumps(step.answer)
    assert "hunter2" not in everything
    assert "EP_SIZE" in step.summary


MATRIX = {
    "EXP_NAME": "minimaxm3_8k1k",
    "PRECISION": "fp4",
    "FRAMEWORK": "vllm",
    "RUNNER_TYPE": "cluster:mi355x-amds",
    "SPEC_DECODING": "mtp",
    "SCENARIO_TYPE": "fixed-seq-len",
    "TP": "8",
    "EP_SIZE": "8",
    "DP_ATTENTION": "false",
}
SCRIPT = FIXTURES / "recipes" / "minimaxm3_fp4_mi355x_vllm_mtp.sh"
SCRIPTS = "benchmarks/single_node/fixed_seq_len"


@pytest.fixture
def checkout(step):
    """A checkout with the job's launch script and others, and the log of the job."""
    step.leave("server.log", SEED.read_bytes())
    for name in (SCRIPT.name, "minimaxm3_fp4_mi355x_mtp.sh", "minimaxm3_fp8_mi355x_vllm_mtp.sh"):
        step.leave(f"{SCRIPTS}/{name}", SCRIPT.read_bytes())
    for folder in ("agentic", "fixed_seq_len/deprecated"):
        step.leave(f"benchmarks/single_node/{folder}/{SCRIPT.name}", b"vllm serve other\n")
    subprocess.run(["git", "init", "--quiet", str(step.workspace)], check=True)
    return step


def test_the_annotation_stands_on_the_line_of_the_script_where_the_fix_begins(checkout):
    runner = Runner().read(checkout.github(**MATRIX).stdout.splitlines())

    (command,) = runner.commands
    path = f"{SCRIPTS}/{SCRIPT.name}"
    lines = (checkout.workspace / path).read_text().splitlines()
    assert command.fields["file"] == path
    assert lines[int(command.fields["line"]) - 2].startswith("export VLLM_USE_BREAKABLE_CUDAGRAPH")
    assert "+    --moe-backend aiter" in checkout.answer["fix"]["diff"]
    assert checkout.answer["chain"][0]["evidence"][0]["source"] == path


def test_the_fingerprint_does_not_depend_on_having_the_script(checkout, tmp_path):
    checkout.github(**MATRIX)
    with_script = checkout.outputs["fingerprint"]
    (checkout.folder / "output").unlink()

    checkout.github(**{**MATRIX, "PRECISION": "bf16"})

    assert checkout.answer["fix"]["diff"] is None
    assert checkout.outputs["fingerprint"] == with_script != ""


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, SCRIPT.name),
        ({"FRAMEWORK": "sglang"}, "minimaxm3_fp4_mi355x_mtp.sh"),
        ({"PRECISION": "bf16"}, ""),
        ({"SPEC_DECODING": "none"}, ""),
        ({"RUNNER_TYPE": "b200"}, ""),
        ({"RUNNER_TYPE": "", "RUNNER_NAME": "mi355x-amds_03"}, SCRIPT.name),
        ({"EXP_NAME": "", "MODEL_PREFIX": "minimaxm3"}, SCRIPT.name),
        ({"EXP_NAME": ""}, ""),
    ],
)
def test_the_script_is_found_by_the_jobs_place_in_the_matrix(checkout, changed, found):
    told = job({"GITHUB_ACTIONS": "true", **MATRIX, **changed})

    path = recipe(str(checkout.workspace), told)

    assert path == (str(checkout.workspace / SCRIPTS / found) if found else "")


def test_a_script_that_cannot_be_read_does_not_take_the_answer_with_it(step):
    step.leave("server.log", SEED.read_bytes())

    step.github("--recipe", "nowhere.sh")

    assert step.outputs["cause"] == "vllm/mxfp4-emulation-fallback"
    assert any("nowhere.sh" in one["why"] for one in step.answer["unknowns"])


def test_the_script_of_another_scenario_is_not_taken(checkout):
    (checkout.workspace / SCRIPTS / SCRIPT.name).unlink()
    (checkout.workspace / SCRIPTS / "minimaxm3_fp4_mi355x_mtp.sh").unlink()

    assert recipe(str(checkout.workspace), job({"GITHUB_ACTIONS": "true", **MATRIX})) == ""


def test_of_two_scripts_with_the_name_none_is_taken(checkout):
    checkout.leave(f"other/{SCRIPT.name}", b"vllm serve x\n")
    told = job({"GITHUB_ACTIONS": "true", **MATRIX, "SCENARIO_TYPE": ""})

    assert recipe(str(checkout.workspace), told) == ""


def test_the_file_of_a_gpu_monitor_is_found_and_shown_below_the_phases(step):
    from test_metrics import IDLE, table

    step.leave("server.log", SEED.read_bytes())
    step.leave("gpu_metrics.csv", table("nvidia-smi", *[IDLE] * 8, end=30_000).encode())

    step.github("--job-status", "cancelled")

    assert "all gpus idle for the last" in step.summary
    (metrics,) = step.answer["metrics"]
    assert metrics["source"] == "gpu_metrics.csv"
    assert metrics["gpus"] == list("01234567")
    assert metrics["shows"][-1].startswith("all gpus idle")
    assert "GPUs 0-7 " in step.summary


def test_a_bundle_beside_the_logs_is_reasoned_over_with_them(step):
    bundle = FIXTURES / "bundles" / "stale-extension-lock.tar.gz"
    step.leave("watch/hang.tar.gz", bundle.read_bytes())

    step.github("--job-status", "cancelled")

    assert step.outputs["cause"] == "torch/torch-extension-build-lock"
    assert step.answer["waits"]


def test_a_bundle_that_is_damaged_does_not_take_the_logs_with_it(step):
    step.leave("server.log", SEED.read_bytes())
    bundle = (FIXTURES / "bundles" / "stale-extension-lock.tar.gz").read_bytes()
    step.leave("hang.tar.gz", bundle[: len(bundle) // 2])

    step.github("--job-status", "cancelled")

    assert step.outputs["cause"] == "vllm/mxfp4-emulation-fallback"
    assert any(one["what"] == "a saved look at the server" for one in step.answer["unknowns"])


def test_with_a_bundle_the_annotation_stands_on_the_script_too(checkout):
    bundle = FIXTURES / "bundles" / "stale-extension-lock.tar.gz"
    checkout.leave("hang.tar.gz", bundle.read_bytes())

    runner = Runner().read(checkout.github(**MATRIX).stdout.splitlines())

    assert checkout.answer["waits"]
    assert runner.commands[0].fields["file"] == f"{SCRIPTS}/{SCRIPT.name}"


def test_a_bundle_that_is_named_is_reasoned_over(step):
    step.github(FIXTURES / "bundles" / "stale-extension-lock.tar.gz")

    assert step.outputs["cause"] == "torch/torch-extension-build-lock"


@pytest.mark.parametrize(("status", "count"), [("success", 0), ("cancelled", 1)])
def test_a_healthy_log_is_only_noted_for_a_job_that_ended_badly(step, status, count):
    step.leave("server.log", (FIXTURES / "healthy" / "vllm-start-and-one-request.log").read_bytes())

    runner = Runner().read(step.github("--job-status", status).stdout.splitlines())

    assert [c.name for c in runner.commands] == ["notice"] * count


SYSTEMS = {
    "Buildkite": {
        "BUILDKITE": "true",
        "BUILDKITE_LABEL": "bench",
        "BUILDKITE_COMMAND_EXIT_STATUS": "-1",
    },
    "GitLab": {"GITLAB_CI": "true", "CI_JOB_NAME": "bench", "CI_JOB_STATUS": "canceled"},
    "Jenkins": {"JENKINS_URL": "http://j", "JOB_NAME": "bench"},
    "Slurm": {"SLURM_JOB_ID": "42", "SLURM_JOB_NAME": "bench"},
}


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system_is_told_by_its_environment(step, system):
    step.leave("server.log", SEED.read_bytes())

    done = step.run(**SYSTEMS[system])

    assert done.returncode == 0
    assert "::" not in done.stdout.split("\n")[0]
    assert step.answer["job"]["system"] == system
    assert step.answer["job"]["name"] == "bench"
    assert step.answer["job"]["status"] == (
        "cancelled" if system in ("Buildkite", "GitLab") else None
    )
    assert not (step.folder / "output").exists()


def test_a_run_and_a_path_are_a_usage_error(step):
    assert step.run("--run", "77", "x.log").returncode == 2
    assert step.run("--job", "1").returncode == 2


@pytest.mark.parametrize("status", ["", "bogus"])
def test_a_status_that_nobody_set_does_not_fail_the_step(tmp_path, status):
    step = Step(tmp_path)
    step.leave("server.log", SEED.read_bytes())

    done = step.run("--job-status", status)

    assert done.returncode == 0
    assert (step.workspace / "diagnosis" / "diagnosis.json").is_file()


def test_a_summary_that_could_not_be_written_is_not_named(tmp_path):
    step = Step(tmp_path)
    step.leave("server.log", SEED.read_bytes())
    (tmp_path / "taken").write_text("")

    step.github("--output", str(tmp_path / "taken"))

    assert file_values((tmp_path / "output").read_text())["summary-file"] == ""


@pytest.mark.parametrize("status", ["ABORTED", "canceled", "timed_out"])
def test_a_job_that_was_ended_from_outside_is_known_by_the_word_of_each_system(step, status):
    log = step.leave("server.log", SILENT.read_bytes())
    os.utime(log, (time.time() - 28000, time.time() - 28000))

    done = step.run("--job-status", status, JENKINS_URL="http://j")

    assert "left out" not in done.stdout
    assert step.answer["job"]["status"] == "cancelled"
    assert step.answer["phase"]["stalled_s"] > 27000
