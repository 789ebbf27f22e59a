"""A line expression to the words that are looked for in its place.

Floor 3: pure. Sound: where an expression matches a line's cleaned text, one of its words is in the
line's smoothed bytes (see `smooth`), so nothing is lost by looking only where they are. Two limits are
meant: ignoring case, `s`, `k` and `i` do not stand for the long s, the Kelvin sign and the dotted I;
and what matches only because a secret was taken out of the line is not found.

Words alone are scanned for faster than whole expressions, compile in a quarter of the time, and many
patterns share them. What they let through is told apart by an expression for ASCII text. The few
patterns whose words are in every healthy log are looked for as wholes, by an engine that can.
"""

from __future__ import annotations

import re

from diagnose.errors import CatalogueError
from diagnose.scan.dialect import Parsed, parse
from diagnose.scan.emit import ascii_form
from diagnose.scan.literals import SHORTEST, Word, required, shortest, spelled, text_of
from diagnose.scan.needles import Literal, Needle
from diagnose.scan.nodes import Boundary, Node, parts_of, sequence
from diagnose.scan.ordinary import is_ordinary
from diagnose.scan.reach import reach
from diagnose.scan.trim import expression, trimmed
from diagnose.scan.written import is_common

_NAMED = re.compile(r"\(\?P?[<'](?![=!])")


def needle(pattern: str) -> Needle:
    """What to look for in place of a pattern.

    Raises:
        CatalogueError: If a match need not hold a literal of four characters.
    """
    parsed = parse(pattern)
    words = required(parsed.node)
    if shortest(words) < SHORTEST:
        raise CatalogueError(
            f"no literal of {SHORTEST} characters is in every match of {pattern!r}",
            "the scanner finds candidates by literals: give each alternative a word of its own",
        )
    written = parsed.beside is not None and is_common(pattern)
    # What may be missing at the ends says nothing of where a pattern may match, and costs much to look for.
    core = parsed.node if parsed.exact else trimmed(parsed.node)
    form, far = b"", reach(core)
    if far:
        is_form = parsed.exact and written and pattern.isascii()
        form = (pattern if is_form else ascii_form(core)).encode("ascii")
    literals = _without_overlap(words)
    is_word = parsed.exact and _is_spelled_by(parsed.node, words)
    says_little = not is_word and any(is_ordinary(literal.text) for literal in literals)
    return Needle(
        literals=literals,
        is_word=is_word,
        ascii_form=form,
        ascii_exact=parsed.exact,
        ascii_reach=far,
        written=written,
        plain_reach=_plain_reach(pattern, parsed, written=written),
        local=parsed.local,
        whole=expression(parsed.node) if says_little else b"",
    )


def _plain_reach(pattern: str, parsed: Parsed, *, written: bool) -> int:
    """How long an ASCII text may be in which `re` says of a pattern all that `regex` does."""
    if written:
        return reach(sequence((parsed.node, *(parsed.beside or ()))))
    # The form for ASCII text says where it matches, and has no captures.
    return reach(parsed.node) if parsed.exact and not _NAMED.search(pattern) else 0


def _without_overlap(words: tuple[Word, ...]) -> tuple[Literal, ...]:
    """The words without those that hold another one."""
    kept: list[Literal] = []
    for word in sorted(words, key=len):
        any_case = any(char.any_case for char in word)
        text = text_of(word).lower() if any_case else text_of(word)
        if not any(_holds(text, any_case, shorter) for shorter in kept):
            kept.append(Literal(text, any_case))
    return tuple(kept)


def _holds(text: bytes, any_case: bool, shorter: Literal) -> bool:
    if shorter.any_case:
        return shorter.text in text.lower()
    return not any_case and shorter.text in text


def _is_spelled_by(node: Node, words: tuple[Word, ...]) -> bool:
    """Whether a node matches its words, as they are looked for, and nothing else."""
    if any(isinstance(part, Boundary) for part in parts_of(node)):
        return False
    return set(spelled(node)) == set(words) and all(map(_has_one_case, words))


def _has_one_case(word: Word) -> bool:
    """Whether all letters of a word have their case, or none."""
    letters = [char for char in word if char.ascii and char.one.isalpha()]
    return len({char.any_case for char in letters}) < 2
