"""Headers of common loggers: Python's `logging` in its usual formats, loguru, Rust's tracing, uvicorn.

Floor 1: pure.

    2025-05-01 09:31:10,204 - INFO - Starting request 510
    2025-09-10T06:02:11+00:00 - gpustack.worker.model_file_manager - INFO - Downloading …
    2026-05-05:13:00:04 WARNING  [api_models:101] Using max length …        lm-eval
    2026-01-01 12:00:00,123 - INFO - autotuner.py:256 - flashinfer.jit: …   FlashInfer
    2025-05-01 12:00:00.123 | INFO     | module:func:12 - …                 loguru
    2024-05-01T01:19:02.778572Z  INFO shard-manager: text_generation_launcher: … rank=1
    INFO:     Application startup complete.                                 uvicorn
    time="2026-01-01T00:00:00Z" level=error msg="…"                         logrus
"""

from __future__ import annotations

import re

from diagnose.dialects import times
from diagnose.dialects.reading import Reading
from diagnose.expressions import later
from diagnose.model import Writer

_LEVEL = r"(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|FATAL|CRITICAL)"
_STAMP = later(rf"\[?({times.FULL})\]?(?=[\s|,-]|$)")
_CLOCK = later(r"(\d\d:\d\d:\d\d(?:\.\d{1,6})?) {1,2}(?=\S)")
_AFTER = later(
    rf"""
    (?: \s*[-|]\s* | \s+ )
    (?: (?P<name> [\w.$-]{{1,120}} ) (?: \s*[-|]\s* | :\s+ | \x20(?={_LEVEL}:) ) )?
    \[? (?P<level> {_LEVEL} ) \]? (?: \s*[-|:]\s* | \s+ | $ )
    (?: (?: \[ [\w./<>-]{{1,120}} : (?: [\w<>.]{{1,80}} : )? \d+ \]
          | [\w./<>-]{{1,120}} : (?: [\w<>.]{{1,80}} : )? \d+ (?= \s+[-|]\s | \s--\s ) )
        (?: \s*[-|]+\s* | \s+ | $ ) )?
    """,
    re.VERBOSE,
)
_TRACING = later(r"(?:[\w-]+(?:\{[^{}]*\})?: )?[a-z]\w*(?:::\w+)*: ")
_TRACING_RANK = later(r"rank=(\d{1,9})$")
_PLAIN = later(
    rf"({_LEVEL}):(?:[A-Za-z_][\w.-]*:(?=\S))?\s*"
    rf"|\[({_LEVEL})\]:? "
    rf"|({_LEVEL}) \[[\w./-]+:\d+\] "
    r"|(DEBU|INFO|WARN|ERRO|FATA)\[\d{4,}\] "
)
_LOGRUS = later(rf'time="?({times.FULL})"? level=(\w+) msg=("?)(?=\S)')
_COMMAND = later(r"##\[(error|warning|debug|notice)\]")


def stamped(text: str, reading: Reading) -> str | None:
    """Takes off a full date, and the level, logger and place after it; None without a date."""
    found = _STAMP.match(text)
    if found is None:
        return _clocked(text, reading)
    reading.at(found[1], times.full(found[1]))
    after = _AFTER.match(text, found.end())
    if after is None:
        return text[found.end() :].removeprefix(" ")
    reading.says(after["level"])
    rest = text[after.end() :]
    if found[1].endswith("Z"):
        rest = _traced(rest, reading)
    return rest


def plain(text: str, reading: Reading) -> str | None:
    """Takes off a level without a time, such as `INFO:     `; None if there is none."""
    found = _PLAIN.match(text)
    if found is None:
        return None
    reading.says(found[found.lastindex or 0])
    return text[found.end() :]


def logrus(text: str, reading: Reading) -> str | None:
    """Takes `msg` out of `time="…" level=error msg="…"`; None if it is not that."""
    found = _LOGRUS.match(text)
    if found is None:
        return None
    stamp, level, quote = found.groups()
    reading.at(stamp, times.full(stamp))
    reading.says(level)
    rest = text[found.end() :]
    return rest.removesuffix('"').replace('\\"', '"') if quote else rest


def command(text: str, reading: Reading) -> None:
    """Notes the level of a workflow command such as `##[error]`, which stays in the message."""
    found = _COMMAND.match(text)
    if found:
        reading.says(found[1])


def _clocked(text: str, reading: Reading) -> str | None:
    found = _CLOCK.match(text)
    if found is None:
        return None
    reading.at(found[1], times.clock_only(found[1]))
    return text[found.end() :]


def _traced(text: str, reading: Reading) -> str:
    target = _TRACING.match(text)
    if target is None:
        return text
    rank = _TRACING_RANK.search(text)
    if rank and target[0].startswith("shard-manager"):
        reading.by(Writer("shard-manager", None, "launcher", (("rank", int(rank[1])),)))
    return text[target.end() :]
