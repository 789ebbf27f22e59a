"""The action and the examples in docs/ci.md: valid for the systems that read them, and run as those would run them."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from packaging.requirements import Requirement
from ruamel.yaml import YAML
from test_ci import SEED, Step
from workflow_commands import Runner, file_values

ROOT = Path(__file__).parent.parent
ACTION = ROOT / "action.yml"
DOCS = (ROOT / "docs" / "ci.md").read_text()


def schema(name: str):
    """A schema of the JSON Schema Store, as check-jsonschema carries it."""
    folder = files("check_jsonschema") / "builtin_schemas" / "vendor"
    return json.loads((folder / f"{name}.json").read_text())


def loaded(text: str):
    # Plain values: the schemas know no dates and no YAML 1.1 truths.
    return json.loads(json.dumps(YAML(typ="safe", pure=True).load(text)))


def example(heading: str, language: str, number: int = 0) -> str:
    """A block of docs/ci.md."""
    section = DOCS.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)[number]


def valid(document, name: str) -> None:
    chosen = schema(name)
    jsonschema.validators.validator_for(chosen)(chosen).validate(document)


def test_the_action_follows_its_schema():
    valid(loaded(ACTION.read_text()), "github-actions")


def test_the_action_gives_what_the_command_writes(tmp_path):
    step = Step(tmp_path)
    step.leave("server.log", SEED.read_bytes())
    step.github()

    promised = loaded(ACTION.read_text())["outputs"]

    assert set(promised) == set(step.outputs)


def test_no_input_of_the_action_is_part_of_a_script():
    for one in loaded(ACTION.read_text())["runs"]["steps"]:
        assert "${{" not in one["run"]


def test_the_workflow_of_the_docs_follows_its_schema():
    workflow = loaded(example("GitHub Actions", "yaml"))
    valid({"name": "x", "on": "push", **workflow}, "github-workflows")
    steps = {one.get("id"): one for one in workflow["jobs"]["benchmark"]["steps"]}
    inputs = loaded(ACTION.read_text())["inputs"]

    assert set(steps["diagnose"]["with"]) <= set(inputs)


def test_the_pipeline_of_the_docs_follows_its_schema():
    valid(loaded(example("Buildkite", "yaml")), "buildkite")


def test_the_gitlab_job_of_the_docs_follows_its_schema():
    valid(loaded(example("GitLab", "yaml")), "gitlab-ci")


def test_everything_that_is_installed_has_one_version():
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    lines = (ROOT / ".ci" / "constraints.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if not line.startswith("#"))

    for requirement in map(Requirement, needed):
        assert requirement.specifier.contains(pinned[requirement.name]), requirement


BLOCKS = [
    pytest.param(block, id=f"{page}-{number}")
    for page in ("ci.md", "watch.md")
    for number, block in enumerate(
        re.findall(r"```bash\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)
    )
]


def shellcheck(*arguments: str, text: str = "") -> str:
    program = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run(
        [str(program), "--shell=bash", *arguments],
        input=text, capture_output=True, check=False, text=True,
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", ["action.sh", "run"])
def test_the_scripts_have_no_fault_that_shellcheck_knows(name):
    assert shellcheck(str(ROOT / ".ci" / name)) == ""


@pytest.mark.parametrize("block", BLOCKS)
def test_the_lines_to_copy_have_no_fault_that_shellcheck_knows(block):
    # A variable for the lines that come after.
    assert shellcheck("--exclude=SC2034", "-", text=block) == ""


@pytest.fixture
def programs(tmp_path) -> Path:
    """A folder for the path with the program, and nothing else of this environment."""
    folder = tmp_path / "programs"
    folder.mkdir()
    path = folder / "diagnose"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -m diagnose "$@"\n')
    path.chmod(0o755)
    return folder


def act(step: Step, path: str, **inputs: str) -> subprocess.CompletedProcess[str]:
    step.workspace.mkdir(parents=True, exist_ok=True)
    environment = {
        "PATH": path,
        "HOME": str(step.folder),
        "GITHUB_ACTIONS": "true",
        "GITHUB_ACTION_PATH": str(ROOT),
        "GITHUB_WORKSPACE": str(step.workspace),
        "GITHUB_OUTPUT": str(step.folder / "output"),
        "GITHUB_STEP_SUMMARY": str(step.folder / "summary.md"),
        "RUNNER_TOOL_CACHE": str(step.folder / "tools"),
        "DIAGNOSE_JOB_STATUS": "cancelled",
        **inputs,
    }
    return subprocess.run(
        ["/bin/bash", str(ROOT / ".ci" / "action.sh")],
        cwd=step.workspace,
        env=environment,
        capture_output=True,
        check=False,
        text=True,
    )


def test_the_action_takes_a_program_that_is_there(tmp_path, programs):
    step = Step(tmp_path)
    step.leave("server.log", SEED.read_bytes())

    done = act(step, f"{programs}:/usr/bin:/bin")

    assert done.returncode == 0
    assert step.outputs["cause"] == "vllm/mxfp4-emulation-fallback"
    assert step.answer["job"]["status"] == "cancelled"


def test_the_inputs_of_the_action_arrive_whatever_they_hold(tmp_path, programs):
    step = Step(tmp_path)
    step.leave("a b/$(touch forged).log", SEED.read_bytes())
    step.leave("-v.log", b"nothing\n")
    inputs = {"DIAGNOSE_PATHS": "a b/$(touch forged).log\n-v.log\n", "DIAGNOSE_OUTPUT": "out put"}

    act(step, f"{programs}:/usr/bin:/bin", **inputs)

    answer = json.loads((step.workspace / "out put" / "diagnosis.json").read_text())
    assert {one["name"] for one in answer["sources"]} == {"a b/$(touch forged).log", "-v.log"}
    assert not (step.workspace / "forged").exists()


def test_without_python_the_step_is_green_and_says_so(tmp_path):
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in [
        "bash",
        "cat",
        "cut",
        "dirname",
        "env",
        "find",
        "flock",
        "grep",
        "mkdir",
        "printf",
        "sha256sum",
        "sort",
        "touch",
        "xargs",
    ]:
        if program := shutil.which(name):
            (bare / name).symlink_to(program)
    step = Step(tmp_path)

    done = act(step, str(bare))

    assert done.returncode == 0
    runner = Runner().read(done.stdout.splitlines())
    assert {c.name for c in runner.commands} == {"warning"}
    assert "could not be installed" in runner.commands[-1].data


def script(text: str, folder: Path, path: Path, **more: str) -> subprocess.Popen[bytes]:
    environment = {"PATH": f"{path}:/usr/bin:/bin", "HOME": str(folder), **more}
    return subprocess.Popen(
        ["/bin/bash", "-c", text], cwd=folder, env=environment, stdout=subprocess.DEVNULL
    )


def waits(folder: Path, programs: Path, body: str) -> None:
    """Puts an `srun` on the path that does what a job would."""
    path = programs / "srun"
    path.write_text(f"#!/bin/bash\ncp {SEED} {folder}/slurm-7.out\ntouch started\n{body}\n")
    path.chmod(0o755)


def test_the_batch_script_of_the_docs_looks_when_the_time_limit_comes(tmp_path, programs):
    waits(tmp_path, programs, "exec sleep 60")
    batch = example("Slurm", "bash")

    running = script(batch, tmp_path, programs, SLURM_JOB_ID="7")
    for _ in range(600):
        if (tmp_path / "started").exists():
            break
        time.sleep(0.05)
    running.send_signal(signal.SIGTERM)

    assert running.wait(60) == 143
    answer = json.loads((tmp_path / "diagnosis-7" / "diagnosis.json").read_text())
    assert answer["cause"]["id"] == "vllm/mxfp4-emulation-fallback"
    assert answer["job"]["status"] == "cancelled"


def test_the_batch_script_of_the_docs_looks_when_the_job_fails(tmp_path, programs):
    waits(tmp_path, programs, "exit 9")

    script(example("Slurm", "bash"), tmp_path, programs, SLURM_JOB_ID="7").wait(60)

    answer = json.loads((tmp_path / "diagnosis-7" / "diagnosis.json").read_text())
    assert answer["job"]["status"] == "failure"


def test_the_hook_of_the_docs_looks_and_annotates(tmp_path, programs):
    agent = programs / "buildkite-agent"
    agent.write_text("#!/bin/sh\ncat > annotation.md\n")
    agent.chmod(0o755)
    shutil.copy(SEED, tmp_path / "server.log")
    told = {"BUILDKITE": "true", "BUILDKITE_COMMAND_EXIT_STATUS": "-1"}

    script(example("Buildkite", "bash"), tmp_path, programs, **told).wait(60)

    assert "vllm/mxfp4-emulation-fallback" in (tmp_path / "annotation.md").read_text()


def test_the_epilog_of_the_docs_leaves_a_report(tmp_path, programs):
    shutil.copy(SEED, tmp_path / "slurm-7.out")
    epilog = example("Slurm", "bash", 1).replace("/opt/diagnose/bin", str(programs))

    script(epilog, tmp_path, programs, SLURM_JOB_ID="7", SLURM_SUBMIT_DIR=str(tmp_path)).wait(60)

    assert "HUNG" in (tmp_path / "diagnosis-7.txt").read_text()


def test_the_values_of_an_output_file_end_where_they_should():
    assert file_values("a<<X\n1\n2\nX\nb=c\n") == {"a": "1\n2", "b": "c"}
