"""Stack dumps that were pasted or written into a log, one `StackDump` a thread.

Floor 1: pure. Frames are turned so that the innermost is first, whatever the tool; the formats are
in `stack_formats`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from diagnose.dialects import stack_formats
from diagnose.dialects.tracebacks import Frame
from diagnose.model import Line


@dataclass(frozen=True, slots=True)
class StackDump:
    """What one thread was doing at one time."""

    tool: str
    """`py-spy`, `faulthandler`, `pystack` or `gdb`."""
    process: str
    """Its title or command line; empty when the dump does not say."""
    pid: int | None
    thread: str
    """The thread's name; empty when the dump does not say."""
    thread_id: str
    """As printed: the kernel's number, or a pthread's in hexadecimal."""
    active: bool | None
    """Whether it ran; None when the tool does not say."""
    frames: tuple[Frame, ...]
    """Innermost first."""
    first: Line
    """The line that names the thread; the first frame where the dump has none."""
    last: Line
    """The last frame."""


@dataclass(slots=True)
class _Thread:
    """A thread whose frames are being read."""

    heading: stack_formats.Heading
    process: str
    pid: int | None
    first: Line
    last: Line
    frames: list[Frame] = field(default_factory=list)

    def done(self) -> StackDump:
        frames = self.frames[::-1] if self.heading.tool == "pystack" else self.frames
        return StackDump(
            self.heading.tool,
            self.process,
            self.pid,
            self.heading.name,
            self.heading.id,
            self.heading.active,
            tuple(frames),
            self.first,
            self.last,
        )


def stack_dumps(lines: Sequence[Line]) -> tuple[StackDump, ...]:
    """Every thread dumped in `lines`, in order.

    Args:
        lines: Consecutive lines of one source, or a window of them. Log records that lie between
            the lines of a dump are passed over.
    """
    reader = _Reader()
    for line in lines:
        for message in line.message.split("\n"):
            reader.feed(line, message)
    reader.end()
    return tuple(reader.found)


class _Reader:
    """Reads dumps one after the other."""

    def __init__(self) -> None:
        self.found: list[StackDump] = []
        self.thread: _Thread | None = None
        self.process = ""
        self.pid: int | None = None

    def feed(self, line: Line, message: str) -> None:
        """Takes the next line of a message."""
        if not message.strip() or self._frame(line, message):
            return
        heading = stack_formats.heading(message)
        if heading is None:
            # A record of another process may lie between; a bare line ends the dump.
            if not message[0].isspace() and line.message == line.text:
                self.end()
        elif heading.tool:
            self._begin(line, heading)
        else:
            self.end()
            self.process, self.pid = heading.process or "", heading.pid

    def end(self) -> None:
        """No more frames of the thread come."""
        if self.thread is not None:
            self.found.append(self.thread.done())
            self.thread = None

    def _begin(self, line: Line, heading: stack_formats.Heading) -> None:
        self.end()
        self.process, self.pid = stack_formats.watchdog(line.source) or (self.process, self.pid)
        # Linux numbers the main thread as its process.
        if self.pid is None and heading.name == "MainThread" and heading.id.isdigit():
            self.pid = int(heading.id)
        self.thread = _Thread(heading, self.process, self.pid, line, line)

    def _frame(self, line: Line, message: str) -> bool:
        if message[0] not in " \t#F":
            return False
        if self.thread is None:
            tool = stack_formats.alone(message)
            if not tool:
                return False
            self._begin(line, stack_formats.Heading(tool))
        thread = self.thread
        frame = stack_formats.frame(thread.heading.tool, message) if thread else None
        if thread is None or frame is None:
            return False
        thread.frames.append(frame)
        thread.last = line
        return True
