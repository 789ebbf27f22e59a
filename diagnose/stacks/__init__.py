"""Stacks: what every thread is doing, from a live look or from dumps pasted into a log.

Floor 6. Pure but for reading the two tables beside this file.

    frames      what a frame is called and where its file lies; patterns for frames
    places      `places.toml`: where a stack stands, what it waits for there, which phase that is
    cut         `noise.toml`: implementation frames, spinning, threads that prove nothing
    standing    each process of a snapshot: where it stands, whether it moved between the samples
    classes     processes with equal stacks, rank sets, the odd one, the least progressed
    tree        the prefix tree over ranks
    call        the system call that a thread sits in
    text        stacks written as py-spy prints them, and pasted dumps read back
"""

from __future__ import annotations

from diagnose.stacks.call import WRITES, Call, call_of
from diagnose.stacks.classes import groups, least_progressed, rank_set
from diagnose.stacks.cut import cut, shown
from diagnose.stacks.places import Place, places_of, waiting
from diagnose.stacks.standing import Standing, main_thread, moved, standings
from diagnose.stacks.text import dump, pasted, titles
from diagnose.stacks.tree import Node, tree, tree_lines

__all__ = [
    "WRITES",
    "Call",
    "Node",
    "Place",
    "Standing",
    "call_of",
    "cut",
    "dump",
    "groups",
    "least_progressed",
    "main_thread",
    "moved",
    "pasted",
    "places_of",
    "rank_set",
    "shown",
    "standings",
    "titles",
    "tree",
    "tree_lines",
    "waiting",
]
