"""Measures `diagnose log` beside what else could be used, and prints a table.

    python tests/benchmarks/run.py [--quick] [--rounds 5] [--folder DIR] [LOG…]

A LOG is KIND-MEGABYTES, such as `low-200` (see `logs.py`). It is made in DIR when it is not there. All
commands run in turns, round by round, so that a busy moment of the machine hits all of them; figures are
medians, and ratios are medians of each round's ratio with the lowest and the highest behind them. On a
machine that others use as well, CPU time tells more than wall time; `diagnose log` runs several processes on a
long log, the others one thread.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from logs import log
from peers import Peer, peers

from diagnose.catalogue import default_root, load
from diagnose.pipeline import Examiner

HERE = Path(__file__).parent
DIAGNOSE = (sys.executable, "-m", "diagnose")
LOGS = ("low-1", "low-200", "plain-200", "dense-200", "flood-200", "bars-200", "low-1000")
QUICK = ("low-1", "low-20", "dense-20", "flood-20", "bars-20")
PATIENCE_S = 60
GROWTH = (100, 300, 1000)
_UNZIP = (
    "import isal.igzip,sys\nwith isal.igzip.open(sys.argv[1]) as f:\n while f.read(1<<20): pass"
)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a command."""

    wall_s: float
    cpu_s: float
    memory_mb: float


def measure(command: Sequence[str]) -> Run | None:
    """Runs a command with its output thrown away; None if it takes too long, a failed one is an error."""
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as child:
        assert child.stderr is not None
        patience = threading.Timer(PATIENCE_S, child.kill)
        patience.start()
        said = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        patience.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode == -signal.SIGKILL:
        return None
    if child.returncode not in (0, 1, 3):
        raise SystemExit(f"{command[0]} ended with {child.returncode}: {said.decode()[-400:]}")
    cpu = usage.ru_utime + usage.ru_stime
    return Run(time.perf_counter() - started, cpu, usage.ru_maxrss / 1e3)


def rounds(commands: Sequence[Peer], path: Path, count: int) -> dict[str, list[Run]]:
    """Every command `count` times, in turns, after one run of each that is not counted.

    What takes too long even once is told and left out.
    """
    found: dict[str, list[Run]] = {peer.name: [] for peer in commands}
    for number in range(count + 1):
        for peer in [peer for peer in commands if peer.name in found]:
            run = measure((*peer.command, str(path)))
            if run is None:
                print(
                    f"\n{peer.name} on {path.name}: stopped after {PATIENCE_S} s, and not tried again"
                )
                del found[peer.name]
            elif number:
                found[peer.name].append(run)
    return found


def table(path: Path, found: dict[str, list[Run]], against: str) -> list[str]:
    """Lines of a Markdown table for one log."""
    size = path.stat().st_size / 1e6
    lines = [
        f"\n### {path.name}\n",
        f"| | wall s | CPU s | MB / CPU s | memory MB | wall of {against} ÷ its own | the same, CPU |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, runs in found.items():
        wall = statistics.median(run.wall_s for run in runs)
        cpu = statistics.median(run.cpu_s for run in runs)
        memory = max(run.memory_mb for run in runs)
        walls = cpus = "–"
        if against in found:
            pairs = list(zip(found[against], runs, strict=True))
            walls = _spread([other.wall_s / own.wall_s for other, own in pairs])
            cpus = _spread([other.cpu_s / max(own.cpu_s, 1e-3) for other, own in pairs])
        speed = size / max(cpu, 1e-3)
        lines.append(
            f"| {name} | {wall:.3f} | {cpu:.3f} | {speed:.0f} | {memory:.0f} | {walls} | {cpus} |"
        )
    return lines


def _spread(ratios: Sequence[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


def scanning(path: Path, count: int, signatures: int = 0) -> dict[str, float]:
    """The scanning part in a process of its own: the run whose scan took the median time."""
    command = [sys.executable, str(HERE / "engine.py"), str(path)]
    if signatures:
        command += ["--signatures", str(signatures)]
    runs = [
        json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        for _ in range(count)
    ]
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def start_up(count: int) -> list[str]:
    """What it takes to start, with a warm file cache."""
    lines = ["\n### Start-up\n", "| | wall ms | CPU ms |", "|---|---|---|"]
    for name, command in (
        ("python -c pass", (sys.executable, "-c", "pass")),
        ("diagnose --version", (*DIAGNOSE, "--version")),
        ("diagnose --help", (*DIAGNOSE, "--help")),
    ):
        runs = [run for _ in range(count + 1) if (run := measure(command))][1:]
        wall, cpu = (
            statistics.median(getattr(run, key) for run in runs) for key in ("wall_s", "cpu_s")
        )
        lines.append(f"| {name} | {1e3 * wall:.0f} | {1e3 * cpu:.0f} |")
    return lines


def main() -> None:
    """Makes the logs, runs everything, prints Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("logs", nargs="*", metavar="LOG")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="smaller logs, no gzip, no growth")
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()) / "diagnose-logs"
    )
    given = parser.parse_args()
    signatures = load(default_root())
    given.folder.mkdir(parents=True, exist_ok=True)
    others, notes = peers(given.folder, Examiner(signatures)._wanted.patterns)
    ours = Peer("diagnose log", (*DIAGNOSE, "log"))
    against = others[0].name if others else ours.name
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {len(signatures)} signatures, {given.rounds} rounds"
    )
    print(*notes, sep="\n")
    print(*start_up(given.rounds), sep="\n", flush=True)
    for name in given.logs or (QUICK if given.quick else LOGS):
        kind, _, size = name.rpartition("-")
        path = log(given.folder, kind, int(size), signatures)
        found = rounds([ours, *others], path, given.rounds)
        others = [peer for peer in others if peer.name in found]
        print(*table(path, found, against), sep="\n")
        part = scanning(path, given.rounds)
        print(
            f"\nScanning part {part['scan']:.3f} s, Hyperscan alone {part['floor']:.3f} s: {100 * part['floor'] / part['scan']:.0f} % of the floor's speed, {part['memory'] / 1e6:.0f} MB.",
            flush=True,
        )
    if not given.quick:
        path = log(given.folder, "low", 200, signatures)
        packed = path.with_suffix(".log.gz")
        if not packed.exists():
            with path.open("rb") as plain, gzip.open(packed, "wb", 6) as file:
                shutil.copyfileobj(plain, file)
        alone = Peer("isal alone", (sys.executable, "-c", _UNZIP))
        print(*table(packed, rounds([ours, alone], packed, given.rounds), alone.name), sep="\n")
        print(
            "\n### More signatures\n\n| signatures | patterns | scan s | Hyperscan alone s | memory MB |\n|---|---|---|---|---|"
        )
        for count in GROWTH:
            part = scanning(path, given.rounds, count)
            print(
                f"| {count} | {part['patterns']:.0f} | {part['scan']:.3f} | {part['floor']:.3f} | {part['memory'] / 1e6:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
