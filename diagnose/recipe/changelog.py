"""A changelog that gates jobs: what a diff of it, and of the configurations beside it, leaves out or breaks.

Floor 6: pure. Entries are `{config-keys: […], description: […], pr-link: …}`; a configuration's key that changes needs an added entry
that names it, because only that makes its jobs run again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import yaml

from diagnose.recipe.checks import Remark
from diagnose.recipe.configs import compose

_LINK = re.compile(r"https?://\S+/(?:pull|issues|merge_requests|commit)/(?!0+$)[0-9a-f]+/?$")
_SETTINGS = ("scenarios", "model", "runner", "framework")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry."""

    keys: tuple[str, ...]
    description: tuple[str, ...]
    link: str
    start: int
    end: int
    """The bytes of its `config-keys`."""
    twice: tuple[str, ...] = ()
    """Keys that stand in it more than once, of which YAML keeps the last."""

    @property
    def said(self) -> tuple[object, ...]:
        """What it says, wherever it stands."""
        return self.keys, self.description, self.link


@dataclass(frozen=True, slots=True)
class Versions:
    """A file before and after a change; None where it was not there."""

    name: str
    before: bytes | None
    after: bytes


def is_changelog(data: bytes) -> bool:
    """Whether a YAML file is such a changelog."""
    return re.search(rb"(?m)^- config-keys:", data) is not None


def remarks(changelog: Versions, configs: Sequence[Versions] = ()) -> list[Remark]:
    """What is wrong with a changelog, and with a change that it should tell.

    Args:
        changelog: Its version before may be None: then only what shows in itself is looked at.
        configs: Configurations whose entries by key have an `image`.

    Raises:
        InputError: If a file is no YAML.
    """
    after = list(entries(changelog.name, changelog.after))
    before = (
        list(entries(changelog.name, changelog.before)) if changelog.before is not None else None
    )
    added = _added(before, after)
    found = [r for entry in added for r in _in_itself(entry)]
    if before is not None:
        found += _lost(before, after)
        found += [r for config in configs for r in _untold(config, added, len(changelog.after))]
    return sorted(set(found), key=lambda r: (r.start, r.text))


def entries(name: str, data: bytes) -> Iterator[Entry]:
    """The entries of a changelog, in order."""
    root = compose(name, data)
    for node in root.value if isinstance(root, yaml.SequenceNode) else ():
        if not isinstance(node, yaml.MappingNode):
            continue
        names = [str(key.value) for key, _ in node.value]
        held = {str(key.value): value for key, value in node.value}
        first = node.value[0][0] if node.value else node
        yield Entry(
            _texts(held.get("config-keys")),
            _texts(held.get("description")),
            str(held["pr-link"].value).strip() if "pr-link" in held else "",
            first.start_mark.index,
            first.end_mark.index,
            tuple(sorted(n for n, count in Counter(names).items() if count > 1)),
        )


def _texts(node: yaml.Node | None) -> tuple[str, ...]:
    if isinstance(node, yaml.SequenceNode):
        return tuple(str(item.value) for item in node.value)
    return (str(node.value),) if isinstance(node, yaml.ScalarNode) else ()


def _added(before: Sequence[Entry] | None, after: Sequence[Entry]) -> list[Entry]:
    """The entries that are new; all of them where there is nothing to compare with."""
    if before is None:
        return list(after)
    left = Counter(entry.said for entry in before)
    found = []
    for entry in after:
        if left[entry.said]:
            left[entry.said] -= 1
        else:
            found.append(entry)
    return found


def _in_itself(entry: Entry) -> Iterator[Remark]:
    keys = ", ".join(entry.keys) or "no key"
    if not _LINK.match(entry.link):
        yield Remark(
            f"changelog link of {keys} is no link: {entry.link or 'empty'}", entry.start, entry.end
        )
    for name in entry.twice:
        yield Remark(f"changelog entry of {keys} has {name} twice", entry.start, entry.end)


def _lost(before: Sequence[Entry], after: Sequence[Entry]) -> Iterator[Remark]:
    """Entries whose text now stands under the keys of another: their own header is gone."""
    kept = {(e.description, e.link): e for e in after}
    said = {e.said for e in after}
    for entry in before:
        other = kept.get((entry.description, entry.link))
        # Where the old entry held two texts, its new keys are the repair.
        if entry.said not in said and other is not None and not entry.twice:
            keys = ", ".join(entry.keys)
            yield Remark(
                f"changelog entry of {keys} now stands under {', '.join(other.keys)}",
                other.start,
                other.end,
            )


def _untold(config: Versions, added: Sequence[Entry], end: int) -> Iterator[Remark]:
    """Keys whose image or settings changed without an added entry."""
    if config.before is None:
        return
    old, new = _keyed(config.name, config.before), _keyed(config.name, config.after)
    patterns = [key for entry in added for key in entry.keys]
    for key, settings in new.items():
        if key not in old or any(fnmatchcase(key, pattern) for pattern in patterns):
            continue
        if settings.get("image") != old[key].get("image"):
            yield Remark(
                f"changelog says nothing of {key}, whose image changed from {old[key].get('image')} to {settings.get('image')}",
                end,
                end,
            )
        elif any(settings.get(n) != old[key].get(n) for n in _SETTINGS):
            yield Remark(f"changelog says nothing of {key}, whose settings changed", end, end)


def _keyed(name: str, data: bytes) -> Mapping[str, Mapping[str, object]]:
    compose(name, data)
    held = yaml.load(data.decode("utf-8", "replace"), yaml.SafeLoader)
    if not isinstance(held, Mapping):
        return {}
    return {str(k): v for k, v in held.items() if isinstance(v, Mapping)}
