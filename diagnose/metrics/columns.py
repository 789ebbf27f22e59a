"""The columns of a monitor's CSV, by the names that nvidia-smi, amd-smi and rocm-smi give them.

nvidia-smi `--query-gpu=… --format=csv` puts units behind the names and the values, amd-smi `metric` and `monitor`
with `--csv` do not.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from datetime import UTC, datetime

_TIME = ("timestamp", "time")
_GPU = ("index", "gpu", "gpu_index", "gpu_id", "device", "uuid", "gpu_uuid", "pci.bus_id", "bus_id")
_BUSY = ("utilization.gpu", "gfx_activity", "gfx_util", "gfx", "gpu use (%)")
_MEMORY = (
    "utilization.memory",
    "umc_activity",
    "mem_util",
    "mem",
    "gpu memory read/write activity (%)",
)
_POWER = (
    "power.draw",
    "power.draw.average",
    "power.draw.instant",
    "socket_power",
    "power_usage",
    "average_socket_power",
    "current_socket_power",
    "average graphics package power (w)",
    "current socket graphics package power (w)",
)  # fmt: skip
_UNIT = re.compile(r"\s*\[[^]]*\]$")
_NUMBER = re.compile(r"^\s*(-?\d+(?:\.\d+)?)\s*(?:%|W|MHz|C)?\s*$")
_NAME = re.compile(r"(?=.{0,48}$)(?:[\w-]+(?::[\w-]+)*(?:\.\d+)?)?", re.ASCII)
"""A number, a PCI address or a UUID."""
_DATES = ("%Y/%m/%d %H:%M:%S.%f", "%Y/%m/%d %H:%M:%S")
_MILLISECONDS = 1e12


@dataclass(frozen=True, slots=True)
class Columns:
    """Where in a row the values stand; 0-based, None for a column that is not there."""

    time: int
    gpu: int | None
    busy: int
    memory: int | None
    power: int | None

    @property
    def last(self) -> int:
        """The last column that is read."""
        return max(
            n for n in (self.time, self.gpu, self.busy, self.memory, self.power) if n is not None
        )


@dataclass(frozen=True, slots=True)
class Sample:
    """One row."""

    time_s: float
    gpu: str
    busy: float
    memory: float | None
    power: float | None


def columns(header: str) -> Columns | None:
    """The columns that the first line of a file names; None when it is no monitor's."""
    names = [_UNIT.sub("", name.strip().lower()) for name in cells(header)]
    if len(set(names)) < 3:
        return None
    time, busy = _first(names, _TIME), _first(names, _BUSY)
    if time is None or busy is None:
        return None
    # `mem` is the share of time in amd-smi monitor, and a temperature beside `hotspot` in amd-smi metric.
    memory = [n for n in _MEMORY if n != "mem" or "hotspot" not in names]
    return Columns(time, _first(names, _GPU), busy, _first(names, memory), _first(names, _POWER))


def sample(row: str, where: Columns) -> Sample | None:
    """What a row says; None for one that is damaged, or says nothing."""
    values = cells(row, where.last + 1)
    if len(values) <= where.last:
        return None
    time_s, busy = seconds(values[where.time]), _number(values[where.busy])
    gpu = values[where.gpu].strip() if where.gpu is not None else ""
    if time_s is None or busy is None or not _NAME.fullmatch(gpu):
        return None
    return Sample(
        time_s,
        gpu,
        busy,
        _number(values[where.memory]) if where.memory is not None else None,
        _number(values[where.power]) if where.power is not None else None,
    )


def cells(row: str, most: int = -1) -> list[str]:
    """The values of a row; what comes after the first `most` of them may be left in one piece."""
    if '"' in row:
        return next(csv.reader([row]), [])
    return row.split(",", most)


def seconds(text: str) -> float | None:
    """A time as the monitors print it; one without a zone is read as if it were UTC."""
    text = text.strip()
    if _NUMBER.match(text):
        number = float(text)
        return number / 1000 if number > _MILLISECONDS else number
    for form in _DATES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()
        except ValueError:
            continue
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _first(names: list[str], known: tuple[str, ...] | list[str]) -> int | None:
    return next((names.index(name) for name in known if name in names), None)


def _number(text: str) -> float | None:
    match = _NUMBER.match(text)
    return float(match[1]) if match else None
