"""The settings of one job, joined from all places that tell them.

Floor 10: pure. Strongest first: what the user says, the environment block of the job's log, its result
files, the name of its result file, its own name, what the server says it runs with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from diagnose.contrast.terms import number as finite
from diagnose.jobs import axes, names
from diagnose.jobs.results import is_result_name, of_result
from diagnose.model.sweep import Contradiction, Where

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
    "model",
)
_SIZES = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size", "ep_size")
RESULT_NAMES = ("env:RESULT_FILENAME", "env:RESULT_FILENAME_BASE")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a job, and what was said of them in several ways."""

    axes: Mapping[str, str]
    kinds: Mapping[str, Where]
    contradictions: tuple[Contradiction, ...] = ()


def settings(
    name: str,
    facts: Mapping[str, str],
    *,
    files: Iterable[str] = (),
    results: Iterable[Mapping[str, object]] = (),
    given: Mapping[str, str] | None = None,
) -> Settings:
    """The axes of a job, what kind each is, and where its sources contradict each other.

    Args:
        name: The job's name.
        facts: What its log says.
        files: Names of its files, for the result file's.
        results: Its result files, parsed.
        given: What the user says about this job.
    """
    file_names: dict[str, str] = {}
    for file in (*files, *(facts.get(key, "") for key in RESULT_NAMES)):
        if is_result_name(file):
            file_names.update(of_result(file))
    said = {
        "its name": names.settings(name),
        "the name of its result file": file_names,
        "its result file": _of_results(results),
        "the environment block of its log": _of_environment(facts),
    }
    server = _of_server(facts)
    told = {axis: value for layer in said.values() for axis, value in layer.items()}
    found = server | told
    if found.get("ep", "") not in ("", "1"):
        found.pop("expert_parallel", None)
    elif "ep" in found and found.get("expert_parallel") == "false":
        del found["expert_parallel"]
    kinds = {axis: axes.where(axis) for axis in found}
    if told:
        # What follows in the server from the matrix's settings is none of them.
        kinds |= {axis: Where.LOG for axis in _SERVER if axis in found and axis not in told}
    for axis, value in (given or {}).items():
        found[axis] = axes.value(axis, value)
        kinds[axis] = Where.CONFIG
    disputed = tuple(c for c in contradictions(said) if c.axis not in (given or {}))
    return Settings(found, kinds, disputed)


def contradictions(said: Mapping[str, Mapping[str, str]]) -> Iterator[Contradiction]:
    """Axes to which two sources give values that cannot both hold; the later source is believed."""
    sources = list(said.items())
    for position, (place, layer) in enumerate(sources):
        for axis, value in layer.items():
            if not axes.is_exact(axis):
                continue
            for stronger, other in sources[:position:-1]:
                if axis in other:
                    # A job of several concurrencies has results of each.
                    if not set(value.split("x")) & set(other[axis].split("x")):
                        yield Contradiction(axis, other[axis], stronger, value, place)
                    break


def _of_results(results: Iterable[Mapping[str, object]]) -> dict[str, str]:
    """What result files say; an axis under whose several values they were measured is none of the job's."""
    seen: dict[str, set[str]] = {}
    for result in results:
        for key, value in result.items():
            if isinstance(value, str | int | float) and key.lower() != "model_id":
                one: dict[str, str] = {}
                axes.put(one, key, str(value))
                for axis, text in one.items():
                    seen.setdefault(axis, set()).add(text)
    return {axis: values.pop() for axis, values in seen.items() if len(values) == 1}


def is_own(variable: str) -> bool:
    """Whether a variable names one run or one folder, so that its value is no setting."""
    return _OWN.match(variable) is not None


def numbers(results: Iterable[Mapping[str, object]]) -> dict[str, float]:
    """The numeric columns of result files that are no settings.

    Results of one job that were measured under several settings, such as one for each concurrency, are kept apart
    by those: `tput_per_gpu (conc=64)`.
    """
    rows = [(_of_results([result]), result) for result in results]
    seen: dict[str, set[str]] = {}
    for settings, _ in rows:
        for axis, value in settings.items():
            seen.setdefault(axis, set()).add(value)
    varied = sorted(axis for axis, values in seen.items() if len(values) > 1)
    found: dict[str, float] = {}
    for settings, result in rows:
        under = " ".join(f"{axis}={settings[axis]}" for axis in varied if axis in settings)
        for name, number in _flat(result):
            if axes.canonical(name) or isinstance(number, bool):
                continue
            if isinstance(number, int | float) and finite(str(number)) is not None:
                found[f"{name} ({under})" if under else name] = float(number)
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
    # The log tells whose hardware it is, and not which.
    for fact, axis in (("node", "node"), ("hardware", "vendor")):
        if fact in facts:
            found[axis] = facts[fact]
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
