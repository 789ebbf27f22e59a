"""Who waits for whom: from where processes stand to the one thing in the way.

Floor 7: pure.

    view       one snapshot, looked up by pid, role, parent, descriptor
    arrows     what one process waits for, by the place where it stands
    engine     the waits inside a server: workers, answers, ranks, rendezvous
    files      locks, pipes, sockets, children: what the kernel knows
    threads    threads of one process that wait for each other
    loops      event loops of programs that are no servers
    ends       where the chains of arrows lead
    clauses    what is said of them
"""

from __future__ import annotations

from diagnose.waits.arrows import Arrow, arrows
from diagnose.waits.clauses import foreign, sitting
from diagnose.waits.ends import blockers
from diagnose.waits.told import merged
from diagnose.waits.view import SERVES, View

__all__ = ["SERVES", "Arrow", "View", "arrows", "blockers", "foreign", "merged", "sitting"]
