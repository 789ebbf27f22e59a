"""One simple command: its words, what it means for the script's state, and whether it starts a server.

Floor 6: pure; nothing is run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from diagnose.recipe.expand import value, words
from diagnose.recipe.programs import SERVER_TEXT, TALK
from diagnose.recipe.shells import shell_in
from diagnose.recipe.syntax import Node, named, text_of
from diagnose.recipe.words import Command, State, Text, Variable, Word

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

_REDIRECTS = ("file_redirect", "herestring_redirect", "heredoc_redirect")
_GIVES = re.compile(r"\$\{(\w+):?=")
_ALL_UNKNOWN = re.compile(r"\$\w+|\$\(.*\)", re.DOTALL)


def server_of(argv: Sequence[Word]) -> tuple[str, int]:
    """The engine that a command starts, and where its own arguments begin; ("", 0) for another command."""
    texts = [word.text for word in argv]
    if not texts or texts[0].rpartition("/")[2] in TALK:
        return "", 0
    for position in range(len(texts)):
        for head, engine in _SERVERS.items():
            part = texts[position : position + len(head)]
            if len(part) == len(head) and (part[0].rpartition("/")[2], *part[1:]) == head:
                return engine, position + len(head)
    return "", 0


def program_at(argv: Sequence[Word]) -> int:
    """Where the program stands among a server's words that starts it: `vllm`, or the `python3` before its `-m`."""
    begin = server_of(argv)[1]
    head = next(
        (h for h in _SERVERS if tuple(w.text for w in argv[begin - len(h) : begin])[1:] == h[1:]),
        (),
    )
    position = max(begin - len(head), 0)
    return position - 1 if head[:1] == ("-m",) and position else position


def talks(argv: Sequence[Word]) -> bool:
    """Whether a command only speaks of what its words say."""
    return argv[0].text.rpartition("/")[2] in TALK


def words_of(node: Node, state: State) -> list[Word]:
    """The words of a simple command, without what is set in front of it and where it prints to."""
    children = (c for c in node.children if c.type not in ("variable_assignment", *_REDIRECTS))
    return [word for child in children for word in words(child, state)]


def prefix_of(node: Node, state: State) -> dict[str, Variable]:
    """What is set in front of a command, for it alone."""
    found = {}
    for child in named(node, "variable_assignment"):
        given = child.children[-1] if child.child_count > 2 else None
        start, end = state.place(child)
        found[text_of(child.children[0])] = Variable(
            (value(given, state),), exported=True, start=start, end=end
        )
    return found


def built_in(
    node: Node, argv: Sequence[Word], state: State, stdin: Word | None = None
) -> State | None:
    """The state after a command of the shell itself; None for another command."""
    name, rest = argv[0].text, argv[1:]
    texts = [word.text for word in rest]
    if name in ("exit", "return", "break", "continue"):
        return replace(state, ended=name)
    if name == "set":
        return _set(rest, state)
    if name == "shift":
        return _shift(rest, state)
    if name == "check_env_vars":
        return replace(state, checked=state.checked | set(texts))
    if name == "read" and "-d" in texts and stdin is not None and texts[-1].isidentifier():
        # `read -r -d '' NAME <<EOF` takes the whole text.
        return state.assign(texts[-1], Variable((stdin,)))
    if name in ("read", "mapfile", "readarray", "getopts"):
        return _unknown([t for t in texts if t.isidentifier()], state)
    if name == "printf" and texts[:1] == ["-v"] and len(texts) > 1:
        return _unknown(texts[1:2], state)
    if name == ":":
        for given in _GIVES.findall(text_of(node)):
            if given not in state.variables and given not in state.checked:
                state = _defaulted(node, given, state)
        return state
    return None


def _set(rest: Sequence[Word], state: State) -> State:
    texts = [word.text for word in rest]
    state = replace(state, options=options_of(texts, state.options))
    at = next((i for i, text in enumerate(texts) if text == "--" or text[:1] not in "-+"), None)
    if at is None or (texts[at] != "--" and at and texts[at - 1][-1:] == "o"):
        return state
    given = tuple(rest[at + (texts[at] == "--") :])
    return state.assign("@", Variable(given, array=True))


def _shift(rest: Sequence[Word], state: State) -> State:
    given = state.variables.get("@")
    count = rest[0].text if rest else "1"
    if given is None:
        return state
    if not count.isdigit():
        return state.without("@")
    return state.assign("@", replace(given, words=given.words[int(count) :]))


def _unknown(names: Sequence[str], state: State) -> State:
    for name in names:
        state = state.assign(name, Variable((Word(f"${name}", known=False),)))
    return state


def _defaulted(node: Node, name: str, state: State) -> State:
    """After `: "${NAME:=value}"`."""
    for child in node.children[1:]:
        held = words(child, state)
        if len(held) == 1 and _GIVES.findall(text_of(child)) == [name] and held[0].known:
            start, end = state.around(node)
            return state.assign(name, Variable((held[0],), start=start, end=end))
    return state


def hides_server(node: Node, state: State) -> bool:
    """Whether a command that is not known to start a server holds one that could not be followed."""
    command = node if node.type == "command" else next(iter(named(node, "command")), None)
    argv = words_of(command, state) if command is not None else []
    if not argv or talks(argv):
        return False
    shell = shell_in(argv)
    script = shell.script if shell else None
    if script and not script.known and _ALL_UNKNOWN.fullmatch(script.text):
        return True
    return SERVER_TEXT.search(text_of(node)) is not None


def start(node: Node, argv: Sequence[Word], state: State) -> State:
    """The state after a command that may start a server, with what is exported and what `env` sets for it."""
    engine, begin = server_of(argv)
    if not engine:
        return state
    given = {n: v for n, v in state.variables.items() if v.exported or "allexport" in state.options}
    given = with_env(argv[:begin], given)
    at, end = state.around(node)
    command = Command(
        tuple(argv),
        tuple(sorted(given.items())),
        at,
        end,
        state.inside,
        embedded=state.text.origins is not None,
    )
    return state.runs(command)


def with_env(before: Sequence[Word], given: Mapping[str, Variable]) -> dict[str, Variable]:
    """The environment after the `env` among the words in front of a program, if there is one."""
    found = dict(given)
    for position, word in enumerate(before):
        if word.text in ("-i", "--ignore-environment", "-") and _is_env(before[:position]):
            found.clear()
        elif word.text == "-u" and _is_env(before[:position]) and position + 1 < len(before):
            found.pop(before[position + 1].text, None)
        head, equals, _ = word.text.partition("=")
        if equals and head.isidentifier():
            found[head] = set_by(word)
    return found


def _is_env(before: Sequence[Word]) -> bool:
    return any(word.text.rpartition("/")[2] == "env" for word in before)


def set_by(word: Word) -> Variable:
    """What a word `NAME=value` sets; without a place where the word is a variable's value."""
    text = word.text.partition("=")[2]
    if word.source is not None or not word.origins:
        return Variable((Word(text, word.known),), exported=True)
    behind = word.text.index("=") + 1
    at = Text(word.places)
    start, end = at.place(behind, len(word.text)) if text else (word.end, word.end)
    given = Word(text, word.known, start, end)
    return Variable((given,), exported=True, start=word.start, end=word.end)


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
