"""GPUs as amd-smi, rocm-smi or nvidia-smi tell them.

Part of the probe, floor 10. The tools are asked only where they are installed and their driver is loaded; what
they print differs between releases, so a value that is not there is None, never zero.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from diagnose.model import CouldNotLook, Gpu
from diagnose.redact import redact

TIMEOUT_S = 4.0
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_JSON = re.compile(r"^[ \t]*[\[{]", re.MULTILINE)
_ANSWER = re.compile(r"^[ \t]*(?:[\[{]|\d+, )", re.MULTILINE)
_MAX_WORDS = 200
_UNITS = {"B": 1, "KB": 2**10, "KIB": 2**10, "MB": 2**20, "MIB": 2**20, "GB": 2**30, "GIB": 2**30}
_NVIDIA = ["index", "name", "utilization.gpu", "memory.used", "memory.total", "power.draw", "uuid"]


def gpus(timeout_s: float = TIMEOUT_S) -> tuple[tuple[Gpu, ...], CouldNotLook | None]:
    """Every device the first tool that answers knows of."""
    asked: list[str] = []
    for tool, present, ask in _TOOLS:
        if not any(map(os.path.exists, present)):
            continue
        found = shutil.which(tool) or shutil.which(tool, path="/opt/rocm/bin:/usr/local/nvidia/bin")
        if not found:
            asked.append(f"{tool} is not installed")
            continue
        try:
            devices = ask(found, timeout_s)
        except _RefusalError as refusal:
            asked.append(f"{tool} says: {refusal}")
            continue
        except subprocess.TimeoutExpired:
            return (), CouldNotLook(
                "the GPUs", f"{tool} did not answer within {timeout_s:g} s", tool
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError, LookupError):
            asked.append(f"the answer of {tool} could not be read")
            continue
        if devices:
            return devices, None
        asked.append(f"{tool} names none")
    return (), CouldNotLook("the GPUs", "; ".join(asked)) if asked else None


class _RefusalError(Exception):
    """A tool that gives no answer, with its own words."""


def _run(arguments: list[str], timeout_s: float) -> str:
    done = subprocess.run(
        arguments, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False
    )
    text = done.stdout.decode("utf-8", "replace")
    if done.returncode and not _ANSWER.search(text):
        words = f"{text}\n{done.stderr.decode('utf-8', 'replace')}".strip().partition("\n")[0]
        raise _RefusalError(
            redact(words[:_MAX_WORDS]) or f"nothing, and exits with {done.returncode}"
        )
    return text


def _ask_nvidia(tool: str, timeout_s: float) -> tuple[Gpu, ...]:
    devices = _run(
        [tool, f"--query-gpu={','.join(_NVIDIA)}", "--format=csv,noheader,nounits"], timeout_s
    )
    apps = [tool, "--query-compute-apps=gpu_uuid,pid", "--format=csv,noheader"]
    return nvidia(devices, _users(apps, timeout_s))


def _ask_amd(tool: str, timeout_s: float) -> tuple[Gpu, ...]:
    metrics = _run([tool, "metric", "--usage", "--mem-usage", "--power", "--json"], timeout_s)
    return amd(metrics, _users([tool, "process", "--json"], timeout_s))


def _users(arguments: list[str], timeout_s: float) -> str:
    """Who uses the devices; nothing where a tool does not tell: the devices are worth telling all the same."""
    try:
        return _run(arguments, timeout_s)
    except _RefusalError:
        return ""


def _ask_rocm(tool: str, timeout_s: float) -> tuple[Gpu, ...]:
    flags = ["--showuse", "--showmeminfo", "vram", "--showpower", "--showproductname", "--json"]
    return rocm(_run([tool, *flags], timeout_s))


def nvidia(devices: str, users: str = "") -> tuple[Gpu, ...]:
    """From `nvidia-smi --query-gpu=… --format=csv,noheader,nounits` and `--query-compute-apps=gpu_uuid,pid`."""
    owners: dict[str, list[int]] = {}
    for row in csv.reader(users.splitlines(), skipinitialspace=True):
        if len(row) == 2 and row[1].strip().isdigit():
            owners.setdefault(row[0].strip(), []).append(int(row[1]))
    found = []
    for row in csv.reader(devices.splitlines(), skipinitialspace=True):
        if len(row) != len(_NVIDIA) or not row[0].strip().isdigit():
            continue
        index, name, busy, used, total, power, uuid = (cell.strip() for cell in row)
        pids = tuple(sorted(owners.get(uuid, ())))
        found.append(
            Gpu(
                int(index),
                name,
                _number(busy),
                _bytes(used, "MIB"),
                _bytes(total, "MIB"),
                _number(power),
                pids,
            )
        )
    return tuple(found)


def amd(metrics: str, users: str = "") -> tuple[Gpu, ...]:
    """From `amd-smi metric --usage --mem-usage --power --json` and `amd-smi process --json`."""
    owners: dict[int, set[int]] = {}
    for entry in _entries(_json(users)):
        listed = entry.get("process_list")
        for process in listed if isinstance(listed, list) else ():
            info = _part(process, "process_info")
            if str(info.get("pid", "")).isdigit():
                owners.setdefault(int(entry["gpu"]), set()).add(int(info["pid"]))
    found = []
    for entry in _entries(_json(metrics)):
        index = int(entry["gpu"])
        memory, power = _part(entry, "mem_usage"), _part(entry, "power")
        found.append(
            Gpu(
                index,
                "",
                _number(_part(entry, "usage").get("gfx_activity")),
                _bytes(memory.get("used_vram"), "MB"),
                _bytes(memory.get("total_vram"), "MB"),
                _number(power.get("socket_power") or power.get("current_socket_power")),
                tuple(sorted(owners.get(index, ()))),
            )
        )
    return tuple(found)


def rocm(text: str) -> tuple[Gpu, ...]:
    """From `rocm-smi --showuse --showmeminfo vram --showpower --showproductname --json`."""
    found = []
    told = _json(text)
    for card, values in told.items() if isinstance(told, Mapping) else ():
        if not card.startswith("card") or not isinstance(values, Mapping):
            continue
        power = next(
            (value for key, value in values.items() if "Power (W)" in key and "Max" not in key),
            None,
        )
        name = (
            values.get("Card Series") or values.get("Card series") or values.get("Card model") or ""
        )
        found.append(
            Gpu(
                int(card.removeprefix("card")),
                str(name),
                _number(values.get("GPU use (%)")),
                _bytes(values.get("VRAM Total Used Memory (B)"), "B"),
                _bytes(values.get("VRAM Total Memory (B)"), "B"),
                _number(power),
            )
        )
    return tuple(found)


def _json(text: str) -> Any:
    """The JSON in an answer; the tools print warnings before it, also such as `ERROR: GPU[0]: …`."""
    start = _JSON.search(text)
    return json.JSONDecoder().raw_decode(text, start.end() - 1)[0] if start else None


def _part(entry: Any, key: str) -> Mapping[str, Any]:
    """A table of an entry; empty where the tool says `N/A` in its place."""
    found = entry.get(key) if isinstance(entry, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _entries(value: Any) -> Iterator[Mapping[str, Any]]:
    """One entry for each GPU; newer releases wrap the list in `gpu_data`."""
    if isinstance(value, Mapping):
        value = value.get("gpu_data", [])
    for entry in value or ():
        if isinstance(entry, Mapping) and str(entry.get("gpu", "")).isdigit():
            yield entry


def _number(value: Any) -> float | None:
    """A plain number, a string with one, or `{"value": …, "unit": …}`; None for N/A."""
    if isinstance(value, Mapping):
        value = value.get("value")
    found = _NUMBER.search(str(value)) if value is not None else None
    return float(found[0]) if found else None


def _bytes(value: Any, unit: str) -> int | None:
    if isinstance(value, Mapping):
        unit = str(value.get("unit") or unit)
    number = _number(value)
    return None if number is None else int(number * _UNITS.get(unit.upper(), 1))


_Ask = Callable[[str, float], tuple[Gpu, ...]]
_TOOLS: tuple[tuple[str, tuple[str, ...], _Ask], ...] = (
    ("nvidia-smi", ("/dev/nvidiactl", "/proc/driver/nvidia"), _ask_nvidia),
    ("amd-smi", ("/dev/kfd",), _ask_amd),
    ("rocm-smi", ("/dev/kfd",), _ask_rocm),
)
