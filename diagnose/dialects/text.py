"""Bytes of a log to text that is safe to match and to show.

Floor 1: pure. What a terminal would act on is taken out or acted on: colour and other escape
sequences are dropped, backspaces rub out, a carriage return starts the line again. Nothing here
raises, whatever the bytes.
"""

from __future__ import annotations

import re

from diagnose.expressions import later

_CONTROLS = bytes(code for code in range(0x20) if code != 0x09) + b"\x7f"
_ESCAPES = later(
    r"""
      \x1b\[ [0-?]* [ -/]* [@-~]                   # CSI: colour, cursor, erase
    | \x1b\] [^\x07\x1b]* (?: \x07 | \x1b\\ )      # OSC: titles, links
    | \x1b[PX^_] [^\x07\x1b]* (?: \x07 | \x1b\\ )  # DCS, SOS, PM, APC: Buildkite's time stamps
    | \x1b\[ [0-?]* [ -/]* $                       # CSI cut off by the end of the line
    | \x1b [ -/]* [0-~]                            # any other escape, or the head of a damaged one
    """,
    re.VERBOSE,
)
# C1 controls (some terminals act on them), marks that reorder text, and the byte order mark.
_UNSAFE = later("[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")
# Copying a coloured log from a page loses the escape byte and leaves its parameters, or spells it.
_LOST_ESCAPES = later(
    r"(?:\^\[|\\x1b|\\u001b|\\033|\\e|[\ufffd\u241b])?"
    # Spans of time, such as `[5m]` and `[0m 3s]`, look much the same.
    r"\[(?:(?:[01];3\d|0;0)m|0m(?! ?\d+ ?[smhd])|[39]\dm(?![\] ]))"
)


def decode(raw: bytes) -> str:
    """Text without escape sequences and control characters; carriage returns and tabs stay."""
    if len(raw.translate(None, _CONTROLS)) == len(raw):
        if raw.isascii():
            text = raw.decode("ascii")
        else:
            text = _UNSAFE.sub("", raw.decode("utf-8", "replace"))
    else:
        text = strip(raw.decode("utf-8", "replace"))
    if "[0m" in text or "[0;0m" in text:
        text = _LOST_ESCAPES.sub("", text)
    return text


def strip(text: str) -> str:
    """`decode` for text that was already decoded, such as a string inside a JSON line."""
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
    text = _UNSAFE.sub("", text).replace("\n", " ")
    return _rub_out(text) if "\x08" in text else text


def last_piece(text: str) -> str:
    """What a terminal shows of a line redrawn with carriage returns: all after the last inner one."""
    if "\r" not in text:
        return text
    return text.rstrip("\r").rpartition("\r")[2]


def clean(raw: bytes) -> str:
    """One raw line as a terminal would leave it, without colour.

    Args:
        raw: One line, or one piece of a redrawn line, without its newline.

    Returns:
        Text without escape sequences, control characters and carriage returns; bytes that are not
        UTF-8 become U+FFFD.
    """
    return last_piece(decode(raw))


def _rub_out(text: str) -> str:
    kept: list[str] = []
    for char in text:
        if char != "\x08":
            kept.append(char)
        elif kept and kept[-1] != "\r":
            kept.pop()
    return "".join(kept)
