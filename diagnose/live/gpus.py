"""What the devices say beside the stacks: all idle, all busy, or one at zero while the others are busy.

Floor 9: pure. A monitor cannot tell a kernel that computes from one that waits for its peers; but a device without
work says that its rank is not in what the others run, and devices that are all without work send the look to the host.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from diagnose.model import Gpu
from diagnose.units import ranges
from diagnose.waits import View

IDLE = 5.0
"""Per cent up to which a device counts as idle: a monitor's own look costs as much."""
PEGGED = 95.0


@dataclass(frozen=True, slots=True)
class Devices:
    """The devices that a server uses."""

    line: str
    """For signatures; empty where the devices tell nothing."""
    sentence: str
    """The same for people."""


def devices(view: View) -> Devices:
    """What the devices of the server say together.

    Args:
        view: The snapshot. Where the tool names the processes of a device, only those of the server count.
    """
    known = [gpu for gpu in view.snapshot.gpus if gpu.busy is not None]
    own = [gpu for gpu in known if any(pid in view.standings for pid in gpu.pids)]
    used = own or known
    idle = [gpu for gpu in used if gpu.busy is not None and gpu.busy <= IDLE]
    pegged = [gpu for gpu in used if gpu.busy is not None and gpu.busy >= PEGGED]
    if not used or len(idle) + len(pegged) < len(used):
        return Devices("", "")
    all_ = "the GPU" if len(used) == 1 else f"all {len(used)} GPUs"
    if not pegged:
        verb = "is" if len(used) == 1 else "are"
        what = f"{all_} {verb} idle: what is waited for is on the host"
        return Devices("all gpus idle now", what)
    if not idle:
        verb = "is" if len(used) == 1 else "are"
        what = f"{all_} {verb} at full use, which a kernel that waits for its peers is as well"
        return Devices("all gpus pegged now", what)
    return _odd(view, idle, pegged)


def users(view: View, gpu: Gpu) -> str:
    """The server's processes on a device; empty where the tool names none."""
    pids = [pid for pid in gpu.pids if pid in view.standings]
    return view.names(pids) if pids else ""


def _odd(view: View, idle: Sequence[Gpu], pegged: Sequence[Gpu]) -> Devices:
    named = [name for gpu in idle if (name := users(view, gpu))]
    whose = f" ({', '.join(named)})" if named else ""
    line = f"{_list(idle, 'gpu')} idle now while {_list(pegged, 'gpu')} {_are(pegged)} pegged"
    what = f"{_list(idle, 'GPU')}{whose} {_are(idle)} idle while {_list(pegged, 'GPU')} {_are(pegged)} at full use"
    return Devices(line, what)


def _list(gpus: Sequence[Gpu], word: str) -> str:
    return f"{word}{'s' if len(gpus) > 1 else ''} {ranges(sorted(gpu.index for gpu in gpus))}"


def _are(gpus: Sequence[Gpu]) -> str:
    return "are" if len(gpus) > 1 else "is"
