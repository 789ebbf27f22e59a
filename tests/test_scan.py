"""The scanner against one that reads every line, and what it keeps of what it finds."""

from __future__ import annotations

import random

import pytest
from scan_disguise import Disguise
from scan_naive import naive, scan, seen
from scan_patterns import PATTERNS, Maker

from diagnose.model import Writer
from diagnose.scan.engine import NAMES

ENGINES = pytest.mark.parametrize("engine", NAMES)


def made_log(seed: int, lines: int) -> bytes:
    """Messages that match, nearly match or do not, and all that can happen to them."""
    rng = random.Random(seed)
    make, disguise = Maker(rng), Disguise(rng)
    made = []
    for _ in range(lines):
        message = make.of(rng.choice(PATTERNS))
        if rng.random() < 0.3:
            at = rng.randrange(len(message))
            message = message[:at] + rng.choice("xX 9é") + message[at + 1 :]
        if rng.random() < 0.2:
            message += " / " + make.of(rng.choice(PATTERNS))
        made.append(disguise.line(message))
    return b"\n".join(made) + rng.choice([b"", b"\n"])


@pytest.mark.parametrize("seed", range(6))
def test_it_finds_what_reading_every_line_finds(seed):
    log = made_log(seed, 400)
    found = scan(PATTERNS, log, first=10**6)

    assert seen(found) == naive(PATTERNS, log)
    assert all(hits.exact and hits.count == len(hits.evidence) for hits in found.hits.values())


@ENGINES
@pytest.mark.parametrize("block_bytes", [4096, 8111])
def test_small_blocks_and_other_engines_find_the_same(engine, block_bytes):
    log = made_log(10, 250)
    found = scan(PATTERNS, log, engine=engine, first=10**6, block_bytes=block_bytes)

    assert seen(found) == naive(PATTERNS, log)


@ENGINES
@pytest.mark.parametrize("compile_bytes", [0, 10**9])
def test_a_tuned_scanner_loses_nothing(engine, compile_bytes):
    log = made_log(11, 300)
    tuned = {"untuned": 0, "common_bytes": 10**9, "stretch_bytes": 500, "block_bytes": 8000}
    tuned |= {"compile_bytes": compile_bytes, "learnt_bytes": 0}
    found = scan(PATTERNS, log, engine=engine, first=10**6, **tuned)

    assert seen(found) == naive(PATTERNS, log)


@pytest.mark.parametrize(
    "line",
    [
        b"Using \x1b[1m'EMULATION'\x1b[0m Mxfp4 MoE backend",
        b"Using 'EMUL\x1b[0mATION' Mxfp4 \x1b[31mMoE\x1b[0m backend",
        b"\rUsing 'EMULATION' Mxfp4 MoE backend\r",
        b"2026-07-01T02:16:31.1234567Z \x1b[36m(Worker_TP1 pid=7)\x1b[0m Using 'EMULATION' Mxfp4 MoE backend",
        b'{"levelname": "INFO", "asctime": "2026-07-01 02:16:31", "message": "Using \\u0027EMULATION\\u0027 Mxfp4 MoE backend"}',
        b"Using 'EMUX\x08LATION' Mxfp4 MoE backend",
        b"Using \x00'EMULATION' Mxfp4 M\xc2\x85oE backend",
        b"\xef\xbb\xbfUsing 'EMULATION' Mxfp4 MoE[0m backend",
        b"Using 'EMULATION' Mxfp4 \x1b]8;;file://x\x07MoE\x1b]8;;\x07 backend\x1b[",
    ],
)
@ENGINES
def test_nothing_inside_a_line_hides_a_match(engine, line):
    found = scan([r"Using '(?P<backend>\w+)' Mxfp4 MoE backend$"], line + b"\nend\n", engine=engine)

    (evidence,) = found.hits[0].evidence
    assert evidence.captures == {"backend": "EMULATION"}
    assert evidence.line.message == "Using 'EMULATION' Mxfp4 MoE backend"
    assert found.hits[0].count == 1


def test_a_line_with_an_odd_byte_and_plain_words_counts_once():
    found = scan(["some words"], b"some words\x08s \x1b[0m and \x00 some words\n" * 3)

    assert (found.hits[0].count, found.hits[0].exact) == (3, True)


def test_line_numbers_and_order_are_those_of_the_raw_file():
    log = b"\n\x1b[1mfirst thing\x1b[0m\r\n\nbar 1\rbar 2 second thing\rbar 3\nthird thing"
    found = scan(["first thing", "second thing", "third thing"], log)

    places = [found.hits[i].evidence[0] for i in range(3)]
    assert [e.line.number for e in places] == [2, 4, 5]
    assert [e.order for e in places] == [(0, 1), (0, log.index(b"bar 2")), (0, log.index(b"third"))]
    assert (found.lines, found.size) == (5, len(log))


def test_a_match_belongs_to_the_piece_that_holds_it_and_keeps_the_stamp_of_its_line():
    log = b"2026-07-01T02:16:31.1234567Z 1% of the way\r2% of the way\r3% of the way\n"
    found = scan([r"(?P<done>\d)% of the"], log)

    assert [e.captures["done"] for e in found.hits[0].evidence] == ["1", "2", "3"]
    assert [e.line.text for e in found.hits[0].evidence][1] == "2% of the way"
    assert len({e.line.time_s for e in found.hits[0].evidence}) == 1
    assert found.hits[0].evidence[2].line.time_s is not None


def test_the_message_is_searched_before_the_whole_text():
    line = b"(Worker_TP0 pid=5) INFO 07-01 02:16:31 [core.py:12] core.py:99 is slow\n"
    found = scan([r"core\.py:(?P<at>\d+)", "^core", r"^\(Worker_TP0 pid=(?P<pid>\d+)\)"], line)

    assert found.hits[0].evidence[0].captures == {"at": "99"}
    assert found.hits[1].count == 1
    assert found.hits[2].evidence[0].captures == {"pid": "5"}


def test_a_search_that_takes_too_long_counts_as_no_match_and_is_told():
    found = scan([r"(?:a|aa)+ever after$"], b"a" * 60 + b"ever after all\nplain\n", timeout_s=0.05)

    assert found.hits == {}
    assert len(found.problems) == 1
    assert "line 1" in found.problems[0]


def test_an_empty_source_has_no_lines():
    found = scan(["some words"], b"")

    assert (found.lines, found.size, found.hits, found.head, found.tail) == (0, 0, {}, (), ())


def test_head_and_tail_are_the_first_and_the_last_lines():
    log = b"".join(b"%d bottles\r\n" % n for n in range(1, 1001))
    found = scan(["never there"], log, block_bytes=8192)

    assert [line.text for line in found.head] == [f"{n} bottles" for n in range(1, 201)]
    assert [line.text for line in found.tail] == [f"{n} bottles" for n in range(601, 1001)]
    assert [line.number for line in found.tail] == list(range(601, 1001))


@pytest.mark.parametrize("size", [4096, 4100, 8192, 10_000])
@pytest.mark.parametrize("end_bytes", [50, 1000, 4096])
def test_ends_hold_whole_lines_only(size, end_bytes):
    log = (b"x" * 98 + b"\n\n") * (size // 100 + 1)
    log = log[:size]
    found = scan(["never there"], log, block_bytes=4096, end_bytes=end_bytes)
    lines = log.decode().removesuffix("\n").split("\n")

    assert [line.text for line in found.head[:-1]] == lines[: len(found.head) - 1]
    if end_bytes > 99:
        assert [line.text for line in found.tail] == lines[-len(found.tail) :]
    assert found.tail[-1].number == found.lines == len(lines)


def test_a_bar_without_end_shows_its_last_state():
    log = b"start\n" + b"".join(b"\r%d%% done" % n for n in range(100_000))
    found = scan([r"(?P<n>99999)% done"], log, block_bytes=8192)

    assert found.hits[0].evidence[0].line.number == 2
    assert found.tail[-1].text == "99999% done"
    assert found.lines == 2


def test_the_writer_of_a_match_is_read_from_its_line():
    found = scan(["gave up"], b"(Worker_TP3_EP3 pid=395) it gave up\n")

    (evidence,) = found.hits[0].evidence
    assert evidence.line.writer == Writer("Worker_TP3_EP3", 395, "worker", (("TP", 3), ("EP", 3)))
