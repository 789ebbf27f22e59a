"""Which statements of a script can matter to a server's command: the others need not be followed.

Floor 6: pure. A name is live if a command that may start a server, an export, or a condition around one of these asks for it; an assignment
matters if its name is live, and a condition or loop matters if something in it does. Names are taken from the text, so that what a string or
a here-document will run is counted as well. Behind the last statement that may start a server nothing matters.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from diagnose.recipe.programs import HARMLESS, SERVER_TEXT, SPECIAL, WRAPPERS
from diagnose.recipe.syntax import Node, above, named, text_of, walk

_ASKED = re.compile(
    r"\$\{?[#!]?(\w++)|\(\(.{0,2000}?\)\)|\w\[[^\][]{0,200}\]|\b\w++\s++-(?:eq|ne|lt|le|gt|ge)\s+\w+",
    re.DOTALL,
)
_NAME = re.compile(r"[A-Za-z_]\w*")
_PART = re.compile(
    r"vllm\.entrypoints|sglang\.launch_server|atom\.entrypoints|dynamo\.(?:vllm|sglang)|vllm/vllm-openai"
)
"""What is a server's command together with something that stands elsewhere."""
_PROGRAM = re.compile(r"=\(?[\s'\"]*(?:[^\s'\"]{0,200}/)?(?:vllm|sglang)(?=[\s'\")]|$)")
_EXPORTS = re.compile(r"set\s+(?:-\w*a|-o\s+allexport)")
_GIVES = re.compile(r"\$\{(\w+):?=")
_POSITIONAL = re.compile(r"\$\{?[@*1-9]")
_QUIET = ("check_env_vars", "set", "shift", "shopt")
_LEAVES = ("return", "break", "continue")
_IN_PLACE = ("set", "shift")
"""They matter where something else of the same function does."""
_LOOKS = re.compile(r"command\s+-[vV]\b")
_READERS = frozenset(["bash", "sh", "dash", "zsh", "source", ".", "docker", "podman", "nerdctl"])
"""What they run is not told by their words alone."""
_OPEN = re.compile(r"[$<]|\.(?:sh|bash|slurm|sbatch)\b|--entrypoint")
_GIVEN = re.compile(r"\$\{?[@*1-9]|\.(?:sh|bash|slurm|sbatch)\b")
_READS = ("read", "mapfile", "readarray", "getopts", "printf")
_LOOPS = frozenset(["while_statement", "for_statement", "c_style_for_statement"])
_FUNCTION = ("function_definition",)
_STATEMENTS = _LOOPS | {
    "case_statement",
    "command",
    "compound_statement",
    "declaration_command",
    "function_definition",
    "if_statement",
    "list",
    "negated_command",
    "pipeline",
    "redirected_statement",
    "subshell",
    "unset_command",
    "variable_assignment",
}


class Relevance:
    """What matters in a script and in the files that it reads."""

    def __init__(self) -> None:
        self.roots: list[Node] = []
        """The trees, the script's first."""
        self.end = 0
        """Where the last statement of the script ends that may start a server."""
        self._seen: set[int] = set()
        self._assigned: defaultdict[str, list[Node]] = defaultdict(list)
        self._called: defaultdict[str, list[Node]] = defaultdict(list)
        self._leaving: defaultdict[int, list[Node]] = defaultdict(list)
        self._functions: defaultdict[str, list[Node]] = defaultdict(list)
        self._effects: list[Node] = []
        self._exported: set[str] = set()
        self._exports = False
        """Whether every assignment is an export."""
        self._marked: set[int] = set()
        self._starting: set[int] = set()
        self._live: set[str] = set()
        self._waiting: list[str] = []

    def add(self, root: Node) -> bool:
        """Takes in a tree; whether more of those before matters now, so that they have to be followed again."""
        known = frozenset(self._seen)
        before = len(self._marked & known), self.end
        for node in walk(root):
            if node.type in _STATEMENTS:
                self._seen.add(node.id)
                self._take(node, own=not self.roots)
        self.roots.append(root)
        self._solve()
        return bool(known) and (len(self._marked & known), self.end) != before

    @property
    def starts(self) -> bool:
        """Whether anything may start a server."""
        return bool(self._starting)

    def passes(self, node: Node) -> bool:
        """Whether a statement cannot matter."""
        return node.id in self._seen and node.id not in self._marked

    def _take(self, node: Node, *, own: bool) -> None:
        kind = node.type
        if kind == "function_definition":
            self._functions[_function(node)].append(node)
        elif kind == "variable_assignment":
            parent = node.parent
            if parent is None or parent.type not in ("command", "declaration_command"):
                self._assigned[_target(node)].append(node)
        elif kind in ("declaration_command", "unset_command"):
            self._declares(node)
        elif kind == "command":
            self._command(node, own=own)
        elif kind == "redirected_statement" and _writes(node):
            self._effects.append(node)

    def _declares(self, node: Node) -> None:
        head = text_of(node.children[0])
        options = [text_of(c) for c in node.children[1:] if text_of(c).startswith("-")]
        if head == "export" or any("x" in option for option in options):
            self._effects.append(node)
            self._exported |= {_target(c) for c in node.children[1:] if c.is_named}
        for child in node.children[1:]:
            if child.type in ("variable_assignment", "variable_name", "word"):
                self._assigned[_target(child)].append(node)

    def _command(self, node: Node, *, own: bool) -> None:
        first = next(iter(named(node, "command_name")), None)
        name = text_of(first) if first is not None else ""
        holder = above(node, *(_LOOPS if name in ("break", "continue") else _FUNCTION))
        if name in _LEAVES or (name in _IN_PLACE and holder):
            self._leaving[holder.id if holder else 0].append(node)
        elif name in _READS or name == ":":
            pattern = _GIVES if name == ":" else _NAME
            for each in pattern.findall(text_of(node)):
                self._assigned[each].append(_whole(node))
        elif name != "exit":
            self._called[name].append(node)
        elif own:
            # What a library gives up on is left open.
            self._effects.append(node)
        if name == "set" and _EXPORTS.match(text_of(node)):
            self._exports = True

    def _solve(self) -> None:
        carriers = self._carriers()
        for name, calls in self._called.items():
            for node in calls if name not in self._functions else ():
                if _may_start(node, name, carriers):
                    self._starts(node)
                elif name in _QUIET:
                    self._mark(node)
        for node in self._effects:
            self._mark(node)
        self._ask_for(self._assigned if self._exports else self._exported)
        self._waiting = list(self._live)
        for name, bodies in self._functions.items():
            if any(body.id in self._marked for body in bodies):
                self._mark_all(self._called[name])
        while self._waiting:
            self._mark_all(self._assigned.get(self._waiting.pop(), ()))
        tops = [c for c in self.roots[0].children if c.id in self._starting]
        self.end = tops[-1].end_byte if tops else self.roots[0].end_byte

    def _carriers(self) -> set[str]:
        """Names of variables that may hold a server's command, or begin one."""
        found: set[str] = set()
        while True:
            new = {
                name
                for name, nodes in self._assigned.items()
                if name not in found and any(_carries(text_of(node), found) for node in nodes)
            }
            if not new:
                return found
            found |= new

    def _starts(self, node: Node) -> None:
        """A command that may start a server, and everything that it stands in or is called by."""
        self._mark(node)
        upper: Node | None = node
        while upper is not None and upper.id not in self._starting:
            self._starting.add(upper.id)
            if upper.type == "function_definition":
                for call in self._called.get(_function(upper), ()):
                    self._starts(call)
            upper = upper.parent

    def _mark_all(self, nodes: Iterable[Node]) -> None:
        for node in nodes:
            self._mark(node)

    def _mark(self, node: Node) -> None:
        """A statement that matters, and what is asked around it."""
        if node.id in self._marked:
            return
        text = text_of(_whole(node))
        # What `${!NAME}` asks for is told by a value.
        self._ask_for(self._assigned if "${!" in text else _names(text))
        upper: Node | None = node
        while upper is not None and upper.id not in self._marked:
            self._marked.add(upper.id)
            for part in _asked(upper):
                self._ask_for(_names(text_of(part)))
            if upper.type == "function_definition":
                self._mark_all(self._called.get(_function(upper), ()))
            self._mark_all(self._leaving.get(upper.id, ()))
            upper = upper.parent

    def _ask_for(self, names: Iterable[str]) -> None:
        new = set(names) - self._live
        self._live |= new
        self._waiting += new


def _names(text: str) -> Iterator[str]:
    """The variables that a text asks for."""
    for match in _ASKED.finditer(text):
        if match[1]:
            yield match[1]
        else:
            yield from _NAME.findall(match[0])


def _whole(node: Node) -> Node:
    """A command with its here-document."""
    parent = node.parent
    return parent if parent is not None and parent.type == "redirected_statement" else node


def _target(node: Node) -> str:
    target = node.children[0] if node.type == "variable_assignment" else node
    return text_of(target).partition("[")[0]


def _function(node: Node) -> str:
    return text_of(node.child_by_field_name("name") or node)


def _speaks(text: str) -> bool:
    """Whether a text holds a server's command, or a part of one."""
    return bool(SERVER_TEXT.search(text) or _PART.search(text))


def _carries(text: str, known: set[str]) -> bool:
    return bool(_speaks(text) or _PROGRAM.search(text) or known & set(_names(text)))


def _may_start(node: Node, name: str, carriers: set[str]) -> bool:
    """Whether a command may start a server: by its words, or by what its variables may hold."""
    if name in HARMLESS:
        return False
    text = text_of(_whole(node))[sum(len(text_of(c)) for c in named(node, "variable_assignment")) :]
    if _speaks(text) or carriers & set(_names(text)):
        return True
    if name in _READERS:
        return _OPEN.search(text) is not None
    if name in SPECIAL | WRAPPERS:
        return _LOOKS.match(text) is None and _GIVEN.search(text) is not None
    return _POSITIONAL.match(name.lstrip('"')) is not None


def _writes(node: Node) -> bool:
    """Whether a file may be written that is run afterwards."""
    text = text_of(node)
    return (">" in text or "tee" in text) and bool(_speaks(text) or "export" in text)


def _asked(node: Node) -> Iterator[Node]:
    """The parts of a statement that decide whether what stands in it is done."""
    if node.type == "if_statement":
        for child in node.children:
            if child.type == "elif_clause":
                yield from _tests(child)
        yield from _tests(node)
    elif node.type == "list":
        yield node.children[0]
    elif node.type == "case_statement":
        yield from node.children_by_field_name("value")
        for item in named(node, "case_item"):
            yield from item.children_by_field_name("value")
    elif node.type in _LOOPS:
        body = node.child_by_field_name("body")
        yield from (c for c in node.children if body is None or c.id != body.id)


def _tests(node: Node) -> Iterator[Node]:
    for child in node.children:
        if child.type == "then":
            return
        yield child
