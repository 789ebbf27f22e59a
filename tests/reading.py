"""Reads whatever `open_paths` makes of some paths, to the end."""

from __future__ import annotations

import os
from dataclasses import dataclass

from diagnose.errors import InputError
from diagnose.sources import open_paths


@dataclass
class Read:
    """A source that was read to its end."""

    name: str
    text: bytes
    problem: str


def content(stream, size=100_003):
    view = memoryview(bytearray(size))
    parts = []
    while count := stream.readinto(view):
        parts.append(bytes(view[:count]))
    return b"".join(parts)


def read(*paths, stdin=None, **options):
    """All sources below some paths, and the error at the end of them, if there is one."""
    sources, error = [], ""
    try:
        for source in open_paths([os.fspath(p) for p in paths], stdin, **options):
            text = content(source.stream)
            sources.append(Read(source.name, text, source.problem))
    except InputError as raised:
        error = str(raised)
    return sources, error
