"""What the GPUs did over the time of a job, as a monitor recorded it.

Floor 0. Shares are percent; powers are watts; times are those of the monitor's own clock.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GpuTrack:
    """One GPU, over equal stretches of time; None where the monitor said nothing."""

    name: str
    """Its number, or whatever the monitor calls it."""
    busy: tuple[float | None, ...]
    """The share of time in which a kernel ran; a kernel that only spins counts as well."""
    memory: tuple[float | None, ...] = ()
    """The share of time in which its memory was read or written."""
    power: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Recording:
    """One file of a monitor."""

    source: str
    began_s: float
    """Seconds since 1970 of a clock that may be local."""
    stretch_s: float
    """How long each value of a track stands for."""
    gpus: tuple[GpuTrack, ...]
    """In the order of their names; all of one length."""

    @property
    def stretches(self) -> int:
        """How many values each track has."""
        return max((len(gpu.busy) for gpu in self.gpus), default=0)

    @property
    def lasted_s(self) -> float:
        """From its first to its last value."""
        return self.stretches * self.stretch_s
