"""Two versions of a file as a unified diff that `git apply` and `patch -p1` take.

Floor 7: pure.
"""

from __future__ import annotations

import difflib


def unified(path: str, before: bytes, after: bytes) -> str:
    """The diff; empty when nothing changed.

    Args:
        path: As git knows the file: relative to the top of its repository, with slashes.
        before: The file as it is.
        after: As it is to be.
    """
    if before == after:
        return ""
    name = path.lstrip("/")
    lines = difflib.unified_diff(_lines(before), _lines(after), f"a/{name}", f"b/{name}")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _lines(data: bytes) -> list[str]:
    text = data.decode("utf-8", "surrogateescape")
    # Only \n ends a line for git, whatever else Unicode calls a line end.
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
