"""The networks that processes live in: one table of sockets for each, and who sits at the other end.

Part of the probe, floor 10. TCP comes from /proc/PID/net, which is the network as that process sees it; for local
sockets the kernel is asked for the peer's inode (sock_diag), which it tells only from within that network. A
thread of this program enters it for the question and ends with it; the server is not touched.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Collection
from dataclasses import dataclass

from diagnose.probe import proc
from diagnose.probe.sockets import Local, Tcp, local_sockets, silences, tcp_sockets

_CLONE_NEWNET = 0x40000000
_TIMEOUT_S = 3.0
_LOOPBACK = ("127.", "[::1]")


@dataclass(frozen=True, slots=True)
class Network:
    """The sockets of one network namespace, by inode."""

    tcp: dict[int, Tcp]
    local: dict[int, Local]
    peers: dict[tuple[str, str], int]
    """By local and remote address."""
    silences: dict[int, float]
    """By inode of a TCP connection: seconds since its last byte came."""


class Networks:
    """Every network that is asked for, read once.

    Args:
        everybody: All processes, for peers in other networks.
    """

    def __init__(self, everybody: Collection[int]) -> None:
        self._everybody = everybody
        self._known: dict[str, Network] = {}
        self._elsewhere: dict[str, int] | None = None
        self._ours = proc.namespace("self", "net")

    def of(self, pid: int) -> Network:
        """The network that a process sees."""
        name = proc.namespace(pid, "net")
        if name not in self._known:
            foreign = name not in ("", self._ours)
            tcp = tcp_sockets(pid)
            peers = {(one.local, one.remote): one.inode for one in tcp.values()}
            local, silent = _inside(pid) if foreign else (local_sockets(), silences())
            self._known[name] = Network(tcp, local, peers, silent)
        return self._known[name]

    def peer(self, network: Network, one: Tcp) -> int:
        """The inode at the other end of a connection; 0 when it is not on this machine.

        Containers of one machine talk over bridges, so the other end may be in another network of it.
        """
        ends = (one.remote, one.local)
        found = network.peers.get(ends, 0)
        if found or one.remote.startswith(_LOOPBACK) or one.state != "ESTABLISHED":
            return found
        others = [self.of(pid) for pid in self._others().values()]
        inodes = {other.peers[ends] for other in others if ends in other.peers}
        return inodes.pop() if len(inodes) == 1 else 0

    def _others(self) -> dict[str, int]:
        """One process of every network of this machine."""
        if self._elsewhere is None:
            self._elsewhere = {}
            for pid in self._everybody:
                if name := proc.namespace(pid, "net"):
                    self._elsewhere.setdefault(name, pid)
        return self._elsewhere


def _inside(pid: int) -> tuple[dict[int, Local], dict[int, float]]:
    """What the kernel tells within another network; nothing where this user may not enter it."""
    found: list[tuple[dict[int, Local], dict[int, float]]] = []

    def ask() -> None:
        try:
            handle = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
        except OSError:
            return
        try:
            if ctypes.CDLL(None, use_errno=True).setns(handle, _CLONE_NEWNET) == 0:
                found.append((local_sockets(), silences()))
        finally:
            os.close(handle)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_TIMEOUT_S)
    return found[0] if found else ({}, {})
