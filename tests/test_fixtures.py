"""Every log under fixtures/ says in its first lines what a diagnosis of it must find."""

from __future__ import annotations

import re
from pathlib import Path

import compose_all
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
    assert re.match(r"(composed|recorded)\b", expected(path, "SOURCE"))


@pytest.mark.parametrize(("name", "contents"), list(compose_all.files()), ids=lambda v: v[:40])
def test_a_composed_log_is_what_its_composer_writes(name, contents):
    assert (FIXTURES / "logs" / name).read_text(encoding="utf-8") == contents
