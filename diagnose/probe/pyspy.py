"""What every thread of a Python process is doing, by py-spy; never more than the stacks and a few named locals.

Part of the probe, floor 10. One call for one process: `--subprocesses` drops children silently. A plain dump
stops its target for 10 to 30 ms; a stopped or traced process is read with `--nonblocking`, which stops nobody.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import diagnose
from diagnose.model import CouldNotLook, Frame, Sample, Thread
from diagnose.probe import proc, rights
from diagnose.redact import redact

TIMEOUT_S = 5.0
_TRACED = re.compile(r"unexpected waitpid|EPERM|Operation not permitted|Failed to suspend process")
_DENIED = re.compile(r"os error 13|Permission Denied|Permission denied")
_NOT_PYTHON = re.compile(r"Failed to find python version|Failed to find a python interpreter")
_GONE = re.compile(r"os error [23]\)|No such (?:file|process)|process may have exited|ESRCH")
_MAX_LOCAL = 400
_SPAWN_NAME = re.compile(r"""["']name["']: ["']([^"']*)["']""")


@functools.cache
def program() -> str:
    """The py-spy that belongs to this program, else the one on the path; empty when there is none."""
    # Where pip puts programs: beside Python, or in a folder that packages were installed to (`--target`).
    packages = os.path.dirname(os.path.dirname(diagnose.__file__))
    beside = os.pathsep.join((os.path.dirname(sys.executable), os.path.join(packages, "bin")))
    found = shutil.which("py-spy", path=beside) or shutil.which("py-spy")
    return found or ""


def dump(
    pid: int,
    *,
    native: bool = False,
    locals_: bool = False,
    nonblocking: bool = False,
    timeout_s: float = TIMEOUT_S,
) -> Sample | CouldNotLook:
    """One sample of one process, or why there is none; falls back to `--nonblocking` by itself."""
    what = f"the stacks of process {pid}"
    if not program():
        return CouldNotLook(what, "py-spy is not installed", "pip install py-spy")
    state = proc.stat(pid)
    if state is None or state.state in "ZX":
        return _ended(pid, what)
    nonblocking = (
        nonblocking or state.state in "TtD" or proc.status(pid).get("TracerPid", "0") != "0"
    )
    flags = [*(["--nonblocking"] if nonblocking else []), *(["--native"] if native and not nonblocking else []),
             *(["-lll"] if locals_ else [])]  # fmt: skip
    began = time.time()
    try:
        done = subprocess.run(
            [program(), "dump", "--json", "--pid", str(pid), *flags],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return CouldNotLook(what, f"py-spy did not answer within {timeout_s:g} s")
    except OSError as error:
        return CouldNotLook(
            what, f"py-spy could not be started ({error.strerror})", "pip install py-spy"
        )
    if done.returncode == 0:
        return _sample(pid, began, done.stdout, flags, what)
    trouble = done.stderr.decode("utf-8", "replace")
    if native and _GONE.search(trouble) is None and not _DENIED.search(trouble):
        return dump(pid, locals_=locals_, nonblocking=nonblocking, timeout_s=timeout_s)
    if _TRACED.search(trouble) and not nonblocking:
        return dump(pid, locals_=locals_, nonblocking=True, timeout_s=timeout_s)
    return explain(pid, trouble)


def explain(pid: int, trouble: str) -> CouldNotLook:
    """py-spy's error text as a reason and a remedy; its own advice misleads in half of the cases."""
    what = f"the stacks of process {pid}"
    if _NOT_PYTHON.search(trouble):
        return CouldNotLook(what, NOT_PYTHON)
    state = proc.stat(pid)
    if state is None or state.state in "ZX":
        return _ended(pid, what)
    if _DENIED.search(trouble):
        return CouldNotLook(what, *rights.memory(pid))
    if _TRACED.search(trouble):
        return CouldNotLook(
            what, "another program traces it, or the kernel refuses ptrace", rights.ptrace()
        )
    if _GONE.search(trouble):
        return CouldNotLook(
            what,
            "its program file cannot be reached from here: it lives in another container, or its file was removed",
            rights.container(pid),
        )
    lines = [
        line.strip()
        for line in trouble.partition("Stack backtrace")[0].splitlines()
        if line.strip()
    ]
    return CouldNotLook(
        what, redact("py-spy: " + "; ".join(lines)[:200]) if lines else "py-spy failed"
    )


NOT_PYTHON = "it is not a Python process"


def _ended(pid: int, what: str) -> CouldNotLook:
    state = proc.stat(pid)
    if state is None:
        return CouldNotLook(what, "it ended before it was looked at")
    return CouldNotLook(
        what,
        f"it has ended, and its parent {state.ppid} has not fetched its exit status (a zombie)",
        f"diagnose attach {state.ppid}",
    )


def _sample(
    pid: int, began: float, output: bytes, flags: Sequence[str], what: str
) -> Sample | CouldNotLook:
    try:
        threads = tuple(_thread(entry) for entry in json.loads(output))
    except (ValueError, KeyError, TypeError):
        return CouldNotLook(what, "py-spy's answer could not be read")
    how = " ".join(["py-spy", *(flag for flag in flags if flag != "-lll")])
    return Sample(pid, began, threads, how)


def pasted(text: str) -> tuple[Sample, ...]:
    """The samples in the text of one `py-spy dump --json` or of several after each other; none for other text."""
    found: list[Sample] = []
    decoder, at = json.JSONDecoder(), 0
    while (at := text.find("[", at)) >= 0:
        try:
            entries, at = decoder.raw_decode(text, at)
            threads = tuple(_thread(entry) for entry in entries)
            pid = int(entries[0]["pid"]) if entries else 0
        except (ValueError, KeyError, TypeError, AttributeError):
            return ()
        if pid:
            found.append(Sample(pid, float(len(found)), threads, "py-spy"))
    return tuple(found)


def _thread(entry: Mapping[str, Any]) -> Thread:
    return Thread(
        os_id=int(entry.get("os_thread_id") or 0),
        name=str(entry.get("thread_name") or ""),
        active=bool(entry["active"]),
        owns_gil=bool(entry["owns_gil"]),
        frames=tuple(_frame(frame) for frame in entry["frames"]),
    )


def _frame(entry: Mapping[str, Any]) -> Frame:
    native = bool(entry.get("module"))
    file = str(entry.get("filename") or entry.get("module") or "")
    name = str(entry["name"])
    return Frame(
        name, file, int(entry.get("line") or 0), _locals(name, file, entry.get("locals")), native
    )


def _locals(name: str, file: str, entries: Sequence[Mapping[str, Any]] | None) -> dict[str, str]:
    wanted = wanted_locals(name, file) if entries else frozenset()
    return {
        str(entry["name"]): value
        for entry in entries or ()
        if entry["name"] in wanted
        and (value := _plain(str(entry["name"]), str(entry.get("repr") or "")))
    }


def _plain(name: str, value: str) -> str:
    """A local's value without quotes and secrets; of what multiprocessing hands over only the process's name."""
    if name == "preparation_data":
        found = _SPAWN_NAME.search(value)
        return found[1] if found else ""
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        value = value[1:-1]
    return redact(value[:_MAX_LOCAL])


@functools.cache
def _known() -> dict[str, tuple[tuple[str, frozenset[str]], ...]]:
    path = Path(__file__).with_name("locals.toml")
    table: dict[str, tuple[tuple[str, frozenset[str]], ...]] = {}
    for entry in tomllib.loads(path.read_text(encoding="utf-8"))["frame"]:
        row = (str(entry["file"]), frozenset(entry["names"]))
        table[entry["function"]] = (*table.get(entry["function"], ()), row)
    return table


def wanted_locals(name: str, file: str) -> frozenset[str]:
    """The locals of a frame that may be kept; none for frames that are not known."""
    function = name.rpartition(".")[2]
    return frozenset().union(
        *(names for ending, names in _known().get(function, ()) if file.endswith(ending))
    )


def spawn_names(samples: Iterable[Sample]) -> dict[int, str]:
    """The name that each spawned process was given by the one that started it, where its stack tells."""
    return {
        sample.pid: frame.locals["preparation_data"]
        for sample in samples
        for thread in sample.threads
        for frame in thread.frames
        if "preparation_data" in frame.locals
    }


def knows(sample: Sample) -> bool:
    """Whether a stack holds a frame whose locals say something."""
    return any(wanted_locals(f.name, f.file) for thread in sample.threads for f in thread.frames)
