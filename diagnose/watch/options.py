"""What the user asked for.

Part of `watch`, pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from diagnose.watch.patience import Patience


@dataclass(frozen=True, slots=True)
class Options:
    """How to watch, and what to do about a hang."""

    patience: Patience = field(default_factory=Patience)
    max_s: float | None = None
    until_exit: bool = False
    stop: bool = False
    """Whether a server that hangs is stopped."""
    grace_s: float = 10.0
    hold_s: float = 5.0
    """How long a signal is held back for the evidence: runners kill seven to thirty seconds after it."""
    save: Path | None = None
    """Where to keep what a look saw; None for nowhere."""
    health: str = ""
