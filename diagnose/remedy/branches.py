"""Where a script chooses a flag for some rows: the same choice for the rows that lack it.

Floor 7: pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from diagnose.recipe import Recipe, Variant
from diagnose.recipe.syntax import Node, above, text_of
from diagnose.remedy.edits import Edit, Lines


def in_branch(
    recipe: Recipe, root: Node, lacking: Sequence[Variant], name: str, words: str
) -> Iterator[Edit]:
    """The flag added to the array that another branch of the same `if` puts it in; nothing where none does."""
    written = {
        flag.start
        for v in recipe.variants
        if v not in lacking
        for flag in v.flags
        if flag.name == name and flag.start >= 0
    }
    for start in sorted(written):
        word = root.descendant_for_byte_range(start, start)
        assignment = above(word, "variable_assignment") if word is not None else None
        chooser = above(assignment, "if_statement") if assignment is not None else None
        if assignment is None or chooser is None:
            continue
        array = text_of(assignment.children[0])
        edits = [_into(recipe.data, body, array, words) for body in _taken(chooser, lacking)]
        if not edits:
            edits = [_otherwise(recipe.data, chooser, assignment, array, words)]
        yield from edits
        return


def _taken(chooser: Node, lacking: Sequence[Variant]) -> list[list[Node]]:
    """The bodies of an `if` that the ways lacking the flag go through."""
    from diagnose.recipe.evaluate import branches

    bodies = [body for _, body in branches(chooser) if body]
    return [b for b in bodies if any(b[0].start_byte in v.passed for v in lacking)]


def _into(data: bytes, body: list[Node], array: str, words: str) -> Edit:
    """Into the array where the body fills it, else as a statement at the body's end."""
    lines = Lines(data)
    for statement in body:
        if statement.type == "variable_assignment" and text_of(statement.children[0]) == array:
            literal = statement.children[-1]
            last = literal.children[-2]
            if literal.start_point[0] == literal.end_point[0]:
                gap = b" " if last.type != "(" else b""
                return Edit(last.end_byte, last.end_byte, gap + words.encode())
            return lines.below(last.end_byte, [lines.indent(last.start_byte) + words.encode()])
    last = body[-1]
    text = f"{array}+=({words})".encode()
    if lines.alone(last.start_byte, last.end_byte):
        return lines.below(last.end_byte, [lines.indent(last.start_byte) + text])
    return Edit(last.end_byte, last.end_byte, b"; " + text)


def _otherwise(data: bytes, chooser: Node, like: Node, array: str, words: str) -> Edit:
    """An `else` for an `if` that has none."""
    lines = Lines(data)
    end = chooser.children[-1].start_byte
    text = f"{array}+=({words})".encode()
    if lines.start(end) == lines.start(chooser.start_byte):
        return Edit(end, end, b"else " + text + b"; ")
    outer = lines.indent(end)
    return lines.above(end, [outer + b"else", lines.indent(like.start_byte) + text])
