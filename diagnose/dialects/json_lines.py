"""Log lines that are one JSON object: vLLM's JSON formatter and other common ones.

Floor 1: pure. Sources: vLLM 0.32 (`asctime levelname name processName process message`, and
`exc_info` with the traceback), Docker's json-file driver (`log stream time`), and the names that
structlog, zap, pino, logstash and Google's and Elastic's layouts use.

The message is decoded. A traceback in it, or in a field beside it, keeps its newlines, so such a
`Line.message` has several lines: a pattern for one line finds its own, since `.` stops at a newline.
"""

from __future__ import annotations

from diagnose.dialects import text as texts
from diagnose.dialects import times, vllm
from diagnose.dialects.reading import Reading
from diagnose.model import Writer

_MESSAGE = ("message", "msg", "log", "event", "body", "textPayload")
_LEVEL = ("levelname", "level", "severity", "lvl", "log.level")
_TIME = ("asctime", "time", "timestamp", "ts", "@timestamp", "t", "date")
_TRACE = ("exc_info", "exc_text", "exception", "traceback", "stack_trace", "stacktrace", "stack")
_NODE = ("hostname", "host", "node", "node_name")
_MAX_CHARS = 1_000_000


def read(text: str, reading: Reading) -> str | None:
    """The message of a JSON log line; None if the line is not one."""
    if len(text) > _MAX_CHARS or not text.rstrip().endswith("}"):
        return None
    import json  # few logs are written so, and it takes a while to load

    try:
        entry = json.loads(text)
    # Deep nesting in a damaged or hostile line exhausts the parser's stack.
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict):
        return None
    message = _first(entry, _MESSAGE)
    level = _first(entry, _LEVEL)
    stamp = next((entry[key] for key in _TIME if key in entry), None)
    # Results of benchmarks and configs are JSON too; a log line says how bad it is, or when it was.
    if message is None or (level is None and stamp is None):
        return None
    if level:
        reading.says(level)
    _note_time(stamp, reading)
    _note_writer(entry, reading)
    trace = _first(entry, _TRACE)
    whole = f"{message}\n{trace}" if trace and trace not in message else message
    return "\n".join(texts.last_piece(texts.strip(line)) for line in whole.rstrip().split("\n"))


def _first(entry: dict[str, object], names: tuple[str, ...]) -> str | None:
    for name in names:
        value = entry.get(name)
        if isinstance(value, str):
            return value
    return None


def _note_time(value: object, reading: Reading) -> None:
    if isinstance(value, str):
        reading.at(texts.strip(value), times.full(value))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        reading.at(str(value), times.epoch(value))


def _note_writer(entry: dict[str, object], reading: Reading) -> None:
    name, pid = entry.get("processName"), entry.get("process", entry.get("pid"))
    node = texts.strip(_first(entry, _NODE) or "")
    number = pid if isinstance(pid, int) and not isinstance(pid, bool) else None
    if isinstance(name, str) and name:
        reading.by(vllm.named(texts.strip(name), number, node=node))
    elif number is not None or node:
        reading.by(Writer(pid=number, node=node))
