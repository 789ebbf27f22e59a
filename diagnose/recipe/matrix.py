"""The rows of a job matrix, and which of them a script is run for.

Floor 6: pure. A matrix is a list of rows (YAML, JSON or CSV), or a configuration that spans them: entries by name with `scenarios`,
each with a `search-space` of sizes and concurrencies.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

import yaml

from diagnose.errors import InputError

NAMES: Mapping[str, str] = {
    "tp": "TP",
    "pp": "PP",
    "ep": "EP_SIZE",
    "dcp-size": "DCP_SIZE",
    "pcp-size": "PCP_SIZE",
    "dp-attn": "DP_ATTENTION",
    "conc": "CONC",
    "isl": "ISL",
    "osl": "OSL",
    "max-model-len": "MAX_MODEL_LEN",
    "image": "IMAGE",
    "model": "MODEL",
    "precision": "PRECISION",
    "framework": "FRAMEWORK",
    "runner": "RUNNER_TYPE",
    "spec-decoding": "SPEC_DECODING",
    "kv-offloading": "KV_OFFLOADING",
    "kv-offload-backend": "KV_OFFLOAD_BACKEND",
}
"""Keys of a matrix, and the variables that a job gets for them."""
_DEFAULTS = {
    "EP_SIZE": "1",
    "DP_ATTENTION": "false",
    "DCP_SIZE": "1",
    "PCP_SIZE": "1",
    "KV_OFFLOAD_BACKEND": "",
}
_MOST_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Job:
    """One row of a matrix."""

    row: Mapping[str, str]
    entry: str = ""
    """The name of the configuration's entry; empty for a plain list."""
    stem: str = ""
    """`<model>_<precision>_<hardware>`, with which the name of its script begins; empty where it is not told."""
    scenario: str = ""


def jobs(name: str, data: bytes) -> list[Job]:
    """Every row of a matrix.

    Args:
        name: The file's name; decides between CSV and YAML (of which JSON is a part).
        data: What is in it.

    Raises:
        InputError: If it is no matrix.
    """
    text = data.decode("utf-8", "replace")
    try:
        held = (
            list(csv.DictReader(StringIO(text)))
            if name.endswith(".csv")
            else yaml.load(text, _Loader)
        )
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        where = f" in line {place.line + 1}" if place else ""
        raise InputError(f"{name}: no YAML{where}", "name a matrix of jobs") from error
    found = list(_rows(held))
    if not found:
        raise InputError(
            f"{name}: no rows",
            "a matrix is a list of rows, or entries with scenarios and a search-space",
        )
    if len(found) > _MOST_ROWS:
        raise InputError(f"{name}: more than {_MOST_ROWS} rows", "name a smaller matrix")
    return found


def rows_for(
    script: str, all_jobs: Sequence[Job], exists: Callable[[str], bool] = lambda _name: False
) -> list[Mapping[str, str]]:
    """The rows that a script is run for, each once; all of them where the matrix does not say which.

    Args:
        script: The script's path. Its name is `<model>_<precision>_<hardware>[_<framework>][_mtp].sh`.
        all_jobs: Of the matrix.
        exists: Whether a script of another name lies beside it: one that names the framework comes first.
    """
    if not any(job.stem for job in all_jobs):
        chosen = list(all_jobs)
    else:
        chosen = [job for job in all_jobs if _is_for(script, job, exists)]
    unique = {tuple(sorted(job.row.items())): job.row for job in chosen}
    return list(unique.values())


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe, and fast where libyaml is there."""


def _rows(held: Any) -> Iterator[Job]:
    if isinstance(held, Mapping) and isinstance(held.get("include"), list):
        held = held["include"]
    if isinstance(held, list):
        yield from (Job(_row(entry)) for entry in held if isinstance(entry, Mapping))
    elif isinstance(held, Mapping):
        for name, entry in held.items():
            if isinstance(entry, Mapping) and isinstance(entry.get("scenarios"), Mapping):
                yield from _entry(str(name), entry)
            elif isinstance(entry, list):
                yield from (Job(_row(row)) for row in entry if isinstance(row, Mapping))


def _entry(name: str, entry: Mapping[str, Any]) -> Iterator[Job]:
    """The rows of `image, model, runner, scenarios.{…}: [{isl, osl, search-space: […]}]`."""
    common = _row({k: v for k, v in entry.items() if not isinstance(v, Mapping | list)})
    hardware = str(entry.get("runner", "")).rpartition(":")[2].split("-")[0]
    stem = "_".join(str(entry.get(k, "")) for k in ("model-prefix", "precision")) + f"_{hardware}"
    for scenario, settings in entry["scenarios"].items():
        for setting in settings if isinstance(settings, list) else ():
            sizes = _row({k: v for k, v in setting.items() if not isinstance(v, Mapping | list)})
            for space in setting.get("search-space") or ():
                if "prefill" in space or "decode" in space:
                    continue
                row = {**_DEFAULTS, **common, **sizes, **_row(space)}
                if "ISL" in row and "OSL" in row:
                    row.setdefault("MAX_MODEL_LEN", str(int(row["ISL"]) + int(row["OSL"]) + 256))
                for conc in _concurrencies(space):
                    yield Job({**row, "CONC": str(conc)}, name, stem, str(scenario))


def _concurrencies(space: Mapping[str, Any]) -> Iterator[int]:
    listed = space.get("conc-list")
    if isinstance(listed, list):
        yield from (int(c) for c in listed)
        return
    conc, end = (
        int(space.get("conc-start", 1)),
        int(space.get("conc-end", space.get("conc-start", 1))),
    )
    while 0 < conc < end:
        yield conc
        conc *= 2
    yield end


def _row(entry: Mapping[str, Any]) -> dict[str, str]:
    """Variables of scalars; a name that is no known key is a variable as it is, if it looks like one."""
    found = {}
    for key, value in entry.items():
        name = NAMES.get(str(key).lower().replace("_", "-"), str(key))
        if (
            name.isidentifier()
            and name.isupper()
            and not isinstance(value, Mapping | list)
            and value is not None
        ):
            found[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return found


def _is_for(script: str, job: Job, exists: Callable[[str], bool]) -> bool:
    folder, _, file = script.rpartition("/")
    stem = file.removesuffix(".sh")
    mtp = stem.endswith("_mtp")
    match = re.fullmatch(r"(.+?)(?:_(vllm|sglang|trt|atom))?", stem.removesuffix("_mtp"))
    if match is None or match[1] != job.stem or mtp != (job.row.get("SPEC_DECODING") == "mtp"):
        return False
    framework = job.row.get("FRAMEWORK", "")
    family = "trt" if framework.startswith("trt") else framework.partition("-")[0]
    if match[2] and family != match[2]:
        return False
    if not match[2] and exists(f"{match[1]}_{family}{'_mtp' if mtp else ''}.sh"):
        return False
    if "agentic" in folder or "fixed_seq_len" in folder:
        return ("agentic" in folder) == ("agentic" in job.scenario)
    return True
