"""Measures a look: from start to answer, and for how long each of eight ranks could not run meanwhile.

    DIAGNOSE_TORCH_PYTHON=/opt/torch/bin/python python tests/pauses.py [ARGUMENTS OF DIAGNOSE ATTACH]

A thread of each rank notes every time that it was woken 3 ms late or more (`programs/race.py`). What it notes in
as long a time without a look is told beside it: the machine's own noise.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from living import PROGRAMS, running


def late(folder: Path, start: float, end: float) -> dict[str, float]:
    """Seconds by rank in which it could not run, between two monotonic times."""
    found = {}
    for path in sorted(folder.iterdir()):
        rows = [tuple(map(float, line.split())) for line in path.read_text().splitlines()]
        found[path.name] = sum(gap for at, gap in rows if start <= at <= end)
    return found


def main(arguments: list[str]) -> None:
    """Prints the times of three looks."""
    python = os.environ.get("DIAGNOSE_TORCH_PYTHON", sys.executable)
    path = f"{Path(python).parent}:{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as name:
        folder, beats = Path(name, "extensions"), Path(name, "beats")
        folder.mkdir()
        beats.mkdir()
        command = [python, str(PROGRAMS / "race.py"), str(folder), "8"]
        variables = {"PATH": path, "BEATS": str(beats)}
        with running(command, folder=Path(name), environment=variables) as one:
            for _ in range(3):
                look = [sys.executable, "-m", "diagnose", "attach", str(one.pid), "--quiet"]
                start = time.monotonic()
                subprocess.run([*look, *arguments], capture_output=True, check=False)
                end = time.monotonic()
                time.sleep(end - start + 1.0)
                seen, noise = late(beats, start, end), late(beats, end + 1.0, 2 * end - start + 1.0)
                worst = max(seen, key=lambda rank: seen[rank])
                print(
                    f"answer after {end - start:.2f} s; paused {min(seen.values()):.3f} to {seen[worst]:.3f} s",
                    end="",
                )
                print(f"; without a look up to {max(noise.values()):.3f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
