"""Stands for a server: prints lines of a real vLLM log, then does what its arguments say, one after the other.

usage: python server.py LOG ACTION…

    until TEXT    the log's lines up to the first one with TEXT, which is left out
    rest          the lines that are left
    sleep S       nothing
    hang [FILE]   waits for a child that is stopped, for ever or until there is a file
    spin          computes for ever
    build S       a child called `ninja` computes for so long
    download S    writes a file for so long
    orphan        a grandchild in a session of its own that never ends and whose parent has ended
    note FILE     writes the time of every SIGTERM and SIGINT to a file, and ends at the first with exit code 7
    deaf          hears no SIGTERM
    touch FILE    makes a file
    heartbeat S   says every half second that it still waits, for so long
    family FILE   a child that notes every SIGTERM it gets in a file, and ends when this one ends
    starve        waits for a child that is stopped, and says every half second what vLLM's engine says then
    exit N        ends
"""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

BEAT = (
    "(EngineCore pid={}) INFO 07-12 02:36:01 [shm_broadcast.py:705] No available shared memory broadcast block"
    " found in 60 seconds. This typically happens when some processes are hanging.\n"
)
COMPUTE = "import time\nend = time.monotonic() + {}\nwhile time.monotonic() < end: pass"


def until(lines, text):
    while lines and text not in lines[0]:
        say(lines.pop(0))


def say(line):
    sys.stdout.write(line)
    sys.stdout.flush()


def build(seconds):
    folder = pathlib.Path(tempfile.mkdtemp())
    program = folder / "ninja"
    program.symlink_to(sys.executable)
    subprocess.run(
        [str(program), "-c", COMPUTE.format(seconds)], executable=sys.executable, check=True
    )


def download(seconds):
    end = time.monotonic() + seconds
    with tempfile.TemporaryFile() as file:
        while time.monotonic() < end:
            file.write(os.urandom(2**18))
            file.flush()
            time.sleep(0.1)


def hang(path):
    child = os.fork()
    if child == 0:
        os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(0)
    if path:

        def looked(number, frame):
            if os.path.exists(path):
                os.kill(child, signal.SIGCONT)

        signal.signal(signal.SIGALRM, looked)
        signal.setitimer(signal.ITIMER_REAL, 0.5, 0.5)
    os.waitpid(child, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)


def starve():
    child = os.fork()
    if child == 0:
        os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(0)
    signal.signal(signal.SIGALRM, lambda number, frame: say(BEAT.format(os.getpid())))
    signal.setitimer(signal.ITIMER_REAL, 0.5, 0.5)
    os.waitpid(child, 0)


def orphan():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(3600)
        os._exit(0)


def note(path):
    def noted(number, frame):
        with open(path, "a") as file:
            file.write(f"{number} {time.time()}\n")
        os._exit(7)

    signal.signal(signal.SIGTERM, noted)
    signal.signal(signal.SIGINT, noted)


def family(path):
    parent = os.getpid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, lambda number, frame: pathlib.Path(path).touch())
        while os.getppid() == parent:
            time.sleep(0.05)
        os._exit(0)


def main():
    text = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith("#=")]
    actions = sys.argv[2:]
    while actions:
        action = actions.pop(0)
        if action == "until":
            until(lines, actions.pop(0))
        elif action == "rest":
            until(lines, "\0")
        elif action == "sleep":
            time.sleep(float(actions.pop(0)))
        elif action == "hang":
            hang(actions.pop(0) if actions else "")
        elif action == "spin":
            while True:
                pass
        elif action == "build":
            build(float(actions.pop(0)))
        elif action == "download":
            download(float(actions.pop(0)))
        elif action == "starve":
            starve()
        elif action == "orphan":
            orphan()
        elif action == "note":
            note(actions.pop(0))
        elif action == "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        elif action == "touch":
            pathlib.Path(actions.pop(0)).touch()
        elif action == "heartbeat":
            for second in range(2 * int(actions.pop(0))):
                say(f"still waiting for the other ranks, {second} half seconds\n")
                time.sleep(0.5)
        elif action == "family":
            family(actions.pop(0))
        elif action == "exit":
            sys.exit(int(actions.pop(0)))


main()
