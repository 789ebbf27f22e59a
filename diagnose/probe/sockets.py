"""The kernel's tables of sockets: TCP from /proc/PID/net, local ones by sock_diag.

Part of the probe, floor 10. /proc/PID/net is the network as that process sees it; for local sockets the kernel is
asked for the peer's inode, which /proc does not tell.
"""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass

from diagnose.probe import proc

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


@dataclass(frozen=True, slots=True)
class Tcp:
    """One TCP socket."""

    state: str
    local: str
    remote: str
    send: int
    receive: int
    inode: int


@dataclass(frozen=True, slots=True)
class Local:
    """One local socket."""

    path: str
    peer: int
    receive: int
    send: int


def tcp_sockets(pid: int) -> dict[int, Tcp]:
    """The TCP sockets of the network that a process sees, by inode."""
    found = {}
    for family in ("tcp", "tcp6"):
        for line in proc.text(f"/proc/{pid}/net/{family}", 2**26).splitlines()[1:]:
            fields = line.split()
            if len(fields) < 10:
                continue
            send, _, receive = fields[4].partition(":")
            one = Tcp(
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


def local_sockets() -> dict[int, Local]:
    """Every local socket of this network namespace, by inode; empty where the kernel does not answer."""
    request = struct.pack("=BBHIIIII", socket.AF_UNIX, 0, 0, 0xFFFFFFFF, 0,
                          _SHOW_NAME | _SHOW_PEER | _SHOW_QUEUES, 0xFFFFFFFF, 0xFFFFFFFF)  # fmt: skip
    header = struct.pack("=IHHII", 16 + len(request), _SOCK_DIAG_BY_FAMILY, _DUMP_REQUEST, 1, 0)
    found: dict[int, Local] = {}
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
            kernel.settimeout(2.0)
            kernel.send(header + request)
            while _messages(kernel.recv(2**16), found):
                pass
    except OSError:
        return found
    return found


def _messages(data: bytes, found: dict[int, Local]) -> bool:
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


def _attributes(data: bytes) -> Local:
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
    return Local(path, peer, receive, send)
