"""One simple command: what it means for the script's state, and whether it starts a server.

Floor 6: pure; nothing is run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from diagnose.recipe.containers import container_of
from diagnose.recipe.expand import value, words
from diagnose.recipe.shells import commands_in, shell_in
from diagnose.recipe.syntax import Node, named, text_of
from diagnose.recipe.words import Command, State, Variable, Word

_TALKS = frozenset(
    [
        "echo",
        "printf",
        "tee",
        "cat",
        "grep",
        "pgrep",
        "pkill",
        "logger",
        "which",
        "command",
        "type",
        "ls",
        "kill",
        "curl",
        "pip",
        "pip3",
        "log",
    ]
)
_OPTIONS: Mapping[str, str] = {
    "e": "errexit",
    "u": "nounset",
    "x": "xtrace",
    "a": "allexport",
}
_SERVERS: Mapping[tuple[str, ...], str] = {
    ("vllm", "serve"): "vllm",
    ("-m", "vllm.entrypoints.openai.api_server"): "vllm",
    ("-m", "vllm.entrypoints.api_server"): "vllm",
    ("-m", "dynamo.vllm"): "vllm",
    ("sglang", "serve"): "sglang",
    ("-m", "sglang.launch_server"): "sglang",
    ("-m", "dynamo.sglang"): "sglang",
    ("-m", "atom.entrypoints.openai_server"): "atom",
    ("-m", "atom.entrypoints.openai.api_server"): "atom",
    ("trtllm-serve",): "trtllm",
    ("text-generation-launcher",): "tgi",
}

_SERVER_TEXT = re.compile(
    r"\bvllm\s+serve\b|-m\s+(?:vllm\.entrypoints|sglang\.launch_server|atom\.entrypoints|dynamo\.)"
    r"|\bsglang\s+serve\b|\btrtllm-serve\b"
)
_ENGINE_IMAGE = re.compile(r"(?:^|/)vllm/vllm-openai\b")
"""Images whose entry point is a server."""
_ALL_UNKNOWN = re.compile(r"\$\w+|\$\(.*\)", re.DOTALL)


def server_of(argv: Sequence[Word]) -> tuple[str, int]:
    """The engine that a command starts, and where its own arguments begin; ("", 0) for another command."""
    texts = [word.text for word in argv]
    if not texts or texts[0].rpartition("/")[2] in _TALKS:
        return "", 0
    for position in range(len(texts)):
        for head, engine in _SERVERS.items():
            part = texts[position : position + len(head)]
            if len(part) == len(head) and (part[0].rpartition("/")[2], *part[1:]) == head:
                return engine, position + len(head)
    return "", 0


def called(node: Node, state: State) -> Node | None:
    """The body of the script's own function that a command calls."""
    first = named(node, "command_name")
    return state.functions.get(text_of(first[0])) if first else None


def run_command(node: Node, state: State) -> list[State]:
    """The states after a command that is no function of the script's own."""
    inline = {}
    for child in named(node, "variable_assignment"):
        given = child.children[-1] if child.child_count > 2 else None
        inline[text_of(child.children[0])] = Variable(
            (value(given, state),), exported=True, start=child.start_byte, end=child.end_byte
        )
    argv: list[Word] = []
    for child in node.children:
        if child.type not in (
            "variable_assignment",
            "file_redirect",
            "herestring_redirect",
            "heredoc_redirect",
        ):
            argv += words(child, state)
    if not argv:
        return [state]
    return _perform(node, argv, inline, state)


def _perform(
    node: Node, argv: list[Word], inline: Mapping[str, Variable], state: State
) -> list[State]:
    name, rest = argv[0].text, [w.text for w in argv[1:]]
    if name in ("exit", "return", "break", "continue"):
        return [replace(state, ended=name)]
    if name == "set":
        return [replace(state, options=options_of(rest, state.options))]
    if name == "check_env_vars":
        return [replace(state, checked=state.checked | set(rest))]
    if name in ("read", "mapfile", "readarray", "getopts"):
        for target in rest:
            if target.isidentifier():
                state = state.assign(target, Variable((Word(f"${target}", known=False),)))
        return [state]
    if name == "printf" and rest[:1] == ["-v"] and len(rest) > 1:
        return [state.assign(rest[1], Variable((Word(f"${rest[1]}", known=False),)))]
    if name == "eval":
        argv = _evaluated(argv[1:])
    elif name.rpartition("/")[2] not in _TALKS:
        shell, script = shell_in(argv)
        if script >= 0:
            argv = _given_to_shell(argv[:shell], argv[script])
    return [_start(node, argv, inline, state)]


def run_shell(node: Node, script: Node, state: State) -> list[State]:
    """The states after a shell that is given a here-document; none where the command is no shell."""
    argv = [w for c in node.children if c.type != "variable_assignment" for w in words(c, state)]
    if not argv or argv[0].text.rpartition("/")[2] in _TALKS:
        return []
    shell, given = shell_in(argv)
    if shell < 0 or given >= 0:
        return []
    word = Word(text_of(script), False, script.start_byte, script.end_byte)
    return [_start(node, _given_to_shell(argv[:shell], word), {}, state)]


def _given_to_shell(before: Sequence[Word], script: Word) -> list[Word]:
    """The words of the first server that a shell's script starts, behind what runs the shell and what is set for it."""
    settings: list[Word] = []
    for each in commands_in(script):
        if server_of(each)[0]:
            return [*before, *settings, *each]
        if each[0].text == "export" or all("=" in w.text for w in each):
            settings += each
    return [*before]


def hides_server(node: Node, state: State) -> bool:
    """Whether a command that is not known to start a server holds one that could not be followed."""
    command = node if node.type == "command" else next(iter(named(node, "command")), None)
    if command is None:
        return False
    argv = [w for c in command.children if c.type != "variable_assignment" for w in words(c, state)]
    if not argv or argv[0].text.rpartition("/")[2] in _TALKS:
        return False
    container = container_of(argv)
    if container and _ENGINE_IMAGE.search(container.image) and container.arguments:
        return container.arguments[0].text.startswith("-")
    _, script = shell_in(argv)
    if script >= 0 and _ALL_UNKNOWN.fullmatch(argv[script].text) and not argv[script].known:
        return True
    return _SERVER_TEXT.search(text_of(node)) is not None


def _start(node: Node, argv: list[Word], inline: Mapping[str, Variable], state: State) -> State:
    engine, begin = server_of(argv)
    if not engine:
        return state
    container = container_of(argv[:begin])
    passed = container.passed if container else None
    given = {
        n: v
        for n, v in state.variables.items()
        if (v.exported or "allexport" in state.options) and (passed is None or n in passed)
    }
    given.update(inline)
    for word in argv[:begin]:
        head, equals, text = word.text.removeprefix("--env=").partition("=")
        if equals and head.isidentifier():
            given[head] = Variable(
                (_value_in(word, text),),
                exported=True,
                start=word.start if word.source is None else -1,
                end=word.end if word.source is None else -1,
            )
    command = Command(
        tuple(argv),
        tuple(sorted(given.items())),
        node.start_byte,
        node.end_byte,
        container.program if container else "",
        container.image if container else "",
    )
    return replace(state, commands=(*state.commands, command))


def _value_in(word: Word, text: str) -> Word:
    """The value of a word `NAME=value`; without a place where that is not told."""
    if word.source is not None or word.start < 0:
        return Word(text, word.known)
    return Word(text, word.known, word.end - len(text.encode("utf-8", "surrogateescape")), word.end)


def _evaluated(given: Sequence[Word]) -> list[Word]:
    """The words of a command that stands in a string."""
    found: list[Word] = []
    for word in given:
        found += [
            Word(part.strip("\"'"), word.known, word.start, word.end, word)
            for part in word.text.replace("\\\n", " ").split()
        ]
    return found


def options_of(arguments: Sequence[str], options: frozenset[str]) -> frozenset[str]:
    """The shell's options after a `set` with these arguments."""
    found = set(options)
    following = ""
    for argument in arguments:
        if following:
            (found.add if following == "-" else found.discard)(argument)
            following = ""
            continue
        if argument[:1] not in ("-", "+"):
            break
        for letter in argument[1:]:
            if letter == "o":
                following = argument[0]
            elif letter in _OPTIONS:
                (found.add if argument[0] == "-" else found.discard)(_OPTIONS[letter])
    return frozenset(found)
