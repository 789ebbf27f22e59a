"""Scripts that a script writes: `cat <<EOF > run.sh`, `tee run.sh <<EOF`, `echo … >> run.sh`.

Floor 6: pure. They are known by the name of the file alone: inside a container the same file has another path.
"""

from __future__ import annotations

from dataclasses import replace
from posixpath import basename

from diagnose.recipe.expand import value, words
from diagnose.recipe.syntax import Node, named, text_of
from diagnose.recipe.words import State, Word

_LONGEST = 1_000_000


def written(node: Node, state: State, stdin: Word | None) -> State:
    """The state after what a redirected statement writes.

    Args:
        node: The statement.
        state: What is known.
        stdin: The here-document that its command is given.
    """
    command = node.children[0]
    argv = (
        [w for c in command.children for w in words(c, state)] if command.type == "command" else []
    )
    name = argv[0].text if argv else ""
    redirects = [
        r
        for holder in (node, *named(node, "heredoc_redirect"))
        for r in named(holder, "file_redirect")
    ]
    targets = [(text_of(r.children[0]), value(r.children[-1], state)) for r in redirects]
    if name == "tee":
        targets += [
            (">>" if argv[1].text == "-a" else ">", w) for w in argv[1:] if w.text[:1] != "-"
        ]
    said = stdin if name in ("cat", "tee", "") else _said(name, argv[1:])
    if said is None or len(said.text) > _LONGEST:
        return state
    for kind, target in targets:
        if kind in (">", ">>", ">|") and target.text and not target.text.startswith("/dev/"):
            file = basename(target.text)
            held = state.files.get(file) if kind == ">>" else None
            state = replace(state, files={**state.files, file: _behind(held, said)})
    return state


def _said(name: str, arguments: list[Word]) -> Word | None:
    """What `echo` and `printf '…'` print."""
    if name == "echo" and arguments:
        return arguments[0] if len(arguments) == 1 else Word(" ".join(w.text for w in arguments))
    if name == "printf" and len(arguments) == 1 and "%" not in arguments[0].text:
        said = arguments[0]
        return said if "\\" not in said.text else Word(said.text.replace("\\n", "\n"), said.known)
    return None


def _behind(held: Word | None, said: Word) -> Word:
    if held is None:
        return said
    origins = (*held.places, -1, *said.places)
    return Word(f"{held.text}\n{said.text}", held.known and said.known, origins=origins)
