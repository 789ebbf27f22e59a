"""What `$(…)` prints, for the few commands that only rearrange their words: paths, `echo`, `seq`.

Floor 6: pure. Everything else, and whatever asks the machine, is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from posixpath import basename, dirname, normpath

from diagnose.recipe.syntax import Node, text_of
from diagnose.recipe.words import State, Word

_MOST = 1000


def printed(node: Node, state: State, words: Callable[[Node, State], list[Word]]) -> str | None:
    """What a command substitution stands for, without the last line end; None where it is not known.

    Args:
        node: The substitution.
        state: What is known there.
        words: Expands an argument.
    """
    parts = [child for child in node.children if child.is_named]
    if len(parts) != 1:
        return None
    part = parts[0]
    folder = ""
    if part.type == "list" and text_of(part.children[1]) == "&&":
        entered, part = _plain(part.children[0], state, words), part.children[-1]
        if entered is None or len(entered) != 2 or entered[0] != "cd":
            return None
        folder = entered[1]
    said = _plain(part, state, words)
    if not said:
        return None
    if folder:
        return normpath(folder) if said == ["pwd"] else None
    apply = _KNOWN.get(said[0])
    return apply(said[1:]) if apply else None


def _plain(
    node: Node, state: State, words: Callable[[Node, State], list[Word]]
) -> list[str] | None:
    """The words of a simple command; None where one is not known, or it is another kind of statement."""
    if node.type == "redirected_statement" and _quiet(node):
        node = node.children[0]
    if node.type != "command" or any(c.type.endswith("redirect") for c in node.children):
        return None
    found = [w for child in node.children for w in words(child, state)]
    return [w.text for w in found] if found and all(w.known for w in found) else None


def _quiet(node: Node) -> bool:
    """Whether only errors and a folder's name are sent away."""
    return all(
        text_of(c).replace(" ", "") in ("2>/dev/null", ">/dev/null", ">/dev/null2>&1")
        for c in node.children[1:]
    )


def _one(change: Callable[[str], str]) -> Callable[[Sequence[str]], str | None]:
    def apply(arguments: Sequence[str]) -> str | None:
        named = [a for a in arguments if a == "-" or not a.startswith("-")]
        return change(named[0]) if len(named) == 1 else None

    return apply


def _basename(arguments: Sequence[str]) -> str | None:
    if not arguments or arguments[0].startswith("-") or len(arguments) > 2:
        return None
    name = basename(arguments[0].rstrip("/"))
    return name.removesuffix(arguments[1]) if len(arguments) == 2 else name


def _echo(arguments: Sequence[str]) -> str | None:
    if arguments[:1] == ["-n"]:
        arguments = arguments[1:]
    return None if arguments[:1] == ["-e"] else " ".join(arguments)


def _printf(arguments: Sequence[str]) -> str | None:
    if len(arguments) == 2 and arguments[0] in ("%s", "%s\\n"):
        return arguments[1]
    return None


def _seq(arguments: Sequence[str]) -> str | None:
    try:
        numbers = [int(a) for a in arguments]
    except ValueError:
        return None
    if not 1 <= len(numbers) <= 3:
        return None
    first, step = (numbers[0] if len(numbers) > 1 else 1), (numbers[1] if len(numbers) == 3 else 1)
    if step == 0 or abs(numbers[-1] - first) // abs(step) > _MOST:
        return None
    end = numbers[-1] + (1 if step > 0 else -1)
    return "\n".join(str(n) for n in range(first, end, step))


_KNOWN: Mapping[str, Callable[[Sequence[str]], str | None]] = {
    "dirname": _one(lambda path: dirname(path.rstrip("/")) or "."),
    "basename": _basename,
    "realpath": _one(normpath),
    "readlink": _one(normpath),
    "echo": _echo,
    "printf": _printf,
    "seq": _seq,
}
