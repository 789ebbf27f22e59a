"""A shell among a command's words: `bash -c '…'`, `bash FILE`, wherever that shell runs.

Floor 6: pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from diagnose.recipe.words import Word

_SHELLS = ("bash", "sh", "dash", "zsh")


@dataclass(frozen=True, slots=True)
class Shell:
    """A shell that a command runs."""

    at: int
    """Where its name stands among the words."""
    script: Word | None = None
    """The script in its `-c`."""
    file: Word | None = None
    """The file that it reads; None for standard input."""
    arguments: tuple[Word, ...] = ()
    """What the script is given as `$1` and so on."""
    options: tuple[str, ...] = ()
    """As for `set`."""


def shell_in(argv: Sequence[Word]) -> Shell | None:
    """The first shell among a command's words; None where there is none."""
    for position, word in enumerate(argv):
        if word.text.rpartition("/")[2] in _SHELLS:
            return _shell(argv, position)
    return None


def _shell(argv: Sequence[Word], position: int) -> Shell:
    at, script = position + 1, False
    options = []
    while at < len(argv) and argv[at].text[:1] in ("-", "+") and argv[at].text != "--":
        option = argv[at].text
        options.append(option)
        short = not option.startswith("--")
        script = script or (short and "c" in option)
        at += 1
        if short and option.endswith(("o", "O")) and at < len(argv):
            options.append(argv[at].text)
            at += 1
    at += argv[at : at + 1] == [Word("--")]
    rest = argv[at + 1 :]
    if at >= len(argv) or "-s" in options:
        return Shell(position, options=tuple(options))
    if script:
        # The word behind the script is its `$0`.
        return Shell(position, argv[at], None, tuple(rest[1:]), tuple(options))
    return Shell(position, None, argv[at], tuple(rest), tuple(options))
