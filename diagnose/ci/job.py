"""From the environment of a job to the job: which system, which run, which place in the matrix.

Pure. An environment holds secrets, so that only fields named here are read, and nothing is ever listed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from diagnose.model import Job
from diagnose.redact import redact

SETTINGS = (
    "MODEL",
    "MODEL_PREFIX",
    "FRAMEWORK",
    "PRECISION",
    "IMAGE",
    "RUNNER_TYPE",
    "TP",
    "PP_SIZE",
    "DCP_SIZE",
    "PCP_SIZE",
    "EP_SIZE",
    "DP_ATTENTION",
    "CONC",
    "CONC_LIST",
    "ISL",
    "OSL",
    "MAX_MODEL_LEN",
    "SPEC_DECODING",
    "DISAGG",
    "PREFILL_TP",
    "PREFILL_EP",
    "PREFILL_DP_ATTN",
    "PREFILL_NUM_WORKERS",
    "DECODE_TP",
    "DECODE_EP",
    "DECODE_DP_ATTN",
    "DECODE_NUM_WORKERS",
    "KV_OFFLOADING",
    "SCENARIO_TYPE",
    "EXP_NAME",
    "RECIPE_FINGERPRINT",
)
"""The fields of a benchmark matrix, in the order in which they are shown."""
LONGEST = 200
"""Characters of one field that are kept."""

STATUS = {
    "success": "success",
    "passed": "success",
    "failure": "failure",
    "failed": "failure",
    "startup_failure": "failure",
    "unstable": "failure",
    "cancelled": "cancelled",
    "canceled": "cancelled",
    "aborted": "cancelled",
    "timed_out": "cancelled",
}
"""How a job ended, by the words of GitHub, GitLab, Jenkins and Buildkite in lower case."""

Field = Callable[[str], str]


def job(environment: Mapping[str, str], *, status: str = "") -> Job:
    """The job that an environment belongs to; one without a system outside of all of them.

    Args:
        environment: Such as `os.environ`.
        status: How it ended, where the caller knows that: as the systems call it.
    """

    def field(name: str) -> str:
        return redact(environment.get(name, ""))[:LONGEST]

    systems = (read for mark, read in _SYSTEMS.items() if environment.get(mark))
    found = next(systems, _none)(field)
    return replace(
        found,
        status=STATUS.get((status or found.status).lower(), ""),
        workspace=environment.get(found.workspace, "") if found.workspace else "",
        settings={name: value for name in SETTINGS if (value := field(name))},
    )


def _github(field: Field) -> Job:
    run, repository = field("GITHUB_RUN_ID"), field("GITHUB_REPOSITORY")
    server = field("GITHUB_SERVER_URL") or "https://github.com"
    return Job(
        "GitHub Actions",
        field("GITHUB_JOB"),
        run,
        field("RUNNER_NAME"),
        f"{server}/{repository}/actions/runs/{run}" if repository and run else "",
        "",
        "GITHUB_WORKSPACE",
    )


def _buildkite(field: Field) -> Job:
    code = field("BUILDKITE_COMMAND_EXIT_STATUS")
    status = ("success" if code == "0" else "failure") if code.lstrip("-").isdigit() else ""
    return Job(
        "Buildkite",
        field("BUILDKITE_LABEL") or field("BUILDKITE_STEP_KEY"),
        field("BUILDKITE_BUILD_NUMBER"),
        field("BUILDKITE_AGENT_NAME"),
        field("BUILDKITE_BUILD_URL"),
        # -1 is how an agent tells that a signal ended the command.
        "cancelled" if code == "-1" else status,
        "BUILDKITE_BUILD_CHECKOUT_PATH",
    )


def _gitlab(field: Field) -> Job:
    return Job(
        "GitLab",
        field("CI_JOB_NAME"),
        field("CI_JOB_ID"),
        field("CI_RUNNER_DESCRIPTION"),
        field("CI_JOB_URL"),
        field("CI_JOB_STATUS"),
        "CI_PROJECT_DIR",
        _iso(field("CI_JOB_STARTED_AT")),
    )


def _jenkins(field: Field) -> Job:
    return Job(
        "Jenkins",
        field("JOB_NAME"),
        field("BUILD_NUMBER"),
        field("NODE_NAME"),
        field("BUILD_URL"),
        "",
        "WORKSPACE",
    )


def _slurm(field: Field) -> Job:
    begun = field("SLURM_JOB_START_TIME")
    return Job(
        "Slurm",
        field("SLURM_JOB_NAME"),
        field("SLURM_JOB_ID"),
        field("SLURM_JOB_NODELIST"),
        "",
        "",
        "SLURM_SUBMIT_DIR",
        float(begun) if begun.isdigit() else None,
    )


def _none(field: Field) -> Job:
    return Job()


_SYSTEMS = {
    "GITHUB_ACTIONS": _github,
    "BUILDKITE": _buildkite,
    "GITLAB_CI": _gitlab,
    "JENKINS_URL": _jenkins,
    "SLURM_JOB_ID": _slurm,
}
"""By the field that gives a system away; a job of the first that lies inside one of the last is the first's."""


def _iso(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None
