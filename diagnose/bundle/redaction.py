"""A snapshot and its logs without secrets, and without who and where.

Floor 1: pure. docs/bundle-format.md says what each takes out, and what stays.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from diagnose.model import Snapshot
from diagnose.redact import redact

T = TypeVar("T")
_NAMED_HOME = re.compile(r"(?<![\w.-])/(?:home|Users)/([^/\s:'\",;<>()\[\]]+)")
_EDGE = r"(?=[/\s:'\",;<>()\[\]]|$)"
_NOBODY = frozenset({"", "root", "nobody", "localhost"})
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")


def redacted(snapshot: Snapshot, logs: Mapping[str, bytes]) -> tuple[Snapshot, dict[str, bytes]]:
    """Both without secrets."""
    return strings(snapshot, redact), {path: _lines(data, redact) for path, data in logs.items()}


def anonymous(
    snapshot: Snapshot, logs: Mapping[str, bytes], hide: Sequence[str] = ()
) -> tuple[Snapshot, dict[str, bytes]]:
    """Both without secrets, host name, user names and home folders.

    Every user becomes `user`, `user2` and so on, the same everywhere, so that paths still tell files apart.

    Args:
        snapshot: What was seen.
        logs: By path.
        hide: Further texts to replace.
    """
    users = _users(snapshot, logs)
    homes = _homes(snapshot, users)
    ours = _program_words(snapshot)
    hosts = {snapshot.host, snapshot.host.partition(".")[0]} - _NOBODY
    # A user called `vllm` is taken out of paths of homes only: the same word is a part of the program's own names.
    words = {host: "host" for host in hosts if host not in ours}
    words |= {name: other for name, other in users.items() if name not in ours}
    words |= dict.fromkeys(hide, "hidden")
    spelt = sorted((re.escape(word) for word in words if len(word) > 1), key=len, reverse=True)
    pattern = (
        re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(spelt)})(?![A-Za-z0-9])") if spelt else None
    )
    places = sorted(map(re.escape, homes), key=len, reverse=True)
    home = re.compile(rf"(?<![\w.-])(?:{'|'.join(places)}){_EDGE}")

    def change(text: str) -> str:
        text = home.sub(lambda match: homes[match[0]], redact(text))
        return pattern.sub(lambda match: words[match[0]], text) if pattern else text

    named = dataclasses.replace(
        snapshot,
        host="host" if snapshot.host else "",
        processes=tuple(
            dataclasses.replace(one, user=users.get(one.user, one.user))
            for one in snapshot.processes
        ),
    )
    texts = {change(path): _lines(data, change) for path, data in logs.items()}
    return strings(named, change), texts


def _users(snapshot: Snapshot, logs: Mapping[str, bytes]) -> dict[str, str]:
    """What each user is called instead: who runs the processes, and whose home folders are named anywhere."""
    found = {one.user for one in snapshot.processes}
    for text in (
        *_texts(snapshot),
        *logs,
        *(data.decode("utf-8", "replace") for data in logs.values()),
    ):
        found.update(_NAMED_HOME.findall(text))
    first = [one.user for one in snapshot.processes if one.pid == snapshot.root]
    order = sorted(found - _NOBODY - {"user"}, key=lambda name: (name not in first, name))
    return {
        name: "user" if number == 1 else f"user{number}" for number, name in enumerate(order, 1)
    }


def _homes(snapshot: Snapshot, users: Mapping[str, str]) -> dict[str, str]:
    """What each home folder is called instead; that of root and the one that the variable HOME names too."""
    homes = {"/root": "/home/user"}
    for name, other in users.items():
        homes |= {f"/home/{name}": f"/home/{other}", f"/Users/{name}": f"/home/{other}"}
    own = snapshot.environment.get("HOME", "").rstrip("/")
    if own:
        homes.setdefault(own, "/home/user")
    return homes


def _program_words(snapshot: Snapshot) -> frozenset[str]:
    """Words that the code of the server is made of, which a diagnosis needs."""
    found: set[str] = set()
    for frame in (f for s in snapshot.samples for t in s.threads for f in t.frames):
        found.update(_WORD.findall(f"{frame.name} {frame.file.rpartition('-packages/')[2]}"))
    return frozenset(found)


def _texts(value: object) -> Iterator[str]:
    """Every text in a snapshot."""
    found: list[str] = []

    def note(text: str) -> str:
        found.append(text)
        return text

    strings(value, note)
    return iter(found)


def _lines(data: bytes, change: Callable[[str], str]) -> bytes:
    """A log with each line changed; bytes that are no text stay as they are."""
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    return "\n".join(map(change, lines)).encode("utf-8", "surrogateescape")


def strings(value: T, change: Callable[[str], str]) -> T:
    """The same snapshot, or a part of it, with every text passed through `change`."""
    changed: Any = value
    if isinstance(value, str):
        changed = change(value)
    elif isinstance(value, tuple):
        changed = tuple(strings(item, change) for item in value)
    elif isinstance(value, Mapping):
        changed = {key: strings(item, change) for key, item in value.items()}
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {
            f.name: strings(getattr(value, f.name), change) for f in dataclasses.fields(value)
        }
        changed = dataclasses.replace(value, **fields)
    return typing.cast(T, changed)
