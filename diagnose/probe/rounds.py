"""Samples of many processes at once, round after round.

Part of the probe, floor 10. Every process has its own py-spy and its own time-out; one that refuses is not asked
again. The named locals come with the second round, so that they cost no stop of their own. C frames come with the
last round only: they stop a process four times as long, and one stack with them says what the others lack.
"""

from __future__ import annotations

import dataclasses
import math
import os
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

from diagnose.model import CouldNotLook, Frame, Sample, Thread
from diagnose.probe import pyspy
from diagnose.probe.syscalls import Calls
from diagnose.probe.threads import enrich
from diagnose.stacks import WRITES, call_of, cut, main_thread, moved, places_of, waiting

_PARALLEL = max(2, min(16, os.cpu_count() or 2))
"""At once; more than there are processors would only stop each target for longer."""
LEFT_OUT = "py-spy dump --pid PID, for one of them"
Key = tuple[int, int, str, str, int]


@dataclasses.dataclass(slots=True)
class Rounds:
    """Takes samples and remembers which processes cannot be sampled.

    Args:
        timeout_s: How long one py-spy may take.
    """

    timeout_s: float = pyspy.TIMEOUT_S
    samples: list[Sample] = dataclasses.field(default_factory=list)
    refused: dict[int, CouldNotLook] = dataclasses.field(default_factory=dict)
    not_python: set[int] = dataclasses.field(default_factory=set)
    calls: Calls = dataclasses.field(default_factory=Calls)

    def once(
        self,
        pids: Collection[int],
        *,
        locals_: bool = False,
        native: Collection[int] = (),
        within_s: float = math.inf,
    ) -> None:
        """One round over these processes.

        Args:
            pids: The more important first. Those that gave no sample before are left out.
            locals_: Whether to ask for named locals where a known frame was seen.
            native: Those of them whose C frames are wanted too.
            within_s: After this time no further process is asked, in this round or a later one.
        """
        until = time.monotonic() + within_s
        asked = [pid for pid in pids if pid not in self.refused and pid not in self.not_python]
        if not asked:
            return
        known = {sample.pid for sample in self.samples if pyspy.knows(sample)} if locals_ else set()
        with ThreadPoolExecutor(min(_PARALLEL, len(asked))) as pool:
            answers = list(
                pool.map(lambda pid: self._one(pid, pid in known, pid in native, until), asked)
            )
        for pid, answer in zip(asked, answers, strict=True):
            if isinstance(answer, Sample):
                self.samples.append(answer)
            elif answer.why == pyspy.NOT_PYTHON:
                self.not_python.add(pid)
            else:
                self.refused[pid] = answer

    def _one(self, pid: int, locals_: bool, native: bool, until: float) -> Sample | CouldNotLook:
        if time.monotonic() > until:
            what, why = f"the stacks of process {pid}", "there are too many to look at all in time"
            return CouldNotLook(what, f"{why}: parts of a server come first", LEFT_OUT)
        # A write that is broken off comes back short, and not every program looks at how much of it was written.
        writes = any(call_of(call).name in WRITES for call in self.calls.note(pid))
        answer = pyspy.dump(
            pid, native=native, locals_=locals_, nonblocking=writes, timeout_s=self.timeout_s
        )
        return enrich(answer, self.calls) if isinstance(answer, Sample) else answer

    def unexplained(self) -> set[int]:
        """Processes whose main thread stays in a call that its Python frames do not explain."""
        stacks: dict[int, list[Thread]] = {}
        for sample in self.samples:
            if (main := main_thread(sample)) is not None:
                stacks.setdefault(sample.pid, []).append(main)
        return {pid for pid, seen in stacks.items() if not _explained(seen[-1]) and _stays(seen)}

    def wants_locals(self) -> bool:
        """Whether a frame was seen whose locals were not asked for yet."""
        return any(pyspy.knows(sample) for sample in self.samples) and not any(
            frame.locals
            for sample in self.samples
            for thread in sample.threads
            for frame in thread.frames
        )

    def result(self) -> tuple[Sample, ...]:
        """All samples in order of time; a frame that did not move carries its locals in each."""
        known = {key: frame.locals for key, frame in _frames(self.samples) if frame.locals}
        return tuple(
            sorted((_with(sample, known) for sample in self.samples), key=lambda s: s.time_s)
        )


def _stays(seen: Sequence[Thread]) -> bool:
    """Whether a thread stood in the same calls each time."""
    pairs = pairwise(cut(thread.frames) for thread in seen)
    return not any(moved(one, two, asleep=False) for one, two in pairs)


def _explained(main: Thread) -> bool:
    """Whether a thread's place or system call says what it does."""
    if main.syscall.partition(" ")[0] not in ("", "futex"):
        return True
    found = places_of(cut(main.frames))
    return waiting(found) is not None or any(hit.index == 0 for hit in found)


def _key(sample: Sample, thread: int, frame: Frame) -> Key:
    return (sample.pid, thread, frame.name, frame.file, frame.line)


def _frames(samples: Sequence[Sample]) -> list[tuple[Key, Frame]]:
    return [(_key(s, t.os_id, f), f) for s in samples for t in s.threads for f in t.frames]


def _with(sample: Sample, known: dict[Key, Mapping[str, str]]) -> Sample:
    if not any(key[0] == sample.pid for key in known):
        return sample
    return dataclasses.replace(
        sample,
        threads=tuple(
            dataclasses.replace(
                thread,
                frames=tuple(
                    dataclasses.replace(
                        frame, locals=known.get(_key(sample, thread.os_id, frame), {})
                    )
                    for frame in thread.frames
                ),
            )
            for thread in sample.threads
        ),
    )


def wait_until(moment: float) -> None:
    """Sleeps until a monotonic time."""
    remaining = moment - time.monotonic()
    if remaining > 0:
        time.sleep(remaining)
