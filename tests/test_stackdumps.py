"""Stack dumps of every tool, as they are pasted into a log."""

from __future__ import annotations

from pathlib import Path

import pytest

from diagnose import document
from diagnose.dialects.stackdumps import StackDump, stack_dumps
from diagnose.dialects.tracebacks import Frame

FIXTURES = Path(__file__).parent.parent / "fixtures" / "stacks"


def dumps(text: str | bytes, source: str = "a.log") -> tuple[StackDump, ...]:
    raw = text.encode() if isinstance(text, str) else text
    lines = enumerate(raw.split(b"\n"), 1)
    return stack_dumps([document.read_line(source, n, line) for n, line in lines])


def test_a_real_py_spy_dump_of_three_processes_is_read():
    threads = dumps((FIXTURES / "py-spy-three-processes.txt").read_bytes())

    mains = [thread for thread in threads if thread.thread == "MainThread"]
    assert [(thread.process, thread.pid) for thread in mains] == [
        ("VLLM::EngineCore", 11400),
        ("VLLM::Worker_TP0", 11426),
        ("VLLM::Worker_TP1", 11427),
    ]
    assert mains[1].frames[0] == Frame("torch/utils/file_baton.py", 50, "FileBaton.wait")
    assert mains[1].frames[-1] == Frame("<string>", 1, "<module>")
    assert len(mains[1].frames) == 130
    assert {thread.active for thread in threads} == {False}
    assert [thread.thread for thread in threads if thread.pid == 11426][1:] == [
        "tqdm_monitor",
        "DeathPipeMonitor",
        "tqdm_monitor",
    ]


def test_a_real_pystack_dump_is_turned_innermost_first():
    threads = dumps((FIXTURES / "pystack.txt").read_bytes())

    assert {thread.tool for thread in threads} == {"pystack"}
    assert threads[0].thread_id == "10586"
    assert threads[0].frames[-1].func == "_bootstrap"
    assert threads[-1].frames[-1].func == "<module>"


def test_native_frames_need_no_line():
    (thread,) = dumps("""\
Thread 2975 (active+gil): "MainThread"
    sched_yield (libc.so.6)
    0x7f3a1b86d1bc (libnccl.so.2)
    std::vector<int, std::allocator<int> >::size() const (torch/csrc/a.cpp:12)
    all_reduce (torch/distributed/distributed_c10d.py:3075)
        Arguments:
            tensor: <Tensor at 0x7f>""")

    assert (thread.active, thread.pid) == (True, 2975)
    assert [(frame.file, frame.line) for frame in thread.frames] == [
        ("libc.so.6", 0),
        ("libnccl.so.2", 0),
        ("torch/csrc/a.cpp", 12),
        ("torch/distributed/distributed_c10d.py", 3075),
    ]


def test_the_dump_of_sglangs_watchdog_names_its_process():
    (thread,) = dumps("""\
[2026-06-20 08:00:51] Pyspy dump for PID 3100:
Process 3100: sglang::scheduler_TP0
Python v3.12.11 (/usr/bin/python3.12)

Thread 3100 (idle): "MainThread"
    broadcast (torch/distributed/distributed_c10d.py:2974)
[2026-06-20 08:00:52 TP1] Watchdog timeout
    recv_requests (scheduler.py:187)
Scheduler gone
    not_a_frame (x.py:1)""")

    assert (thread.process, thread.pid) == ("sglang::scheduler_TP0", 3100)
    assert [frame.func for frame in thread.frames] == ["broadcast", "recv_requests"]
    assert (thread.first.number, thread.last.number) == (5, 8)


FAULTHANDLER = """\
Fatal Python error: Segmentation fault

Thread 0x00007f1200000640 (most recent call first):
  File "/usr/lib/python3.12/threading.py", line 359 in wait
  File "/usr/lib/python3.12/queue.py", line 180 in get

Current thread 0x00007f1300000740 [VLLM::Worker] (most recent call first):
  File "/opt/vllm/v1/worker/gpu_worker.py", line 312 in load_model
  <no more>

Extension modules: numpy"""


def test_a_fatal_error_names_the_thread_that_ran():
    waiting, running = dumps(FAULTHANDLER)

    assert (waiting.active, running.active) == (None, True)
    assert running.thread == "VLLM::Worker"
    assert [frame.func for frame in waiting.frames] == ["wait", "get"]
    assert running.frames == (Frame("/opt/vllm/v1/worker/gpu_worker.py", 312, "load_model"),)


def test_a_watchdog_file_of_vllm_names_its_process():
    text = f">>> Call stack dump #1 at 2026-07-01 05:12:33 due to feed timeout\n{FAULTHANDLER}"

    threads = dumps(text, "run/VLLM_STACK_DUMP_for_worker_3_395.log")

    assert {(thread.process, thread.pid) for thread in threads} == {("worker_3", 395)}


def test_an_extract_of_a_faulthandler_dump_is_read():
    (thread,) = dumps(
        '  File "/opt/a.py", line 2050 in all_reduce\n  File "/opt/b.py", line 7 in f'
    )

    assert (thread.tool, thread.thread_id) == ("faulthandler", "")
    assert [frame.func for frame in thread.frames] == ["all_reduce", "f"]


def test_all_threads_of_a_gdb_dump_are_read():
    first, second = dumps("""\
Attaching to process 395

Thread 2 (Thread 0x7f12 (LWP 401) "pt_autograd_0"):
#0  __futex_abstimed_wait (expected=0, abstime=0x0) at ./nptl/futex-internal.c:57
#1  0x00007f3a1b86d1bc in pthread_cond_wait () from /lib/x86_64-linux-gnu/libc.so.6

Thread 1 (Thread 0x7f13 (LWP 395)):
#0  0x00007f3a1b86d1bc in poll () from /lib/x86_64-linux-gnu/libc.so.6
[Inferior 1 (process 395) detached]""")

    assert [(t.pid, t.thread_id, t.thread) for t in (first, second)] == [
        (395, "401", "pt_autograd_0"),
        (395, "395", ""),
    ]
    assert first.frames == (
        Frame("./nptl/futex-internal.c", 57, "__futex_abstimed_wait"),
        Frame("/lib/x86_64-linux-gnu/libc.so.6", 0, "pthread_cond_wait"),
    )


def test_eu_stack_is_read_like_gdb():
    (thread,) = dumps("PID 395 - process\nTID 401:\n#0  0x00007f3a1b86d1bc poll\n#1  0x7f3a uv_run")

    assert (thread.pid, thread.thread_id) == (395, "401")
    assert [frame.func for frame in thread.frames] == ["poll", "uv_run"]


@pytest.mark.parametrize(
    "text",
    [
        '#0 building with "default" instance using docker driver\n#1 DONE 0.1s',
        "Process 12: something happened\n    f (a.py:3)",
        'Traceback (most recent call last):\n  File "a.py", line 3, in f',
        "frame #0: c10::Error::Error(c10::SourceLocation) + 0x9c (0x7f in libc10.so)",
        "    f (a.py:3)",
    ],
)
def test_what_only_looks_like_a_dump_is_none(text):
    assert dumps(text) == ()
