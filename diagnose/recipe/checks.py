"""What a script says about itself as a script, whatever the row: tests, pipelines, lists, waits.

Floor 6: pure. One remark is one line of the document; the wording is fixed, as that of the other lines is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from diagnose.recipe.syntax import Node, above, named, text_of, walk

_ORDER = ("-eq", "-ne", "-lt", "-le", "-gt", "-ge")
_TOOLS = re.compile(r"\b((?:rocm|amd|nvidia)-smi(?: +-?-?[a-z][\w-]*)?)")
_GREP = re.compile(r"(?:^|[|(\s`])[ef]?grep\b")
_NAME = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")
_PLAIN = re.compile(r'"?\$\{?([A-Za-z_]\w*)\}?"?')
_HEALTH = re.compile(r"\b(?:curl|wget|nc)\b|/health|/ready|/v1/models")
_LIMIT = re.compile(r"\+\+|\+=|\+ ?1 ?\)\)|-=|--\)|SECONDS|date \+|\btimeout\b|--max-time")
_BLANK = re.compile(rb"\\[ \t]+(?=\r?\n)")


@dataclass(frozen=True, slots=True)
class Remark:
    """One line of the document that comes from the script's own form."""

    text: str
    start: int
    end: int


def remarks(root: Node) -> list[Remark]:
    """Everything worth a line, in the script's order."""
    found = [
        *_tests(root),
        *_substitutions(root),
        *_lists(root),
        *_backslashes(root),
        *_waits(root),
    ]
    return sorted(set(found), key=lambda remark: (remark.start, remark.text))


def _tests(root: Node) -> Iterator[Remark]:
    """Numeric tests of what may be empty, and of what a tool printed and nothing checks."""
    safe = _never_empty(root)
    printed = _printed(root)
    checked = set(re.findall(r'"?\$\{?(\w+)[^}\s"]*\}?"? *=~', text_of(root)))
    for test in walk(root):
        if test.type != "test_command":
            continue
        for node in walk(test):
            if node.type != "binary_expression" or node.child_count < 3:
                continue
            operator = text_of(node.children[1])
            if operator not in _ORDER:
                continue
            for side in (node.children[0], node.children[2]):
                name = _variable(side)
                at = (test.start_byte, test.end_byte)
                if name in printed and name not in checked:
                    yield Remark(f"number {name} from {printed[name]}, compared unchecked", *at)
                elif name and name not in safe and _PLAIN.fullmatch(text_of(side)):
                    if text_of(test).startswith("[["):
                        continue
                    yield Remark(f"test {operator} of {name}, which may be empty", *at)


def _variable(node: Node) -> str:
    """The name in `$NAME`, `${NAME…}` or their quoted form; empty for anything else."""
    match = re.fullmatch(r'"?\$\{?([A-Za-z_]\w*)(?:[:}].*)?"?', text_of(node))
    return match[1] if match else ""


def _never_empty(root: Node) -> set[str]:
    """Names that the script gives a value, or makes sure of."""
    found: set[str] = set()
    for node in walk(root):
        if node.type == "variable_assignment":
            found.add(text_of(node.children[0]).partition("[")[0])
        elif node.type in ("for_statement",):
            found |= {text_of(v) for v in named(node, "variable_name")}
        elif node.type == "unary_expression" and text_of(node.children[0]) in ("-n", "-z"):
            found.add(_variable(node.children[-1]))
        elif node.type == "command":
            words = [text_of(child) for child in node.children]
            if words[0].startswith(("check_env", "require_env", "read", "mapfile")):
                found |= {word.strip("\"'") for word in words[1:]}
        elif node.type == "expansion" and re.search(r":?[?=]", text_of(node)):
            found.add(_variable(node))
    return found


def _printed(root: Node) -> dict[str, str]:
    """Variables that hold what a tool of the host printed, and the tool."""
    found = {}
    for node in walk(root):
        if node.type == "variable_assignment" and node.children[-1].type == "command_substitution":
            tool = _TOOLS.search(text_of(node.children[-1]))
            if tool:
                found[text_of(node.children[0])] = tool[1]
    return found


def _substitutions(root: Node) -> Iterator[Remark]:
    """`X=$(… | grep …)` where a search without a hit ends the script."""
    for node in walk(root):
        if node.type != "variable_assignment" or node.children[-1].type != "command_substitution":
            continue
        inner = node.children[-1]
        text = text_of(inner)
        if not _GREP.search(text) or "||" in text or _excused(node):
            continue
        options = _options_before(root, node)
        last = text.rpartition("|")[2]
        if "errexit" in options and ("pipefail" in options or _GREP.search(last)):
            name = text_of(node.children[0])
            yield Remark(
                f"substitution with grep for {name} ends the script where nothing is found",
                inner.start_byte,
                inner.end_byte,
            )


def _excused(node: Node) -> bool:
    """Whether a failure of the statement does not end the script."""
    parent = node.parent
    while parent is not None and parent.type not in ("program", "do_group", "compound_statement"):
        if parent.type in ("declaration_command", "list", "negated_command", "command"):
            return True
        if parent.type in ("if_statement", "while_statement", "elif_clause"):
            return node.end_byte <= _body_start(parent)
        parent = parent.parent
    return False


def _body_start(node: Node) -> int:
    keyword = next((c for c in node.children if c.type in ("then", "do_group")), None)
    return keyword.start_byte if keyword is not None else node.start_byte


def _options_before(root: Node, node: Node) -> set[str]:
    """What `set` has switched on above a place."""
    from diagnose.recipe.commands import options_of

    found: frozenset[str] = frozenset()
    for command in walk(root):
        if command.type == "command" and command.start_byte < node.start_byte:
            words = [text_of(child) for child in command.children]
            if words[0] == "set" and above(command, "function_definition", "subshell") is None:
                found = options_of(words[1:], found)
    return set(found)


def _lists(root: Node) -> Iterator[Remark]:
    """Names of variables that a missing backslash has made a command."""
    for node in walk(root):
        previous = node.prev_named_sibling
        if node.type != "command" or previous is None or previous.type != "command":
            continue
        words = [text_of(child) for child in node.children]
        if not all(_NAME.fullmatch(word) for word in words) or "_" not in "".join(words):
            continue
        before = [text_of(child) for child in previous.children[1:]]
        if (
            before
            and all(_NAME.fullmatch(word) for word in before)
            and previous.end_point[0] + 1 == node.start_point[0]
        ):
            yield Remark(
                f"name {words[0]} is run as a command, behind the list of {text_of(previous.children[0])}",
                previous.end_byte,
                node.start_byte,
            )


def _backslashes(root: Node) -> Iterator[Remark]:
    """Backslashes before a blank at the end of a line: not a continuation, but an argument."""
    data = root.text or b""
    for match in _BLANK.finditer(data):
        holder = _holder(root, match.start())
        if holder:
            yield Remark(
                f"backslash and a blank at the end of a line of {holder}",
                match.start(),
                match.end(),
            )


def _holder(root: Node, at: int) -> str:
    """Whether a place is in a command's or an array's words; empty inside quotes, comments and texts."""
    around = _around(root, at)
    if around:
        return around if around != "text" else ""
    # The grammar passes over a quoted blank behind the last word: ask for that word.
    before = (root.text or b"")[:at].rstrip(b" \t")
    return _around(root, len(before) - 1).replace("text", "a command") if before else ""


def _around(root: Node, at: int) -> str:
    node: Node | None = root.descendant_for_byte_range(at, at + 1)
    while node is not None:
        if node.type in ("comment", "string", "raw_string", "heredoc_body", "heredoc_content"):
            return "text"
        if node.type in ("array", "command"):
            return f"an {node.type}" if node.type == "array" else "a command"
        node = node.parent
    return ""


def _waits(root: Node) -> Iterator[Remark]:
    """Loops that wait for a server for as long as it takes."""
    for node in walk(root):
        if node.type != "while_statement":
            continue
        text = text_of(node)
        if _HEALTH.search(text) and "sleep" in text and not _LIMIT.search(text):
            word = text_of(node.children[0])
            yield Remark(
                f"wait {word} the server answers, without a limit", node.start_byte, node.end_byte
            )
