"""Regular expressions in the `regex` module's dialect to trees of the characters they need.

Floor 3: pure. The tree matches at least what the expression matches. What is not understood becomes
`Anything`, never an error: `regex` itself says whether an expression is well formed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from diagnose.scan import charsets
from diagnose.scan.charsets import Charset
from diagnose.scan.classes import Cursor, bracketed, escaped
from diagnose.scan.nodes import EMPTY, Anything, Boundary, Node, Repeat, choice, literal, sequence

# Characters that stand for themselves, but for the last one if it is repeated.
_RUN = re.compile(r"[A-Za-z0-9 _:=,;/'\"%&@!~`<>-]+(?![*+?{])")
_COUNT = re.compile(r"\{(?:(\d+)(,?)(\d*)|(,)(\d*))\}")
# Approximate matching, such as `{e<=1}`: the text may differ from the pattern.
_FUZZY = re.compile(r"\{[\d\s,+<=isde]*[isde][\d\s,+<=isde]*(?::\[[^\]]*\])?\}")
_FLAGS = re.compile(r"\?([A-Za-z01]*)(?:-([A-Za-z01]+))?([:)])")
_NAME = re.compile(r"\?(?:P?<|')(\w+)[>']")
_CALL = re.compile(r"\?(?:P=(\w+)|(?:P>|&)\w+|R|[+-]?\d+)\)")
_IGNORE_ANYWHERE = re.compile(r"\(\?[A-Za-z01]*i[A-Za-z01]*(?:-[A-Za-z01]+)?\)")


@dataclass(frozen=True, slots=True)
class Parsed:
    """An expression, understood as far as the scanner needs it."""

    node: Node
    local: bool
    """Whether a match depends on nothing but the text matched: no anchors, no look-around."""
    exact: bool
    """Whether the tree matches nothing else, in ASCII text."""
    beside: tuple[Node, ...] | None = None
    """What look-around looks for; None if there may be something that only `regex` reads so."""


class _GaveUpError(Exception):
    """Nothing sound can be said about the expression."""


def parse(pattern: str) -> Parsed:
    """Reads an expression; what it does not understand becomes `Anything`."""
    reader = _Reader(pattern)
    try:
        node = reader.alternatives()
        if reader.at < len(pattern):
            raise _GaveUpError
    except (_GaveUpError, IndexError, ValueError, RecursionError):
        return Parsed(Anything(), local=False, exact=False)
    beside = tuple(reader.beside) if reader.common else None
    return Parsed(node, reader.local, reader.exact and reader.local, beside)


class _Reader(Cursor):
    """A position in an expression, and what was learnt up to it."""

    def __init__(self, pattern: str) -> None:
        super().__init__(pattern)
        self.local = True
        self.exact = True
        self.common = True
        self.beside: list[Node] = []
        # Versions of `regex` differ in how far a flag in the middle reaches: the whole is the widest.
        self.ignore_case = _IGNORE_ANYWHERE.search(pattern) is not None
        self.verbose = False
        self.groups: dict[str, Node] = {}
        self.number = 0

    def alternatives(self) -> Node:
        """Reads up to the end of the group."""
        ignore_case, verbose = self.ignore_case, self.verbose
        branches = [self.branch()]
        while self.take("|"):
            branches.append(self.branch())
        self.ignore_case, self.verbose = ignore_case, verbose
        return choice(branches)

    def branch(self) -> Node:
        items: list[Node] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            if self.verbose and (self.text[self.at].isspace() or self.text[self.at] == "#"):
                self.skip_comment()
                continue
            if not self.verbose and (run := self.match(_RUN)):
                items += map(self.one, run[0])
            else:
                items.append(self.quantified(self.atom()))
        return sequence(items)

    def skip_comment(self) -> None:
        if self.next() == "#":
            end = self.text.find("\n", self.at)
            self.at = len(self.text) if end < 0 else end + 1

    def quantified(self, node: Node) -> Node:
        while self.at < len(self.text):
            low = 0
            high: int | None = None
            if self.take("*"):
                pass
            elif self.take("+"):
                low = 1
            elif self.take("?"):
                high = 1
            elif found := self.match(_COUNT):
                first, comma, last, _, only = found.groups()
                low = int(first or 0)
                end = last if comma else only if first is None else first
                high = int(end) if end else None
            elif self.match(_FUZZY):
                self.common = False
                node = self.unknown()
                continue
            else:
                return node
            if not self.take("?") and self.take("+"):
                self.exact = False  # takes all it can, even if nothing is left for what follows
            node = Repeat(node, low, high)
        return node

    def atom(self) -> Node:
        char = self.next()
        if char == "(":
            return self.group()
        if char == "[":
            return self.one_of(bracketed(self, ignore_case=self.ignore_case))
        if char == "\\":
            return self.escaped()
        if char == ".":
            return charsets.DOT.char()
        if char in "^$":
            self.local = False
            return EMPTY
        return self.one(char)

    def one(self, char: str) -> Node:
        if not self.ignore_case or char in "\r\n":
            return literal(char)
        return charsets.single(char).ignoring_case().char()

    def one_of(self, found: Charset) -> Node:
        self.exact = self.exact and found.may == found.sure
        return found.char()

    def unknown(self) -> Node:
        self.exact = False
        return Anything()

    def group(self) -> Node:
        if self.take("*"):
            self.until(")")
            self.exact = self.common = False
            return EMPTY
        if not self.text.startswith("?", self.at):
            return self.captured("")
        if self.take("?#"):
            self.until(")")
            return EMPTY
        for look in ("?=", "?!", "?<=", "?<!"):
            if self.take(look):
                self.local = False
                self.beside.append(self.closed(self.alternatives()))
                return EMPTY
        if self.take("?>"):
            self.exact = False
            return self.closed(self.alternatives())
        if self.take("?("):
            return self.conditional()
        if found := self.match(_CALL):
            return self.again(found[1] or "")
        if found := self.match(_NAME):
            return self.captured(found[1])
        if found := self.match(_FLAGS):
            return self.flagged(found[1], found[2] or "", found[3])
        # Branch reset renumbers its groups, and the rest is unknown.
        raise _GaveUpError

    def captured(self, name: str) -> Node:
        self.number += 1
        number = str(self.number)
        node = self.closed(self.alternatives())
        for key in filter(None, (number, name)):
            # A name may be given twice; either text may be meant.
            self.groups[key] = choice([self.groups[key], node]) if key in self.groups else node
        return node

    def again(self, group: str) -> Node:
        """What a reference to a group matches: the group's own text, in another case perhaps."""
        self.exact = False
        return Anything() if self.ignore_case else self.groups.get(group, Anything())

    def closed(self, node: Node) -> Node:
        if not self.take(")"):
            raise _GaveUpError
        return node

    def conditional(self) -> Node:
        self.exact = self.common = False
        if self.text.startswith("?", self.at):
            self.group()
        else:
            self.until(")")
        return choice([self.closed(self.alternatives()), EMPTY])

    def flagged(self, on: str, off: str, end: str) -> Node:
        if "1" in on or ("f" in on and (self.ignore_case or "i" in on)):
            raise _GaveUpError  # set operations, and case folding that changes lengths
        ignore_case, verbose = self.ignore_case, self.verbose
        self.ignore_case = (ignore_case or "i" in on) and "i" not in off
        self.verbose = (verbose or "x" in on) and "x" not in off
        if end == ")":
            self.ignore_case = self.ignore_case or ignore_case
            return EMPTY
        node = self.closed(self.alternatives())
        self.ignore_case, self.verbose = ignore_case, verbose
        return node

    def escaped(self) -> Node:
        char = self.next()
        if char in "bB":
            return Boundary(char == "B")
        if char in "mMK":
            self.exact = False
            return EMPTY
        if char in "AZzG":
            self.local = False
            return EMPTY
        if char in "123456789":
            while self.at < len(self.text) and self.text[self.at].isdigit():
                char += self.next()
            return self.again(char)
        if char == "g" and self.take("<"):
            return self.again(self.until(">"))
        if char in "gLX":
            return self.unknown()
        found = escaped(self, char)
        return self.one_of(found.ignoring_case() if self.ignore_case else found)
