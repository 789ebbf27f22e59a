"""The prefix tree of stacks, whose edges carry the set of ranks that pass them, after STAT.

Floor 6.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from diagnose.model import Process
from diagnose.stacks.classes import rank_set
from diagnose.stacks.frames import last_name, short_file
from diagnose.stacks.standing import Standing


@dataclass(slots=True)
class Node:
    """One call, and everybody who is in it."""

    name: str
    """As printed: `worker_main (vllm/v1/executor/multiproc_executor.py)`; empty for the root."""
    members: list[Process] = field(default_factory=list)
    children: dict[str, Node] = field(default_factory=dict)


def tree(standings: Iterable[Standing]) -> Node:
    """The main threads' stacks, outermost first; equal beginnings are one path."""
    root = Node("")
    for standing in standings:
        if standing.main is None:
            continue
        node = root
        node.members.append(standing.process)
        for frame in reversed(standing.main.frames):
            label = f"{last_name(frame.name)} ({short_file(frame.file)})"
            node = node.children.setdefault(label, Node(label))
            node.members.append(standing.process)
    return root


def tree_lines(root: Node) -> Iterator[str]:
    """One line a fork or end: the rank set, then the calls from there on, outermost first."""
    yield from _lines(root, 0)


def _lines(node: Node, depth: int) -> Iterator[str]:
    path: list[str] = [node.name] if node.name else []
    while len(node.children) == 1:
        (child,) = node.children.values()
        if len(child.members) != len(node.members):
            break
        node = child
        path.append(node.name)
    if path:
        yield f"{'  ' * depth}[{rank_set(node.members)}] {_path(path)}"
    for child in sorted(node.children.values(), key=lambda c: -len(c.members)):
        yield from _lines(child, depth + bool(path))


def _path(calls: Sequence[str]) -> str:
    if len(calls) <= 4:
        return " > ".join(calls)
    return " > ".join((*calls[:2], f"… {len(calls) - 4} calls …", *calls[-2:]))
