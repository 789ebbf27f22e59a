"""The three engines find the same with the catalogue itself, in every shipped log and in made ones."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest

from diagnose.catalogue import default_root, load
from diagnose.model import Channel
from diagnose.pipeline import Examiner
from diagnose.scan import Scan
from diagnose.scan.engine import NAMES

FIXTURES = Path(__file__).parent.parent / "fixtures"
LOGS = sorted((*FIXTURES.glob("logs/*.log"), *FIXTURES.glob("healthy/*.log")))


@pytest.fixture(scope="module")
def scanners(tmp_path_factory):
    """One scanner of each engine, with every expression that the program looks for."""
    cache, signatures = tmp_path_factory.mktemp("cache"), load(default_root())
    return {name: Examiner(signatures, cache=cache, engine=name)._scanner for name in NAMES}


def same(scanners, data: bytes) -> Scan:
    """What all engines find; fails where they do not agree."""
    first, *others = (s.scan(0, "log", io.BytesIO(data)) for s in scanners.values())
    for other in others:
        assert other.hits == first.hits
        assert (other.windows, other.head, other.tail) == (first.windows, first.head, first.tail)
    return first


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_a_shipped_log(scanners, path):
    assert same(scanners, path.read_bytes()).hits


def test_every_example_of_the_catalogue_in_every_dress(scanners):
    rng = random.Random(5)
    lines = []
    for signature in load(default_root()).values():
        for entry in (*signature.examples, *signature.counterexamples):
            if signature.channel is Channel.LOG:
                dress = rng.choice(
                    (
                        "{}",
                        "2026-07-01T02:06:33.1234567Z (Worker_TP1 pid=613) ERROR 07-01 02:06:33 [core.py:7] {}",
                        "\x1b[31m{}\x1b[0m",
                        "Loading: 50%|███  | 1/2 [00:01<00:01]\r{}",
                        "\x00{}",
                    )
                )
                lines += [dress.format(line) for line in entry.text.split("\n")]
    found = same(scanners, "\n".join(lines).encode())

    assert len(found.hits) > 1000
