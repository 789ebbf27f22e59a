"""What is known of one source while it is read.

Floor 3: pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from diagnose.scan.confirm import Confirmer
from diagnose.scan.names import Names
from diagnose.scan.search import Search
from diagnose.scan.tally import Tally
from diagnose.scan.windows import Windows


@dataclass(slots=True)
class State:
    """What is known of one source so far."""

    search: Search
    names: Names
    confirmer: Confirmer
    windows: Windows
    tallies: dict[int, Tally] = field(default_factory=dict)

    def tally(self, index: int) -> Tally:
        """What was found of a pattern so far."""
        tally = self.tallies.get(index)
        if tally is None:
            tally = self.tallies[index] = Tally(
                self.search.limits,
                local=self.search.needles[index].local,
                windows=self.windows.of(index),
                few=index in self.search.few,
            )
        return tally
