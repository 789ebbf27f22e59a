"""What a recording shows of the end of a job, one plain line a fact, for signatures of the channel `host`.

A monitor cannot say what a GPU works on: a kernel that spins in a collective is as busy as one that computes. What
tells them apart is that a spinning one neither touches the memory nor draws much power.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from diagnose.model import GpuTrack, Recording
from diagnose.units import ranges

IDLE = 5.0
"""Percent of a stretch up to which a GPU counts as idle: a monitor's own look costs as much."""
PEGGED = 95.0
UNTOUCHED = 5.0
"""Percent of a stretch up to which memory counts as not used."""
LOW_POWER = 0.6
"""Share of the highest power that was seen up to which a busy GPU does no real work."""


@dataclass(frozen=True, slots=True)
class _End:
    """The state of one GPU at the end."""

    gpu: GpuTrack
    state: str
    """`idle`, `spinning`, `busy`; empty when it has no power over it: it varies."""
    stretches: int
    """For how many of them it has been so."""


def statements(recording: Recording) -> list[str]:
    """The lines, the most telling last."""
    count = len(recording.gpus)
    lines = [
        f"gpu metrics of {count} GPU{'s' if count != 1 else ''} over {recording.lasted_s:.0f} s"
    ]
    ends = [_end(gpu) for gpu in recording.gpus]
    for state in ("idle", "spinning", "busy"):
        group = [end for end in ends if end.state == state]
        if group:
            lines.append(_line(group, len(ends), recording))
    return [*lines, *_odd(ends, recording)]


def _end(gpu: GpuTrack) -> _End:
    states = [_state(gpu, at) for at in range(len(gpu.busy))]
    while states and states[-1] is None:
        states.pop()
    if not states:
        return _End(gpu, "", 0)
    last = states[-1]
    same = 0
    for state in reversed(states):
        if state not in (last, None):
            break
        same += 1
    return _End(gpu, last or "", same)


def _state(gpu: GpuTrack, at: int) -> str | None:
    busy, memory, power = gpu.busy[at], _at(gpu.memory, at), _at(gpu.power, at)
    if busy is None:
        return None
    if busy <= IDLE:
        return "idle"
    if busy < PEGGED:
        return ""
    highest = max((p for p in gpu.power if p is not None), default=None)
    if memory is not None:
        cool = power is None or highest is None or power <= LOW_POWER * highest
        return "spinning" if memory <= UNTOUCHED and cool else "busy"
    if power is not None and highest is not None and power <= LOW_POWER * highest:
        return "spinning"
    return "busy"


def _line(group: Sequence[_End], all_: int, recording: Recording) -> str:
    shortest = min(end.stretches for end in group)
    which = "all gpus" if len(group) == all_ else _names(group)
    whole = shortest == recording.stretches
    length = "for the whole recording of" if whole else "for the last"
    return f"{which} {group[0].state} {length} {shortest * recording.stretch_s:.0f} s{_figures(group, shortest)}"


def _odd(ends: Sequence[_End], recording: Recording) -> Iterator[str]:
    """The few that went idle while the others wait for them in a kernel."""
    idle = [end for end in ends if end.state == "idle" and _worked(end.gpu)]
    pegged = [end for end in ends if end.state in ("spinning", "busy")]
    if not idle or not pegged or len(idle) >= len(pegged) or len(idle) + len(pegged) < len(ends):
        return
    both = min(end.stretches for end in (*idle, *pegged))
    yield (
        f"{_names(idle)} idle while {_names(pegged)} {'is' if len(pegged) == 1 else 'are'} pegged"
        f" for the last {both * recording.stretch_s:.0f} s"
    )


def _worked(gpu: GpuTrack) -> bool:
    """Whether it ever had work: a GPU that the job does not use is idle all the time."""
    return any(busy is not None and busy > IDLE for busy in gpu.busy)


def _figures(group: Sequence[_End], stretches: int) -> str:
    busy = _mean([v for end in group for v in end.gpu.busy[-stretches:]])
    power = _mean([v for end in group for v in end.gpu.power[-stretches:]])
    highest = max((v for end in group for v in end.gpu.power if v is not None), default=None)
    text = f": busy {busy:.0f} %" if busy is not None else ""
    if power is not None and highest is not None:
        text += f", {power:.0f} W of {highest:.0f} W seen"
    return text


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known else None


def _at(values: Sequence[float | None], at: int) -> float | None:
    return values[at] if at < len(values) else None


def _names(group: Sequence[_End]) -> str:
    """`gpu 3`, `gpus 0-2,4-7`."""
    names = [end.gpu.name for end in group]
    if not all(name.isdecimal() for name in names):
        return f"gpu{'s' if len(names) > 1 else ''} {', '.join(names)}"
    return f"gpu{'s' if len(names) > 1 else ''} {ranges(sorted(map(int, names)))}"
