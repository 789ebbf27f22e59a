"""The settings of a run, read from what its programs printed about themselves.

Floor 5: pure. Sources of a fact, strongest first: what the engine says it runs with, its parsed
arguments, the command line, the job's environment block. A fact that is not printed is absent.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable

from diagnose.expressions import later
from diagnose.facts import chosen
from diagnose.facts.patterns import (
    AMD,
    ARGS,
    ASCEND,
    BACKEND,
    BANNER,
    CI_STEP,
    CI_STEP_LINES,
    COMMAND,
    CONTAINER,
    CPU,
    DEVICE,
    ENGINE_CONFIG,
    ENV_NAMES,
    EP_RANK,
    EXPORT,
    GPUS,
    JOB_NAME,
    LIBRARY,
    LOGO,
    META_ENV,
    NAMES,
    NAMESPACE,
    NODE,
    NVIDIA,
    OTHER_ENGINE,
    PATTERNS,
    PLATFORM,
    RANK,
    RUNNER,
    SERVER_ARGS,
    WINDOWS,
    WORLD,
)
from diagnose.model import Evidence
from diagnose.run import Run

__all__ = ["PATTERNS", "WINDOWS", "facts", "truth"]

_PAIR = later(
    r"""['"]?(?P<name>[a-z_0-9]+)['"]?\s*[:=]\s*(?P<value>'[^']*'|"[^"]*"|\{[^}]*\}|[^,\s)}]+)"""
)
_ENV_LINE = later(rf"^\s{{0,6}}(?P<name>{ENV_NAMES}):\s+(?P<value>\S.*)$")
_VARIABLE = later(r"^\s{2,6}(?P<name>[A-Z][A-Z0-9_]{1,80}):(?: (?P<value>.*))?$")
_FALSE = {"false", "0", "none", "null", "", "no", "off", "n/a"}


def truth(value: str) -> bool:
    """Whether a fact's value means yes."""
    return value.strip().lower() not in _FALSE


def facts(run: Run) -> dict[str, str]:
    """Reads the settings of a run; later, stronger sources overwrite earlier, weaker ones."""
    found: dict[str, str] = {}
    _environment(run, found)
    for pattern, read in _READERS:
        for evidence in run.evidence(pattern):
            read(evidence, found)
    _from_writers(run, found)
    _derive(run, found)
    return {name: value for name, value in sorted(found.items()) if value != ""}


def _environment(run: Run, found: dict[str, str]) -> None:
    for window in run.windows():
        if CI_STEP not in window[0].text:
            continue
        block, end = False, "##[endgroup]"
        ends = next((n for n, line in enumerate(window) if line.text == end), 0)
        for line in window[: max(ends, CI_STEP_LINES) + 1]:
            # Between these two everything of this form is a variable; elsewhere only known names are.
            block = (block or line.text == "env:") and line.text != end
            match = (_VARIABLE if block else _ENV_LINE).match(line.text)
            if match:
                _setenv(match["name"], match["value"] or "", found)
    for evidence in run.evidence(EXPORT):
        _setenv(evidence.captures["name"], evidence.captures["value"], found)


def _setenv(name: str, value: str, found: dict[str, str]) -> None:
    value = value.strip().strip("'\"")
    if value.startswith("$"):
        return
    found[f"env:{name}"] = value
    _put(name.lower(), value, found)


def _put(name: str, value: str, found: dict[str, str]) -> None:
    fact = NAMES.get(name)
    if fact is None:
        return
    value = value.strip().strip("'\"")
    if fact == "speculative":
        value = "" if value.lower() in _FALSE else value[:80]
    found[fact] = value


def _pairs(text: str, found: dict[str, str]) -> None:
    for match in _PAIR.finditer(text):
        _put(match["name"], match["value"], found)


def _command(evidence: Evidence, found: dict[str, str]) -> None:
    text = evidence.captures["argv"]
    try:
        words = shlex.split(text, comments=False)
    except ValueError:
        words = text.split()
    if words and not words[0].startswith("-"):
        _put("model", words[0], found)
    for position, word in enumerate(words):
        if not word.startswith("-"):
            continue
        name, equals, value = word.lstrip("-").partition("=")
        if not equals:
            after = words[position + 1] if position + 1 < len(words) else ""
            value = after if after and not after.startswith("--") else "true"
        _put(name.replace("-", "_").lower(), value, found)


def _config(evidence: Evidence, found: dict[str, str]) -> None:
    _pairs(evidence.captures.get("config", evidence.captures.get("args", "")), found)


def _version(evidence: Evidence, found: dict[str, str]) -> None:
    found["version"] = evidence.captures["version"]
    found["engine"] = "vllm"


def _engine_config(evidence: Evidence, found: dict[str, str]) -> None:
    _version(evidence, found)
    _config(evidence, found)


def _vllm_args(evidence: Evidence, found: dict[str, str]) -> None:
    found["engine"] = "vllm"
    _config(evidence, found)


def _sglang_args(evidence: Evidence, found: dict[str, str]) -> None:
    found["engine"] = "sglang"
    _config(evidence, found)


def _rank(evidence: Evidence, found: dict[str, str]) -> None:
    found["world_size"] = evidence.captures["world_size"]
    found.setdefault("engine", "vllm")


def _ep_rank(evidence: Evidence, found: dict[str, str]) -> None:
    found["expert_parallel"] = "true"
    found["ep_size"] = evidence.captures["ep_size"]


def _meta(evidence: Evidence, found: dict[str, str]) -> None:
    import json

    try:
        meta = json.loads(evidence.captures["json"])
    except ValueError:
        return
    if isinstance(meta, dict):
        for name, value in meta.items():
            if isinstance(value, str | int | float | bool):
                _put(
                    str(name), str(value).lower() if isinstance(value, bool) else str(value), found
                )
        if isinstance(meta.get("framework"), str):
            found.setdefault("engine", str(meta["framework"]))


def _job(evidence: Evidence, found: dict[str, str]) -> None:
    # A log may quote other jobs further down; its own name stands first.
    for name, value in evidence.captures.items():
        if NAMES.get(name) not in found:
            _put(name, value, found)


def _platform(evidence: Evidence, found: dict[str, str]) -> None:
    platforms = {
        "cuda": "nvidia",
        "rocm": "amd",
        "hip": "amd",
        "cpu": "cpu",
        "npu": "ascend",
        "xpu": "intel",
    }
    hardware = platforms.get(evidence.captures["platform"].lower())
    if hardware:
        found["hardware"] = hardware


def _device(evidence: Evidence, found: dict[str, str]) -> None:
    # PyTorch calls AMD's devices "cuda" too, so that word says nothing.
    if evidence.captures["device"] != "cuda":
        _platform(Evidence(evidence.line, {"platform": evidence.captures["device"]}), found)


def _gpus(evidence: Evidence, found: dict[str, str]) -> None:
    found["gpu_count"] = evidence.captures["gpus"]


def _other_engine(evidence: Evidence, found: dict[str, str]) -> None:
    text = evidence.line.text
    engine = "tgi" if "text" in text else "trtllm" if "tensorrt" in text else "atom"
    found.setdefault("engine", engine)


_READERS: tuple[tuple[str, Callable[[Evidence, dict[str, str]], None]], ...] = (
    (JOB_NAME, _job),
    (META_ENV, _meta),
    (GPUS, _gpus),
    (COMMAND, _command),
    (BANNER, _version),
    (LOGO, _version),
    (NAMESPACE, _vllm_args),
    (ARGS, _vllm_args),
    (SERVER_ARGS, _sglang_args),
    (RANK, _rank),
    (WORLD, _rank),
    (ENGINE_CONFIG, _engine_config),
    (EP_RANK, _ep_rank),
    (PLATFORM, _platform),
    (DEVICE, _device),
    (OTHER_ENGINE, _other_engine),
    (NODE, chosen.node),
    (RUNNER, chosen.runner),
    (CONTAINER, chosen.container),
    (BACKEND, chosen.backend),
    (LIBRARY, chosen.library),
)


def _from_writers(run: Run, found: dict[str, str]) -> None:
    roles = set()
    for writer in run.writers.values():
        roles.add(writer.role)
        if writer.role == "worker" and any(axis == "EP" for axis, _ in writer.ranks):
            found["expert_parallel"] = "true"
    if "scheduler" in roles or "detokenizer" in roles:
        found.setdefault("engine", "sglang")
    elif roles & {"engine-core", "worker", "api-server"}:
        found.setdefault("engine", "vllm")


def _derive(run: Run, found: dict[str, str]) -> None:
    if "hardware" not in found:
        hardware = _hardware(run)
        if hardware:
            found["hardware"] = hardware
    if truth(found.get("ep_size", "")) and found["ep_size"].isdigit():
        found.setdefault("expert_parallel", "true" if int(found["ep_size"]) > 1 else "false")
    if "expert_parallel" in found:
        found["expert_parallel"] = "true" if truth(found["expert_parallel"]) else "false"
    if "gpu_count" not in found and found.get("hardware") != "cpu":
        sizes = [found.get(f"{axis}_parallel_size", "1") for axis in ("tensor", "pipeline", "data")]
        world = 1
        for size in sizes:
            world *= int(size) if size.isdigit() else 1
        world = max(world, int(found.get("world_size", "1")))
        if world > 1 or "tensor_parallel_size" in found:
            found["gpu_count"] = str(world)


def _hardware(run: Run) -> str:
    # PyTorch for ROCm says "CUDA" too, so a word that only AMD's software prints decides.
    for pattern, name in ((ASCEND, "ascend"), (AMD, "amd"), (NVIDIA, "nvidia"), (CPU, "cpu")):
        if run.count(pattern):
            return name
    return ""
