"""A command in a container: which image, and which of the script's variables reach it.

Floor 6: pure. Options are those of `docker run` and `docker exec`, which podman and nerdctl take as well, and
those that pyxis gives Slurm's `srun`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from diagnose.recipe.words import NOWHERE, Word

_PROGRAMS = ("docker", "podman", "nerdctl")
_PODS = ("kubectl", "oc")
_IMAGE = re.compile(r"(?i)ima?ge?")
_ENGINE_IMAGE = re.compile(r"(?:^|/)vllm/vllm-openai\b")
"""Images whose entry point is a server."""
_SWITCHES = frozenset(
    [
        "--detach",
        "--init",
        "--interactive",
        "--no-healthcheck",
        "--oom-kill-disable",
        "--privileged",
        "--publish-all",
        "--quiet",
        "--read-only",
        "--replace",
        "--rm",
        "--sig-proxy",
        "--tty",
        "--use-api-socket",
    ]
)
"""Long options without a value of their own."""
_LETTERS = frozenset("ditqP")
"""Short ones."""


@dataclass(frozen=True, slots=True)
class Container:
    """Where a command runs that is not the script's own machine."""

    program: str
    """`docker run`, `podman exec`, `srun --container-image` …"""
    image: str = ""
    """Empty where it is not known."""
    passed: frozenset[str] | None = None
    """Variables of the script that it is given; None where it has all of them, or it is not known which."""
    sure: bool = True
    """Whether what it is given is known."""
    given: tuple[Word, ...] = ()
    """`NAME=value` of its options."""
    slot: tuple[int, int] = NOWHERE
    """The option, or the program's name, behind which a variable can be given."""
    arguments: tuple[Word, ...] = ()
    """What runs in it: the entry point that is named, and what stands behind the image or the container's name."""


def container_of(argv: Sequence[Word]) -> Container | None:
    """The container that a command runs in; None where there is none."""
    texts = [word.text for word in argv]
    for position, text in enumerate(texts):
        name = text.rpartition("/")[2]
        if name in _PROGRAMS:
            begin = position + (2 if texts[position + 1 : position + 2] == ["container"] else 1)
            if texts[begin : begin + 1] in (["run"], ["exec"]):
                return _docker(f"{name} {texts[begin]}", argv[begin], argv[begin + 1 :])
        if name in _PODS and "exec" in texts[position:] and "--" in texts[position:]:
            behind = texts.index("--", position) + 1
            return Container(f"{name} exec", passed=frozenset(), arguments=tuple(argv[behind:]))
        if name == "srun" and any(t.startswith("--container-") for t in texts[position:]):
            image = _pyxis_image(argv[position:])
            return Container("srun --container-…", image, arguments=tuple(argv[position + 1 :]))
    return None


def _docker(program: str, verb: Word, argv: Sequence[Word]) -> Container:
    given: list[Word] = []
    entry: list[Word] = []
    slot = (verb.start, verb.end)
    known = True
    position = 0
    while position < len(argv) and argv[position].text.startswith("-"):
        word = argv[position]
        option, equals, _ = word.text.partition("=")
        position += 1
        if not _takes_value(option):
            continue
        value = _behind(word, option, equals)
        if value is None:
            value = argv[position] if position < len(argv) else Word("")
            position += 1
        known = known and option != "--env-file"
        if option.startswith("-e") or option == "--env":
            given.append(value)
            slot = (word.start, value.end)
        elif option == "--entrypoint":
            entry = [value]
    first = argv[position] if position < len(argv) else Word("")
    is_run = program.endswith("run")
    # What a variable of another name holds may be options, and `-e` among them.
    sure = known and (first.known or not is_run or _IMAGE.search(first.text) is not None)
    image = first.text if is_run and first.known else ""
    passed = frozenset(word.text.partition("=")[0] for word in given) if sure else None
    inner = [*entry, *argv[position + 1 :]]
    if _ENGINE_IMAGE.search(image) and inner and inner[0].text.startswith("-") and not entry:
        inner = [Word("vllm"), Word("serve"), *inner]
    return Container(program, image, passed, sure, tuple(given), slot, tuple(inner))


def _behind(word: Word, option: str, equals: str) -> Word | None:
    """The value that an option's own word holds; None where it is the next one."""
    size = len(option) + 1 if equals else 0
    if option.startswith("-e") and len(option) > 2:
        size = 2
    elif not equals and (option.startswith("--") or len(option) == 2):
        return None
    origins = word.origins[size:]
    start = origins[0] if origins else -1
    return Word(
        word.text[size:], word.known, start, word.end if start >= 0 else -1, origins=origins
    )


def _takes_value(option: str) -> bool:
    if option.startswith("--"):
        return option not in _SWITCHES
    return not set(option[1:]) <= _LETTERS


def _pyxis_image(argv: Sequence[Word]) -> str:
    for word, following in _pairs(argv):
        option, equals, value = word.text.partition("=")
        if option == "--container-image":
            given = word if equals else following
            text = value if equals else given.text if given else ""
            # pyxis separates the registry with a `#`; a file's name tells no more than its tag.
            return text.replace("#", "/").removeprefix("docker://") if given and given.known else ""
    return ""


def _pairs(argv: Sequence[Word]) -> Iterator[tuple[Word, Word | None]]:
    for position, word in enumerate(argv):
        yield word, argv[position + 1] if position + 1 < len(argv) else None
