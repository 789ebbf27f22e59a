"""A script in a string or a here-document that a shell is given: `bash -c '…'`, wherever that shell runs.

Floor 6: pure. Its words are found; where each of them is written is not told beyond the whole string.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from diagnose.recipe.words import Word

_SHELLS = ("bash", "sh", "dash", "zsh")
_COMMENT = re.compile(r"(?m)(?:^|(?<=\s))#.*$")
_ENDS = frozenset(";&|\n()")


def shell_in(argv: Sequence[Word]) -> tuple[int, int]:
    """Where a shell stands among a command's words, and the script in its `-c`; -1 for what is not there."""
    for position, word in enumerate(argv):
        if word.text.rpartition("/")[2] not in _SHELLS:
            continue
        at, script = position + 1, False
        while at < len(argv) and argv[at].text[:1] in ("-", "+"):
            option = argv[at].text
            short = not option.startswith("--")
            script = script or (short and "c" in option)
            at += 2 if short and option.endswith(("o", "O")) else 1
        return position, at if script and at < len(argv) else -1
    return -1, -1


def commands_in(script: Word) -> list[list[Word]]:
    """The simple commands of a script in a string, each as its words."""
    text = _COMMENT.sub("", script.text.replace("\\\n", " "))
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|\n()")
    lexer.whitespace, lexer.commenters, lexer.whitespace_split = " \t\r", "", True
    try:
        parts = list(lexer)
    except ValueError:
        parts = text.split()
    found: list[list[Word]] = [[]]
    for part in parts:
        if part and set(part) <= _ENDS:
            found.append([])
        else:
            known = "$" not in part and "`" not in part
            found[-1].append(Word(part, known, script.start, script.end, script))
    return [words for words in found if words]
