"""The closed vocabularies: what a signature, a retry and a verdict can be.

Floor 0.
"""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a signature may be in a chain; only a cause can be named as the cause."""

    CAUSE = "cause"
    SYMPTOM = "symptom"
    FAILURE = "failure"
    BENIGN = "benign"


class Channel(StrEnum):
    """Where the text that a signature reads comes from."""

    LOG = "log"
    RECIPE = "recipe"
    STACK = "stack"
    HOST = "host"


class Kind(StrEnum):
    """What a mechanism does to a run; decides the verdict that goes with its cause."""

    CRASH = "crash"
    CONFIG = "config"
    INFRA = "infra"
    STARTUP_HANG = "startup-hang"
    RUNTIME_HANG = "runtime-hang"
    SLOW = "slow"
    BENCHMARK = "benchmark"
    ACCURACY = "accuracy"


class Certainty(StrEnum):
    """How much one match proves, by itself."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def lowered(self) -> Certainty:
        """What is left of it when something speaks against it."""
        return Certainty.MEDIUM if self is Certainty.HIGH else Certainty.LOW


class Retry(StrEnum):
    """Whether running the same job again, unchanged, makes sense."""

    SENSIBLE = "sensible"
    USELESS = "useless"
    AFTER_FIX = "after-fix"


class Verdict(StrEnum):
    """What the run did, whether or not anybody knows why."""

    FAILED = "failed"
    HUNG = "hung"
    SLOW = "slow"
    HEALTHY = "healthy"
    UNDECIDABLE = "undecidable"
