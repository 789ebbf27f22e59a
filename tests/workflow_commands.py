"""What a runner of GitHub Actions makes of the lines that a step prints.

Written after the documentation of workflow commands and the behaviour of the public runner: a line whose first
text is `::name fields::` is a command, and `##[name fields]` is one anywhere in a line; only known names count.
After `::stop-commands::TOKEN` nothing is one until `::TOKEN::`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

KNOWN = {
    "add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group", "internal-set-repo-path",
    "notice", "remove-matcher", "save-state", "set-env", "set-output", "stop-commands", "warning",
}  # fmt: skip
_NEW = re.compile(r"^\s*::(?P<name>[^\s:]*)(?:\s(?P<fields>.*?))?::(?P<data>.*)$", re.DOTALL)
_OLD = re.compile(r"##\[(?P<name>[^\s\]]*)(?:\s(?P<fields>[^\]]*))?\](?P<data>.*)$", re.DOTALL)
_CODES = {"%0D": "\r", "%0A": "\n", "%25": "%"}
_FIELD_CODES = {**_CODES, "%3A": ":", "%2C": ","}


@dataclass
class Command:
    name: str
    fields: dict[str, str]
    data: str


@dataclass
class Runner:
    """Reads lines; keeps the commands that it obeyed, and the text that it only showed."""

    commands: list[Command] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    token: str = ""

    def read(self, lines: Iterable[str]) -> Runner:
        for line in lines:
            command = self._command(line)
            if command is None:
                self.shown.append(line)
            elif command.name == "stop-commands":
                assert len(command.data) >= 16, "a token that can be guessed"
                self.token = command.data
            else:
                self.commands.append(command)
        return self

    def _command(self, line: str) -> Command | None:
        known = {self.token} if self.token else KNOWN
        for pattern, separator, codes in ((_NEW, ",", _FIELD_CODES), (_OLD, ";", _FIELD_CODES)):
            match = pattern.search(line)
            if match is None or match["name"].lower() not in known:
                continue
            if self.token:
                self.token = ""
                return None
            pairs = (pair.split("=", 1) for pair in (match["fields"] or "").split(separator))
            fields = {p[0].strip(): _decoded(p[1], codes) for p in pairs if len(p) == 2}
            return Command(match["name"].lower(), fields, _decoded(match["data"], _CODES))
        return None


def _decoded(text: str, codes: dict[str, str]) -> str:
    return re.sub("|".join(codes), lambda m: codes[m[0]], text)


def file_values(text: str) -> dict[str, str]:
    """What the runner reads from an output file: `name=value` and `name<<DELIMITER` blocks."""
    values = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, block, delimiter = line.partition("<<")
        if block and "=" not in name:
            body = []
            for inner in lines:
                if inner == delimiter:
                    break
                body.append(inner)
            else:
                raise AssertionError(f"no end of {name}")
            values[name] = "\n".join(body)
        else:
            name, equals, value = line.partition("=")
            assert equals, line
            values[name] = value
    return values
