"""The server that is watched: a command of ours, or a process that somebody else started.

Part of `watch`.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Collection, Sequence
from pathlib import Path

from diagnose.errors import InputError
from diagnose.probe import proc
from diagnose.probe.about import copies
from diagnose.watch.command import Command
from diagnose.watch.examine import Log
from diagnose.watch.follow import Follower
from diagnose.watch.outputs import Channel, channels
from diagnose.watch.tree import Tree


class Server:
    """What both kinds have."""

    pid: int
    channels: tuple[Channel, ...]
    """Its output, each stream once."""
    code: int | None = None
    """Its exit code, once it ended and where it is known."""
    ended: bool = False
    ours: bool = False
    """Whether this program started it, and ends with it."""
    handles: tuple[int, ...] = ()
    """Descriptors that become readable when there is news of it."""

    @property
    def logs(self) -> dict[str, Log]:
        """The files that hold its output, by the path that its processes know."""
        return {one.path: Log(one.here, one.begins, one.name or one.path) for one in self.channels}

    def tree(self) -> Tree:
        """Its processes."""
        raise NotImplementedError

    def check(self, aside: Collection[int]) -> None:
        """Takes note of whether it ended.

        Args:
            aside: Children of this program that are no part of it.
        """
        raise NotImplementedError

    def pass_on(self, number: signal.Signals) -> bool:
        """Sends it a signal; False where it is not ours to signal."""
        raise NotImplementedError

    def close(self) -> None:
        """Lets go of its files."""
        for channel in self.channels:
            channel.follower.close()


class Own(Server):
    """A command that this program starts.

    Args:
        argv: Program and arguments.
        log: The file that its output goes to as well.

    Raises:
        OSError: If it cannot be started.
        InputError: If the log cannot be written.
    """

    ours = True

    def __init__(self, argv: Sequence[str], log: Path | None) -> None:
        out, error = channels(log)
        self.channels = (out,) if out is error else (out, error)
        # A program that became this one by `exec` may have had children of its own.
        self._before = set(proc.family(os.getpid()))
        self._command = Command(argv, out.handle, error.handle)
        self.pid = self._command.pid

    def tree(self) -> Tree:
        """Its processes, and those that lost their parent."""
        return Tree(self.pid, ours=True, strangers=set(self._before))

    def check(self, aside: Collection[int]) -> None:
        """Takes note of its end."""
        self._command.reap()
        self.code = self._command.code
        self.ended = self.code is not None

    def pass_on(self, number: signal.Signals) -> bool:
        """Sends it a signal."""
        self._command.pass_on(number)
        return True


class Beside(Server):
    """A process that was started by somebody else.

    Args:
        pid: The head of its tree.
        log: Its log file; None for where its standard output goes.

    Raises:
        InputError: If there is no such process, it is no server, or its log cannot be read.
    """

    def __init__(self, pid: int, log: Path | None) -> None:
        try:
            handle = os.pidfd_open(pid)
        except OSError as error:
            raise InputError(f"there is no process {pid}", "name the server's pid") from error
        if copies(pid) and proc.link(f"/proc/{pid}/fd/0").startswith("pipe:"):
            raise InputError(
                f"process {pid} only passes on what it reads",
                "after `server | tee log &` the pid in $! is that of tee: use `server > log 2>&1 &`",
            )
        self.pid, self.handles = pid, (handle,)
        paths = [_readable(log)] if log else _outputs(pid)
        self.channels = tuple(Channel(path, path, -1, Follower(path)) for path in paths)

    def tree(self) -> Tree:
        """Its processes."""
        return Tree(self.pid)

    def check(self, aside: Collection[int]) -> None:
        """Takes note of its end, and of that of our own children."""
        for pid in aside:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        state = proc.stat(self.pid)
        self.ended = state is None or state.state in "ZX"

    def pass_on(self, number: signal.Signals) -> bool:
        """Nothing: whoever started it ends it."""
        return False


def _readable(log: Path) -> str:
    """Its path; it may come later."""
    try:
        os.close(os.open(log, os.O_RDONLY | os.O_NONBLOCK))
    except FileNotFoundError:
        pass
    except OSError as error:
        raise InputError(f"cannot read {log}: {error.strerror}", "name another --log") from error
    return str(log)


def _outputs(pid: int) -> list[str]:
    """The plain files that its standard output and error go to."""
    found = [proc.link(f"/proc/{pid}/fd/{number}") for number in (1, 2)]
    return [path for path in dict.fromkeys(found) if path.startswith("/") and os.path.isfile(path)]
