"""From bytes of unknown kind to sources of text, through any compression and archives within them.

Nothing is written to disk but, for a while, an inner zip, which has to be read from its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from diagnose.sources.input import Input, spool
from diagnose.sources.limits import Meter
from diagnose.sources.names import is_log, shown
from diagnose.sources.sniff import COMPRESSED, HEAD, Kind, look
from diagnose.sources.source import Source, of_head, unreadable
from diagnose.sources.stream import DamagedError, Peeked, Pieces, Readable
from diagnose.sources.text import to_utf8

if TYPE_CHECKING:
    from diagnose.sources.tar import Member


@dataclass(frozen=True, slots=True)
class Item:
    """Some bytes of which it is not yet known what they are."""

    name: str
    """Printable."""
    stream: Readable
    size: int | None = None
    path: str = ""
    asked_for: bool = True
    """Whether the user named it; what else turns out to be no log is left out without a word."""
    depth: int = 0
    """How many archives it lies in."""
    unpacked: bool = False
    """Whether it was just decompressed, so that a tar in it is no further archive."""


def sources(item: Item, meter: Meter) -> Iterator[Source]:
    """One source for a text, many for an archive, none for what is no log and was not asked for.

    Raises:
        DamagedError: If there is more than the meter allows.
    """
    meter.opened()
    peeked = Peeked(item.stream, HEAD)
    kind, what = look(peeked.head, item.name)
    if kind is Kind.TEXT:
        yield of_head(item.name, peeked, to_utf8(peeked), item.size, item.path)
    elif kind is Kind.FOREIGN or (kind is Kind.BINARY and item.asked_for):
        yield unreadable(item.name, what, item.path)
    elif kind is not Kind.BINARY:
        yield from _opened(kind, item, peeked, meter)


def _opened(kind: Kind, item: Item, peeked: Peeked, meter: Meter) -> Iterator[Source]:
    """What is inside something compressed or an archive."""
    depth = item.depth + (0 if kind is Kind.TAR and item.unpacked else 1)
    if depth > meter.limits.depth:
        problem = f"more than {meter.limits.depth} archives within each other: unpack it first"
        yield unreadable(item.name, problem, item.path)
        return
    if kind in COMPRESSED:
        from diagnose.sources.compression import decompress

        text = Pieces(decompress(kind, peeked, meter))
        yield from sources(replace(item, stream=text, depth=depth, unpacked=True), meter)
        return
    item = replace(item, depth=depth)
    if kind is Kind.TAR:
        from diagnose.sources import tar

        yield from _members(item, tar.members(peeked), meter)
    elif isinstance(item.stream, Input) and item.stream.seekable():
        from diagnose.sources import zip

        yield from _members(item, zip.members(item.stream, meter), meter)
    else:
        copy, damage = spool(peeked, meter)
        with copy:
            yield from _members(item, _copied(copy, damage, meter), meter)


def _copied(copy: Input, damage: DamagedError | None, meter: Meter) -> Iterator[Member]:
    """Members of an inner zip; if the copy of it is not whole, that is what is wrong with it."""
    from diagnose.sources import zip

    try:
        yield from zip.members(copy, meter)
    except DamagedError as found:
        raise damage or found from None
    if damage is not None:
        raise damage


def _members(archive: Item, members: Iterator[Member], meter: Meter) -> Iterator[Source]:
    found = total = 0
    try:
        for member in members:
            total += 1
            if not is_log(member.name):
                continue
            for source in _member(archive, member, meter):
                found += 1
                yield source
            if meter.spent:
                return
    except DamagedError as damage:
        if not damage.reported or not found:
            damage.reported = True
            yield unreadable(archive.name, damage.problem, archive.path)
            return
    if not found:
        files = f"{total} file" + ("s" if total != 1 else "")
        problem = f"holds no logs ({files}, none of them a log)" if total else "an empty archive"
        yield unreadable(archive.name, problem, archive.path)


def _member(archive: Item, member: Member, meter: Meter) -> Iterator[Source]:
    name = f"{archive.name}!{shown(member.name)}"
    if member.problem:
        yield unreadable(name, member.problem)
        return
    size = None if archive.unpacked else member.size
    inner = Item(name, member.stream, size, asked_for=False, depth=archive.depth)
    yield from sources(inner, meter)
