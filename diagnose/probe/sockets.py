"""The server's sockets and who sits at the other end, when that is on this host.

Part of the probe, floor 10. TCP comes from /proc/PID/net, which is the network as that process sees it; for
local sockets the kernel is asked for the peer's inode (sock_diag), which /proc does not tell.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from diagnose.model import Connection
from diagnose.probe import proc
from diagnose.probe.descriptors import Descriptors

_STATES = {
    1: "ESTABLISHED", 2: "SYN_SENT", 3: "SYN_RECV", 4: "FIN_WAIT1", 5: "FIN_WAIT2", 6: "TIME_WAIT", 7: "CLOSE",
    8: "CLOSE_WAIT", 9: "LAST_ACK", 10: "LISTEN", 11: "CLOSING",
}  # fmt: skip
_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_DUMP_REQUEST = 0x301
_SHOW_NAME, _SHOW_PEER, _SHOW_QUEUES = 1, 4, 16
_NAME, _PEER, _QUEUES = 0, 2, 4
_ERROR, _DONE = 2, 3
Holders = Mapping[int, list[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class _Tcp:
    state: str
    local: str
    remote: str
    send: int
    receive: int
    inode: int


@dataclass(frozen=True, slots=True)
class _Local:
    path: str
    peer: int
    receive: int
    send: int


def connections(table: Descriptors, tree: Collection[int]) -> tuple[Connection, ...]:
    """Every TCP and local socket that the server's processes have open."""
    holders = table.objects("socket")
    networks: dict[str, dict[int, _Tcp]] = {}
    local = local_sockets()
    found = []
    for pid in tree:
        mine = {inode: fd for inode, ends in holders.items() for owner, fd in ends if owner == pid}
        if not mine:
            continue
        network = proc.namespace(pid, "net")
        if network not in networks:
            networks[network] = _tcp(pid)
        sockets = networks[network]
        peers = {(one.local, one.remote): one.inode for one in sockets.values()}
        for inode, fd in sorted(mine.items(), key=lambda item: item[1]):
            if inode in sockets:
                found.append(_network(pid, fd, sockets[inode], peers, holders))
            elif inode in local:
                one = local[inode]
                peer = _owner(holders, one.peer, pid)
                remote = local[one.peer].path if one.peer in local else ""
                found.append(
                    Connection(pid, fd, "unix", one.path, remote, peer, one.receive, one.send)
                )
    return tuple(found)


def _network(
    pid: int, fd: int, one: _Tcp, peers: Mapping[tuple[str, str], int], holders: Holders
) -> Connection:
    peer = _owner(holders, peers.get((one.remote, one.local), 0), pid)
    remote = "" if one.state == "LISTEN" else one.remote
    return Connection(pid, fd, one.state, one.local, remote, peer, one.receive, one.send)


def _owner(holders: Holders, inode: int, pid: int) -> int:
    """The process at an end: another one than `pid` where several share it."""
    owners = sorted({owner for owner, _ in holders.get(inode, ())}) if inode else []
    others = [owner for owner in owners if owner != pid]
    return (others or owners or [0])[0]


def _tcp(pid: int) -> dict[int, _Tcp]:
    found = {}
    for family in ("tcp", "tcp6"):
        for line in proc.text(f"/proc/{pid}/net/{family}", 2**26).splitlines()[1:]:
            fields = line.split()
            if len(fields) < 10:
                continue
            send, _, receive = fields[4].partition(":")
            one = _Tcp(
                _STATES.get(int(fields[3], 16), fields[3]), address(fields[1]), address(fields[2]),
                int(send, 16), int(receive, 16), int(fields[9]),
            )  # fmt: skip
            found[one.inode] = one
    found.pop(0, None)
    return found


def address(text: str) -> str:
    """`0100007F:1F40` as `127.0.0.1:8000`; the kernel writes words in its own byte order."""
    host, _, port = text.partition(":")
    raw = b"".join(struct.pack("=I", int(host[i : i + 8], 16)) for i in range(0, len(host), 8))
    if len(raw) == 4:
        return f"{socket.inet_ntop(socket.AF_INET, raw)}:{int(port, 16)}"
    name = socket.inet_ntop(socket.AF_INET6, raw)
    name = (
        name.removeprefix("::ffff:") if name.startswith("::ffff:") and "." in name else f"[{name}]"
    )
    return f"{name}:{int(port, 16)}"


def local_sockets() -> dict[int, _Local]:
    """Every local socket of this network namespace, by inode; empty where the kernel does not answer."""
    request = struct.pack("=BBHIIIII", socket.AF_UNIX, 0, 0, 0xFFFFFFFF, 0,
                          _SHOW_NAME | _SHOW_PEER | _SHOW_QUEUES, 0xFFFFFFFF, 0xFFFFFFFF)  # fmt: skip
    header = struct.pack("=IHHII", 16 + len(request), _SOCK_DIAG_BY_FAMILY, _DUMP_REQUEST, 1, 0)
    found: dict[int, _Local] = {}
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
            kernel.settimeout(2.0)
            kernel.send(header + request)
            while _messages(kernel.recv(2**16), found):
                pass
    except OSError:
        return found
    return found


def _messages(data: bytes, found: dict[int, _Local]) -> bool:
    """Takes the sockets out of one answer; False when it was the last."""
    at = 0
    while at + 16 <= len(data):
        length, kind = struct.unpack_from("=IH", data, at)
        if kind in (_ERROR, _DONE) or length < 16:
            return False
        inode = struct.unpack_from("=I", data, at + 20)[0]
        found[inode] = _attributes(data[at + 32 : at + length])
        at += (length + 3) & ~3
    return True


def _attributes(data: bytes) -> _Local:
    path, peer, receive, send = "", 0, 0, 0
    at = 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        value = data[at + 4 : at + length]
        if kind == _NAME:
            path = os.fsdecode(b"@" + value[1:] if value[:1] == b"\0" else value.rstrip(b"\0"))
            path = path.encode("utf-8", "replace").decode()
        elif kind == _PEER and len(value) >= 4:
            peer = struct.unpack("=I", value[:4])[0]
        elif kind == _QUEUES and len(value) >= 8:
            receive, send = struct.unpack("=II", value[:8])
        at += max(4, (length + 3) & ~3)
    return _Local(path, peer, receive, send)
