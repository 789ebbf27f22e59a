"""Makes the logs that are measured: one file for each kind and size, made once and kept.

    python tests/benchmarks/logs.py FOLDER KIND MEGABYTES

`low` is a healthy job with one failing record in 1,400, `dense` has one in ten, `flood` is one warning
over and over, `bars` is half progress bars, `plain` is `low` without the CI system's stamps and without
colours, `healthy` has no failing record at all. All but `plain` carry a GitHub stamp on every line and
a colour in a third of the prefixes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from records import Maker, Record, examples

KINDS = ("low", "dense", "flood", "bars", "plain", "healthy")
_FAILING = {"low": 1 / 1400, "dense": 0.1, "bars": 1 / 1400, "plain": 1 / 1400}
_POOL = 60_000
_AT_ONCE = 512
# 100 ns ticks of the stamps at nine o'clock, and between two records at most.
_START, _STEP = 32_400 * 10**7, 90_000


def log(folder: Path, kind: str, megabytes: int, signatures: dict[str, object]) -> Path:
    """The log of a kind and size below `folder`; made if it is not there."""
    path = folder / f"{kind}-{megabytes}mb.log"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part")
        with partial.open("wb") as file:
            for part in _parts(kind, megabytes * 10**6, examples(signatures)):
                file.write(part)
        partial.rename(path)
    return path


def _parts(kind: str, size: int, failing: Sequence[Record]) -> Iterator[bytes]:
    """A log in parts of a megabyte or so."""
    maker = Maker(7, colour=0.0 if kind == "plain" else 0.35)
    rng, now, done = maker.rng, _START, 0
    healthy = [_healthy(maker, kind) for _ in range(_POOL)]
    broken = [maker.failing(failing) for _ in range(_POOL // 10)]
    share = _FAILING.get(kind, 0.0)
    while done < size:
        lines = []
        for _ in range(_AT_ONCE):
            now += rng.randrange(_STEP)
            stamp = "" if kind == "plain" else _stamp(now)
            record = rng.choice(broken if rng.random() < share else healthy)
            lines.append(f"{stamp}{record.replace(chr(10), chr(10) + stamp)}\n")
        part = "".join(lines).encode()
        done += len(part)
        yield part


def _healthy(maker: Maker, kind: str) -> Record:
    if kind == "flood":
        return maker.heartbeat()
    return maker.healthy(bars=0.5 if kind == "bars" else 0.05)


def _stamp(ticks: int) -> str:
    seconds, rest = divmod(ticks, 10**7)
    clock = f"{seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"2026-11-20T{clock}.{rest:07d}Z "


if __name__ == "__main__":
    from diagnose.catalogue import default_root, load

    print(log(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), load(default_root())))
