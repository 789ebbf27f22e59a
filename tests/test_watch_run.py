"""`diagnose watch` on real processes, as a user calls it."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from living import PROGRAMS, until
from workflow_commands import Runner

from diagnose.bundle import unpack
from diagnose.probe import proc
from diagnose.watch.hearing import OWN

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="watching needs /proc")
FIXTURES = Path(__file__).parent.parent / "fixtures"
HANGS = str(FIXTURES / "logs" / "sleep-in-load.log")
HEALTHY = str(FIXTURES / "healthy" / "vllm-start-and-one-request.log")
LOADS = ("until", "Loading weights took")
WATCH = [sys.executable, "-m", "diagnose", "watch"]
STALL = ("--stall", "2")


def server(*actions: str, log: str = HANGS) -> list[str]:
    return [sys.executable, str(PROGRAMS / "server.py"), log, *actions]


def watch(
    *arguments: str, folder: Path, input_: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*WATCH, *arguments],
        cwd=folder,
        capture_output=True,
        input=input_,
        check=False,
        timeout=120,
    )


@contextlib.contextmanager
def watching(*arguments: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A watch that runs, its output in `out` and `err`; whatever it leaves behind is ended with the test."""
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        started = subprocess.Popen(
            [*WATCH, *arguments], cwd=folder, stdout=out, stderr=err, start_new_session=True
        )
    try:
        yield started
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(started.pid, signal.SIGKILL)
        started.wait()
        for pid in left(folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def left(folder: Path) -> list[int]:
    """Processes that work in a folder."""
    found = []
    for pid, state in proc.processes().items():
        if state.state != "Z" and proc.link(f"/proc/{pid}/cwd") == str(folder):
            found.append(pid)
    return found


def said(folder: Path) -> bytes:
    """What a watch that runs said up to now."""
    return (folder / "err").read_bytes()


def bundles(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.tar.gz"))


# Output and exit code


ODD = rb"import sys; sys.stdout.buffer.write(bytes(range(256)) * 999); sys.stderr.buffer.write(b'\xff\r\n\0no end')"


def test_both_streams_pass_through_byte_for_byte(tmp_path):
    done = watch("-q", "--", sys.executable, "-c", ODD.decode(), folder=tmp_path)
    assert done.stdout == bytes(range(256)) * 999
    assert done.stderr == b"\xff\r\n\0no end"
    assert done.returncode == 0


def test_with_a_log_both_go_there_and_to_standard_output(tmp_path):
    done = watch("-q", "--log", "s.log", "--", sys.executable, "-c", ODD.decode(), folder=tmp_path)
    assert sorted(done.stdout) == sorted(bytes(range(256)) * 999 + b"\xff\r\n\0no end")
    assert (tmp_path / "s.log").read_bytes() == done.stdout


def test_a_reader_that_is_slow_gets_everything_and_does_not_stop_the_watch(tmp_path):
    command = [
        *WATCH,
        "-q",
        "--",
        sys.executable,
        "-c",
        "print('x' * 999 + '\\n' * 9, end='' ) or print('y' * 2**21)",
    ]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE) as started:
        time.sleep(2)
        assert started.stdout is not None
        assert len(started.stdout.read()) == 999 + 9 + 2**21 + 1
    assert started.returncode == 0


def test_a_reader_that_goes_away_is_not_noticed_by_the_command(tmp_path):
    command = [
        *WATCH,
        "-q",
        "--",
        *server("rest", "rest", "sleep", "1", "touch", "done", log=HEALTHY),
    ]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        started.stdout.read(10)
        started.stdout.close()
    assert started.returncode == 0
    assert (tmp_path / "done").exists()


@pytest.mark.parametrize(
    ("script", "code"),
    [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", 137)],
)
def test_the_exit_code_is_that_of_the_command(script, code, tmp_path):
    assert watch("-q", "--", "sh", "-c", script, folder=tmp_path).returncode == code


@pytest.mark.parametrize(("command", "code"), [("no-such-program", 127), ("/", 126)])
def test_a_command_that_cannot_be_started_gives_the_exit_code_of_a_shell(command, code, tmp_path):
    done = watch("--", command, folder=tmp_path)
    assert done.returncode == code
    assert done.stderr.startswith(f"diagnose: cannot start {command}: ".encode())


def test_standard_input_is_the_commands(tmp_path):
    assert (
        watch("-q", "--", "cat", folder=tmp_path, input_=b"to be read\n").stdout == b"to be read\n"
    )


def test_nothing_is_left_in_the_temporary_folder(tmp_path):
    (tmp_path / "tmp").mkdir()
    command = [*WATCH, "--", "echo", "x"]
    subprocess.run(
        command,
        check=True,
        capture_output=True,
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
    )
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [(), ("--pid", "1", "--", "true"), ("--stall", "soon", "--", "true"), ("--health", "8000", "--", "true"),
     ("--max", "0", "--", "true")],
)  # fmt: skip
def test_wrong_usage_is_told_as_that(arguments, tmp_path):
    done = watch(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("option", ["--save", "--log"])
def test_what_cannot_be_written_is_told_before_anything_is_started(option, tmp_path):
    (tmp_path / "file").touch()
    done = watch(option, "file/below", "--", "touch", "started", folder=tmp_path)
    assert done.returncode == 4
    assert done.stderr.startswith(b"diagnose: cannot write file/below: Not a directory\n")
    assert not (tmp_path / "started").exists()


def test_a_log_that_cannot_be_read_is_told_at_once(tmp_path):
    (tmp_path / "file").touch()
    done = watch("--pid", str(os.getpid()), "--log", "file/below", folder=tmp_path)
    assert done.returncode == 4
    assert b"cannot read file/below: Not a directory" in done.stderr


# Hangs


def test_a_server_that_hangs_is_diagnosed_kept_and_stopped_and_nothing_is_left(tmp_path):
    done = watch(
        *STALL, "--on-hang", "stop", "--log", "s.log", "--",
        *server(*LOADS, "orphan", "hang"), folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 125
    assert b"HUNG" in done.stderr
    assert b"weight-load" in done.stderr
    (bundle,) = bundles(tmp_path)
    snapshot, logs = unpack(bundle.read_bytes())
    assert snapshot.samples
    assert logs[str(tmp_path / "s.log")] == (tmp_path / "s.log").read_bytes()
    assert left(tmp_path) == []


def test_a_repeated_line_that_counts_its_seconds_does_not_hide_a_hang(tmp_path):
    done = watch(
        *STALL, "--on-hang", "stop", "--", *server(*LOADS, "heartbeat", "60"), folder=tmp_path
    )
    assert done.returncode == 125


def test_a_server_that_computes_in_one_place_for_ever_is_told_of_without_a_verdict_of_hung(
    tmp_path,
):
    done = watch(*STALL, "--on-hang", "stop", "--", *server(*LOADS, "spin"), folder=tmp_path)
    assert done.returncode == 125
    assert b"CANNOT TELL" in done.stderr
    assert b"HUNG" not in done.stderr


def test_by_default_a_hang_is_only_reported_and_the_server_goes_on(tmp_path):
    actions = (*LOADS, "hang", "told", "rest", "sleep", "2", "touch", "done", "exit", "4")
    with watching(*STALL, "--", *server(*actions), folder=tmp_path) as one:
        until(lambda: b"HUNG" in said(tmp_path))
        (tmp_path / "told").touch()
        assert one.wait(60) == 4
    assert b"it moves again" in said(tmp_path)
    assert (tmp_path / "done").exists()
    assert len(bundles(tmp_path)) == 1


@pytest.mark.parametrize("action", ["build", "download"])
def test_a_build_or_a_download_that_moves_is_never_called_a_hang(action, tmp_path):
    done = watch(
        *STALL,
        "--on-hang",
        "stop",
        "--",
        *server(*LOADS, action, "6", "exit", "0"),
        folder=tmp_path,
    )
    assert done.returncode == 0
    assert b"HUNG" not in done.stderr
    assert bundles(tmp_path) == []


def test_a_start_that_takes_too_long_as_a_whole_is_diagnosed_and_ended(tmp_path):
    done = watch("--max", "3", "--", *server(*LOADS, "build", "60"), folder=tmp_path)
    assert done.returncode == 125
    assert b"--max" in done.stderr
    assert len(bundles(tmp_path)) == 1
    assert left(tmp_path) == []


def test_a_server_that_comes_up_is_left_alone_until_it_ends(tmp_path):
    done = watch(
        *STALL, "--on-hang", "stop", "--", *server("rest", "sleep", "8", "exit", "6", log=HEALTHY), folder=tmp_path
    )  # fmt: skip
    assert done.returncode == 6
    assert f"{OWN}ready after".encode() in done.stderr
    assert b"HUNG" not in done.stderr


def test_a_server_that_is_up_and_starves_is_ended_when_it_is_watched_until_its_exit(tmp_path):
    done = watch(
        *STALL, "--on-hang", "stop", "--until", "exit", "--", *server("rest", "sleep", "1", "starve", log=HEALTHY),
        folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 125
    assert b"ready after" in done.stderr
    assert b"HUNG" in done.stderr
    assert left(tmp_path) == []


def test_a_server_that_is_up_and_has_nothing_to_do_is_not_even_looked_at(tmp_path):
    done = watch(
        *STALL, "--on-hang", "stop", "--until", "exit", "--", *server("rest", "sleep", "6", "exit", "0", log=HEALTHY),
        folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0
    assert b"looking" not in done.stderr


def test_a_server_that_dies_is_diagnosed_at_once(tmp_path):
    log = str(FIXTURES / "logs" / "worker-raises-in-load.log")
    done = watch("--", *server("rest", "exit", "1", log=log), folder=tmp_path)
    assert done.returncode == 1
    assert b"FAILED" in done.stderr


def test_what_it_says_into_the_servers_own_log_is_not_taken_for_the_servers_word(tmp_path):
    log = tmp_path / "s.log"
    log.write_text("a server of yesterday: ERROR NCCL error: unhandled system error\n")
    with log.open("ab") as out:
        command = [*WATCH, *STALL, "--on-hang", "stop", "--", *server(*LOADS, "hang")]
        code = subprocess.run(command, cwd=tmp_path, stdout=out, stderr=out, check=False).returncode
    assert code == 125
    (bundle,) = bundles(tmp_path)
    (kept,) = unpack(bundle.read_bytes())[1].values()
    assert b"yesterday" not in kept
    assert OWN.encode() not in kept
    said = [row for row in log.read_text().splitlines() if "HUNG" in row]
    assert said
    assert all(row.startswith(OWN) for row in said)


def test_a_bundle_that_goes_to_a_device_does_not_take_its_place(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    command = [*WATCH, "--max", "1", "--save", "pipe", "--", *server(*LOADS, "hang")]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE) as one:
        assert unpack((tmp_path / "pipe").read_bytes())[0].samples
    assert one.returncode == 125
    assert (tmp_path / "pipe").is_fifo()


# Ends from outside


def test_the_head_is_asked_to_end_and_its_parts_are_left_to_it(tmp_path):
    done = watch(
        *STALL,
        "--on-hang",
        "stop",
        "--",
        *server("family", "asked", *LOADS, "hang"),
        folder=tmp_path,
    )
    assert done.returncode == 125
    assert not (tmp_path / "asked").exists()
    assert left(tmp_path) == []


def test_what_ran_before_it_was_started_is_never_touched(tmp_path):
    script = f"sleep 60 >/dev/null 2>&1 & echo $! > before; exec {' '.join(WATCH)} --grace 1 -- sh -c 'sleep 1; exit 3'"
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, check=False)
    before = int((tmp_path / "before").read_text())
    state = proc.stat(before)
    assert done.returncode == 3
    assert state is not None
    os.kill(before, signal.SIGKILL)


DEFECT = """
import sys
from diagnose.watch.senses import Senses
def broken(self, now): raise RuntimeError("broken on purpose")
Senses.observe = broken
from diagnose.cli import main
main(sys.argv[1:])
"""


def test_a_defect_of_the_watch_does_not_reach_the_server(tmp_path):
    command = [
        sys.executable,
        "-c",
        DEFECT,
        "watch",
        "--",
        *server("rest", "exit", "5", log=HEALTHY),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 5
    assert b"broken on purpose" in done.stderr
    assert b"Application startup complete." in done.stdout


def spools(pid: int, folder: Path) -> list[str]:
    """The files of a folder that a process has open, whether or not they have a name."""
    opened = f"/proc/{pid}/fd"
    links = {f"{opened}/{one}": proc.link(f"{opened}/{one}") for one in os.listdir(opened)}
    found = {target: path for path, target in links.items() if target.startswith(f"{folder}/")}
    return list(found.values())


LONG = """
import os, sys, time
for number in range(200): os.write(1, b"%06d " % number + b"x" * (2**20 - 8) + b"\\n")
while not os.path.exists("seen"): time.sleep(0.1)
"""


def test_a_long_output_does_not_fill_the_temporary_folder(tmp_path):
    (tmp_path / "tmp").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    command = [*WATCH, "-q", "--", sys.executable, "-c", LONG]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE) as one:
        assert one.stdout is not None
        size = sum(len(one.stdout.read(2**20)) for _ in range(200))
        (spool,) = spools(one.pid, tmp_path / "tmp")
        until(lambda: os.stat(spool).st_blocks * 512 < 2**27)
        (tmp_path / "seen").touch()
    assert size == 200 * 2**20
    assert one.returncode == 0


FULL = """
import sys, tempfile
def full(*arguments, **more): raise OSError(28, "No space left on device")
tempfile.mkstemp = full
from diagnose.cli import main
main(sys.argv[1:])
"""


def test_a_disk_without_room_takes_nothing_from_the_output_of_the_command(tmp_path):
    program = "import os; os.write(1, b'out' * 2**20); os.write(2, b'err')"
    command = [sys.executable, "-c", FULL, "watch", "-q", "--", sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == (b"out" * 2**20, b"err", 0)


def test_a_look_that_cannot_be_kept_is_told_all_the_same(tmp_path):
    """The folder was there when the command was started."""
    (tmp_path / "gone").mkdir()
    command = ["sh", "-c", "rmdir gone; sleep 99"]
    done = watch("--max", "1", "--save", "gone/seen.tar.gz", "--", *command, folder=tmp_path)
    assert done.returncode == 125
    assert b"what was seen is not kept: cannot write gone/seen.tar.gz: No such file" in done.stderr
    assert b"sleep" in done.stderr


def test_a_killed_watch_leaves_the_server_running_and_unharmed(tmp_path):
    command = server(
        *LOADS, "touch", "started", "sleep", "3", "rest", "rest", "touch", "done", "exit", "0"
    )
    (tmp_path / "tmp").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    with subprocess.Popen(
        [*WATCH, "--", *command], cwd=tmp_path, env=environment, stdout=subprocess.PIPE
    ) as started:
        until((tmp_path / "started").exists)
        started.kill()
    until((tmp_path / "done").exists)
    until(lambda: left(tmp_path) == [])
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_evidence_is_kept_before_a_cancel_is_passed_on(number, tmp_path):
    command = server("note", "noted", *LOADS, "touch", "started", "hang")
    with watching("--hold", "60", "--", *command, folder=tmp_path) as one:
        until((tmp_path / "started").exists)
        one.send_signal(number)
        code = one.wait(60)
    ((got, at),) = [row.split() for row in (tmp_path / "noted").read_text().splitlines()]
    (bundle,) = bundles(tmp_path)
    assert code == 7
    assert int(got) == number
    assert bundle.stat().st_mtime <= float(at)
    assert unpack(bundle.read_bytes())[0].samples
    assert left(tmp_path) == []


LOST = """
import sys, time
from diagnose.watch.examine import Examination
Examination._look = lambda self, *arguments, **more: time.sleep(3600)
from diagnose.cli import main
main(sys.argv[1:])
"""


def test_a_signal_is_passed_on_in_time_when_the_look_does_not_come_back(tmp_path):
    command = [sys.executable, "-c", LOST, "watch", "--hold", "1", "--"]
    command += server("note", "noted", *LOADS, "touch", "started", "hang")
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE) as one:
        until((tmp_path / "started").exists)
        one.terminate()
        until((tmp_path / "noted").exists)
        one.kill()
    for pid in left(tmp_path):
        os.kill(pid, signal.SIGKILL)


def test_a_second_signal_is_passed_on_without_waiting_for_the_evidence(tmp_path):
    command = [sys.executable, "-c", LOST, "watch", "--hold", "1h", "--"]
    command += server("note", "noted", *LOADS, "touch", "started", "hang")
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE) as one:
        until((tmp_path / "started").exists)
        one.send_signal(signal.SIGINT)
        one.send_signal(signal.SIGTERM)
        until((tmp_path / "noted").exists)
        one.kill()
    for pid in left(tmp_path):
        os.kill(pid, signal.SIGKILL)


def test_a_terminal_that_changes_its_size_is_told_to_the_command(tmp_path):
    program = "import signal; print(signal.sigwait([signal.SIGWINCH]), flush=True)"
    started = f"import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [28]); open('started', 'w'); {program}"
    with watching("--", sys.executable, "-c", started, folder=tmp_path) as one:
        until((tmp_path / "started").exists)
        one.send_signal(signal.SIGWINCH)
        assert one.wait(60) == 0
    assert b"SIGWINCH" not in said(tmp_path)


STUCK = """
import sys, time
from diagnose.watch.examine import Examination
Examination.after = lambda self, end: time.sleep(3600)
from diagnose.cli import main
main(sys.argv[1:])
"""


def test_a_signal_ends_the_reading_of_the_logs_of_a_server_that_ended(tmp_path):
    command = [sys.executable, "-c", STUCK, "watch", "--", "sh", "-c", "echo $$ > pid; exit 3"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE) as one:
        until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
        head = int((tmp_path / "pid").read_text())
        until(lambda: proc.stat(head) is None)
        one.terminate()
        assert one.stderr is not None
        assert b"a signal came before it was done" in one.stderr.read()
    assert one.returncode == 3


def test_a_command_that_goes_on_after_a_cancel_is_told_of(tmp_path):
    command = server("deaf", *LOADS, "touch", "started", "hang")
    with watching("--hold", "0.1", "--grace", "1", "--", *command, folder=tmp_path) as one:
        until((tmp_path / "started").exists)
        one.send_signal(signal.SIGTERM)
        until(lambda: b"SIGTERM was passed on" in said(tmp_path))
        assert one.poll() is None


def test_a_server_that_hangs_when_it_is_cancelled_is_stopped_all_the_same(tmp_path):
    actions = ("deaf", *LOADS, "touch", "started", "hang")
    with watching(
        *STALL, "--on-hang", "stop", "--grace", "1", "--", *server(*actions), folder=tmp_path
    ) as one:
        until((tmp_path / "started").exists)
        one.send_signal(signal.SIGTERM)
        assert one.wait(60) == 125
    assert left(tmp_path) == []


def test_a_key_at_the_terminal_reaches_the_command_once(tmp_path):
    master, slave = pty.openpty()
    command = [*WATCH, "--", *server("note", "noted", *LOADS, "touch", "started", "hang")]
    one = subprocess.Popen(
        ["setsid", "--ctty", *command], cwd=tmp_path, stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    until((tmp_path / "started").exists)
    os.write(master, b"\x03")
    shown = b""
    with contextlib.suppress(OSError):
        while data := os.read(master, 65536):
            shown += data
    os.close(master)
    assert one.wait(60) == 7
    assert len((tmp_path / "noted").read_text().splitlines()) == 1
    assert b"SIGINT" in shown


def test_a_signal_that_was_ignored_stays_ignored(tmp_path):
    command = [*WATCH, "--", *server(*LOADS, "touch", "started", "sleep", "2", "exit", "9")]
    quoted = " ".join(f"'{word}'" for word in command)
    with subprocess.Popen(["sh", "-c", f"trap '' HUP; exec {quoted}"], cwd=tmp_path,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as one:  # fmt: skip
        until((tmp_path / "started").exists)
        one.send_signal(signal.SIGHUP)
    assert one.returncode == 9


def test_what_a_command_leaves_behind_is_ended_with_it(tmp_path):
    done = watch(
        "--grace", "1", "--", *server("orphan", "sleep", "1", "exit", "0"), folder=tmp_path
    )
    assert done.returncode == 0
    assert left(tmp_path) == []


# Beside a server that somebody else started


@contextlib.contextmanager
def started(*actions: str, folder: Path, log: str = HANGS) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "server.log").open("wb") as out:
        one = subprocess.Popen(server(*actions, log=log), cwd=folder, stdout=out, stderr=out)
    try:
        yield one
    finally:
        one.kill()
        one.wait()


def test_beside_a_server_that_comes_up(tmp_path):
    with started("sleep", "1", "rest", "hang", folder=tmp_path, log=HEALTHY) as one:
        done = watch("--pid", str(one.pid), "--log", "server.log", folder=tmp_path)
        assert done.returncode == 0
        assert b"ready after" in done.stderr
        assert done.stdout == b""
        assert one.poll() is None


def test_beside_a_server_its_log_is_found_by_itself(tmp_path):
    with started("sleep", "1", "rest", "hang", folder=tmp_path, log=HEALTHY) as one:
        assert watch("--pid", str(one.pid), folder=tmp_path).returncode == 0


def test_beside_a_server_that_hangs_it_is_reported_and_not_touched(tmp_path):
    with (
        started(*LOADS, "hang", folder=tmp_path) as one,
        watching("--pid", str(one.pid), *STALL, folder=tmp_path) as beside,
    ):
        until(lambda: b"diagnose attach" in said(tmp_path))
        assert b"HUNG" in said(tmp_path)
        assert beside.poll() is None
        assert one.poll() is None


def test_beside_a_server_that_is_not_ready_in_time_it_is_looked_at_and_not_touched(tmp_path):
    with started(*LOADS, "hang", folder=tmp_path) as one:
        done = watch("--pid", str(one.pid), "--max", "3", folder=tmp_path)
        assert done.returncode == 125
        assert b"longer than 3 s (--max)" in done.stderr
        assert b"HUNG" in done.stderr
        assert one.poll() is None


def test_beside_a_server_that_hangs_it_is_stopped_when_asked(tmp_path):
    with started(*LOADS, "hang", folder=tmp_path) as one:
        done = watch("--pid", str(one.pid), *STALL, "--on-hang", "stop", folder=tmp_path)
        assert done.returncode == 125
        assert one.wait(60) == -signal.SIGTERM


def test_beside_a_server_a_cancel_ends_the_watch_alone_and_only_after_the_look(tmp_path):
    with (
        started(*LOADS, "touch", "started", "hang", folder=tmp_path) as one,
        watching("--hold", "60", "--pid", str(one.pid), folder=tmp_path) as beside,
    ):
        until(lambda: b"weight-load" in said(tmp_path))
        beside.send_signal(signal.SIGTERM)
        assert beside.wait(60) == 128 + signal.SIGTERM
        assert one.poll() is None
    assert len(bundles(tmp_path)) == 1


def test_beside_a_server_that_dies(tmp_path):
    log = str(FIXTURES / "logs" / "port-in-use.log")
    with started("sleep", "2", "rest", "exit", "1", folder=tmp_path, log=log) as one:
        done = watch("--pid", str(one.pid), folder=tmp_path)
    assert done.returncode == 1
    assert b"before it was ready" in done.stderr


def test_beside_what_started_it_the_watch_is_no_part_of_what_it_sees(tmp_path):
    script = f"sleep 999 & {' '.join(WATCH)} --pid $$ --max 2; echo code $?; kill $!"
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, check=False)
    assert done.stdout == b"code 125\n"
    (bundle,) = bundles(tmp_path)
    titles = [one.title for one in unpack(bundle.read_bytes())[0].processes]
    assert titles[0].startswith("sh -c")
    assert titles[1:] == ["sleep 999"]


def test_beside_the_end_of_a_pipeline_the_mistake_is_told(tmp_path):
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as one:
        done = watch("--pid", str(one.pid), folder=tmp_path)
        assert one.stdin is not None
        one.stdin.close()
    assert done.returncode == 4
    assert b"only passes on what it reads" in done.stderr


def test_beside_nothing(tmp_path):
    done = watch("--pid", "4194303", folder=tmp_path)
    assert done.returncode == 4
    assert b"there is no process" in done.stderr


FORGED = f"""::error file=x.py::forged ##[error]forged torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. {"x" * 60} ::warning::forged
"""


def test_no_line_of_a_log_is_a_workflow_command(tmp_path):
    script = f"sleep 2; printf '%s' '{FORGED}' > server.log; sleep 1; exit 1"
    with subprocess.Popen(["sh", "-c", script], cwd=tmp_path) as one:
        command = [*WATCH, "--pid", str(one.pid), "--log", "server.log"]
        told = {**os.environ, "GITHUB_ACTIONS": "true"}
        done = subprocess.run(
            command, cwd=tmp_path, env=told, capture_output=True, check=False, text=True
        )
    assert "forged" in done.stderr
    assert "##[" not in done.stderr
    assert Runner().read(done.stderr.splitlines()).commands == []


SERVES = """
import http.server, sys, time
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if time.monotonic() > ready else 503); self.end_headers()
    def log_message(self, *arguments): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
ready = time.monotonic() + 3
print(server.server_port, flush=True)
server.serve_forever()
"""


def test_a_url_that_answers_is_what_ready_means_when_one_is_given(tmp_path):
    with subprocess.Popen([sys.executable, "-c", SERVES], stdout=subprocess.PIPE) as one:
        assert one.stdout is not None
        port = int(one.stdout.readline())
        done = watch(
            "--pid", str(one.pid), "--health", f"http://127.0.0.1:{port}/health", folder=tmp_path
        )
        one.kill()
    assert done.returncode == 0
    assert b"ready after" in done.stderr
