"""The settings of one job, joined from all places that tell them.

Floor 10: pure. Strongest first: what the user says, the environment block of the job's log, its result
files, the name of its result file, its own name, what the server says it runs with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from diagnose.jobs import axes, names
from diagnose.model.sweep import Where

_OWN = re.compile(
    r"GITHUB_|RUNNER_(?!NAME|TYPE)|ACTIONS_|CI_|RESULT_FILENAME|RESULT_DIR|.*(?:TOKEN|SECRET|PASSWORD|_KEY)\b"
    r"|PYTHON|PATH$|HOME$|PWD$|EXP_NAME$|SLURM_|HF_HOME|HF_HUB_CACHE|.*_ID$"
)
"""Variables that name one run or one folder: they differ for reasons that are no setting."""
_SERVER = (
    "max_model_len",
    "max_num_seqs",
    "max_num_batched_tokens",
    "gpu_memory_utilization",
    "quantization",
    "kv_cache_dtype",
    "moe_backend",
    "attention_backend",
    "all2all_backend",
    "enforce_eager",
    "distributed_executor_backend",
    "expert_parallel",
    "hardware",
    "model",
)
_SIZES = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size", "ep_size")
RESULT_NAMES = ("env:RESULT_FILENAME", "env:RESULT_FILENAME_BASE")


def settings(
    name: str,
    facts: Mapping[str, str],
    *,
    files: Iterable[str] = (),
    results: Iterable[Mapping[str, object]] = (),
    given: Mapping[str, str] | None = None,
) -> tuple[dict[str, str], dict[str, Where]]:
    """The axes of a job, and what kind each is.

    Args:
        name: The job's name.
        facts: What its log says.
        files: Names of its files, for the result file's.
        results: Its result files, parsed.
        given: What the user says about this job.
    """
    found = _of_server(facts)
    found.update(names.settings(name))
    for file in (*files, *(facts.get(key, "") for key in RESULT_NAMES)):
        if names.is_result_name(file):
            found.update(names.settings(file))
    for result in results:
        for key, value in result.items():
            if isinstance(value, str | int | float) and key.lower() != "model_id":
                axes.put(found, key, str(value))
    found.update(_of_environment(facts))
    if found.get("ep", "") not in ("", "1"):
        found.pop("expert_parallel", None)
    elif "ep" in found and found.get("expert_parallel") == "false":
        del found["expert_parallel"]
    kinds = {axis: axes.where(axis) for axis in found}
    for axis, value in (given or {}).items():
        found[axis] = axes.value(axis, value)
        kinds[axis] = Where.CONFIG
    return found, kinds


def is_own(variable: str) -> bool:
    """Whether a variable names one run or one folder, so that its value is no setting."""
    return _OWN.match(variable) is not None


def numbers(results: Iterable[Mapping[str, object]]) -> dict[str, float]:
    """The numeric columns of result files that are no settings."""
    found: dict[str, float] = {}
    for result in results:
        for name, value in _flat(result):
            if axes.canonical(name) or isinstance(value, bool):
                continue
            if isinstance(value, int | float) and axes.number(str(value)) is not None:
                found[name] = float(value)
    return found


def _flat(result: Mapping[str, object]) -> Iterable[tuple[str, object]]:
    """Columns, and those of tables one and two deep, such as lm-eval's `results.gsm8k.exact_match`."""
    for name, value in result.items():
        if not isinstance(value, Mapping):
            yield name, value
            continue
        for inner, deep in value.items():
            if not isinstance(deep, Mapping):
                yield f"{name}.{inner}", deep
                continue
            for last, deepest in deep.items():
                yield f"{inner}.{last}", deepest


def _of_server(facts: Mapping[str, str]) -> dict[str, str]:
    found = {name: axes.value(name, facts[name]) for name in _SERVER if name in facts}
    for name in _SIZES:
        if name in facts:
            axes.put(found, name, facts[name])
    found.update(
        {n: v for n, v in facts.items() if n.startswith(("backend", "version")) or n == "engine"}
    )
    if "node" in facts:
        found["node"] = facts["node"]
    return found


def _of_environment(facts: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for fact, value in facts.items():
        if not fact.startswith("env:"):
            continue
        name = fact.removeprefix("env:")
        if name.lower() in axes.PLACES:
            found[axes.PLACES[name.lower()]] = value
        elif not is_own(name) and not axes.put(found, name, value):
            found[f"${name}"] = axes.value("", value)
        if name == "EXP_NAME":
            lengths = names.settings(value)
            found.update({a: v for a, v in lengths.items() if a in ("isl", "osl")} | found)
    return found
