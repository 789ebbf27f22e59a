"""Hangs that nobody listed, and programs that only wait for work, each a real one that is looked at.

A verdict is asked for, not a signature: what is certain must be said, and no program that is well may be called hung.
"""

from __future__ import annotations

import sys

import pytest
from living import running, seen, until
from looks import diagnose

from diagnose.model import Diagnosis
from diagnose.probe import proc
from diagnose.reason import prepare

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looking needs /proc")

READY = "print('ready', flush=True)"
JOINED_BEFORE_READ = f"""
    import multiprocessing as mp
    def work(queue): queue.put(b"x" * 1_000_000)
    if __name__ == "__main__":
        queue = mp.Queue()
        child = mp.Process(target=work, args=(queue,))
        child.start()
        {READY}
        child.join()
        queue.get()
"""
FULL_PIPE = f"""
    import subprocess, sys
    child = subprocess.Popen([sys.executable, "-c", "print('x' * 1_000_000)"], stdout=subprocess.PIPE)
    {READY}
    child.wait()
"""
FULL_PIPE_OF_OTHERS = f"""
    import subprocess
    child = subprocess.Popen("yes | cat", shell=True, stdout=subprocess.PIPE)
    {READY}
    child.wait()
"""
HOLDER_ENDED = f"""
    import threading
    lock = threading.Lock()
    thread = threading.Thread(target=lock.acquire)
    thread.start()
    thread.join()
    {READY}
    lock.acquire()
"""
FORKED_WITH_LOCK = f"""
    import os, threading, time
    lock = threading.Lock()
    def hold():
        with lock: time.sleep(600)
    threading.Thread(target=hold, daemon=True).start()
    time.sleep(0.2)
    child = os.fork()
    if not child: lock.acquire()
    {READY}
    os.waitpid(child, 0)
"""
NATIVE_MUTEX = f"""
    import ctypes
    libc, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)
    libc.pthread_mutex_init(mutex, None)
    libc.pthread_mutex_lock(mutex)
    {READY}
    libc.pthread_mutex_lock(mutex)
"""
LOST_TASK = f"""
    import multiprocessing as mp, os, time
    def work(number):
        time.sleep(0.3)
        if not number: os.kill(os.getpid(), 9)
    if __name__ == "__main__":
        with mp.Pool(2) as pool:
            {READY}
            pool.map(work, range(4), chunksize=1)
"""
BEFORE_ITS_PROGRAM = f"""
    import os, sys
    os.mkfifo(sys.argv[1] + "/queue")
    {READY}
    first = [(os.POSIX_SPAWN_OPEN, 0, sys.argv[1] + "/queue", os.O_RDONLY, 0)]
    os.posix_spawn("/bin/true", ["true"], {{}}, file_actions=first)
"""
LEFT_OVER = f"""
    import subprocess, sys
    code = "import time; time.sleep(30)"
    {READY}
    subprocess.run(f"{{sys.executable}} -c '{{code}}' & exit 0", shell=True, capture_output=True)
"""
RELATIVE_FIFO = f"""
    import os, sys
    os.chdir(sys.argv[1])
    os.mkfifo("queue")
    {READY}
    open("queue").read()
"""


@pytest.fixture(scope="module")
def examiner():
    return prepare()


def looked(examiner, program: str, folder, wait_s: float = 0.8) -> tuple[Diagnosis, int]:
    """The diagnosis of a program some time after it said that it is ready, and its pid."""
    import time

    with running(program, str(folder), folder=folder) as one:
        time.sleep(wait_s)
        return diagnose(examiner, seen(one.pid)), one.pid


@pytest.mark.parametrize(
    ("program", "says"),
    [
        (JOINED_BEFORE_READ, ["to end", "room in pipe", "does not empty"]),
        (FULL_PIPE, ["to end", "room in pipe", "does not empty"]),
        (FULL_PIPE_OF_OTHERS, ["sh (pid", "cat (pid", "room in pipe", "does not empty"]),
        (HOLDER_ENDED, ["lock of its own", "no other thread"]),
        (FORKED_WITH_LOCK, ["lock of its own", "no other thread"]),
        (NATIVE_MUTEX, ["lock of its own", "no other thread"]),
        (LOST_TASK, ["a message on pipe", "something to do", "has ended"]),
        (LEFT_OVER, ["waits for the end of pipe", "its child", "has ended", "still has it open"]),
        (RELATIVE_FIFO, ["/queue, and nobody has its other end"]),
        (BEFORE_ITS_PROGRAM, ["/queue, and nobody has its other end", "waits for it"]),
    ],
    ids=["joined-before-read", "full-pipe", "full-pipe-of-others", "holder-ended", "forked-with-lock",
         "native-mutex", "lost-task", "left-over", "relative-fifo", "before-its-program"],
)  # fmt: skip
def test_a_hang_is_told_with_who_waits_for_what(examiner, program, says, tmp_path):
    diagnosis, _ = looked(examiner, program, tmp_path)

    assert diagnosis.verdict == "hung", diagnosis.verdict_why
    assert [text for text in says if text not in diagnosis.verdict_why] == [], diagnosis.verdict_why


def test_a_process_that_waits_inside_the_kernel_is_read_without_stopping_it(tmp_path):
    """It could not be stopped: py-spy would wait for it as long as the kernel does."""
    with running(BEFORE_ITS_PROGRAM, str(tmp_path), folder=tmp_path) as one:
        until(lambda: proc.stat(one.pid).state == "D")
        snapshot = seen(one.pid)

    assert {s.how for s in snapshot.samples if s.pid == one.pid} == {"py-spy --nonblocking"}


def test_a_relative_path_is_told_whole(examiner, tmp_path):
    diagnosis, _ = looked(examiner, RELATIVE_FIFO, tmp_path)

    assert diagnosis.blocker.resource == str(tmp_path / "queue")
    assert diagnosis.cause.signature.id == "host/fifo-without-partner"


LISTENS = f"""
    import socket
    server = socket.create_server(("127.0.0.1", 0))
    {READY}
    server.accept()
"""
POOL_AND_LISTENS = f"""
    import multiprocessing as mp, socket
    if __name__ == "__main__":
        pool = mp.Pool(2)
        pool.map(abs, [1, 2])
        server = socket.create_server(("127.0.0.1", 0))
        {READY}
        server.accept()
"""
FORKS_THAT_LISTEN = f"""
    import os, socket
    server = socket.create_server(("127.0.0.1", 0))
    for _ in range(2):
        if not os.fork(): server.accept()
    {READY}
    os.wait()
"""
LOOP_THAT_LISTENS = f"""
    import asyncio
    async def main():
        server = await asyncio.start_server(print, "127.0.0.1", 0)
        {READY}
        await server.serve_forever()
    asyncio.run(main())
"""


@pytest.mark.parametrize(
    "program",
    [LISTENS, POOL_AND_LISTENS, FORKS_THAT_LISTEN, LOOP_THAT_LISTENS],
    ids=["accepts", "pool-and-accepts", "forks-that-accept", "event-loop"],
)
def test_a_program_that_waits_for_somebody_to_connect_is_well(examiner, program, tmp_path):
    diagnosis, _ = looked(examiner, program, tmp_path)

    assert diagnosis.verdict == "healthy", diagnosis.verdict_why


POOL_AND_SLEEPS = f"""
    import multiprocessing as mp, time
    if __name__ == "__main__":
        pool = mp.Pool(2)
        pool.map(abs, [1, 2])
        {READY}
        while True: time.sleep(30)
"""
CHILD_SLEEPS = f"""
    import subprocess, sys
    child = subprocess.Popen([sys.executable, "-c", "import time\\nwhile True: time.sleep(20)"])
    {READY}
    child.wait()
"""
QUEUE_OF_A_TIMER = f"""
    import queue, threading, time
    from concurrent.futures import ProcessPoolExecutor
    if __name__ == "__main__":
        pool, jobs = ProcessPoolExecutor(2), queue.Queue()
        list(pool.map(abs, [1, 2]))
        def tick():
            while True:
                time.sleep(20)
                jobs.put(1)
        threading.Thread(target=tick, daemon=True).start()
        {READY}
        while True: jobs.get()
"""
HEARTBEAT = f"""
    import threading
    stop = threading.Event()
    def beat():
        while not stop.wait(15): pass
    thread = threading.Thread(target=beat)
    thread.start()
    {READY}
    thread.join()
"""
WAITS_FOR_A_SIGNAL = f"""
    import threading
    {READY}
    threading.Event().wait()
"""
LOOP_WITH_A_TIMER = f"""
    import asyncio
    async def main():
        {READY}
        while True: await asyncio.sleep(30)
    asyncio.run(main())
"""
READS_INPUT = f"""
    import sys
    {READY}
    sys.stdin.read()
"""


@pytest.mark.parametrize(
    "program",
    [POOL_AND_SLEEPS, CHILD_SLEEPS, QUEUE_OF_A_TIMER, HEARTBEAT, WAITS_FOR_A_SIGNAL, LOOP_WITH_A_TIMER, READS_INPUT],
    ids=["pool-and-sleeps", "child-sleeps", "queue-of-a-timer", "heartbeat", "signal", "timer", "input"],
)  # fmt: skip
def test_a_program_that_may_go_on_by_itself_is_not_called_hung(examiner, program, tmp_path):
    diagnosis, _ = looked(examiner, program, tmp_path)

    assert diagnosis.verdict == "undecidable", diagnosis.verdict_why


def test_an_event_loop_that_nothing_can_wake_is_said_to_be_one(examiner, tmp_path):
    program = f"""
        import asyncio
        async def main():
            {READY}
            await asyncio.Event().wait()
        asyncio.run(main())
    """
    diagnosis, _ = looked(examiner, program, tmp_path)

    assert "watches nothing that could wake it" in diagnosis.verdict_why
    assert diagnosis.verdict == "undecidable"


def test_an_event_loop_that_asks_is_told_whom(examiner, tmp_path):
    program = f"""
        import asyncio, os, socket, time
        server = socket.create_server(("127.0.0.1", 0))
        address = server.getsockname()
        if not os.fork():
            peer, _ = server.accept()
            time.sleep(600)
        server.close()
        async def main():
            reader, _ = await asyncio.open_connection(*address)
            {READY}
            await reader.read(1)
        asyncio.run(main())
    """
    diagnosis, pid = looked(examiner, program, tmp_path)

    assert diagnosis.verdict == "hung", diagnosis.verdict_why
    assert [wait.kind for wait in diagnosis.waits if pid in wait.waiters] == ["socket"]


def test_who_does_not_empty_a_pipe_is_named_also_outside(examiner, tmp_path):
    program = f"""
        import subprocess, sys, time
        code = "while True: print('x' * 1000)"
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        {READY}
        print(child.pid, flush=True)
        time.sleep(600)
    """
    with running(program, folder=tmp_path) as one:
        until(lambda: len((tmp_path / "out.log").read_text().split()) == 2)
        writer = int((tmp_path / "out.log").read_text().split()[1])
        until(lambda: proc.text(f"/proc/{writer}/wchan").startswith(("pipe", "anon_pipe")))
        diagnosis = diagnose(examiner, seen(writer))

    assert diagnosis.verdict == "hung"
    assert diagnosis.blocker.pids == (one.pid,)
    assert "does not empty pipe" in diagnosis.verdict_why
    assert diagnosis.cause.signature.id == "host/output-pipe-not-emptied"


def test_a_look_does_not_cut_short_what_is_being_written(tmp_path):
    """A write that is broken off comes back short, and Python's unbuffered output loses the rest of it."""
    program = f"""
        import os, subprocess, sys
        code = "import os; os.write(2, b'%d' % os.write(1, b'x' * 1_000_000))"
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=open(sys.argv[1], "w"))
        {READY}
        child.wait()
    """
    told = tmp_path / "told"
    with running(program, str(told), folder=tmp_path) as one:
        snapshot = seen(one.pid)

    (writer,) = {sample.pid for sample in snapshot.samples} - {one.pid}
    assert {s.how for s in snapshot.samples if s.pid == writer} == {"py-spy --nonblocking"}
    assert told.read_text() == ""


def test_names_of_files_that_are_no_text_are_told_as_far_as_they_are(examiner, tmp_path):
    program = f"""
        import fcntl, os, sys, time
        path = sys.argv[1].encode() + b"/bad\\xff.lock"
        mine = open(path, "w")
        fcntl.flock(mine, fcntl.LOCK_EX)
        if not os.fork(): fcntl.flock(open(path, "w"), fcntl.LOCK_EX)
        os.dup2(os.open(sys.argv[1].encode() + b"/log\\xff", os.O_CREAT | os.O_WRONLY), 2)
        {READY}
        time.sleep(600)
    """
    diagnosis, _ = looked(examiner, program, tmp_path)

    assert diagnosis.verdict == "hung", diagnosis.verdict_why
    assert f"holds {tmp_path}/bad?.lock" in diagnosis.verdict_why


DRIPS = f"""
    import os, socket, sys, time
    pause = float(sys.argv[2])
    server = socket.create_server(("127.0.0.1", 0))
    if not os.fork():
        peer, _ = server.accept()
        while True:
            peer.sendall(b"x")
            time.sleep(pause)
    client = socket.create_connection(server.getsockname())
    {READY}
    got = b""
    while len(got) < 1_000_000: got += client.recv(65536)
"""


@pytest.mark.parametrize(("pause", "verdict"), [("0.05", "slow"), ("600", "hung")])
def test_who_still_sends_is_not_silent(examiner, pause, verdict, tmp_path):
    import time

    with running(DRIPS, str(tmp_path), pause, folder=tmp_path) as one:
        time.sleep(1.0)
        diagnosis = diagnose(examiner, seen(one.pid))

    assert diagnosis.verdict == verdict, diagnosis.verdict_why


def test_how_long_a_sleep_lasts_is_told_behind_what_it_is(examiner, tmp_path):
    """The signature of a rank that sleeps in its loader is written against what comes before."""
    program = f"""
        import os, sys, time
        os.mkfifo(sys.argv[1] + "/queue")
        def load_model():
            with open(sys.argv[1] + "/queue", "w"): time.sleep(600)
        if not os.fork(): load_model()
        queue = open(sys.argv[1] + "/queue")
        {READY}
        queue.read()
    """
    diagnosis, _ = looked(examiner, program, tmp_path)

    assert "sleeps for a time that it sets itself in load_model (" in diagnosis.verdict_why
    assert "while it loads the model (for at most " in diagnosis.verdict_why


def test_how_long_a_peer_has_sent_nothing_is_told(examiner, tmp_path):
    program = f"""
        import socket
        server = socket.create_server(("127.0.0.1", 0))
        client = socket.create_connection(server.getsockname())
        {READY}
        client.recv(1)
    """
    diagnosis, _ = looked(examiner, program, tmp_path, 1.5)

    assert diagnosis.verdict == "hung"
    assert "sends nothing for" in diagnosis.verdict_why
