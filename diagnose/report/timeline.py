"""The run as a picture made of text: its phases as bars, the use of each GPU below them.

Floor 10: pure. Holds no text of a log: phases and GPUs have names of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diagnose.model import Diagnosis, Progress
from diagnose.units import duration, ranges

if TYPE_CHECKING:
    from diagnose.model import GpuTrack, Recording

_SPARK = "▁▂▃▄▅▆▇█"
_ACTIVE, _STILL = "█", "░"
_LABEL = 18
_NARROWEST = 20


@dataclass(frozen=True, slots=True)
class _Span:
    """One phase, in seconds on the clock of the log."""

    name: str
    began_s: float
    ended_s: float
    still_s: float
    """From when on nothing new came; `ended_s` where something did to the end."""


@dataclass(frozen=True, slots=True)
class _Axis:
    """From when to when, and over how many columns."""

    began_s: float
    ended_s: float
    columns: int

    def column(self, time_s: float) -> int:
        share = (time_s - self.began_s) / (self.ended_s - self.began_s)
        return max(0, min(self.columns - 1, int(share * self.columns)))


def timeline(diagnosis: Diagnosis, width: int = 80) -> list[str]:
    """Lines of at most `width` columns; none where the log has too few times and no GPU was recorded."""
    columns = max(_NARROWEST, width - _LABEL - 1)
    spans = _spans(diagnosis.progress)
    clocked = [(r, _on_clock(r, spans)) for r in diagnosis.recordings]
    together = [(r, at) for r, at in clocked if at is not None]
    lines: list[str] = []
    if spans:
        began = min([spans[0].began_s, *(at for _, at in together)])
        ended = max([spans[-1].ended_s, *(at + r.lasted_s for r, at in together)])
        axis = _Axis(began, ended, columns)
        lines.append(_ruler(axis))
        lines += [_bar(span, axis) for span in spans]
        for recording, at in together:
            lines += _sparks(recording, at, axis)
    for recording, clock in clocked:
        if clock is None and recording.lasted_s > 0:
            axis = _Axis(0.0, recording.lasted_s, columns)
            lines += ["", _ruler(axis), *_sparks(recording, 0.0, axis)]
    return [line.rstrip() for line in lines]


def shows(recording: Recording) -> list[str]:
    """What a monitor of GPUs recorded, in sentences."""
    # Few logs come with a recording, and what reads one takes a while to load.
    from diagnose.metrics import statements

    return statements(recording)


def _spans(progress: Progress) -> list[_Span]:
    """The phases in the order in which they were entered, when at least two of them have a time."""
    first: dict[str, float] = {}
    for id, evidence in progress.reached_at:
        if evidence.line.time_s is not None:
            first[id] = min(first.get(id, evidence.line.time_s), evidence.line.time_s)
    if not first:
        return []
    base = max(first.values())
    entered = sorted((at, id) for id, at in first.items() if base - at < 40 * 86400)
    last = progress.last_progress
    news = last.time_s if last is not None and last.time_s is not None else base
    if not base <= news < base + 40 * 86400:
        news = base
    end = news + (progress.stalled_s or 0.0)
    if len(entered) < 2 or end <= entered[0][0]:
        return []
    ends = [*(at for at, _ in entered[1:]), end]
    return [
        _Span(id, at, ended, min(ended, news) if ended == end else ended)
        for (at, id), ended in zip(entered, ends, strict=True)
    ]


def _on_clock(recording: Recording, spans: Sequence[_Span]) -> float | None:
    """When a recording began on the log's clock; None where the two do not seem to be the same."""
    if not spans:
        return None
    from diagnose.metrics import began_on

    began = began_on(recording, spans[0].began_s)
    first, last = spans[0].began_s, spans[-1].ended_s
    shared = min(last, began + recording.lasted_s) - max(first, began)
    return began if shared >= 0.5 * (last - first) else None


def _ruler(axis: _Axis) -> str:
    end = duration(axis.ended_s - axis.began_s)
    return f"{'':{_LABEL}} 0{end:>{axis.columns - 1}}"


def _bar(span: _Span, axis: _Axis) -> str:
    start, still, end = (axis.column(t) for t in (span.began_s, span.still_s, span.ended_s))
    quiet = end - still if span.still_s < span.ended_s else 0
    active = max(1, (still if quiet else end) - start)
    return f"{span.name[:_LABEL]:{_LABEL}} {' ' * start}{_ACTIVE * active}{_STILL * quiet}"


def _sparks(recording: Recording, at: float, axis: _Axis) -> list[str]:
    """One line for each GPU; those that look alike share one."""
    alike: dict[str, list[str]] = {}
    for gpu in recording.gpus:
        alike.setdefault(_spark(gpu, recording, at, axis), []).append(gpu.name)
    return [f"{_label(names):{_LABEL}} {spark}" for spark, names in alike.items()]


def _spark(gpu: GpuTrack, recording: Recording, at: float, axis: _Axis) -> str:
    values: list[list[float]] = [[] for _ in range(axis.columns)]
    for n, busy in enumerate(gpu.busy):
        if busy is not None:
            first = axis.column(at + n * recording.stretch_s)
            after = axis.column(at + (n + 1) * recording.stretch_s)
            for column in range(first, max(first + 1, after)):
                values[column].append(busy)
    return "".join(_level(sum(v) / len(v)) if v else " " for v in values)


def _level(busy: float) -> str:
    return _SPARK[max(0, min(len(_SPARK) - 1, round(busy / 100 * (len(_SPARK) - 1))))]


def _label(names: Sequence[str]) -> str:
    if all(name.isdecimal() for name in names):
        text = ranges(sorted(map(int, names)))
    else:
        text = f"{names[0][-8:]} and {len(names) - 1} more" if len(names) > 1 else names[0]
    return f"GPU{'s' if len(names) > 1 else ''} {text}"[:_LABEL]
