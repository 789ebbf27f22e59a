"""Which of a finding's lines are shown.

Floor 10: pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from diagnose.expressions import later
from diagnose.model import Evidence

_WORDING = 200
"""Characters of a message that make its wording."""
# What differs between lines that say the same: numbers, and the blocks of a progress bar.
_VARYING = later(r"0x[0-9a-f]+|[\d.,:]+|[\u2580-\u259f#| ]+")


def wording(evidence: Evidence) -> str:
    """What lines that say the same have in common."""
    return _VARYING.sub("", evidence.line.message[:_WORDING])


def quoted(evidence: Sequence[Evidence], most: int) -> list[Evidence]:
    """The lines that tell most, in observed order: the first of each wording, the rarest wordings before others.

    Where room is left, the last of each wording follows: a bar that moved from 1 of 163 to 115 of 163 is
    told by its ends.

    Args:
        evidence: The lines of one finding.
        most: How many at most.
    """
    # One line may have matched in several ways.
    evidence = list({one.order: one for one in reversed(evidence)}.values())[::-1]
    wordings: dict[str, list[Evidence]] = {}
    for one in evidence:
        wordings.setdefault(wording(one), []).append(one)
    rarest = sorted(wordings.values(), key=len)
    ends = [*(group[0] for group in rarest), *(group[-1] for group in rarest)]
    chosen = dict.fromkeys(id(one) for one in (*ends, *evidence))
    kept = set(list(chosen)[:most])
    return [one for one in evidence if id(one) in kept]
