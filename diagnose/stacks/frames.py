"""What a frame is called, where its file lies, and patterns for frames.

Floor 6. A pattern is `name|name @ path`: a name is the last dotted part (CPython 3.11 prints
`FileBaton.wait`, older ones `wait`), `*` is any; a path is the end of a file's path, a folder with `/*`,
or, beginning with `<`, the start of a pseudo file's name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from diagnose.model import Frame

_ROOTS = re.compile(r".*/(?:site-packages|dist-packages|lib/python3\.\d+)/")
_ARGUMENTS = re.compile(r"[(<].*")


@lru_cache(maxsize=4096)
def last_name(name: str) -> str:
    """`get_response` of `MultiprocExecutor.collective_rpc.<locals>.get_response`; C++ names too."""
    if name.startswith("<"):
        return name
    if "::" in name:
        return _ARGUMENTS.sub("", name).rpartition("::")[2]
    tail = name.rpartition(".")[2]
    return tail if tail.startswith("<") else _ARGUMENTS.sub("", tail) or tail


@lru_cache(maxsize=4096)
def short_file(file: str) -> str:
    """`torch/utils/file_baton.py` of its full path; what lies in no package folder stays whole."""
    return _ROOTS.sub("", file)


@dataclass(frozen=True, slots=True)
class FramePattern:
    """Frames of certain names in certain files."""

    names: frozenset[str]
    """Empty for any."""
    path: str
    """Empty for any file."""

    def matches(self, frame: Frame) -> bool:
        """Whether `frame` is one of them."""
        if self.names and last_name(frame.name) not in self.names:
            return False
        path, file = self.path, frame.file
        if not path:
            return True
        if path.startswith("<"):
            return file.startswith(path)
        if path.endswith("/*"):
            return f"/{path[:-1]}" in f"/{file}"
        return file == path or file.endswith(f"/{path}")


def parse(text: str) -> FramePattern:
    """Reads one pattern."""
    names, _, path = (part.strip() for part in text.partition(" @ "))
    named = frozenset() if names == "*" else frozenset(names.split("|"))
    return FramePattern(named, path)
