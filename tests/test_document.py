"""Raw bytes to lines: cleaning, envelopes around headers, JSON lines, and never an exception."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose import document
from diagnose.dialects.stackdumps import stack_dumps
from diagnose.model import Line, Writer

GITHUB = "2026-07-01T05:12:33.1234567Z"
GITHUB_S = datetime(2026, 7, 1, 5, 12, 33, 123456, UTC).timestamp()
RECORD = "(EngineCore_DP0 pid=272) INFO 07-01 02:16:31 [core.py:133] Initializing a V1 LLM engine"
MESSAGE = "Initializing a V1 LLM engine"


def read(raw: str | bytes) -> Line:
    return document.read_line("a.log", 7, raw if isinstance(raw, bytes) else raw.encode())


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain", "plain"),
        (b"tab\tstays", "tab\tstays"),
        (b"\x1b[1;36m(Worker pid=1)\x1b[0;0m up", "(Worker pid=1) up"),
        (b"\x1b]0;title\x07words", "words"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"\x1b_bk;t=1690000000000\x07words", "words"),
        (b"cut off \x1b[1;3", "cut off "),
        (b"unfinished \x1b]0;title", "unfinished 0;title"),
        (b"a\x00b\x07c\x7f", "abc"),
        (b"abc\x08\x08X", "aX"),
        (b"-\x08\\\x08|", "|"),
        (b"line\r", "line"),
        (b"line\r\r", "line"),
        (b"10%\r 20%\r 30%", " 30%"),
        (b"10%\r 20%\r", " 20%"),
        (b"\rLoading", "Loading"),
        (b"\xff\xfebad", "\ufffd\ufffdbad"),
        ("C1 \u009b31m and \u202ereversed".encode(), "C1 31m and reversed"),
        ("\ufeffwords".encode(), "words"),
        ("▄▄ █ vLLM".encode(), "▄▄ █ vLLM"),
        (b"[1;36m(VllmWorker rank=7 pid=1)[0;0m up", "(VllmWorker rank=7 pid=1) up"),
        (b"^[[32mINFO^[[0m up", "INFO up"),
        (b"rate(x[5m]) and [0m 3s]", "rate(x[5m]) and [0m 3s]"),
        (b"", ""),
    ],
)
def test_a_line_is_cleaned_as_a_terminal_would_leave_it(raw, text):
    assert document.clean(raw) == text


# raw, stamp as printed; every one of them is around the same record
ENVELOPES = [
    (f"{GITHUB} {RECORD}", GITHUB),
    (f"\ufeff{GITHUB} {RECORD}", GITHUB),
    (f"bmk-mi355x / single\tRun benchmark\t{GITHUB} {RECORD}", GITHUB),
    (f"bmk\tUNKNOWN STEP\t\ufeff{GITHUB} {RECORD}", GITHUB),
    (f"\x1b_bk;t=1782882753123\x07{RECORD}", "1782882753123"),
    (f"_bk;t=1782882753123{RECORD}", "1782882753123"),
    (f"2026-07-01T05:12:33.123456789Z stderr F {RECORD}", "2026-07-01T05:12:33.123456789Z"),
    (
        f"2026-07-01T07:12:33.123456789+02:00 stdout F {RECORD}",
        "2026-07-01T07:12:33.123456789+02:00",
    ),
    (f"2026-07-01T05:12:33.123456Z 00O {RECORD}", "2026-07-01T05:12:33.123456Z"),
    (f"[2026-07-01T05:12:33.123Z] {RECORD}", "2026-07-01T05:12:33.123Z"),
    (f"{GITHUB} 2026-06-30T00:00:00.123456789Z stderr F {RECORD}", GITHUB),
]


@pytest.mark.parametrize(("raw", "stamp"), ENVELOPES)
def test_an_envelope_comes_off_the_text_and_gives_the_time(raw, stamp):
    line = read(raw)

    assert (line.text, line.message, line.stamp) == (RECORD, MESSAGE, stamp)
    assert line.time_s == pytest.approx(GITHUB_S, abs=1e-3)
    assert line.writer.pid == 272


def test_a_stamp_colour_a_prefix_a_header_and_a_carriage_return_come_off_together():
    line = read(
        f"{GITHUB} \x1b[0;36m(Worker_TP3_EP3 pid=395)\x1b[0;0m \x1b[31mERROR\x1b[0m "
        '\x1b[90m07-01 02:16:31\x1b[0m \x1b[90m[core.py:12]\x1b[0m   File "x.py", line 3, in f\r'
    )

    assert line == Line(
        "a.log",
        7,
        '(Worker_TP3_EP3 pid=395) ERROR 07-01 02:16:31 [core.py:12]   File "x.py", line 3, in f',
        '  File "x.py", line 3, in f',
        Writer("Worker_TP3_EP3", 395, "worker", (("TP", 3), ("EP", 3))),
        "ERROR",
        line.time_s,
        GITHUB,
    )


def test_a_task_label_inside_a_stamp_is_read_too():
    line = read(f"{GITHUB} 3: {RECORD}")

    assert (line.writer.node, line.writer.pid, line.message) == ("task 3", 272, MESSAGE)


def test_a_stamped_empty_line_is_empty():
    assert (read(f"{GITHUB} ").text, read(GITHUB).text) == ("", "")


def test_the_stamp_before_a_carriage_return_is_the_time_of_what_follows():
    line = read(f"{GITHUB} 10%\r20%")

    assert (line.text, line.stamp) == ("20%", GITHUB)


def test_a_gitlab_section_gives_its_time_and_its_title():
    line = read("section_start:1782882753:prepare[collapsed=true]\r\x1b[0KPreparing")

    assert (line.text, line.time_s) == ("Preparing", 1782882753)


def test_six_digits_of_a_second_are_a_programs_own_stamp():
    raw = "2026-07-01T05:12:33.123456Z  INFO sglang_router::server: src/server.rs:12: up"
    line = read(raw)

    assert (line.text, line.level) == (raw, "INFO")
    assert line.message.endswith("up")
    assert "2026" not in line.message


def vllm_json(**fields: object) -> str:
    return json.dumps(
        {
            "asctime": "2026-07-01 05:12:33,123",
            "levelname": "ERROR",
            "name": "vllm.v1.engine.core",
            "processName": "Worker_TP1",
            "process": 395,
            "message": "WorkerProc failed to start.",
            **fields,
        }
    )


def test_a_json_line_of_vllm_is_decoded():
    line = read(vllm_json())

    assert line.message == "WorkerProc failed to start."
    assert line.writer == Writer("Worker_TP1", 395, "worker", (("TP", 1),))
    assert (line.level, line.stamp) == ("ERROR", "2026-07-01 05:12:33,123")
    assert line.time_s == pytest.approx(GITHUB_S, abs=1e-2)
    assert line.text == vllm_json()


def test_a_traceback_beside_a_json_message_keeps_its_lines():
    line = read(vllm_json(exc_info='Traceback (most recent call last):\n  File "x"\nOSError: no'))

    assert line.message.split("\n") == [
        "WorkerProc failed to start.",
        "Traceback (most recent call last):",
        '  File "x"',
        "OSError: no",
    ]


@pytest.mark.parametrize(
    ("raw", "message", "level"),
    [
        ('{"level":"warn","ts":1782882753.1,"msg":"slow"}', "slow", "WARNING"),
        ('{"severity":"INFO","message":"up","time":"2026-07-01T05:12:33Z"}', "up", "INFO"),
        ('{"log":"\\u001b[31mred\\u001b[0m\\n","stream":"stderr","time":"x"}', "red", ""),
        ('{"event":"died","level":"critical"}', "died", "CRITICAL"),
    ],
)
def test_json_lines_of_other_loggers_are_decoded(raw, message, level):
    line = read(raw)

    assert (line.message, line.level) == (message, level)


def test_a_record_inside_a_json_line_is_read_further():
    line = read(json.dumps({"log": RECORD + "\n", "stream": "stdout", "time": "?"}))

    assert (line.writer.pid, line.message) == (272, MESSAGE)


@pytest.mark.parametrize(
    "raw",
    [
        '{"tp": 8, "framework": "vllm"}',
        '{"message": "no level and no time"}',
        '{"level": "info", "message": "cut off',
        '{"a":' * 5000 + "}",
        "{}",
    ],
)
def test_json_that_is_no_log_line_stays_text(raw):
    assert read(raw).message == raw


@pytest.mark.parametrize("value", ["1e999", "-1", "true", "[]", '"never"', "1" * 400])
def test_a_json_time_that_is_none_is_no_time(value):
    assert read(f'{{"time": {value}, "msg": "x", "level": "info"}}').time_s is None


PIECES = [
    *[raw.encode() for raw, _ in ENVELOPES],
    b"[rank3]:[W1121 22:16:10.441741314 socket.cpp:469] [c10d] x",
    b"[2026-07-01 01:44:42 TP3] y",
    b"decode-0:2210:2591 [0] NCCL INFO z",
    b"Mar 02 07:40:55 node-a systemd[1]: s",
    b"(MapWorker(MapBatches(x)) pid=385) ",
    b'{"level":"info","msg":"m","time":1}',
    b"[Thu Aug 27 01:39:44 2026] o",
    b'  File "x.py", line 3, in f',
    b"Traceback (most recent call last):",
    b"\x1b[1;36m",
    b"\r",
    b"\x08",
    b"\xff",
]


@given(st.binary(max_size=300))
def test_any_bytes_can_be_read(raw):
    line = read(raw)

    assert "\x1b" not in line.text
    assert not set(line.text) & set("\r\n\x00\x08")
    assert not set(line.message) & set("\r\x00\x08\x1b")


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=8)), max_size=8))
def test_any_mixture_of_real_and_damaged_lines_can_be_read(pieces):
    lines = [read(b"".join(pieces)), *(read(piece) for piece in pieces)]

    assert all(isinstance(line.time_s, float | int | None) for line in lines)
    assert document.tracebacks(lines) is not None
    assert stack_dumps(lines) is not None


@given(st.sampled_from(PIECES), st.integers(0, 120), st.binary(max_size=3))
def test_a_line_with_a_hole_in_it_can_be_read(piece, at, junk):
    assert read(piece[:at] + junk + piece[at + 2 :]).number == 7


@given(st.text(max_size=60))
def test_reading_the_text_again_changes_nothing(text):
    once = read(text).text

    assert document.clean(once.encode()) == once
