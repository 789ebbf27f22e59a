"""Which launch script of the checkout a job ran, by its place in the matrix.

The scripts of a benchmark are named after what they run: `<model>_<precision>_<hardware>[_<framework>][_mtp].sh`, in a
folder for the scenario. Where no script, or more than one, has such a name, none is taken.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

from diagnose.model import Job
from diagnose.sources.names import SKIPPED_FOLDERS

MOST = 20_000
"""Files and folders looked at."""
_RETIRED = "deprecated"
_SCENARIOS = {"agentic-coding": "agentic", "fixed-seq-len": "fixed_seq_len"}


def recipe(root: str, job: Job) -> str:
    """The script's path below `root`; empty where it cannot be told."""
    names = _names(job)
    scripts = _of_scenario(_scripts(root) if names else (), job.settings.get("SCENARIO_TYPE", ""))
    for name in names:
        paths = [path for path in scripts if os.path.basename(path) == name]
        if paths:
            return paths[0] if len(paths) == 1 else ""
    return ""


def _names(job: Job) -> list[str]:
    """Names that the script may have, the most special first; none where the matrix does not say enough."""
    told = job.settings
    model = told.get("EXP_NAME", "").partition("_")[0] or told.get("MODEL_PREFIX", "")
    precision, framework = told.get("PRECISION", ""), told.get("FRAMEWORK", "")
    hardware = _hardware(told.get("RUNNER_TYPE", "")) or _hardware(job.node)
    if not (model and precision and hardware):
        return []
    base = f"{model}_{precision}_{hardware}"
    end = ("_mtp" if told.get("SPEC_DECODING") == "mtp" else "") + ".sh"
    short = next((f"_{word}" for word in ("trt", "atom") if word in framework), "")
    return list(dict.fromkeys([f"{base}_{framework}{end}", f"{base}{short}{end}"]))


def _hardware(runner: str) -> str:
    """`mi355x` of `mi355x`, `cluster:mi355x-amds` and `mi355x-amds_03`."""
    return re.split(r"[-_]", runner.rpartition(":")[2])[0]


def _of_scenario(paths: Iterable[str], scenario: str) -> list[str]:
    """Those in the scenario's folder, where there is one."""
    every = list(paths)
    folder = _SCENARIOS.get(scenario, "")
    return [path for path in every if folder in path.split(os.sep)] or every


def _scripts(root: str) -> Iterator[str]:
    seen = 0
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(
            name
            for name in folders
            if name not in SKIPPED_FOLDERS and name != _RETIRED and not name.startswith(".")
        )
        for name in files:
            seen += 1
            if name.endswith(".sh"):
                yield os.path.join(folder, name)
        if seen > MOST:
            return
