"""Takes every header off the front of a line.

Floor 1: pure. Labels of launchers come first and once; then headers, outermost first, until none
is left or a program's own header is reached. Which are tried depends on the first character alone,
so that ordinary text is passed over at the cost of one look-up.
"""

from __future__ import annotations

from collections.abc import Callable

from diagnose.dialects import devices, json_lines, loggers, sglang, system, torch, vllm
from diagnose.dialects.reading import Reading
from diagnose.expressions import later

Take = Callable[[str, Reading], "str | None"]
"""Returns what is left of a line, or None if its header is not there."""

_DIGITS = "0123456789"
_LOWER = "abcdefghijklmnopqrstuvwxyz"
_UPPER = _LOWER.upper()
_OUTER_DEPTH = 3
_INNER_DEPTH = 6
_BAR_END = later(r"\[\d+:\d\d[:\d]*<[^\]]*\]\s*(?=[(\[])")


def _table(*rows: tuple[str, Take]) -> dict[str, tuple[Take, ...]]:
    chars = {char for starts, _ in rows for char in starts}
    return {char: tuple(take for starts, take in rows if char in starts) for char in chars}


def process_line(text: str, reading: Reading) -> None:
    """Notes whom multiprocessing's `Process EngineCore_DP0:` is about, who printed it as well."""
    if text.startswith("Process ") and text.endswith(":") and " " not in text[8:]:
        reading.by(vllm.named(text[8:-1]))


def _noted(note: Callable[[str, Reading], None]) -> Take:
    def take(text: str, reading: Reading) -> str | None:
        note(text, reading)
        return None

    return take


_OUTER = _table(
    (" " + _DIGITS + _LOWER + _UPPER + "[", system.label),
    ("<2" + _UPPER, system.syslog),
    ("<[", system.dmesg),
)
_INNER = _table(
    ("(", vllm.prefixes),
    ("DIWEC", vllm.header),
    ("[", sglang.header),
    ("[", torch.ranked),
    ("[", torch.cpp),
    ("[", devices.bracketed),
    ("IWEF", torch.glog),
    (_DIGITS + _LOWER + _UPPER, devices.nccl),
    ("[" + _DIGITS, loggers.stamped),
    ("[DINTWEFC", loggers.plain),
    ("t", loggers.logrus),
    ("s", system.slurm),
    ("P", _noted(process_line)),
    ("#", _noted(loggers.command)),
    ("SMTWF", _noted(system.date)),
    ("{", json_lines.read),
)


def take_off(text: str, reading: Reading) -> str:
    """What the program said: `text` without process prefixes and log headers.

    A record may be glued to a progress bar that had not ended its line; then the record is read.
    """
    rest = _inner(_outer(text, reading), reading)
    bar = _BAR_END.search(rest) if "%|" in rest else None
    if bar:
        glued = rest[bar.end() :]
        left = _inner(glued, reading)
        rest = rest if left == glued else left
    inside = vllm.inside(rest, reading)
    return rest if inside is None else inside


def _outer(text: str, reading: Reading) -> str:
    for _ in range(_OUTER_DEPTH):
        for take in _OUTER.get(text[:1], ()):
            left = take(text, reading)
            if left is not None:
                text = left
                break
        else:
            break
    return text


def _inner(text: str, reading: Reading) -> str:
    for _ in range(_INNER_DEPTH):
        for take in _INNER.get(text[:1], ()):
            left = take(text, reading)
            if left is not None:
                text = left
                # Its own header is the last thing that vLLM prints before the message.
                if take is vllm.header:
                    return text
                break
        else:
            break
    return text
