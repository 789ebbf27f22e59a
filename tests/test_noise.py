"""A log and the same log deep in healthy noise give the same answer, in bounded memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

LOGS = Path(__file__).parent.parent / "fixtures" / "logs"
NOISE = (
    "2026-07-01T01:{m:02d}:{s:02d}.{f:06d}0Z (APIServer pid=77) INFO 07-01 01:{m:02d}:{s:02d} [loggers.py:271] Engine 000: Avg"
    " prompt throughput: 4120.3 tokens/s, Avg generation throughput: 911.7 tokens/s, Running: 64 reqs, Waiting: 0 reqs\n"
    '2026-07-01T01:{m:02d}:{s:02d}.{f:06d}0Z (APIServer pid=77) INFO:     127.0.0.1:4{f:04d} - "POST /v1/completions HTTP/1.1" 200 OK\n'
    "node-a:402:488 [{g}] NCCL INFO Channel 0{g}/0 : {g}[{g}] -> 1[1] via P2P/CUMEM/read\n"
    "\x1b[32mINFO\x1b[0m 07-01 01:{m:02d}:{s:02d} [metrics.py:88] KV cache usage: {g}.{f:04d}%, prefix cache hit rate: 61.4%\n"
    "Downloading:  {g}%|###   | {f}/99999 [00:{s:02d}<00:10]\rDownloading:  {g}%|####  | {f}/99999 [00:{s:02d}<00:09]\n"
)


def noise(megabytes: int) -> bytes:
    """Healthy lines, none equal to the last."""
    block = "".join(
        NOISE.format(m=n // 60 % 60, s=n % 60, f=n % 9973, g=n % 8) for n in range(2000)
    ).encode()
    return block * max(1, megabytes * 1_000_000 // len(block))


def answer(path: Path) -> tuple[dict, int]:
    """The JSON answer, and the peak resident memory in MB."""
    code = (
        "import resource, subprocess, sys\n"
        "done = subprocess.run([sys.executable, '-m', 'diagnose', 'log', '--format', 'json', sys.argv[1]], capture_output=True)\n"
        "sys.stdout.buffer.write(done.stdout)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, check=True)
    return json.loads(done.stdout), int(done.stderr)


@pytest.mark.parametrize(
    ("name", "megabytes"),
    [
        ("mxfp4-ep-hang", 20),
        pytest.param("mxfp4-ep-hang", 250, marks=pytest.mark.slow),
        ("kv-cache-too-small", 20),
        ("aiter-memory-fault", 20),
        ("model-not-found", 20),
    ],
)
def test_noise_before_and_after_changes_nothing(tmp_path, name, megabytes):
    plain = LOGS / f"{name}.log"
    deep = tmp_path / f"{name}.log"
    with deep.open("wb") as out:
        out.write(noise(megabytes))
        out.write(plain.read_bytes())
        out.write(noise(megabytes))

    expected, _ = answer(plain)
    said, memory_mb = answer(deep)

    assert said["verdict"] == expected["verdict"]
    assert said["cause"]["id"] == expected["cause"]["id"]
    assert [e["text"] for e in said["chain"][0]["evidence"]] == [
        e["text"] for e in expected["chain"][0]["evidence"]
    ]
    assert memory_mb < 300
