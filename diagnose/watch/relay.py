"""Passes on what the server printed, and lets it be heard.

Part of `watch`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from diagnose.watch.outputs import Channel
from diagnose.watch.status import Voice

_PATIENT_S = 0.2
_PIECES = 16
"""Of a mebibyte at most, in one step: a flood must not hold up everything else."""


class Relay:
    """The server's output on its way.

    Args:
        channels: Each stream once.
        voice: Whose status line makes room.
        hear: Takes a stream's name and its next bytes.
    """

    def __init__(
        self, channels: Collection[Channel], voice: Voice, hear: Callable[[str, bytes], None]
    ) -> None:
        self._channels = channels
        self._voice = voice
        self._hear = hear

    def step(self) -> bool:
        """Passes on what is there and what the reader takes without waiting; whether there was anything."""
        moved = False
        for channel in self._channels:
            for _ in range(_PIECES):
                if not channel.pass_on() or not self._next(channel):
                    break
                moved = True
            channel.free()
        return moved

    def drain(self, interrupted: Callable[[], bool]) -> None:
        """Passes on all of the rest; a slow reader is waited for until a signal comes."""
        for channel in self._channels:
            while not interrupted():
                if channel.pass_on(_PATIENT_S) and not self._next(channel):
                    break

    @property
    def passes_on(self) -> bool:
        """Whether anybody reads what is passed on."""
        return any(channel.to >= 0 for channel in self._channels)

    @property
    def awaited(self) -> list[int]:
        """The descriptors whose readers are to take something before it goes on."""
        return [channel.to for channel in self._channels if channel.pending and channel.to >= 0]

    def _next(self, channel: Channel) -> bool:
        data = channel.follower.read()
        if data:
            self._hear(channel.path, data)
            if channel.to >= 0:
                self._voice.clear()
                self._voice.at_line_start = data.endswith((b"\n", b"\r"))
                channel.pending = memoryview(data)
        return bool(data)
