"""What a watch knows of the end of a server that its log does not tell: on real processes with the titles of vLLM's."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from living import until
from test_ci_secrets import secrets

from diagnose.bundle import unpack
from diagnose.cli.log import exit_code
from diagnose.model import Diagnosis
from diagnose.probe import proc
from diagnose.watch.aside import Answer, Aside
from diagnose.watch.examine import End, Examination
from diagnose.watch.senses import Senses
from diagnose.watch.tree import Tree

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="watching needs /proc")
FIXTURES = Path(__file__).parent.parent / "fixtures"
HEAD = """
import sys, subprocess, time
for name in sys.argv[1:]:
    subprocess.Popen([f"VLLM::{name}", "-c", "import time; time.sleep(999)"], executable=sys.executable)
time.sleep(999)
"""


@contextlib.contextmanager
def family(*names: str) -> Iterator[tuple[Tree, dict[str, int]]]:
    """A server with parts of these names, read once, and the pid of each."""
    with subprocess.Popen([sys.executable, "-c", HEAD, *names], start_new_session=True) as head:
        try:
            until(lambda: len(parts(head.pid)) == len(names))
            tree = Tree(head.pid)
            tree.read(0.0)
            yield tree, parts(head.pid)
        finally:
            os.killpg(head.pid, signal.SIGKILL)


def parts(head: int) -> dict[str, int]:
    titles = {proc.title(pid): pid for pid in proc.family(head)}
    return {t.split()[0][6:]: pid for t, pid in titles.items() if t.startswith("VLLM::")}


def ended(*pids: int) -> None:
    """Their parent does not ask about them, as an engine that hangs does not."""
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    until(lambda: all((one := proc.stat(pid)) is None or one.state == "Z" for pid in pids))


def test_the_part_that_was_missing_while_the_others_still_ran_ended_first():
    with family("EngineCore", "Worker_TP0", "Worker_TP1") as (tree, pids):
        ended(pids["Worker_TP1"])
        tree.read(2.0)
        ended(pids["Worker_TP0"], pids["EngineCore"])
        for now in range(4, 9):
            tree.read(now)
        first = tree.first_gone()
        assert first is not None
        assert (first.name, first.pid, first.at) == ("Worker_TP1", pids["Worker_TP1"], 2.0)


def test_parts_that_are_missed_at_the_same_time_have_no_order():
    with family("Worker_TP0", "Worker_TP1") as (tree, pids):
        ended(*pids.values())
        tree.read(2.0)
        assert tree.first_gone() is None


def test_the_only_part_that_there_was_is_not_the_first_of_several():
    with family("EngineCore") as (tree, pids):
        ended(*pids.values())
        tree.read(2.0)
        assert tree.first_gone() is None


def test_what_ended_before_another_part_was_started_belongs_to_an_earlier_server():
    with family("Worker_TP0", "Worker_TP1") as (tree, pids):
        ended(pids["Worker_TP1"])
        tree.read(2.0)
        with family("Worker_TP1") as (_, others):
            tree.root = next(iter(others.values()))
            for now in range(3, 9):
                tree.read(now)
            assert tree.first_gone() is None


FORK = """
import os, time
if os.fork() == 0:
    time.sleep(999)
if os.fork() == 0:
    # As setproctitle does for a process whose title is all that one sees of it.
    while not os.path.exists("named"): time.sleep(0.05)
    os.execv("/proc/self/exe", ["VLLM::Worker_TP0", "-c", "import time; time.sleep(999)"])
time.sleep(999)
"""


def test_a_part_that_ended_before_it_had_a_title_of_its_own_counts_and_has_no_name(tmp_path):
    command = ["VLLM::EngineCore", "-c", FORK]
    with subprocess.Popen(
        command, executable=sys.executable, cwd=tmp_path, start_new_session=True
    ) as head:
        try:
            until(lambda: len(proc.family(head.pid)) == 3)
            tree = Tree(head.pid)
            tree.read(0.0)
            _, first, second = sorted(proc.family(head.pid))
            tree.read(1.0)
            ended(first)
            tree.read(2.0)
            (tmp_path / "named").touch()
            until(lambda: proc.title(second).startswith("VLLM::Worker_TP0"))
            tree.read(4.0)
            ended(second)
            tree.read(6.0)
            gone = [(one.name, one.pid) for one in tree.gone]
            assert gone == [("", first), ("Worker_TP0", second)]
        finally:
            os.killpg(head.pid, signal.SIGKILL)


def test_a_log_that_says_ready_while_the_url_does_not_answer_is_told_of_once_and_late():
    healthy = (FIXTURES / "healthy" / "vllm-start-and-one-request.log").read_bytes()
    senses = Senses(Tree(os.getpid()), "http://127.0.0.1:9/health", 0.0)
    senses.observe(0.0)
    assert not senses.doubts(0.0)
    senses.hear("s.log", healthy)
    assert not senses.observe(5.0).ready
    told = [now for now in range(5, 200, 5) if senses.doubts(now)]
    assert told == [35]
    assert senses.refusal == "http://127.0.0.1:9/health does not answer: Connection refused"


def test_a_fork_that_was_seen_but_once_was_on_its_way_to_another_program():
    command = ["VLLM::EngineCore", "-c", FORK]
    with subprocess.Popen(command, executable=sys.executable, start_new_session=True) as head:
        try:
            until(lambda: len(proc.family(head.pid)) == 3)
            tree = Tree(head.pid)
            tree.read(0.0)
            ended(sorted(proc.family(head.pid))[1])
            tree.read(2.0)
            assert tree.gone == []
        finally:
            os.killpg(head.pid, signal.SIGKILL)


def test_a_look_that_is_given_up_at_once_is_gone():
    for _ in range(50):
        aside = Aside(lambda: time.sleep(999) or Answer(), time.monotonic(), 60.0)
        aside.give_up()
        os.waitpid(aside.pid, 0)


LEAKS = """
import pathlib, sys, time
def wait(*tokens):
    token = password = tokens[0]
    time.sleep(999)
text = pathlib.Path("lines").read_text()
print(text, flush=True)
wait(*text.splitlines())
"""


def test_no_secret_of_the_output_the_arguments_the_environment_or_a_stack_is_said_or_kept(tmp_path):
    made = secrets(200)
    (tmp_path / "lines").write_text("\n".join(f"RuntimeError: {line}" for _, line in made))
    (tmp_path / "program.py").write_text(LEAKS)
    arguments = [word for value, _ in made[:40] for word in ("--api-key", value)]
    command = [sys.executable, "-m", "diagnose", "watch", "--max", "2", "--save", "seen.tar.gz",
               "--", sys.executable, "program.py", *arguments]  # fmt: skip
    told = {f"TOKEN_{number}": value for number, (value, _) in enumerate(made)}
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, **told}, check=False, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    snapshot, logs = unpack((tmp_path / "seen.tar.gz").read_bytes())
    kept = repr(snapshot) + b"".join(logs.values()).decode()
    assert done.returncode == 125
    assert "RuntimeError" in kept
    assert "program.py" in kept
    assert [line for value, line in made if value in done.stderr or value in kept] == []


def shown(diagnosis: Diagnosis) -> tuple[str, int]:
    names = [link.signature.id for link in diagnosis.chain]
    return f"{diagnosis.verdict}: {diagnosis.verdict_why}: {' '.join(names)}", exit_code(diagnosis)


@pytest.fixture
def after() -> Callable[[End], str]:
    return lambda end: Examination(1, {}, (), shown).after(end).report


def test_who_ended_first_is_told_of_a_bad_end(after):
    end = End((4194301,), 0.0, 1, "Worker_TP1 (pid 4194301)", 24.4)
    told = after(end)
    assert told.startswith("failed: ")
    assert told.endswith("Worker_TP1 (pid 4194301) ended first: host/process-ended-first")


def test_the_order_in_which_the_parts_leave_a_good_end_means_nothing(after):
    end = End((4194301,), 0.0, 0, "Worker_TP1 (pid 4194301)", 24.4)
    assert "ended" not in after(end).replace("it ended", "")
