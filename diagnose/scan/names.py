"""Which process wrote a line, found at memory speed; `dialects` reads the real thing.

Floor 3: pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from diagnose.scan.limits import Limits
from diagnose.scan.others import expressions
from diagnose.scan.protocol import Engine, Event, Text

Data = bytes | bytearray

_WHO = re.compile(rb"pid=\d+|\[rank\d+\]| TP\d+(?: EP\d+)?\]")
# NCCL and RCCL name the process in the first word: `node-1:612:612 [3] NCCL INFO`.
_NCCL, _NCCL_FORM = b"] NCCL ", rb"\] NCCL "
_NCCL_KEY = 16 + len(_NCCL)
_FIRST_WORD = re.compile(rb"(?:\[?\d{4}-\d\d-\d\d[T ][\d:.,+]+Z?\]? *)?(\S{0,24})")
_WHERE = 160
# As often a line may name a process that did not write it, before such lines are passed over.
_MENTIONED = 1000
# So many lines of processes that are known are passed over one by one before the engine learns them.
_PASSED_OVER = 2000


def who(data: Data, start: int, end: int) -> bytes:
    """Something that most lines of one process share, and no line of another one has."""
    end = min(end, start + _WHERE)
    named = _WHO.search(data, start, end)
    if named:
        return named[0]
    found = _FIRST_WORD.match(data, start, end)
    return found[1] if found else b""


class Names:
    """Finds the first lines of every process.

    Args:
        engine: Finds names fast, if it can.
        limits: How many lines of how many processes.
    """

    def __init__(self, engine: Engine, limits: Limits) -> None:
        self._engine = engine
        self._most = limits.lines_looked_at
        self._writers = limits.writers
        self.forget()

    def forget(self) -> None:
        """From now on every line is one of the first ones again."""
        self._lines: dict[bytes, int] = {}
        self._mentioned: dict[bytes, int] = {}
        self._known: set[bytes] = set()
        self._known_keys: set[bytes] = set()
        self._passed_over = 0
        self._patience = _PASSED_OVER
        self._find: Callable[[Text], list[Event]] | None = None

    def first_lines(
        self, data: Data, low: int, high: int, bounds: Callable[[int], tuple[int, int]]
    ) -> Iterator[tuple[int, int]]:
        """Lines of processes of which few were seen so far, each counted as one that was.

        Args:
            data: Where they are.
            low: From here.
            high: To here.
            bounds: The start and the end of the line that holds an offset.
        """
        if len(self._lines) > self._writers:
            return
        done, new = low, set[bytes]()
        for at in sorted(self._named(data, low, high)):
            if at < done:
                continue
            start, done = bounds(at)
            name = who(data, start, done)
            seen = self._lines.get(name, 0)
            # Where the first lines of a process end, the rest of the stretch still counts as such.
            is_new = seen < self._most or name in new
            if is_new and self._is_written_by(name, data, start, done):
                new.add(name)
                self._lines[name] = seen + 1
                if seen + 1 == self._most:
                    self._known.add(name)
                yield start, done
            else:
                self._pass_over(name, data, start, done)

    def _named(self, data: Data, low: int, high: int) -> list[int]:
        """Offsets within names of which few lines were seen."""
        if self._passed_over > self._patience:
            # To learn costs as much as passing over thousands of lines, and may be of no use.
            self._passed_over, self._patience = 0, 2 * self._patience
            self._find = self._engine.finder([_NCCL_FORM, *expressions(self._known)])
        if self._find is None:
            return [*self._by_themselves(data, low, high), *self._by_nccl(data, low, high)]
        with memoryview(data) as view, view[low:high] as window:
            found = self._find(window)
        keys = self._known_keys
        return [
            low + end - 1
            for end, form in found
            if form or bytes(data[low + end - _NCCL_KEY : low + end]) not in keys
        ]

    def _by_themselves(self, data: Data, low: int, high: int) -> Iterator[int]:
        for name in _WHO.finditer(data, low, high):
            if name[0] in self._known:
                self._passed_over += 1
            else:
                yield name.start()

    def _by_nccl(self, data: Data, low: int, high: int) -> Iterator[int]:
        at, keys = low, self._known_keys
        while (at := data.find(_NCCL, at, high)) >= 0:
            at += len(_NCCL)
            if bytes(data[at - _NCCL_KEY : at]) in keys:
                self._passed_over += 1
            else:
                yield at - 1

    def _is_written_by(self, name: bytes, data: Data, start: int, end: int) -> bool:
        """Whether the name is one of a process, and not just the first word of a line."""
        return bool(_WHO.fullmatch(name)) or data.find(_NCCL, start, end) >= 0

    def _pass_over(self, name: bytes, data: Data, start: int, end: int) -> None:
        self._passed_over += 1
        if name in self._known and len(self._known_keys) < self._writers:
            behind = data.find(_NCCL, start, end) + len(_NCCL)
            if behind > len(_NCCL):
                self._known_keys.add(bytes(data[behind - _NCCL_KEY : behind]))
        for other in _WHO.findall(data, start, end):
            if other != name and len(self._mentioned) < self._writers:
                count = self._mentioned[other] = self._mentioned.get(other, 0) + 1
                if count == _MENTIONED:
                    self._known.add(other)
