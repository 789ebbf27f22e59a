"""Every log under fixtures/ says in its first lines what a diagnosis of it must find."""

from __future__ import annotations

import re
from pathlib import Path

import compose
import pytest

from diagnose.catalogue import default_root, load
from diagnose.pipeline import Examiner
from diagnose.sources import open_paths

FIXTURES = Path(__file__).parent.parent / "fixtures"
LOGS = sorted((FIXTURES / "logs").glob("*.log"))


@pytest.fixture(scope="module")
def examiner() -> Examiner:
    return Examiner(load(default_root()))


def expected(path: Path, key: str) -> str:
    found = re.search(rf"^#={key}=# (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert found, f"{path.name} has no #={key}=# line"
    return found[1]


@pytest.mark.parametrize("path", LOGS, ids=lambda p: p.stem)
def test_the_log_gets_its_verdict_and_its_cause(path, examiner):
    diagnosis = examiner.diagnose(open_paths([str(path)]))
    line, _, id = expected(path, "CAUSE").rpartition(" ")

    assert diagnosis.verdict == expected(path, "VERDICT"), diagnosis.verdict_why
    assert (diagnosis.cause.signature.id if diagnosis.cause else "none") == id
    if line:
        assert diagnosis.cause
        assert int(line) in [e.line.number for e in diagnosis.cause.evidence]


@pytest.mark.parametrize("path", LOGS, ids=lambda p: p.stem)
def test_the_log_says_where_it_comes_from(path):
    assert re.match(r"(composed|recorded) ", expected(path, "SOURCE"))


def test_the_composed_logs_are_what_their_composer_writes():
    for name, expectation, job in compose.neighbours():
        assert (FIXTURES / "logs" / f"{name}.log").read_text() == compose.text(expectation, job)
