"""What else could be run over a log: commands with the catalogue's own patterns, each optional."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

# What the automata of ripgrep and grep cannot do at all.
_BEYOND = re.compile(r"\(\?<?[=!]|\(\?P=|\(\?>|(?<!\\)\\[1-9]|\(\?(?:\(|P>|R)")


@dataclass(frozen=True, slots=True)
class Peer:
    """A command that reads one log; the log's path is put behind it."""

    name: str
    command: tuple[str, ...]
    note: str = ""


def peers(folder: Path, patterns: Iterable[str]) -> tuple[list[Peer], list[str]]:
    """The commands that are installed, and a note for each that is not.

    Args:
        folder: Where files of patterns may be written.
        patterns: The catalogue's expressions.
    """
    found, notes = [], []
    usable = [adapted for pattern in patterns if (adapted := _adapted(pattern))]
    rust, posix = folder / "patterns.rg", folder / "patterns.grep"
    rust.write_text("".join(f"{pattern}\n" for pattern in usable))
    posix.write_text("".join(f"{extended}\n" for p in usable if (extended := _extended(p))))
    wanted: Mapping[str, tuple[str, ...]] = {
        "ripgrep": ("rg", "--no-unicode", "--no-config", "-c", "-f", str(rust)),
        "grep -E": ("grep", "-a", "-c", "-E", "-f", str(posix)),
        "wc -l": ("wc", "-l"),
        "cat": ("cat",),
    }
    for name, (program, *rest) in wanted.items():
        path = shutil.which(program)
        if path is None:
            notes.append(f"{name}: {program} is not installed; skipped")
            continue
        tried = subprocess.run(
            (path, *rest), input=b"a line\n", capture_output=True, check=False, env={"LC_ALL": "C"}
        )
        if tried.returncode > 1:
            notes.append(f"{name}: refuses the patterns; skipped ({tried.stderr[-80:]!r})")
            continue
        found.append(Peer(name, (path, *rest)))
    return found, notes


def _adapted(pattern: str) -> str:
    """An expression as ripgrep reads it, without captures; empty if it cannot be said there."""
    if _BEYOND.search(pattern) or "\n" in pattern:
        return ""
    plain = re.sub(r"\(\?P<\w+>", "(?:", pattern).replace(r"\Z", r"\z")
    plain = re.sub(r"\\(['\"` :=,;@%&~<>!/])", r"\1", plain)
    if plain.isascii():
        return plain
    if re.search(r"\[[^\]]*[^\x00-\x7f]", plain):
        return ""
    return "".join(c if c.isascii() else f"(?:{_bytes(c)})" for c in plain)


def _bytes(char: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in char.encode())


def _extended(pattern: str) -> str:
    """The same as grep -E reads it: never less than the expression says, mostly the same."""
    if not pattern.isascii() or r"\x" in pattern:
        return ""
    flat = re.sub(r"\(\?(?:i:|:|i\))", lambda m: "" if m[0] == "(?i)" else "(", pattern)
    flat = re.sub(r"([*+?}])\?", r"\1", flat)
    flat = re.sub(
        r"\[[^\]]*\]", lambda m: m[0].replace(r"\d", "0-9").replace(r"\w", "A-Za-z0-9_"), flat
    )
    flat = re.sub(r"\[[^\]]*\\[sSDW][^\]]*\]", ".", flat)
    flat = flat.replace(r"\d", "[0-9]").replace(r"\D", "[^0-9]").replace(r"\t", ".")
    return "" if "(?" in flat else flat
