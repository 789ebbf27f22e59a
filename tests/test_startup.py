"""What starting loads: a command pays for what it uses, and for nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LOG = Path(__file__).parent.parent / "fixtures" / "logs" / "mxfp4-ep-hang.log"
LOADED = """
import atexit, gc, sys
searches = lambda: gc.get_stats()[0]["collections"]
before = searches()
from diagnose.cli import main
atexit.register(lambda: print(searches() - before, *sorted(sys.modules), file=sys.stderr))
main(sys.argv[1:])
"""
# What takes ten milliseconds or more to load, each for a reason of its own somewhere.
_HEAVY = (
    "asyncio concurrent email http importlib.metadata importlib.resources logging multiprocessing"
    " sqlite3 subprocess tempfile tomllib traceback xml"
)
HEAVY = set(_HEAVY.split())


def loaded(*arguments: str) -> set[str]:
    """Every module that is loaded when a command ends."""
    return set(ended(*arguments)[1:])


def ended(*arguments: str) -> list[str]:
    """How often new objects were searched for garbage, and every module that is loaded when a command ends."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, check=False
    )
    return done.stderr.splitlines()[-1].split()


def ours(modules: set[str]) -> set[str]:
    return {name for name in modules if name.split(".")[0] == "diagnose"}


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_loads_click_and_the_list_of_commands(argument):
    modules = loaded(argument)

    assert ours(modules) == {"diagnose", "diagnose.cli", "diagnose.errors"}
    assert not {"rich", "regex", "psutil", "hyperscan", "packaging", "zstandard", "isal"} & modules
    assert not HEAVY & modules


@pytest.mark.parametrize("command", ["log", "attach", "signatures", "watch", "ci"])
def test_the_help_of_a_command_loads_neither_scanner_nor_reports(command):
    modules = loaded(command, "--help")

    assert not {"rich", "regex", "psutil", "hyperscan"} & modules
    assert not {"diagnose.scan", "diagnose.pipeline", "diagnose.probe"} & modules


def test_reading_a_log_loads_nothing_that_only_a_live_look_needs(tmp_path):
    modules = loaded("log", str(LOG))

    assert "diagnose.pipeline" in modules
    for name in (
        "probe",
        "live",
        "bundle",
        "stacks",
        "waits",
        "watch",
        "model.snapshot",
        "model.look",
        "model.gpus",
        "model.job",
        "model.baseline",
        "model.sweep",
        "baseline",
        "metrics",
        "report.json",
        "report.timeline",
        "sources.folder",
    ):
        assert not {m for m in ours(modules) if f"{m}.".startswith(f"diagnose.{name}.")}, name
    assert not {"psutil", "asyncio", "http", "email", "importlib.metadata"} & modules
    assert not {"rich.table", "decimal", "fractions", "csv", "_hashlib"} & modules


def test_what_a_short_run_makes_is_hardly_searched_for_garbage():
    assert int(ended("log", str(LOG))[0]) < 10


def test_a_second_run_reads_no_tables_again(tmp_path, monkeypatch):
    monkeypatch.setenv("DIAGNOSE_CACHE_DIR", str(tmp_path / "cache"))
    assert "tomllib" in loaded("log", str(LOG))

    assert not {"tomllib", "packaging", "diagnose.scan.derive"} & loaded("log", str(LOG))


ENDED = """
import atexit, sys, threading, time
from diagnose.cli import main
atexit.register(lambda: print("registered"))
{}
main()
"""


@pytest.mark.parametrize(
    "more",
    ["", "threading.Thread(target=lambda: (time.sleep(0.5), print('the thread'))).start()"],
    ids=["alone", "with-a-thread"],
)
def test_a_process_that_ends_at_once_has_done_what_it_had_to(more):
    done = subprocess.run(
        [sys.executable, "-c", ENDED.format(more), "log", str(LOG)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr == ""
    assert done.stdout.startswith("HUNG")
    assert done.stdout.endswith("the thread\nregistered\n" if more else "\nregistered\n")


def test_the_step_after_a_job_loads_no_live_look_for_a_log(tmp_path, monkeypatch):
    (tmp_path / "server.log").write_bytes(LOG.read_bytes())
    monkeypatch.chdir(tmp_path)

    modules = ours(loaded("ci", "--job-status", "cancelled"))

    assert (tmp_path / "diagnosis" / "diagnosis.json").exists()
    for name in ("live", "bundle", "stacks", "waits", "probe", "model.snapshot"):
        assert not {m for m in modules if f"{m}.".startswith(f"diagnose.{name}.")}, name
