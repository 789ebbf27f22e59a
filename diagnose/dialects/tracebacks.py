"""Lines to Python tracebacks, put together per process where several interleave.

Floor 1: pure. A traceback's lines belong together when they have one writer and one log header.
Four ways to print one are known:

    each line with the whole header         vLLM's logger, torch's `[rank3]: ` hook
    each line with the process prefix       vLLM up to 0.30, Ray
    only the first line with a header       SGLang, plain `logging`: bare lines after it are its own
    no header at all                        multiprocessing, vLLM from 0.31; "Process X:" says whose

Bare tracebacks of several processes that were printed at once cannot be told apart for certain:
they stay in one stream, and each exception line ends the traceback begun last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from diagnose.dialects.reading import NOBODY
from diagnose.dialects.vllm import named
from diagnose.model import Line, Writer

_HEAD = re.compile(r"Traceback \(most recent call last\):?\s*$")
_FRAME = re.compile(r'\s*File "([^"]*)", line (\d{1,9})(?:, in (.+))?$')
# Only builtins and classes of a script itself are printed without their module.
EXCEPTION = re.compile(
    r"((?:(?:[A-Za-z_]\w*\.)+(?:[A-Z_]\w*|\w*error|\w*timeout)"
    r"|(?:[A-Z]\w*)?(?:Error|Exception|Exit|Interrupt|Iteration|Group|Warning|Timeout|Failed|NotFound))"
    r"(?:\(\w+\))?)(?::(?: (.*))?)?$"
)
_RAY = re.compile(r"ray::(\w+)\S* \(pid=(\d{1,9})(?:, ip=([^\s(),]+))?[,)]")
_CAUSES = {
    "The above exception was the direct cause of the following exception:": "cause",
    "During handling of the above exception, another exception occurred:": "context",
}
_PLACE = re.compile(r"[\w./<>-]+\.\w+:\d+\]")
_RECORD_HEAD = re.compile(r"\d\d:\d\d|\b(?:INFO|WARNING|ERROR|CRITICAL|DEBUG)\b")
_GROUP_BAR = re.compile(r"\s*(?:\|(?: |$)|\+(?:-[+-]* ?(?:-+ \d+ -+)?| (?=Exception Group)))")
_DIGIT = re.compile(r"\d")
_PATIENCE = 40
"""Foreign lines that may lie between two lines of one traceback in one stream."""
_DEEPEST = 16


@dataclass(frozen=True, slots=True)
class Frame:
    """One call of a traceback or a stack."""

    file: str
    line: int
    """0 when the line is not known, which is usual for native frames."""
    func: str
    """Empty for the place of a syntax error."""


@dataclass(frozen=True, slots=True)
class Traceback:
    """One exception with the way to it."""

    writer: Writer
    lines: tuple[Line, ...]
    """Its own lines in order, and further lines of its message where the log shows they are."""
    frames: tuple[Frame, ...]
    """Outermost first, as printed."""
    exception: str
    """The class as printed, such as `torch.OutOfMemoryError`; empty if the log does not show it."""
    message: str
    """The first line of what the exception says."""
    first: Line
    """The `Traceback` line; the first frame where an extract starts later."""
    last: Line
    """The line that names the exception; the last line seen if none does."""
    chained: str = ""
    """How it follows the previous one: `cause`, `context`, or empty."""


@dataclass(slots=True)
class _Open:
    """A traceback whose exception has not come yet."""

    writer: Writer
    lines: list[Line]
    headed: bool
    """False for frames without a `Traceback` line: an extract, or `traceback.print_tb`."""
    chained: str = ""
    frames: list[Frame] = field(default_factory=list)
    foreign: int = 0

    def done(self, exception: str, message: str) -> Traceback:
        return Traceback(
            self.writer,
            tuple(self.lines),
            tuple(self.frames),
            exception,
            message,
            self.lines[0],
            self.lines[-1],
            self.chained,
        )


class _Stream:
    """Lines of one writer with one header; tracebacks in it may be begun before others end."""

    def __init__(self, repeats_header: bool, found: list[Traceback]) -> None:
        self.repeats_header = repeats_header
        self.found = found
        self.open: list[_Open] = []
        self.closed: Traceback | None = None
        """The one just closed, while lines of its message may follow."""
        self.chained = ""
        self.intro = NOBODY

    def take(self, line: Line, message: str) -> None:
        """A line of this stream, whatever it is."""
        if _HEAD.search(message):
            self._begin(line, headed=True)
            return
        if not self.open and _FRAME.match(message):
            self._begin(line, headed=False)
        if self.open:
            self._extend(line, message)
        elif message.strip() in _CAUSES:
            self.chained = _CAUSES[message.strip()]
            self._settle()
        elif not line.writer.ranks and message.startswith("Process ") and line.writer:
            self.intro = line.writer
        elif self.closed is not None and message.strip():
            self._append(self.closed, line)

    def end(self) -> None:
        """No more lines come."""
        while self.open:
            self._close("", "")
        self._settle()

    def _begin(self, line: Line, headed: bool) -> None:
        writer = line.writer if line.writer or self.intro is NOBODY else self.intro
        lines = [line]
        # Ray puts the remote traceback into the message of the one that the driver raises.
        outer = self.closed
        ray = _RAY.match(outer.message) if outer and not headed else None
        if ray and outer:
            writer = named(ray[1], int(ray[2]), node=ray[3] or "")
            lines = [outer.last, line]
        if self.open and not self.open[-1].headed:
            self._close("", "")
        self._settle()
        self.open = [*self.open[-_DEEPEST:], _Open(writer, lines, headed, self.chained)]
        self.chained = ""
        self.intro = NOBODY

    def _extend(self, line: Line, message: str) -> None:
        block = self.open[-1]
        frame = _FRAME.match(message)
        exception = None
        if frame:
            block.frames.append(Frame(frame[1], int(frame[2]), frame[3] or ""))
        elif not message.strip():
            return
        elif not message[0].isspace():
            exception = EXCEPTION.match(message)
            if exception is None:
                self._pass_over(block)
                return
        if block.lines[-1] is not line:
            block.lines.append(line)
        if exception:
            self._close(exception[1], exception[2] or "")

    def _pass_over(self, block: _Open) -> None:
        block.foreign += 1
        if block.foreign > _PATIENCE or not block.headed:
            self._close("", "")

    def _append(self, block: Traceback, line: Line) -> None:
        """A further line of the exception's message, where the header says that it is one."""
        same = self.repeats_header and header(line) == header(block.last)
        if line is not block.last and not same:
            self._settle()
        elif line is not block.lines[-1]:
            self.closed = replace(block, lines=(*block.lines, line))

    def _close(self, exception: str, message: str) -> None:
        self._settle()
        self.closed = self.open.pop().done(exception, message)

    def _settle(self) -> None:
        if self.closed is not None:
            self.found.append(self.closed)
            self.closed = None


def printed(lines: Sequence[Line]) -> list[Traceback]:
    """Every traceback in `lines` that Python printed, in the order of their last lines."""
    found: list[Traceback] = []
    streams: dict[_Key, _Stream] = {}
    adopting: dict[str, _Stream] = {}
    for line in lines:
        key, kind = _key(line)
        for message in _messages(line):
            stream = streams.get(key)
            if kind == _BARE:
                stream = _adopted(stream, adopting.get(line.writer.node), message)
            if stream is None:
                stream = streams[key] = _Stream(kind == _PLACED, found)
            if kind == _RECORD and _HEAD.search(message):
                adopting[line.writer.node] = stream
            stream.take(line, message)
    for stream in streams.values():
        stream.end()
    return found


def header(line: Line) -> str:
    """What was taken off the front of a line's text."""
    if not line.text.endswith(line.message):
        return ""
    return line.text[: len(line.text) - len(line.message)]


_Key = tuple[str, str, str]
_BARE, _PREFIXED, _RECORD, _PLACED = "bare", "prefixed", "record", "placed"
"""No header; a process prefix; a header on the first line of a record; one on each of its lines."""


def _key(line: Line) -> tuple[_Key, str]:
    """Equal for lines of one process with one kind of header; and that kind."""
    head = header(line)
    place = _PLACE.search(head)
    if place:
        return (*line.writer.key, place[0]), _PLACED
    if _RECORD_HEAD.search(head):
        return (*line.writer.key, _DIGIT.sub("0", head)), _RECORD
    if line.writer.pid is None and not line.writer.ranks:
        return (line.writer.node, "", ""), _BARE
    return (*line.writer.key, ""), _PREFIXED


def _adopted(own: _Stream | None, record: _Stream | None, message: str) -> _Stream | None:
    """The stream of a bare line: it may go on with the record that began a traceback."""
    if record is None or (own and own.open):
        return own
    goes_on = record.open or record.chained or message.strip() in _CAUSES
    return record if goes_on else own


def _messages(line: Line) -> Iterator[str]:
    """The lines of a message: of a JSON string, or of one that was printed with `repr`."""
    text = line.message.replace("\\n", "\n") if "\\n  File " in line.message else line.message
    for part in text.split("\n"):
        message = part.removeprefix("E   ")
        bar = _GROUP_BAR.match(message) if "|" in message[:24] or "+" in message[:24] else None
        yield message[bar.end() :] if bar else message
