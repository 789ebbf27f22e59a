"""The nouns of the whole program, immutable; nothing here does any work on the outside.

Floor 0: imports nothing of ours.
"""

from __future__ import annotations

from diagnose.model.diagnosis import (
    Alternative,
    Diagnosis,
    Finding,
    Link,
    Mystery,
    ProcessPhase,
    Progress,
    SourceNote,
    Unknown,
)
from diagnose.model.lines import Evidence, Hits, Line, Writer
from diagnose.model.signature import Condition, Confuser, Example, Fix, Scope, Signature
from diagnose.model.words import Certainty, Channel, Kind, Retry, Role, Verdict

__all__ = [
    "Alternative",
    "Certainty",
    "Channel",
    "Condition",
    "Confuser",
    "Diagnosis",
    "Evidence",
    "Example",
    "Finding",
    "Fix",
    "Hits",
    "Kind",
    "Line",
    "Link",
    "Mystery",
    "ProcessPhase",
    "Progress",
    "Retry",
    "Role",
    "Scope",
    "Signature",
    "SourceNote",
    "Unknown",
    "Verdict",
    "Writer",
]
