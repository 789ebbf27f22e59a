"""The nouns of the whole program, immutable; nothing here does any work on the outside.

Floor 0: imports nothing of ours.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

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
from diagnose.model.signature import (
    Comparison,
    Condition,
    Confuser,
    Example,
    Fix,
    Replacement,
    Scope,
    Signature,
)
from diagnose.model.words import Certainty, Channel, Kind, Retry, Role, Verdict

if TYPE_CHECKING:
    from diagnose.model.gpus import GpuTrack, Recording
    from diagnose.model.job import Job, Place
    from diagnose.model.look import Block, Blocker, RankGroup, State, Wait
    from diagnose.model.snapshot import (
        Connection,
        CouldNotLook,
        FileLock,
        Frame,
        Gpu,
        Growth,
        LockFile,
        OpenFile,
        Pipe,
        Process,
        Sample,
        Snapshot,
        Thread,
    )

__all__ = [
    "Alternative",
    "Block",
    "Blocker",
    "Certainty",
    "Channel",
    "Comparison",
    "Condition",
    "Confuser",
    "Connection",
    "CouldNotLook",
    "Diagnosis",
    "Evidence",
    "Example",
    "FileLock",
    "Finding",
    "Fix",
    "Frame",
    "Gpu",
    "GpuTrack",
    "Growth",
    "Hits",
    "Job",
    "Kind",
    "Line",
    "Link",
    "LockFile",
    "Mystery",
    "OpenFile",
    "Pipe",
    "Place",
    "Process",
    "ProcessPhase",
    "Progress",
    "RankGroup",
    "Recording",
    "Replacement",
    "Retry",
    "Role",
    "Sample",
    "Scope",
    "Signature",
    "Snapshot",
    "SourceNote",
    "State",
    "Thread",
    "Unknown",
    "Verdict",
    "Wait",
    "Writer",
]


_LATER = {
    **dict.fromkeys(("GpuTrack", "Recording"), "gpus"),
    **dict.fromkeys(("Job", "Place"), "job"),
    **dict.fromkeys(("Block", "Blocker", "RankGroup", "State", "Wait"), "look"),
}
"""Where nouns are that a log alone does without; those that are in no other module are in `snapshot`."""


def __getattr__(name: str) -> object:
    """The nouns of a live look, of jobs and of GPUs, imported on use: making a class takes a third of a millisecond."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"diagnose.model.{_LATER.get(name, 'snapshot')}")
    noun = globals()[name] = getattr(module, name)
    return noun
