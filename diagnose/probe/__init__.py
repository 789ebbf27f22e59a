"""Looks at a live server from outside: the only place with subprocesses and /proc.

Floor 10. `find` and `below` name the processes, `look` gives a `model.Snapshot` of them. Linux only. Reading is all it
does: no signal is sent, nothing is written, nothing is installed, and no environment is kept.
"""

from __future__ import annotations

from diagnose.probe.find import Target, below, find
from diagnose.probe.look import Look, Plan, look

__all__ = ["Look", "Plan", "Target", "below", "find", "look"]
