"""A fix made in a YAML file that describes servers: in a mapping, a list or a string, in the style of what stands beside it.

Floor 7: pure. Something new needs a sister to stand beside; where there is none, nothing is changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from diagnose.model import Fix
from diagnose.recipe import Flag, Recipe, Variant, long_name
from diagnose.remedy.edits import Edit, Lines

_PLAIN = re.compile(r"[A-Za-z_./][\w./+-]*|\d+(?:\.\d+)?")
_WORDS = ("true", "false", "yes", "no", "on", "off", "null")
_FLOW = re.compile(rb"[^,}\n]*,[ \t]*")


def config_edits(recipe: Recipe, concerned: Sequence[Variant], fix: Fix) -> Iterator[Edit]:
    """The changes that make a fix on the servers that are concerned."""
    for variant in concerned:
        for line in fix.remove:
            yield from _removed(recipe.data, variant, line)
        for line in fix.recipe:
            if line.startswith("-"):
                name, _, value = line.replace("=", " ", 1).partition(" ")
                yield from _flag(recipe.data, variant, long_name(name), value)
            else:
                name, _, value = line.partition("=")
                yield from _variable(recipe.data, variant, name, value)


def _flag(data: bytes, variant: Variant, name: str, value: str) -> Iterator[Edit]:
    own = [f for f in variant.flags if f.start >= 0 and not f.parent]
    there = next((f for f in reversed(own) if f.name == name), None)
    if there is not None:
        if there.value != value and there.given is not None and there.given.start >= 0:
            yield _quoted(data, there.given.start, there.given.end, value)
        return
    if not own:
        return
    sister = max(own, key=lambda f: (f.name.split("-")[-1] == name.split("-")[-1], f.start))
    if not _keyed(data, sister):
        yield Edit(sister.end, sister.end, f" {name} {value}".rstrip().encode())
        return
    key = name.lstrip("-")
    if any("_" in f.word.text for f in own):
        key = key.replace("-", "_")
    yield _below(data, sister.start, f"{key}: {_scalar(value) if value else 'true'}")


def _keyed(data: bytes, flag: Flag) -> bool:
    """Whether a flag is a key of a mapping."""
    return data[flag.word.start : flag.word.start + 1] != b"-"


def _variable(data: bytes, variant: Variant, name: str, value: str) -> Iterator[Edit]:
    there = variant.environment.get(name)
    if there is not None and there.word.start >= 0:
        if there.word.text != value:
            yield _quoted(data, there.word.start, there.word.end, value)
        return
    others = [(n, v) for n, v in variant.environment.items() if v.start >= 0]
    if not others:
        return
    sister = max(others, key=lambda entry: (_shared(entry[0], name), entry[1].start))[1]
    if data[sister.start : sister.word.start].rstrip().endswith(b":"):
        quote = data[sister.word.start : sister.word.start + 1].decode()
        text = f"{quote}{value}{quote}" if quote in "'\"" else _scalar(value)
        yield _below(data, sister.start, f"{name}: {text}")
    elif data[Lines(data).start(sister.start) : sister.start].strip() == b"-":
        yield _below(data, sister.start, f"{name}={value}")
    else:
        yield Edit(sister.end, sister.end, f" {name}={value}".encode())


def _shared(one: str, two: str) -> int:
    return sum(a == b for a, b in zip(one.split("_"), two.split("_"), strict=False))


def _quoted(data: bytes, start: int, end: int, value: str) -> Edit:
    """A new value in the quotes of the old one."""
    quote = data[start : start + 1]
    inside = end - start > 1 and quote in (b"'", b'"') and data[end - 1 : end] == quote
    mark = quote.decode() if inside else ""
    return Edit(start, end, f"{mark}{value}{mark}".encode())


def _scalar(value: str) -> str:
    """A value as YAML keeps it."""
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return "'" + value.replace("'", "''") + "'"


def _below(data: bytes, start: int, text: str) -> Edit:
    """A further entry: on a line below the one that begins there, or in front of it in a flow mapping."""
    lines = Lines(data)
    before = data[lines.start(start) : start]
    if before.strip(b" \t-"):
        return Edit(start, start, f"{text}, ".encode())
    # The first key of a list's item stands behind its dash, the next ones below it; an item has a dash of its own.
    pad = before if "=" in text.partition(":")[0] else b" " * len(before)
    return lines.below(start, [pad + text.encode()])


def _removed(data: bytes, variant: Variant, line: str) -> Iterator[Edit]:
    if line.startswith("-"):
        flag = next((f for f in variant.flags if f.name == long_name(line)), None)
        start, end = (flag.start, flag.end) if flag else (-1, -1)
        keyed = flag is not None and start >= 0 and _keyed(data, flag)
    else:
        variable = variant.environment.get(line)
        start, end = (variable.start, variable.end) if variable else (-1, -1)
        keyed = start >= 0 and b":" in data[start:end]
    if start < 0:
        return
    lines = Lines(data)
    if lines.alone(start, end):
        yield Edit(lines.start(start), min(lines.end(end) + 1, len(data)), b"")
    elif keyed and (behind := _FLOW.match(data, end)):
        yield Edit(start, behind.end(), b"")
    elif keyed or data[start - 1 : start] == b" ":
        yield Edit(len(data[:start].rstrip(b" ,")), end, b"")
    else:
        yield Edit(start, end + (data[end : end + 1] == b" "), b"")
