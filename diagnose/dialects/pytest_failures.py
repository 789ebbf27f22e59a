"""Failures as pytest prints them, which have no `Traceback` line.

Floor 1: pure. Each entry of a failure is source text, then its place; the exception's lines start
with `E`, and the last place names its class:

    tests/evals/test_gsm8k.py:31: in run
        raise AssertionError(
    E   AssertionError: GSM8K metric too low: 0.8370 < 0.8500
    tests/evals/test_gsm8k.py:74: AssertionError

A traceback that is itself the text of an exception (`E   Traceback …`) is left to `tracebacks`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from diagnose.dialects.tracebacks import EXCEPTION, Frame, Traceback
from diagnose.model import Line

_ERROR = re.compile(r"E {2,}(\S.*)$")
_PLACE = re.compile(r"(\S+\.py):(\d{1,9}): (?:in (\S.*)|([A-Za-z_][\w.]*))?$")
_RULE = re.compile(r"(?:_ ){5,}|_{5,}|={5,}")


@dataclass(slots=True)
class _Failure:
    """What has been seen of one failure."""

    frames: list[Frame] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    exception: str = ""
    message: str = ""

    def done(self) -> Traceback:
        first = self.lines[0]
        exception = self.exception or "AssertionError"
        lines, frames = tuple(self.lines), tuple(self.frames)
        return Traceback(first.writer, lines, frames, exception, self.message, first, first)


def failures(lines: Sequence[Line]) -> tuple[Traceback, ...]:
    """Every failure in `lines`; `first` and `last` are its first `E` line."""
    found: list[Traceback] = []
    failure = _Failure()
    for line in lines:
        error = _ERROR.match(line.message) if line.message[:1] == "E" else None
        place = _PLACE.match(line.message) if ".py:" in line.message else None
        if error:
            _note(failure, line, error[1])
        elif place:
            failure.frames.append(Frame(place[1], int(place[2]), place[3] or ""))
        if failure.lines and place and not place[3]:
            failure.exception = failure.exception or place[4] or ""
        ends = (place and not place[3]) or _RULE.match(line.message)
        if ends:
            if failure.lines:
                found.append(failure.done())
            failure = failure if place and not failure.lines else _Failure()
    if failure.lines:
        found.append(failure.done())
    return tuple(block for block in found if not block.message.startswith("Traceback ("))


def _note(failure: _Failure, line: Line, text: str) -> None:
    if not failure.lines:
        named = EXCEPTION.match(text)
        failure.exception = named[1] if named else ""
        failure.message = (named[2] or "") if named else text
    failure.lines.append(line)
