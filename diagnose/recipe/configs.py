"""Servers that a YAML file describes: flags as a mapping or in a string, with their environment beside them.

Floor 6: pure. Three forms are known: `vllm_config: {prefill: {flag: value}}` with `prefill_environment`, a string of flags under a key such as
`decode_flags` with `env` beside it, and a command as a list of words. Offsets are bytes of the file.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml

from diagnose.errors import InputError
from diagnose.recipe.commands import server_of
from diagnose.recipe.words import NOWHERE, Command, Variable, Word

_SECTION = re.compile(r"(vllm|sglang|trtllm)_config$")
_FLAGS = re.compile(r"(?:flags|args|command|cmd|arguments)$")
_WORDS = {
    "vllm": ("vllm", "serve"),
    "sglang": ("sglang", "serve"),
    "trtllm": ("trtllm-serve",),
    "atom": ("-m", "atom.entrypoints.openai_server"),
}
_ROW = {
    "precision": "PRECISION",
    "gpu_type": "RUNNER_TYPE",
    "image": "IMAGE",
    "container": "IMAGE",
    "repo": "MODEL",
}


@dataclass(frozen=True, slots=True)
class Described:
    """One server of a YAML file."""

    command: Command
    row: Mapping[str, str]
    """What the file says of the job: image, precision, hardware."""


def is_yaml(name: str) -> bool:
    """Whether a recipe is YAML, by its name."""
    return name.endswith((".yaml", ".yml"))


def compose(name: str, data: bytes) -> yaml.Node:
    """The file's first document as nodes with their places.

    Raises:
        InputError: If it is no YAML.
    """
    try:
        node = next(iter(yaml.compose_all(data.decode("utf-8", "replace"), yaml.SafeLoader)), None)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise InputError(f"{name}: no YAML{where}", "mend the file first") from error
    if node is None:
        raise InputError(f"{name}: an empty YAML file", "name a recipe")
    return node


def described(name: str, data: bytes) -> list[Described]:
    """Every server that a YAML file describes."""
    root = compose(name, data)
    row: dict[str, str] = {}
    _facts(root, row)
    places = _Places(data)
    found = []
    for engine, words, environment, node in _servers(root, name, places, {}):
        head = tuple(Word(w) for w in _WORDS.get(engine, ()))
        start, end = places.of(node)
        found.append(
            Described(Command((*head, *words), tuple(sorted(environment.items())), start, end), row)
        )
    return found


class _Places:
    def __init__(self, data: bytes) -> None:
        self._text = data.decode("utf-8", "replace")
        self._ascii = self._text.isascii()

    def of(self, node: yaml.Node) -> tuple[int, int]:
        """Where a node begins and ends."""
        return self._at(node.start_mark.index), self._at(node.end_mark.index)

    def within(self, node: yaml.Node, parts: list[str]) -> Iterator[Word]:
        """The words of a scalar, each where it is written; without a place where it is written in another way."""
        at, end = node.start_mark.index, node.end_mark.index
        for part in parts:
            found = self._text.find(part, at, end)
            at = at if found < 0 else found + len(part)
            place = (self._at(found), self._at(at)) if found >= 0 else NOWHERE
            yield Word(part, "$" not in part, *place)

    def _at(self, index: int) -> int:
        return index if self._ascii else len(self._text[:index].encode())


def _pairs(node: yaml.Node) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield str(key.value), key, value


def _facts(node: yaml.Node, row: dict[str, str]) -> None:
    """The first value of each key that tells about the job."""
    for key, _, value in _pairs(node):
        if key in _ROW and isinstance(value, yaml.ScalarNode):
            row.setdefault(_ROW[key], str(value.value))
        _facts(value, row)


_Server = tuple[str, list[Word], dict[str, Variable], yaml.Node]


def _servers(
    node: yaml.Node, name: str, places: _Places, outer: Mapping[str, Variable]
) -> Iterator[_Server]:
    pairs = list(_pairs(node))
    common = dict(outer)
    for key, _, value in pairs:
        if key in ("environment", "env"):
            common.update(_environment(value, places))
    for key, key_node, value in pairs:
        section = _SECTION.match(key)
        if section:
            for part, part_node, flags in _pairs(value):
                own = dict(common)
                for other, _, given in pairs:
                    if other in (f"{part}_environment", f"{part}_env"):
                        own.update(_environment(given, places))
                yield section[1], list(_mapped(flags, places)), own, part_node
        elif _FLAGS.search(key) and (words := _written(value, places)):
            engine, begin = server_of(words)
            if engine:
                yield engine, words[begin:], common, key_node
            elif any(w.text.startswith("--") for w in words):
                yield _engine_in(name), words, common, key_node
        else:
            yield from _servers(value, name, places, common)
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _servers(item, name, places, common)


def _engine_in(name: str) -> str:
    return next((e for e in ("vllm", "sglang", "trtllm", "atom") if e in name.lower()), "")


def _mapped(node: yaml.Node, places: _Places) -> Iterator[Word]:
    """`flag: value` as the words of a command; `true` is a switch, `false` is none."""
    for key, key_node, value in _pairs(node):
        start, end = places.of(key_node)
        text = str(value.value) if isinstance(value, yaml.ScalarNode) else ""
        if text.lower() == "false":
            continue
        yield Word(f"--{key}", True, start, end)
        if isinstance(value, yaml.SequenceNode):
            for item in value.value:
                yield Word(str(item.value), True, *places.of(item))
        elif text.lower() != "true":
            yield Word(text, "$" not in text, *places.of(value))


def _written(node: yaml.Node, places: _Places) -> list[Word]:
    """The words of a string or a list of strings."""
    items = node.value if isinstance(node, yaml.SequenceNode) else [node]
    found: list[Word] = []
    for item in items:
        if not isinstance(item, yaml.ScalarNode):
            return []
        text = str(item.value)
        try:
            parts = shlex.split(text) if item is node else [text]
        except ValueError:
            parts = text.split()
        found += places.within(item, parts)
    return found


def _environment(node: yaml.Node, places: _Places) -> dict[str, Variable]:
    """`NAME: value`, a string of `NAME=value`, or a list of either."""
    found = {}
    for key, key_node, value in _pairs(node):
        if isinstance(value, yaml.ScalarNode):
            given = Word(str(value.value), "$" not in str(value.value), *places.of(value))
            found[key] = Variable((given,), False, True, places.of(key_node)[0], given.end)
    if not found:
        for word in _written(node, places):
            name, equals, text = word.text.partition("=")
            if equals and name.isidentifier():
                behind = word.start + len(name.encode()) + 1 if word.start >= 0 else -1
                given = Word(text, "$" not in text, behind, word.end)
                found[name] = Variable((given,), False, True, word.start, word.end)
    return found
