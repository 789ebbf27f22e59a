"""A server's command line: its flags under one name each, with the place each was written.

Floor 6: pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from diagnose.recipe.words import Word

ALIASES: Mapping[str, str] = {
    "-tp": "--tensor-parallel-size",
    "--tp": "--tensor-parallel-size",
    "--tp-size": "--tensor-parallel-size",
    "-pp": "--pipeline-parallel-size",
    "--pp-size": "--pipeline-parallel-size",
    "-dp": "--data-parallel-size",
    "--dp": "--data-parallel-size",
    "--dp-size": "--data-parallel-size",
    "--ep": "--ep-size",
    "--expert-parallel-size": "--ep-size",
    "-cc": "--compilation-config",
    "-O": "--compilation-config",
    "--speculative-moe-runner-backend": "--speculative-moe-runner-backend",
}
"""Other names of a flag that vLLM and SGLang take."""
_SWITCHES = ("--enable-", "--disable-", "--no-", "--trust-remote-code", "--language-model-only")
_JSON = ("{", "[")


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag of a command."""

    name: str
    """The long name with dashes, whatever was written."""
    value: str
    """Empty for a switch."""
    known: bool
    """Whether the value is."""
    word: Word
    """The flag as written; with its value where it is `--flag=value`."""
    given: Word | None = None
    """The value as written, where it is a word of its own."""
    parent: str = ""
    """For a member of a JSON value: the flag that carries it."""

    @property
    def start(self) -> int:
        """Where it begins: bytes of the script."""
        return self.word.start

    @property
    def end(self) -> int:
        """Where it ends, with its value where that is written behind it."""
        behind = self.given is not None and self.given.start >= self.word.end
        return self.given.end if self.given and behind else self.word.end


def flags_of(arguments: Sequence[Word]) -> tuple[list[Flag], list[Word]]:
    """The flags of a server, and the words that are none of them nor a value."""
    flags: list[Flag] = []
    others: list[Word] = []
    position = 0
    while position < len(arguments):
        word = arguments[position]
        position += 1
        if not _is_flag(word.text):
            others.append(word)
            continue
        name, equals, value = word.text.partition("=")
        name = long_name(name)
        if equals:
            flags.append(Flag(name, value, word.known, word))
            continue
        following = arguments[position] if position < len(arguments) else None
        if following is None or not _takes(name, following):
            flags.append(Flag(name, "", True, word))
            continue
        position += 1
        flags.append(Flag(name, following.text, following.known, word, following))
        # A flag that takes several values, such as --cudagraph-capture-sizes 1 2 4.
        while (
            position < len(arguments)
            and arguments[position].text.isdigit()
            and following.text.isdigit()
        ):
            extra = arguments[position]
            position += 1
            last = flags[-1]
            flags[-1] = Flag(
                name,
                f"{last.value} {extra.text}",
                last.known,
                word,
                Word(f"{last.value} {extra.text}", True, following.start, extra.end),
            )
    return [f for flag in flags for f in (flag, *_members(flag))], others


def long_name(name: str) -> str:
    """A flag's long name with dashes."""
    name = ALIASES.get(name, name)
    head, dot, member = name.partition(".")
    return head.replace("_", "-") + dot + member


def _is_flag(text: str) -> bool:
    return len(text) > 1 and text[0] == "-" and not text[1].isdigit() and text != "--"


def _takes(name: str, following: Word) -> bool:
    """Whether the next word is the flag's value."""
    if _is_flag(following.text):
        return False
    if name.startswith(_SWITCHES):
        return following.text.lower() in ("true", "false")
    return True


def _members(flag: Flag) -> Iterator[Flag]:
    """What a JSON value holds, as the dotted flags that vLLM takes in its place."""
    if not flag.value.startswith(_JSON):
        return
    try:
        held = json.loads(flag.value)
    except ValueError:
        return
    if isinstance(held, dict):
        for key, value in held.items():
            text = value if isinstance(value, str) else json.dumps(value)
            yield Flag(f"{flag.name}.{key}", text, True, flag.word, flag.given, flag.name)
