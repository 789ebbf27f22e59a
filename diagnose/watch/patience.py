"""How long each phase may stand still before that is a stall.

Part of `watch`, pure. What the phase tables call usual is a whole phase; a stall is the lack of every sign of
progress, which no ordinary phase has for as long as that. Two looks decide in the end.
"""

from __future__ import annotations

from dataclasses import dataclass

from diagnose.phases import READY, phases

LEAST_S = 120.0
MOST_S = 600.0
SERVING_S = 300.0
BETWEEN_S = 20.0
"""From the first look to the second."""
_UNKNOWN_S = 300.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait.

    Args:
        stall_s: What the user asked for; None for the default of each phase.
    """

    stall_s: float | None = None

    def stall(self, engine: str, phase: str) -> float:
        """Seconds without a sign of progress that make a stall in this phase.

        By default a third of what the phase takes at most in an ordinary start, and 2 to 10 minutes.
        """
        if self.stall_s is not None:
            return self.stall_s
        if phase == READY:
            return SERVING_S
        usual = self._usual(engine, phase)
        return min(max(usual / 3, LEAST_S), MOST_S) if usual else _UNKNOWN_S

    def doubt(self, engine: str, phase: str, *, seen: bool) -> float:
        """Seconds without a sign of progress after which a stall is reported that the looks do not prove.

        Args:
            engine: `vllm`, `sglang` or empty.
            phase: Its phase.
            seen: Whether somebody was seen to stay in one place; else it could not be looked at well enough.
        """
        stall = self.stall(engine, phase)
        if self.stall_s is not None:
            return stall if seen else 3 * stall
        return max(3 * stall, self._usual(engine, phase))

    def between(self, engine: str, phase: str) -> float:
        """Seconds from the first look to the second, so that the second falls on the end of the stall."""
        return min(BETWEEN_S, self.stall(engine, phase) / 3)

    @property
    def between_samples_s(self) -> float:
        """Seconds from one sample of a look to the next: a look is to be short against the threshold."""
        return 1.0 if self.stall_s is None else min(1.0, max(0.2, self.stall_s / 10))

    def _usual(self, engine: str, phase: str) -> float:
        return next((p.usual_s for p in phases(engine) if p.id == phase), 0.0)
