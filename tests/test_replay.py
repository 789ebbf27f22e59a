"""Recorded looks at real servers, reasoned over again: the verdict, the cause, who waits for what, what to do now."""

from __future__ import annotations

from pathlib import Path

import pytest

from diagnose.cli.reason import open_bundle, prepare, reason

BUNDLES = Path(__file__).parent.parent / "fixtures" / "bundles"
LOCK = "/tmp/run-ux8kx52l/te/kernel_ext/lock"
WEIGHTS = "lab-tiny.lock"


@pytest.fixture(scope="module")
def examiner():
    return prepare()


@pytest.mark.parametrize(
    ("name", "verdict", "cause", "resource", "holder", "now"),
    [
        ("dp-peer-missing", "hung", "vllm/dp-peer-missing", "engines on other nodes", "", "nc -vz"),
        ("eight-ranks-stale-lock", "hung", "torch/torch-extension-build-lock", "/srv/race/kernel_ext/lock", "", "rm -f /srv/race/kernel_ext/lock"),
        ("rendezvous-peer-missing", "hung", "torch/rendezvous-peer-missing", "127.0.0.1:53625", "", "nc -vz 127.0.0.1 53625"),
        ("healthy-idle", "healthy", None, None, None, None),
        ("live-build", "slow", None, "kernel_ext/lock", "Worker_TP1 (pid 4037)", None),
        ("sleeping-loader", "hung", "vllm/rank-sleeps-in-loader", "the other ranks", "Worker_TP1 (pid 2193)", "--pid 2193"),
        ("stale-extension-lock", "hung", "torch/torch-extension-build-lock", LOCK, "", f"rm -f {LOCK}"),
        ("weights-file-lock", "hung", "host/lock-held-by-other-process", WEIGHTS, "pid 2671", "2671"),
        ("worker-stopped", "hung", "host/process-stopped", "the other ranks", "Worker_TP1 (pid 1090)", "kill -CONT 1090"),
    ],
)  # fmt: skip
def test_a_recorded_look_gives_the_answer_it_gave_live(
    examiner, name, verdict, cause, resource, holder, now
):
    diagnosis = reason(examiner, *open_bundle(str(BUNDLES / f"{name}.tar.gz")))

    assert diagnosis.verdict == verdict
    assert (diagnosis.cause and diagnosis.cause.signature.id) == cause
    found = [wait for wait in diagnosis.waits if resource and wait.resource.endswith(resource)]
    assert [wait.holder or "" for wait in found] == ([] if resource is None else [holder])
    if now is not None:
        assert any(now in line for line in diagnosis.fix.now)


def test_every_recorded_look_has_an_expectation():
    names = {path.name.removesuffix(".tar.gz") for path in BUNDLES.glob("*.tar.gz")}
    mark = test_a_recorded_look_gives_the_answer_it_gave_live.pytestmark[0]

    assert names == {row[0] for row in mark.args[1]}
