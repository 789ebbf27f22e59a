"""The server's sockets and who sits at the other end, when that is on this machine.

Part of the probe, floor 10.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from diagnose.model import Connection
from diagnose.probe.descriptors import Descriptors
from diagnose.probe.networks import Network, Networks

_Holders = Mapping[int, list[tuple[int, int]]]


def connections(table: Descriptors, tree: Collection[int]) -> tuple[Connection, ...]:
    """Every TCP and local socket that the server's processes have open."""
    holders = table.objects("socket")
    own: dict[int, list[tuple[int, int]]] = {}
    for inode, ends in holders.items():
        for pid, fd in ends:
            own.setdefault(pid, []).append((fd, inode))
    networks = Networks(table.links)
    found = []
    for pid in tree:
        if pid not in own:
            continue
        network = networks.of(pid)
        for fd, inode in sorted(own[pid]):
            one = _connection(pid, fd, inode, network, networks, holders)
            if one is not None:
                found.append(one)
    return tuple(found)


def _connection(
    pid: int, fd: int, inode: int, network: Network, networks: Networks, holders: _Holders
) -> Connection | None:
    if tcp := network.tcp.get(inode):
        peer = _owner(holders, networks.peer(network, tcp), pid)
        remote = "" if tcp.state == "LISTEN" else tcp.remote
        silent = network.silences.get(inode)
        return Connection(
            pid, fd, tcp.state, tcp.local, remote, peer, tcp.receive, tcp.send, silent
        )
    if local := network.local.get(inode):
        other = network.local.get(local.peer)
        peer = _owner(holders, local.peer, pid)
        far = other.path if other else ""
        return Connection(pid, fd, "unix", local.path, far, peer, local.receive, local.send)
    return None


def _owner(holders: _Holders, inode: int, pid: int) -> int:
    """The process at an end: another one than `pid` where several share it."""
    owners = sorted({owner for owner, _ in holders.get(inode, ())}) if inode else []
    others = [owner for owner in owners if owner != pid]
    return (others or owners or [0])[0]
