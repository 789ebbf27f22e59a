"""What is said while it waits: one line on a terminal, plain lines elsewhere.

Part of `watch`; `line` is pure.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict

from diagnose.units import duration
from diagnose.watch.hearing import OWN, Ear

_SHOWN_LATE_S = 10.0
_FIRST_NOTE_S = 60.0
_RANKS = 8


def line(ear: Ear, elapsed_s: float, quiet_s: float, *, looking: bool = False) -> str:
    """Time, phase, silence, and how far each process came where they differ; the most telling first."""
    parts = [duration(elapsed_s), ear.phase.id if ear.phase else "starting"]
    if looking:
        parts.append("looking at it")
    if quiet_s >= _SHOWN_LATE_S:
        parts.append(f"nothing moved for {duration(quiet_s)}")
    return " · ".join([*parts, *_processes(ear)])


def _processes(ear: Ear) -> list[str]:
    """`TP1 model-construct`, `TP0 weight-load` where the ranks stand in different phases; who is behind first."""
    by_phase: dict[tuple[int, str], list[str]] = defaultdict(list)
    for doing in ear.doing.values():
        if doing.writer.role in ("worker", "scheduler"):
            name = doing.writer.name.removeprefix("Worker_")
            by_phase[doing.phase.index, doing.phase.id].append(name)
    if len(by_phase) < 2:
        return []
    return [
        f"{', '.join(sorted(names)[:_RANKS])} {phase}"
        for (_, phase), names in sorted(by_phase.items())
    ]


class Voice:
    """Speaks on standard error.

    Args:
        marked: Whether every line has to say whose it is: standard error is the command's log as well, or is read by
            a runner that obeys lines of a certain form, which one of a log may have.
        quiet: Whether to say only what matters.
    """

    def __init__(self, *, marked: bool = False, quiet: bool = False) -> None:
        self._marked = marked
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._drawn = ""
        self.at_line_start = True
        """Whether what was passed on to the terminal ended with a line's end."""
        self._noted_s = _FIRST_NOTE_S

    def say(self, text: str, *, detail: bool = False) -> None:
        """One line; details only where there is no status line and the user did not ask for quiet."""
        if detail and (self._terminal or self._quiet):
            return
        self.clear()
        self._write(f"{OWN}{text}\n")

    def report(self, text: str) -> None:
        """A whole report."""
        self.clear()
        if self._marked:
            text = "".join(f"{OWN}{row}" for row in text.splitlines(keepends=True))
        self._write(text if text.endswith("\n") else f"{text}\n")

    def show(self, text: str, quiet_s: float) -> None:
        """The status: redrawn on a terminal; elsewhere a line when nothing moves for longer and longer."""
        if self._terminal and not self._quiet:
            shown = text[: os.get_terminal_size(2).columns - 1]
            if self.at_line_start and shown != self._drawn:
                self._write(f"\r{shown}\x1b[K")
                self._drawn = shown
        elif quiet_s < _FIRST_NOTE_S:
            self._noted_s = _FIRST_NOTE_S
        elif quiet_s >= self._noted_s:
            self._noted_s *= 2
            self.say(text, detail=True)

    def clear(self) -> None:
        """Takes the status line off the terminal, before something else is written to it."""
        if self._drawn:
            self._write("\r\x1b[K")
            self._drawn = ""

    def _write(self, text: str) -> None:
        try:
            # Older runners of GitHub obey this one anywhere in a line.
            sys.stderr.write(text.replace("##[", "## ["))
            sys.stderr.flush()
        except OSError:
            # Nobody reads it; the server is more important.
            pass
