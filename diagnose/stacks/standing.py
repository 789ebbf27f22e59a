"""Each process of a snapshot: where its threads stand, and whether they moved between the samples.

Floor 6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from diagnose.model import Frame, Process, Sample, Snapshot, Thread
from diagnose.stacks.cut import cut, proves_nothing, settled
from diagnose.stacks.frames import last_name
from diagnose.stacks.places import Found, Place, phase_of, places_of, waiting, working

BUSY = 0.1
"""Cores; a process that uses more computes or spins, if only for its share of a machine that is full."""
ASLEEP = 0.05
"""Cores; a loop that sleeps between two looks at a lock uses less."""
_FRESH_S = 0.5
"""Started so much later than a look, a process was started during it, however clocks are rounded."""
ENDED = ("Z", "X", "x")
STOPPED = ("T", "t")


@dataclass(frozen=True, slots=True)
class Stack:
    """One thread: its last stack, and whether it was another one before."""

    thread: Thread
    frames: tuple[Frame, ...]
    """Innermost first, without implementation frames."""
    found: tuple[Found, ...]
    moved: bool | None
    """None when there is only one sample of it."""

    @property
    def wait(self) -> Place | None:
        """What it waits for."""
        found = waiting(self.found)
        return found.place if found else None

    @property
    def work(self) -> Place | None:
        """What it computes."""
        return working(self.found)

    @property
    def idle(self) -> bool:
        """Whether it waits for its next piece of work."""
        return self.wait is not None and self.wait.waits == "idle"


@dataclass(frozen=True, slots=True)
class Standing:
    """One process: what it is, and where it stands."""

    process: Process
    stacks: tuple[Stack, ...]
    """The main thread first; without threads that prove nothing; empty when it could not be looked at."""
    locals: Mapping[str, str]
    """The named locals of all samples, by `function.name`, such as `_jit_compile.build_directory`."""
    samples: int
    fresh: bool = False
    """Whether it was started during the look: it cannot have stood still for long."""

    @property
    def pid(self) -> int:
        """Of the process."""
        return self.process.pid

    @property
    def name(self) -> str:
        """For people: `Worker_TP3`, `ninja`, or the pid."""
        return self.process.name or self.process.comm or f"pid {self.pid}"

    @property
    def label(self) -> str:
        """`Worker_TP3 (pid 395)`."""
        numbered = self.pid and self.name != f"pid {self.pid}"
        return f"{self.name} (pid {self.pid})" if numbered else self.name

    def local(self, *names: str) -> str:
        """The first of these named locals that is known and is not None; empty when none is."""
        known = (self.locals.get(name, "") for name in names)
        return next((value for value in known if value and value != "None"), "")

    @property
    def main(self) -> Stack | None:
        """The main thread."""
        return self.stacks[0] if self.stacks else None

    @property
    def moved(self) -> bool:
        """Whether it stood elsewhere in another sample.

        Another thread than the main one counts only if it does something: one that looks at a clock now and
        then is no progress. One that waits for children that come and go moves, and so does such a child.
        """
        others = self.process.cpu_share >= ASLEEP and any(s.moved for s in self.stacks[1:])
        return bool(self.main and self.main.moved) or others or self._feeds or self.fresh

    @property
    def _feeds(self) -> bool:
        """Whether it waits for its children, and one of them came to its end meanwhile."""
        wait = self.main.wait if self.main else None
        waits = self.main is None or (wait is not None and wait.waits == "child")
        return waits and self.process.reaped_s > 0

    @property
    def stopped(self) -> bool:
        """Whether a signal or a debugger stopped it."""
        return self.process.state in STOPPED

    @property
    def dead(self) -> bool:
        """Whether it has ended and only its entry is left."""
        return self.process.state in ENDED

    @property
    def busy(self) -> bool:
        """Whether it computes or spins."""
        return self.process.cpu_share >= BUSY

    @property
    def phase(self) -> str:
        """The start-up phase its stack shows; empty when it shows none."""
        return phase_of(self.main.found) if self.main else ""

    @property
    def state(self) -> str:
        """One word: see `RankGroup.state`."""
        if self.stopped or self.dead:
            return "stopped" if self.stopped else "dead"
        stack = self.main
        if stack is None:
            building = self.process.role in ("builder", "shell")
            return "running" if self.busy else "waiting" if building else "unknown"
        if stack.moved:
            return "moving"
        if stack.wait:
            return "idle" if stack.idle else "waiting"
        return "running" if self.busy else "asleep"

    @property
    def does(self) -> str:
        """A clause without a subject; empty when the stack is not known to us."""
        if self.stopped or self.dead:
            return "is stopped" if self.stopped else "has ended"
        stack = self.main
        place = (stack.wait or stack.work) if stack else None
        return place.does if place else ""


def standings(snapshot: Snapshot) -> dict[int, Standing]:
    """Every process of the snapshot, by pid, in the order in which they were found."""
    samples: dict[int, list[Sample]] = {}
    for sample in sorted(snapshot.samples, key=lambda sample: sample.time_s):
        samples.setdefault(sample.pid, []).append(sample)
    return {
        process.pid: _standing(
            process,
            samples.get(process.pid, []),
            fresh=process.started_s > snapshot.taken_s + _FRESH_S,
        )
        for process in snapshot.processes
    }


def _standing(process: Process, samples: Sequence[Sample], *, fresh: bool) -> Standing:
    last = next((sample for sample in reversed(samples) if sample.threads), None)
    threads = [t for t in last.threads if not proves_nothing(t)] if last else []
    threads.sort(key=lambda thread: not _is_main(thread, process))
    asleep = process.cpu_share < ASLEEP
    return Standing(
        process=process,
        stacks=tuple(_stack(thread, samples, asleep=asleep) for thread in threads),
        locals=_locals(samples),
        samples=len(samples),
        fresh=fresh,
    )


def main_thread(sample: Sample) -> Thread | None:
    """The main thread of a sample; None while the interpreter starts."""
    return next((t for t in sample.threads if t.name == "MainThread"), None)


def _is_main(thread: Thread, process: Process) -> bool:
    return thread.name == "MainThread" or thread.os_id in (
        process.pid,
        process.ns_pid or process.pid,
    )


def _stack(thread: Thread, samples: Sequence[Sample], *, asleep: bool) -> Stack:
    seen = [t for s in samples for t in s.threads if t.os_id == thread.os_id]
    stacks = [cut(t.frames) for t in seen]
    pairs = list(pairwise(stacks))
    deep = _deepest(thread, samples)
    went = any(moved(a, b, asleep=asleep) for a, b in pairs) if pairs else None
    if not thread.syscall and not thread.active and went is False:
        # On its way back into the call, after the look had stopped it: an earlier sample knows which.
        known = next((t.syscall for t in reversed(seen) if t.syscall), "")
        thread = replace(thread, syscall=known)
    return Stack(
        thread=thread,
        frames=stacks[-1] if stacks else cut(thread.frames),
        found=places_of(deep),
        moved=went,
    )


def _deepest(thread: Thread, samples: Sequence[Sample]) -> tuple[Frame, ...]:
    """The last stack, with the frames of C libraries where a sample has them for the same place."""
    last = cut(thread.frames, native=True)
    for sample in reversed(samples):
        for other in sample.threads:
            if other.os_id == thread.os_id and any(frame.native for frame in other.frames):
                frames = cut(other.frames, native=True)
                if not moved(cut(other.frames), cut(thread.frames), asleep=False):
                    return frames
    return last


def _locals(samples: Sequence[Sample]) -> dict[str, str]:
    merged: dict[str, str] = {}
    for sample in reversed(samples):
        for thread in sorted(sample.threads, key=lambda t: t.name != "MainThread"):
            for frame in thread.frames:
                for name, value in frame.locals.items():
                    merged.setdefault(f"{last_name(frame.name)}.{name}", _plain(value))
    return merged


def _plain(value: str) -> str:
    """A value as written in the source, without its quotes."""
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if quoted else value


def moved(before: Sequence[Frame], after: Sequence[Frame], *, asleep: bool) -> bool:
    """Whether a thread stands elsewhere, beyond the turns of a loop that polls or spins.

    Args:
        before: Innermost first, without implementation frames.
        after: The same thread, later.
        asleep: Whether its process uses hardly any processor time.
    """
    one, two = waiting(places_of(before)), waiting(places_of(after))
    if one and two and one.place.id == two.place.id:
        return _outside(before, one) != _outside(after, two)
    a, b = settled(before), settled(after)
    if asleep and abs(len(a) - len(b)) <= 2:
        # A loop that sleeps may be seen inside the function that looks whether to go on.
        short = min(len(a), len(b))
        a, b = a[len(a) - short :], b[len(b) - short :]
    return _functions(a) != _functions(b) or _calls(a) != _calls(b)


def _outside(frames: Sequence[Frame], found: Found) -> list[tuple[str, str, int]]:
    return _lines(frames[found.index + 1 :])


def _functions(frames: Sequence[Frame]) -> list[tuple[str, str]]:
    return [(frame.name, frame.file) for frame in frames]


def _calls(frames: Sequence[Frame]) -> list[tuple[str, str, int]]:
    """All but the innermost line, which changes within a loop."""
    return _lines(frames[1:])


def _lines(frames: Sequence[Frame]) -> list[tuple[str, str, int]]:
    return [(frame.name, frame.file, frame.line) for frame in frames]
