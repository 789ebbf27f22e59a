"""The kernel's tables of sockets: TCP from /proc/PID/net, local ones by sock_diag.

Part of the probe, floor 10. /proc/PID/net is the network as that process sees it. What /proc does not tell the kernel
is asked for: the peer's inode of a local socket, and since when nothing came over a TCP connection.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator, Mapping
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
_UNIX_HEAD, _INET_HEAD = 16, 72
"""Bytes of an answer before its attributes."""
_TCP_INFO, _LAST_RECEIVED = 2, 52
"""The attribute with the kernel's `tcp_info`, and where in it the milliseconds since the last byte stand."""


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
    return {
        struct.unpack_from("=I", body, 4)[0]: _local(dict(_attributes(body[_UNIX_HEAD:])))
        for body in _asked(request)
    }


def silences() -> dict[int, float]:
    """Seconds since the last byte came over each TCP connection of this network namespace, by inode."""
    found: dict[int, float] = {}
    for family in (socket.AF_INET, socket.AF_INET6):
        established = 1 << 1
        request = struct.pack(
            "=BBBxI48x", family, socket.IPPROTO_TCP, 1 << (_TCP_INFO - 1), established
        )
        for body in _asked(request):
            inode = struct.unpack_from("=I", body, _INET_HEAD - 4)[0]
            info = dict(_attributes(body[_INET_HEAD:])).get(_TCP_INFO, b"")
            if len(info) >= _LAST_RECEIVED + 4:
                found[inode] = struct.unpack_from("=I", info, _LAST_RECEIVED)[0] / 1000
    return found


def _asked(request: bytes) -> Iterator[bytes]:
    """The bodies of the kernel's answers to one question about sockets; none where it does not answer."""
    header = struct.pack("=IHHII", 16 + len(request), _SOCK_DIAG_BY_FAMILY, _DUMP_REQUEST, 1, 0)
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
            kernel.settimeout(2.0)
            kernel.send(header + request)
            done = False
            while not done:
                bodies, done = _bodies(kernel.recv(2**16))
                yield from bodies
    except OSError:
        return


def _bodies(data: bytes) -> tuple[list[bytes], bool]:
    """The messages of one answer, and whether it was the last."""
    found: list[bytes] = []
    at = 0
    while at + 16 <= len(data):
        length, kind = struct.unpack_from("=IH", data, at)
        if kind in (_ERROR, _DONE) or length < 16:
            return found, True
        found.append(data[at + 16 : at + length])
        at += (length + 3) & ~3
    return found, False


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        yield kind, data[at + 4 : at + length]
        at += max(4, (length + 3) & ~3)


def _local(attributes: Mapping[int, bytes]) -> Local:
    name, peer = attributes.get(_NAME, b""), attributes.get(_PEER, b"")
    path = os.fsdecode(b"@" + name[1:] if name[:1] == b"\0" else name.rstrip(b"\0"))
    queues = attributes.get(_QUEUES, b"")
    receive, send = struct.unpack("=II", queues[:8]) if len(queues) >= 8 else (0, 0)
    return Local(
        path.encode("utf-8", "replace").decode(),
        struct.unpack("=I", peer[:4])[0] if len(peer) >= 4 else 0,
        receive,
        send,
    )
