"""A live look as text for the catalogue, and what follows from it for the verdict.

Floor 9: pure.

    look        the reasoning over one snapshot: standings, waits, what is in the way, the state
    gpus        what the devices say beside the stacks
    documents   the snapshot as documents of the stack, host and log channels
    conclude    a diagnosis of those documents and the logs, with what only a live look can say
    pasted      stack dumps from a log or an issue as a snapshot
    advice      what to do now where no signature says it
"""

from __future__ import annotations

from diagnose.live.conclude import conclude
from diagnose.live.documents import Document, documents
from diagnose.live.look import Look, look
from diagnose.live.pasted import from_lines, from_samples

__all__ = ["Document", "Look", "conclude", "documents", "from_lines", "from_samples", "look"]
