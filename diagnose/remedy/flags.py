"""A flag of the server's command set or taken out, in the style of the script.

Floor 7: pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from diagnose.recipe import Flag, Recipe, Variant
from diagnose.recipe.syntax import Node, parse
from diagnose.remedy.branches import in_branch
from diagnose.remedy.edits import Edit, Lines

_VALUE = re.compile(rb"[ \t]*(?:\\\r?\n[ \t]*)*(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s\"')]+)")


def set_flag(recipe: Recipe, concerned: Sequence[Variant], name: str, value: str) -> Iterator[Edit]:
    """Gives the server a flag on the ways that are concerned.

    A value that is there is changed where it is written. A new flag goes where the script already chooses it
    for other rows, or else into the command, beside the flags that it belongs to.
    """
    lacking = []
    changed: dict[int, Flag] = {}
    for variant in concerned:
        flag = _find(variant, name)
        if flag is None:
            lacking.append(variant)
        elif flag.value != value:
            changed[flag.start] = flag
    for flag in changed.values():
        yield _changed(recipe.data, flag, value)
    root = parse(recipe.data) if lacking else None
    servers: dict[tuple[int, int], list[Variant]] = {}
    for variant in lacking:
        assert variant.command is not None
        servers.setdefault((variant.command.start, variant.command.end), []).append(variant)
    for ways in servers.values():
        assert root is not None
        chosen = list(in_branch(recipe, root, ways, name, _words(name, value)))
        yield from chosen or [_added(recipe, root, ways, name, value)]


def rename_flag(
    recipe: Recipe, concerned: Sequence[Variant], old: str, name: str, value: str
) -> list[Edit]:
    """A flag under its new name where the old one stands; nothing where it is not written as a flag of its own."""
    found = {f.start: f for v in concerned if (f := _find(v, old)) is not None and f.start >= 0}
    edits = []
    for flag in found.values():
        written = recipe.data[flag.word.start : flag.word.end]
        head = written.partition(b"=")[0]
        if flag.value == value and head.startswith(b"-"):
            # Its value stays as it is written.
            edits.append(Edit(flag.word.start, flag.word.start + len(head), name.encode()))
        else:
            edits.append(Edit(flag.start, end_of(recipe.data, flag), _words(name, value).encode()))
    return edits


def remove_flag(recipe: Recipe, concerned: Sequence[Variant], name: str) -> Iterator[Edit]:
    """Takes a flag and its value out, with the line they fill."""
    data, lines = recipe.data, Lines(recipe.data)
    found = {f.start: f for v in concerned if (f := _find(v, name)) is not None and f.start >= 0}
    for flag in found.values():
        start, end = flag.start, end_of(data, flag)
        rest = data[end : lines.end(end)].strip()
        own = not data[lines.start(start) : start].strip() and rest in (b"", b"\\")
        if own and (rest or not _continued(data, lines.start(start))):
            yield Edit(lines.start(start), min(lines.end(end) + 1, len(data)), b"")
            continue
        while data[start - 1 : start] in (b" ", b"\t", b"\n", b"\r", b"\\"):
            start -= 1
        yield Edit(start, end, b"")


def end_of(data: bytes, flag: Flag) -> int:
    """Where a flag ends with its value; where the value's variable stands if it is written elsewhere."""
    given = flag.given
    if given is None or flag.word.start < 0:
        return flag.word.end
    if given.start >= flag.word.end and not data[flag.word.end : given.start].strip(
        b" \t\r\n\\\"'="
    ):
        return given.end
    match = _VALUE.match(data, flag.word.end)
    return match.end() if match else flag.word.end


def _continued(data: bytes, start: int) -> bool:
    """Whether the line above a place is continued there."""
    return data[:start].rstrip(b"\r\n").endswith(b"\\")


def _find(variant: Variant, name: str) -> Flag | None:
    return next((f for f in reversed(variant.flags) if f.name == name), None)


def _words(name: str, value: str, *, joined: bool = False) -> str:
    return f"{name}={value}" if value and joined else f"{name} {value}".rstrip()


def _changed(data: bytes, flag: Flag, value: str) -> Edit:
    """The new value in place of the old one; in the variable's assignment where it stands there."""
    given = flag.given
    if given is None:
        text = data[flag.word.start : flag.word.end]
        head, equals, old = text.partition(b"=")
        if not equals:
            return Edit(flag.word.end, flag.word.end, f" {value}".encode())
        at = flag.word.start + len(head) + 1
        return Edit(at, at + len(old), value.encode())
    source = given.source
    target = source if source is not None and source.known and source.start >= 0 else given
    old = data[target.start : target.end]
    quote = old[:1] if len(old) > 1 and old[:1] in (b'"', b"'") and old[-1:] == old[:1] else b""
    return Edit(target.start, target.end, quote + value.encode() + quote)


def _added(recipe: Recipe, root: Node, lacking: Sequence[Variant], name: str, value: str) -> Edit:
    data = recipe.data
    anchor = _sister(recipe, lacking, name)
    if anchor is None:
        return _behind_server(recipe, lacking, name, value)
    joined = b"=" in data[anchor.word.start : anchor.word.end] and anchor.given is None
    text = _words(name, value, joined=joined).encode()
    return insert(data, root, anchor.start, end_of(data, anchor), text)


def insert(data: bytes, root: Node, start: int, end: int, text: bytes) -> Edit:
    """Words beside others that are written from `start` to `end`: on a line of their own where those have one."""
    lines = Lines(data)
    holder = _holder(root, start, end)
    first, last = lines.start(start), lines.end(end)
    rest = data[end:last].strip()
    own_line = not data[first:start].strip() and (rest in (b"", b"\\") or rest.startswith(b"#"))
    if holder is not None and holder.type == "array":
        if own_line and holder.start_point[0] < holder.end_point[0]:
            return lines.below(end, [lines.indent(start) + text])
        return Edit(end, end, b" " + text)
    if holder is None or holder.type != "command":
        # In a string or a here-document the tree does not tell where the command ends: its lines do.
        if own_line and rest == b"\\":
            return lines.below(end, [lines.indent(start) + text + b" \\"])
        if own_line and not rest and _continued(data, first):
            return lines.above(start, [lines.indent(start) + text + b" \\"])
        return Edit(end, end, b" " + text)
    if data[end:last].rstrip(b"\r").endswith(b"\\"):
        indent = lines.indent(start) if lines.start(start) > holder.start_byte else None
        if indent is None:
            indent = lines.indent(last + 1)
        return lines.below(end, [indent + text + b" \\"])
    if not data[first:start].strip() and first > holder.start_byte:
        return lines.above(start, [lines.indent(start) + text + b" \\"])
    return Edit(end, end, b" " + text)


def _sister(recipe: Recipe, lacking: Sequence[Variant], name: str) -> Flag | None:
    """The flag that a new one belongs beside: of the same family, else the last of the command."""
    common = [
        flag
        for flag in lacking[0].flags
        if flag.start >= 0
        and not flag.parent
        and all(any(f.start == flag.start for f in v.flags) for v in lacking)
    ]
    if not common:
        return None
    command = lacking[0].command
    assert command is not None

    def weight(flag: Flag) -> tuple[int, bool, int]:
        inside = command.start <= flag.start < command.end
        return _related(flag.name, name), inside, flag.start

    return max(common, key=weight)


def _related(one: str, two: str) -> int:
    """Whether two flags end in the same word, or begin with the same."""
    a, b = one.strip("-").split("-"), two.strip("-").split("-")
    return 2 * (a[-1] == b[-1]) + (a[0] == b[0] and len(a) > 1 and len(b) > 1)


def _behind_server(recipe: Recipe, lacking: Sequence[Variant], name: str, value: str) -> Edit:
    """Behind the last word of a command that has no flag that all ways share."""
    command = lacking[0].command
    assert command is not None
    spots = [w.end for w in command.argv if command.start <= w.start and w.end <= command.end]
    end = max(spots, default=command.end)
    return Edit(end, end, f" {_words(name, value)}".encode())


def _holder(root: Node, start: int, end: int) -> Node | None:
    """The array, string or command that words stand in."""
    node = root.descendant_for_byte_range(start, max(start, end - 1))
    while node is not None:
        # A string that is the word itself holds nothing else.
        is_word = node.type in ("string", "raw_string") and node.start_byte >= start
        if node.type in ("array", "command", "string", "raw_string") and not is_word:
            return node
        node = node.parent
    return None
