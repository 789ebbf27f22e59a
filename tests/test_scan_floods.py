"""A pattern that matches all the time is counted, and its first and last lines are still right."""

from __future__ import annotations

import pytest
from scan_naive import naive, scan, seen

from diagnose.scan.engine import NAMES

SAID = r"the block is late by (?P<n>\d+)"
SMALL = {"confirmed": 100, "block_bytes": 1 << 14, "stretch_bytes": 1 << 11}
ONE_BY_ONE = {**SMALL, "untuned": 10**9}
BY_STRETCHES = {**SMALL, "untuned": 0, "common_bytes": 10**9}
COMPILED = {**BY_STRETCHES, "compile_bytes": 0, "learnt_bytes": 0}
WIDE = {**COMPILED, "settled_bytes": 0, "wide_stretch_bytes": 1 << 13}
HOW = pytest.mark.parametrize(
    "how",
    [ONE_BY_ONE, BY_STRETCHES, COMPILED, WIDE],
    ids=["one by one", "stretches", "compiled", "wide stretches"],
)


def late(count: int, writers: int = 4) -> bytes:
    return b"".join(
        b"(Worker_TP%d pid=%d) the block is late by %d\n" % (n % writers, 100 + n % writers, n)
        for n in range(count)
    )


def numbers(found, pattern: int = 0) -> list[int]:
    return [int(e.captures["n"]) for e in found.hits[pattern].evidence]


@HOW
@pytest.mark.parametrize("engine", NAMES)
def test_the_first_and_the_last_are_kept(engine, how):
    found = scan([SAID], late(5000), engine=engine, **how)

    assert numbers(found) == [*range(40), *range(4992, 5000)]
    assert [e.line.number for e in found.hits[0].evidence] == [*range(1, 41), *range(4993, 5001)]


@pytest.mark.parametrize("engine", NAMES)
def test_a_flood_is_counted_from_below_and_says_so(engine):
    found = scan([SAID], late(5000), engine=engine, **BY_STRETCHES)

    assert not found.hits[0].exact
    assert 100 < found.hits[0].count < 5000


ALIKE = pytest.mark.parametrize(
    "pattern",
    [
        r"the block is late by (?P<n>\d+)",
        r"\bthe block is late by (?P<n>\d+)\b",
        r"(?i)THE block is LATE by (?P<n>\d+)",
        r"block[^,]+late by (?P<n>\d+)",
        r"the\s+block is late by (?P<n>(?>\d+))",
    ],
)
NOISE = pytest.mark.parametrize(
    "noise",
    [b"", b"\xe2\x96\x88 bar\r", b"\x1b[1mx\x1b[0m ", b"\x00", b"\x1b_bk;t=1700000000000\x07"],
)


@NOISE
@ALIKE
@HOW
def test_first_last_and_count_are_right_whatever_lies_between(pattern, noise, how):
    log = b"".join(
        noise
        + b"(Worker_TP%d pid=7) the block is late by %d%s\n" % (n % 4, n, b" x" * (n % 7))
        + b"the block is early by %d\nthe blocks, late by %d\n" % (n, n)
        for n in range(3000)
    )
    found = scan([pattern], log, **how)

    assert numbers(found) == [*range(40), *range(2992, 3000)]
    assert [e.line.number for e in found.hits[0].evidence][-1] == 3 * 2999 + 1
    if how is ONE_BY_ONE:
        assert (found.hits[0].count, found.hits[0].exact) == (3000, True)
    else:
        assert found.hits[0].count < 3000


@HOW
def test_anchored_patterns_are_right_in_a_flood(how):
    log = b"".join(
        b"the block is late by %d\nnot yet: the block is late by %d\n" % (n, n) for n in range(3000)
    )
    found = scan([f"^{SAID}$", r"block is late by (?P<n>\d+)$"], log, **how)

    assert numbers(found) == [*range(40), *range(2992, 3000)]
    assert [int(e.captures["n"]) for e in found.hits[1].evidence] == [
        *(n // 2 for n in range(40)),
        *(n // 2 for n in range(5992, 6000)),
    ]
    assert found.hits[0].count <= 3000
    assert found.hits[1].count <= 6000


@HOW
def test_a_rare_pattern_inside_a_flood_of_another_is_found_every_time(how):
    lines = [b"the block is late by %d" % n for n in range(6000)]
    for n in range(0, 6000, 60):
        lines[n] = b"now a rare thing number %d the block is late by 1" % n
    found = scan(
        [SAID, r"rare thing number (?P<n>\d+)"],
        b"\n".join(lines),
        **{**how, "first": 200},
    )

    assert numbers(found, 1) == list(range(0, 6000, 60))
    assert found.hits[1].count == 100


@HOW
def test_a_flood_that_ends_and_comes_back_keeps_its_last_lines(how):
    quiet = b"nothing to see here\n" * 2000
    log = late(1500) + quiet + late(700, writers=1) + quiet + b"the block is late by 7\n" + quiet
    found = scan([SAID], log, **how)

    assert numbers(found)[-3:] == [698, 699, 7]


@HOW
def test_each_process_is_kept_four_times_however_late_it_comes(how):
    log = late(3000, writers=2)
    log += b"".join(b"(Worker_TP9 pid=999) the block is late by %d\n" % n for n in range(20))
    log += late(3000, writers=2)
    found = scan([SAID], log, **how)
    of_last = [e for e in found.hits[0].evidence if e.line.writer.pid == 999]

    assert [int(e.captures["n"]) for e in of_last] == [0, 1, 2, 3]


@HOW
def test_a_process_that_only_nccl_names_is_kept_however_late_it_comes(how):
    def said(rank, count):
        return b"".join(
            b"2026-07-01T02:00:00.0000000Z node-1:%d:%d [%d] NCCL INFO the block is late by %d\n"
            % (100 + rank, 100 + rank, rank, n)
            for n in range(count)
        )

    found = scan([SAID], said(0, 3000) + said(5, 20) + said(0, 3000), **how)
    of_last = [e for e in found.hits[0].evidence if e.line.writer.pid == 105]

    assert [int(e.captures["n"]) for e in of_last] == [0, 1, 2, 3]


@HOW
def test_a_pattern_whose_literals_are_everywhere_is_still_counted_when_it_matches_often(how):
    log = b"".join(b"(Worker_TP0_EP%d pid=9) step %d\n" % (n % 16, n) for n in range(9000))
    found = scan([r"(?i)_ep1\b.*step (?P<n>\d+)"], log, **how)

    assert numbers(found)[:3] == [1, 17, 33]
    assert numbers(found)[-2:] == [8977, 8993]


def test_only_so_many_processes_are_kept():
    log = b"".join(
        b"(Worker_TP%d pid=%d) the block is late by %d\n" % (n, n, n) for n in range(300)
    )
    found = scan([SAID], log, first=10, writers=20, last=2)

    assert numbers(found) == [*range(20), 298, 299]
    assert found.hits[0].count == 300


@HOW
def test_false_candidates_in_masses_hide_nothing(how):
    log = (
        b"the block is late by far\n" * 4000
        + b"the block is late by 17\n"
        + b"so late by 3\n" * 4000
    )
    found = scan([r"late by (?P<n>\d+)$", r"is late by (?P<n>\d+)"], log, **how)

    assert [e.captures["n"] for e in found.hits[1].evidence] == ["17"]
    assert found.hits[0].evidence[0].captures == {"n": "17"}


@HOW
def test_false_candidates_after_a_flood_do_not_push_its_last_lines_out(how):
    log = late(2000) + b"the block is late by far\n" * 9000
    found = scan([SAID], log, **how)

    assert numbers(found)[-8:] == list(range(1992, 2000))


@HOW
def test_json_in_a_flood_is_decoded_line_by_line(how):
    log = b"".join(
        b'{"levelname": "INFO", "asctime": "2026-07-01 02:16:31", "message": "the \\"block\\" is late by %d"}\n'
        % n
        for n in range(1500)
    )
    found = scan([r'the "block" is late by (?P<n>\d+)'], log, **how)

    assert (found.hits[0].count, found.hits[0].exact) == (1500, True)
    assert numbers(found)[-1] == 1499


@HOW
def test_a_class_that_could_match_a_line_end_does_not_join_lines(how):
    log = b"quote 'open and\nthen closed' late by 3 done\n" * 1000
    found = scan([r"quote '[^']*' late by (?P<n>\d+)", r"late by \d+\s+done"], log, **how)

    assert 0 not in found.hits
    assert found.hits[1].count <= 1000


@HOW
def test_what_only_the_whole_pattern_can_tell_is_counted_right(how):
    log = b"".join(b"rank %d waits for rank %d\n" % (n % 7, n % 5) for n in range(3500))
    found = scan([r"rank (?P<n>\d+) waits for rank (?P=n)\b"], log, **how)

    assert {e.captures["n"] for e in found.hits[0].evidence} <= set("01234")
    assert found.hits[0].count <= 500
    assert found.hits[0].count == 500 or not found.hits[0].exact
    assert numbers(found)[-2:] == [3, 4]


@HOW
def test_a_very_long_line_in_a_flood_counts_once(how):
    log = (
        late(2000)
        + b"(Worker_TP0 pid=100) "
        + b"the block is late by 5, " * 8000
        + b"\n"
        + late(50)
    )
    found = scan([SAID], log, **how, reach_bytes=2048)

    assert found.hits[0].count <= 2051
    assert numbers(found)[-8:] == list(range(42, 50))


def test_a_moderate_log_is_the_same_with_and_without_flood_mode():
    patterns = [SAID, "rare thing", r"(?i)ERROR: \w+"]
    lines = [
        b"the block is late by %d" % n if n % 3 else b"rare thing, error: bad %d" % n
        for n in range(500)
    ]
    log = b"\n".join(lines)
    always, never = (scan(patterns, log, **how, first=10**6) for how in (BY_STRETCHES, ONE_BY_ONE))

    assert seen(always) == seen(never) == naive(patterns, log)
