"""What has been learnt so far about the line being read.

Floor 1: pure.
"""

from __future__ import annotations

from diagnose.model import Writer

NOBODY = Writer()
LEVELS = {
    "TRACE": "DEBUG",
    "DEBUG": "DEBUG",
    "DEBU": "DEBUG",
    "D": "DEBUG",
    "INFO": "INFO",
    "I": "INFO",
    "NOTICE": "INFO",
    "WARN": "WARNING",
    "WARNING": "WARNING",
    "W": "WARNING",
    "ERR": "ERROR",
    "ERRO": "ERROR",
    "ERROR": "ERROR",
    "E": "ERROR",
    "FATA": "CRITICAL",
    "FATAL": "CRITICAL",
    "F": "CRITICAL",
    "PANIC": "CRITICAL",
    "CRITICAL": "CRITICAL",
}
"""Every spelling met, to the five levels of the model."""


class Reading:
    """Collects what the envelopes and headers of one line say, outermost first."""

    __slots__ = ("level", "relay", "stamp", "time_s", "writer")

    def __init__(self) -> None:
        self.level = ""
        self.stamp = ""
        self.time_s: float | None = None
        self.writer = NOBODY
        self.relay = NOBODY

    def at(self, stamp: str, time_s: float | None) -> None:
        """Notes a time; the outermost one stays, since it is on every line of the log."""
        if not self.stamp:
            self.stamp = stamp
            self.time_s = time_s

    def says(self, level: str) -> None:
        """Notes a level; the innermost one stays, since the program itself printed it."""
        self.level = LEVELS.get(level.upper(), self.level)

    def by(self, writer: Writer) -> None:
        """Notes a process; the last one with a pid names the writer, a node from any is kept."""
        self.writer = _joined(self.writer, writer) if self.writer is not NOBODY else writer

    def via(self, relay: Writer) -> None:
        """Notes who passed the line on: it is the writer only if no process says that it is."""
        self.relay = _joined(self.relay, relay) if self.relay is not NOBODY else relay

    def author(self) -> Writer:
        """The writer, on the node or in the container that any part of the line names."""
        if self.relay is NOBODY:
            return self.writer
        if not self.writer:
            return self.relay if not self.writer.node else _joined(self.relay, self.writer)
        if self.writer.node or not self.relay.node:
            return self.writer
        return _on(self.writer, self.relay.node)


def _joined(outer: Writer, inner: Writer) -> Writer:
    namer = outer if inner.pid is None and outer.pid is not None else inner
    return Writer(
        name=namer.name or inner.name or outer.name,
        pid=namer.pid,
        role=namer.role or inner.role,
        ranks=inner.ranks or (outer.ranks if namer is outer or inner.pid is None else ()),
        node=inner.node or outer.node,
    )


def _on(writer: Writer, node: str) -> Writer:
    return Writer(writer.name, writer.pid, writer.role, writer.ranks, node)
