"""The lines of stack dumps, tool by tool.

Floor 1: pure.

    py-spy        `Process 395: VLLM::Worker_TP3`, `Thread 395 (idle): "MainThread"`, innermost first;
                  with `--native` C frames lie between; SGLang's watchdog says `Pyspy dump for PID 395`
    faulthandler  `Thread 0x… (most recent call first):`, innermost first; vLLM's watchdog files too
    pystack       `Traceback for thread 395 (comm) [Has the GIL] (most recent call last):`, outermost
                  first
    gdb           `Thread 3 (Thread 0x… (LWP 395) "name"):`, then `#0  0x… in poll () from …`; also
                  pstack and eu-stack (`TID 395:`)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from diagnose.dialects.tracebacks import Frame

_PROCESS = re.compile(
    r"Process (?P<pid>\d{1,9}): (?P<name>.+)$"
    r"|Attaching to (?:.*, )?process (?P<gdb>\d{1,9})$"
    r"|PID (?P<eu>\d{1,9}) - "
)
_SGLANG = re.compile(r"Pyspy dump for PID (?P<pid>\d{1,9})(?P<name>)")
_WATCHDOG_FILE = re.compile(r"VLLM_STACK_DUMP_for_(\w+?)_(\d{1,9})\.log")
_THREADS = (
    (
        "py-spy",
        re.compile(
            r"Thread (?P<id>\d{1,20}|0x[0-9A-Fa-f]+) \((?P<active>active|idle)(?:\+gil)?\)"
            r'(?:: "(?P<name>.*)")?$'
        ),
    ),
    (
        "faulthandler",
        re.compile(
            r"(?:(?:(?P<active>Current thread)|Thread) (?P<id>0x[0-9A-Fa-f]+)(?: \[(?P<name>.*)\])?"
            r"|Stack) \(most recent call first\):$"
        ),
    ),
    (
        "pystack",
        re.compile(
            r"Traceback for thread (?P<id>\d{1,20})(?: \((?P<name>.*?)\))? "
            r"(?:\[(?P<active>[^\]]*)\] )?\(most recent call last\):$"
        ),
    ),
    (
        "gdb",
        re.compile(
            r"Thread \d+ \((?:Thread 0x[0-9A-Fa-f]+ \()?LWP (?P<id>\d{1,20})\)"
            r'(?: "(?P<name>[^"]*)")?(?: \(\w+\))?\)?:?$'
        ),
    ),
    ("gdb", re.compile(r"TID (?P<id>\d{1,20}):(?P<name>)$")),
)
_FRAMES = {
    "py-spy": re.compile(
        r"(?: {2,7}|\t)(?P<func>\S.*) \((?P<file>[^()]+?(?:\([^()]*\))?)(?::(?P<line>\d{1,9}))?\)$"
    ),
    "faulthandler": re.compile(
        r'\s*File "(?P<file>[^"]*)", line (?P<line>\d{1,9}|\?\?\?) in (?P<func>.+)$'
    ),
    "pystack": re.compile(
        r'\s+\(\w+\) File "(?P<file>[^"]*)", line (?P<line>\d{1,9}), in (?P<func>.+?)(?: \([^()]*\))?$'
    ),
    "gdb": re.compile(
        r"#\d+ +(?:0x[0-9A-Fa-f]+ (?:in )?|(?=\S.* \(.*\) (?:at|from) \S))(?P<func>\S.*?)"
        r"(?: \(.*\))?(?: from (?P<lib>\S+)| at (?P<file>\S+?):(?P<line>\d{1,9}))?$"
    ),
}
_ALONE = ("faulthandler", "gdb")
"""Tools whose frames are known even without the line that names the thread."""
_MAX_CHARS = 4000
"""Of a frame; a longer line is none."""


@dataclass(frozen=True, slots=True)
class Heading:
    """What a line before the frames says; a process stays until the next one is named."""

    tool: str = ""
    """Empty for a line that names only the process."""
    process: str | None = None
    pid: int | None = None
    name: str = ""
    id: str = ""
    active: bool | None = None


def heading(message: str) -> Heading | None:
    """A line that names a process or a thread; None for any other."""
    if "rocess " in message or "PID " in message:
        found = _PROCESS.match(message) or _SGLANG.search(message)
        if found:
            groups = found.groupdict()
            pid = groups["pid"] or groups["gdb"] or groups["eu"]
            return Heading(process=groups["name"] or "", pid=int(pid))
    if "hread " not in message and "Stack" not in message and "TID" not in message:
        return None
    for tool, pattern in _THREADS:
        found = pattern.match(message)
        if found:
            groups = found.groupdict()
            return Heading(
                tool,
                name=groups.get("name") or "",
                id=groups.get("id") or "",
                active=_active(tool, groups.get("active")),
            )
    return None


def frame(tool: str, message: str) -> Frame | None:
    """A frame as `tool` prints one; None for any other line."""
    found = _FRAMES[tool].match(message) if len(message) <= _MAX_CHARS else None
    if found is None:
        return None
    groups = found.groupdict()
    line = groups.get("line") or ""
    file = groups.get("file") or groups.get("lib") or ""
    return Frame(file, int(line) if line.isdigit() else 0, found["func"])


def alone(message: str) -> str:
    """The tool that a first frame without any heading is from; empty for any other line."""
    return next(
        (
            tool
            for tool in _ALONE
            if frame(tool, message) and (tool != "gdb" or message.startswith("#0 "))
        ),
        "",
    )


def watchdog(source: str) -> tuple[str, int] | None:
    """Process and pid from the name of a dump file that vLLM's watchdog wrote."""
    found = _WATCHDOG_FILE.search(source)
    return (found[1], int(found[2])) if found else None


def _active(tool: str, word: str | None) -> bool | None:
    """What each tool's word says; only py-spy tells that a thread sleeps."""
    if tool == "py-spy":
        return word == "active"
    if tool == "pystack":
        return True if word and "Has the GIL" in word else None
    return True if word else None
