"""Everything that a log does to a message on its way."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence


class Disguise:
    """What happens to a message between the program that prints it and the log."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._ways: tuple[Callable[[str], bytes], ...] = (
            self.plain,
            self.plain,
            self.coloured,
            self.stamped,
            self.redrawn,
            self.as_json,
            self.as_logfmt,
            self.damaged,
            self.rubbed_out,
            self.lost_colour,
        )

    def line(self, message: str) -> bytes:
        """One line without its newline."""
        raw = self._rng.choice(self._ways)(message)
        return raw.replace(b"\n", b" ") + (b"\r" if self._rng.random() < 0.1 else b"")

    def plain(self, message: str) -> bytes:
        before = ("", "(Worker_TP3 pid=41) ", "INFO 07-01 02:16:31 [core.py:12] ", "…")
        return (self._rng.choice(before) + message).encode()

    def coloured(self, message: str) -> bytes:
        codes = (
            "\x1b[0m",
            "\x1b[1;31m",
            "\x1b[38;5;208m",
            "\x1b[K",
            "\x1b]8;;http://x\x07",
            "\x1b(B",
        )
        return self._sprinkled(message, codes).encode()

    def stamped(self, message: str) -> bytes:
        stamps = (
            "2026-07-01T02:16:31.1234567Z ",
            "job\tstep\t2026-07-01T02:16:31.1234567Z ",
            "\x1b_bk;t=1700000000000\x07",
            "worker-1  | ",
            "\ufeff2026-07-01T02:16:31.1234567Z ",
        )
        colour = ("", "\x1b[1;36m(EngineCore_DP0 pid=7)\x1b[0;0m ", "[rank3]: ")
        return (self._rng.choice(stamps) + self._rng.choice(colour) + message).encode()

    def redrawn(self, message: str) -> bytes:
        other = ["10%|█ | 1/9\r", "loading\r", "\r", "", message[: len(message) // 2] + "\r"]
        bars = "".join(self._rng.choices(other, k=3))
        return (bars + message + self._rng.choice(["", "\r", "\rnext", "\r\x1b[K"])).encode()

    def as_json(self, message: str) -> bytes:
        entry = {
            "levelname": "INFO",
            "message": self._sprinkled(message, ("\x1b[0m", "\x1b[31m", "", "\x08")),
            "asctime": "2026-07-01 02:16:31",
        }
        if self._rng.random() < 0.3:
            entry = {
                "log": json.dumps(entry) + "\n",
                "stream": "stderr",
                "time": "2026-07-01T02:16:31Z",
            }
        elif self._rng.random() < 0.3:
            entry["exc_info"] = f'Traceback:\n  File "x.py"\n{message}'
        return json.dumps(entry, ensure_ascii=self._rng.random() < 0.5).encode("utf-8", "replace")

    def as_logfmt(self, message: str) -> bytes:
        quoted = message.replace('"', '\\"')
        return f'time="2026-07-01T02:16:31Z" level=error msg="{quoted}"'.encode()

    def damaged(self, message: str) -> bytes:
        raw = message.encode()
        at = self._rng.randrange(len(raw) + 1)
        bad = self._rng.choice(
            [b"\xff", b"\xe2\x96", b"\x00", b"\xc2\x85", b"\xe2\x80\xae", b"\x7f"]
        )
        return raw[:at] + bad + raw[at:]

    def rubbed_out(self, message: str) -> bytes:
        return self._sprinkled(message, ("q\x08", "é\x08", "\x08", "\x07")).encode()

    def lost_colour(self, message: str) -> bytes:
        return self._sprinkled(message, ("[0m", "^[[0m", "\\x1b[0m", "[1;31m")).encode()

    def _sprinkled(self, message: str, codes: Sequence[str]) -> str:
        for _ in range(self._rng.randint(1, 3)):
            at = self._rng.randrange(len(message) + 1)
            message = message[:at] + self._rng.choice(codes) + message[at:]
        return message
