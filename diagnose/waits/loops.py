"""What an event loop waits for in a program that is no server: a client's answer, or nothing that could ever come.

Floor 7. The front end of a server waits for requests in its loop; of other programs only what the loop watches
tells whether it serves, asks, or can never wake.
"""

from __future__ import annotations

from diagnose.model import Block, Connection
from diagnose.stacks.call import LOOPS, call_of
from diagnose.stacks.standing import Standing
from diagnose.waits.files import socket
from diagnose.waits.view import Arrow, View


def loop(view: View, standing: Standing) -> list[Arrow]:
    """What the main thread's event loop waits for; nothing where that cannot be told, or it listens."""
    call = call_of(standing.main.thread.syscall if standing.main else "")
    if call.name not in LOOPS:
        return []
    watched = [view.connection(standing.pid, number) for number in call.numbers]
    sockets = [one for one in watched if one is not None]
    if len(sockets) < len(watched) or view.listens(standing):
        return []
    peers = [one for one in sockets if not _own(one)]
    if len(peers) == 1:
        return socket(view, standing, peers[0])
    if peers:
        far = ", ".join(sorted({one.remote or one.local for one in peers})[:3])
        what = (
            f"the event loop of {standing.label} waits for news on {len(peers)} connections ({far})"
        )
        return [Arrow(standing.pid, "socket", far, (), Block.ASLEEP, what)]
    if "forever" not in call.words:
        what = f"the event loop of {standing.label} waits for its next timer, and for no connection"
        return [Arrow(standing.pid, "thread", "its event loop", (), Block.ASLEEP, what)]
    alone = " and has no other thread" if standing.process.threads == 1 else ""
    what = (
        f"the event loop of {standing.label} waits without a time limit{alone}, and it watches nothing that could"
        " wake it: no connection, no pipe, no timer"
    )
    return [Arrow(standing.pid, "thread", "its event loop", (), Block.ASLEEP, what)]


def _own(connection: Connection) -> bool:
    """Whether it is the pair of sockets by which a loop wakes itself."""
    return connection.state == "unix" and connection.peer_pid == connection.pid
