"""Recorded looks at real servers, reasoned over again.

What must come out is taken from what was done to the server, not from what the tool said: which rank was made to
fail and how, which file was left behind, which port nobody listens on. Paths, ports and pids are therefore read
from the command lines and variables of the recording.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from diagnose.cli.saved import open_bundle
from diagnose.model import Diagnosis, Snapshot
from diagnose.reason import prepare, reason

BUNDLES = Path(__file__).parent.parent / "fixtures" / "bundles"
STALE = "torch/torch-extension-build-lock"
RENDEZVOUS = "torch/rendezvous-peer-missing"


def extension_lock(snapshot: Snapshot) -> str:
    """The lock of the extension that is built below TORCH_EXTENSIONS_DIR."""
    return f"{snapshot.environment['TORCH_EXTENSIONS_DIR']}/kernel_ext/lock"


def weights_lock(snapshot: Snapshot) -> str:
    """The lock that vLLM takes for a model in its download folder: the name with dashes, behind its hash."""
    folder = option(snapshot, "--download-dir")
    return f"{folder}/{hashlib.sha256(b'lab-tiny').hexdigest()}lab-tiny.lock"


def output_pipe(snapshot: Snapshot) -> str:
    """Room in the pipe that the front end has for its output."""
    inode = next(f.inode for f in snapshot.files if (f.pid, f.fd) == (snapshot.root, 1))
    return f"room in pipe {inode}"


def option(snapshot: Snapshot, name: str) -> str:
    """The value of a flag on the server's command line."""
    found = re.search(rf"{name} (\S+)", title(snapshot))
    assert found, title(snapshot)
    return found[1]


def title(snapshot: Snapshot) -> str:
    return next(one.title for one in snapshot.processes if one.pid == snapshot.root)


def master(snapshot: Snapshot) -> str:
    return f"127.0.0.1:{option(snapshot, '--master-port')}"


@dataclass(frozen=True)
class Expected:
    """What was done to a server, in the words of an answer."""

    verdict: str
    state: str
    cause: str | None = None
    blocks: str = ""
    """The kind of what is in the way."""
    culprit: str | None = None
    """The name of the process that is in the way; None where nobody is."""
    resource: Callable[[Snapshot], str] | None = None
    """What is waited for in the end."""
    waiters: tuple[str, ...] = ()
    """Who waits for it at first hand."""
    now: tuple[str, ...] = ()
    """In this order; `{pid}` is the culprit's and `{resource}` the resource."""
    before: str = ""
    """What has to be said before the last of `now`."""


def stale(*waiters: str, resource: Callable[[Snapshot], str] = extension_lock) -> Expected:
    return Expected(
        "hung", "hung", STALE, "nobody", None, resource, waiters,
        now=("fuser -v {resource}", "rm -f {resource}"), before="stop the server",
    )  # fmt: skip


def stopped(*waiters: str) -> Expected:
    return Expected(
        "hung", "stopped", "host/process-stopped", "stopped", "Worker_TP1", None, waiters,
        now=("kill -CONT {pid}",),
    )  # fmt: skip


def sleeping() -> Expected:
    return Expected(
        "hung", "hung", "vllm/rank-sleeps-in-loader", "asleep", "Worker_TP1", None, ("Worker_TP0", "EngineCore"),
        now=("py-spy dump --locals --pid {pid}",),
    )  # fmt: skip


BOTH = ("Worker_TP0", "Worker_TP1")
EXPECTED = {
    # Nobody did anything to it; a request was answered 5 s before.
    "healthy-idle": Expected("healthy", "idle"),
    # No lock at first: one rank compiles with one job, the other waits. Ready a minute later.
    "live-build": Expected("slow", "slow", None, "moving", "cc1plus", extension_lock, ("Worker_TP0",)),
    # An empty `lock` lay in the build folder of Quark's extension before the start; and three ways to the same end.
    "stale-extension-lock": stale(*BOTH),
    "stale-lock-while-loading": stale(*BOTH),
    "stale-lock-on-first-request": stale(*BOTH),
    "killed-builder": stale(*BOTH),
    # Eight spawned ranks raced for one build, and the builder was killed with its compilers.
    "eight-ranks-stale-lock": stale(
        *["spawned by race.py"] * 7, resource=lambda _: "/srv/race/kernel_ext/lock"
    ),
    # Rank 1 got SIGSTOP while it loaded; after the server was ready, before a request.
    "worker-stopped": stopped("Worker_TP0", "EngineCore"),
    "rank-stopped-while-serving": stopped("Worker_TP0", "EngineCore"),
    # Rank 1 sleeps for ever inside load_weights; the same with VLLM_ENGINE_READY_TIMEOUT_S=60.
    "sleeping-loader": sleeping(),
    "ready-timeout-without-effect": sleeping(),
    # Rank 1 counts for ever inside load_weights: that it never ends cannot be seen in two seconds.
    "spinning-loader": Expected(
        "undecidable", "unclear", None, "busy", "Worker_TP1", None, ("Worker_TP0", "EngineCore")
    ),
    # --nnodes 2 and the other node never comes; a headless second node whose head does not listen.
    "rendezvous-peer-missing": Expected(
        "hung", "dead-peer", RENDEZVOUS, "absent", None, master, ("Worker",),
        now=("nc -vz {resource}",),
    ),
    "headless-node-wrong-port": Expected(
        "hung", "dead-peer", RENDEZVOUS, "absent", None, master, ("Worker",),
        now=("nc -vz {resource}",),
    ),
    # --data-parallel-size 2 with one engine here, and no other machine.
    "dp-peer-missing": Expected(
        "hung", "dead-peer", "vllm/dp-peer-missing", "absent", None, lambda _: "engines on other nodes",
        ("EngineCore_DP0",), now=("nc -vz $HEAD_IP",),
    ),
    # A launcher started it with a small pipe for its output, and sleeps without reading.
    "output-pipe-not-read": Expected(
        "hung", "hung", "host/output-pipe-not-emptied", "outside", "launch.py", output_pipe, ("APIServer",),
        now=("ps -o pid,ppid,user,stat,args -p {pid}",),
    ),
    # Another program took vLLM's download lock of the model and sleeps.
    "weights-file-lock": Expected(
        "hung", "hung", "host/lock-held-by-other-process", "outside", "python", weights_lock, BOTH,
        now=("ps -o pid,ppid,user,lstart,args -p {pid}", "kill {pid}"),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def answers() -> Callable[[str], tuple[Snapshot, Diagnosis]]:
    examiner = prepare()
    known: dict[str, tuple[Snapshot, Diagnosis]] = {}

    def answer(name: str) -> tuple[Snapshot, Diagnosis]:
        if name not in known:
            snapshot, logs = open_bundle(str(BUNDLES / f"{name}.tar.gz"))
            known[name] = snapshot, reason(examiner, snapshot, logs)
        return known[name]

    return answer


def named(snapshot: Snapshot, name: str) -> list[int]:
    return [one.pid for one in snapshot.processes if one.name == name]


def test_every_recorded_look_has_an_expectation():
    assert {path.name.removesuffix(".tar.gz") for path in BUNDLES.glob("*.tar.gz")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_verdict_the_cause_and_the_culprit_are_those_of_the_scenario(name, answers):
    expected = EXPECTED[name]
    snapshot, diagnosis = answers(name)
    blocker = diagnosis.blocker

    assert (diagnosis.verdict, diagnosis.state) == (expected.verdict, expected.state)
    assert (diagnosis.cause and diagnosis.cause.signature.id) == expected.cause
    assert (str(blocker.kind) if blocker else "") == expected.blocks
    if blocker and expected.culprit:
        assert list(blocker.pids) == named(snapshot, expected.culprit)
        assert f"(pid {blocker.pids[0]})" in diagnosis.verdict_why
    if blocker and expected.culprit is None:
        assert blocker.pids == ()


@pytest.mark.parametrize("name", EXPECTED)
def test_who_waits_for_what_and_who_has_it(name, answers):
    expected = EXPECTED[name]
    snapshot, diagnosis = answers(name)
    waiting = {pid for one in expected.waiters for pid in named(snapshot, one)}
    if expected.resource:
        resource = expected.resource(snapshot)
        (wait,) = [wait for wait in diagnosis.waits if wait.resource == resource]
        assert set(wait.waiters) == waiting
        assert bool(wait.holders) == (expected.culprit is not None)
        assert (
            resource.removeprefix("room in ") in diagnosis.verdict_why
            or expected.verdict == "slow"
            or name == "dp-peer-missing"
        )
    elif expected.culprit:
        culprits = set(named(snapshot, expected.culprit))
        waits = [wait for wait in diagnosis.waits if culprits & set(wait.holders)]
        assert {pid for wait in waits for pid in wait.waiters} == waiting


@pytest.mark.parametrize("name", EXPECTED)
def test_what_to_do_now_names_the_process_and_the_resource(name, answers):
    expected = EXPECTED[name]
    snapshot, diagnosis = answers(name)
    now = diagnosis.fix.now if diagnosis.fix else ()
    resource = expected.resource(snapshot) if expected.resource else ""
    pid = diagnosis.blocker.pids[0] if expected.culprit and diagnosis.blocker else 0
    places = []
    for wanted in expected.now:
        text = wanted.format(
            pid=pid, resource=resource.replace(":", " ") if "nc " in wanted else resource
        )
        places.append(next((n for n, line in enumerate(now) if text in line), None))

    assert None not in places, now
    assert places == sorted(places)
    if expected.before:
        assert any(expected.before in line for line in now[: places[-1]])
    if expected.cause is None:
        assert not [line for line in now if line.startswith(("kill", "rm"))]


def test_only_a_look_that_has_a_lock_speaks_of_one(answers):
    """The nearest confusers: a stopped, a sleeping and a missing rank look alike in the log."""
    for name in ("worker-stopped", "sleeping-loader", "rendezvous-peer-missing", "healthy-idle"):
        _, diagnosis = answers(name)
        assert not [w for w in diagnosis.waits if w.kind in ("file-existence", "flock")], name


def test_the_command_of_a_holder_outside_the_server_is_told(answers):
    _, diagnosis = answers("weights-file-lock")

    assert "get_lock('lab/tiny'" in " ".join(diagnosis.verdict_why.split())


def test_the_age_of_a_lock_and_of_a_compiler_is_told(answers):
    assert re.search(r"lock exists \(\d+ (?:s|min) old\)", answers("killed-builder")[1].verdict_why)
    why = answers("live-build")[1].verdict_why
    assert re.search(r"cc1plus \(pid \d+\) is at work, at 0\.\d\d cores, for \d+ s", why)
    assert "Worker_TP1" in why
    assert "one to ten minutes" in why
