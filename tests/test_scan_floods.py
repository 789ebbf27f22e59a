"""A pattern that matches all the time is counted, and its first and last lines are still right."""

from __future__ import annotations

import pytest
from scan_naive import naive, scan, seen

from diagnose.scan.engine import NAMES

SAID = r"the block is late by (?P<n>\d+)"
FLOOD = {"confirmations": 100, "block_bytes": 1 << 14, "slice_bytes": 1 << 11, "flood_bytes": 512}


def late(count: int, writers: int = 4) -> bytes:
    return b"".join(
        b"(Worker_TP%d pid=%d) the block is late by %d\n" % (n % writers, 100 + n % writers, n)
        for n in range(count)
    )


def numbers(found, pattern: int = 0) -> list[int]:
    return [int(e.captures["n"]) for e in found.hits[pattern].evidence]


@pytest.mark.parametrize("engine", NAMES)
def test_the_first_and_the_last_are_kept_and_all_are_counted(engine):
    found = scan([SAID], late(5000), engine=engine, **FLOOD)

    assert (found.hits[0].count, found.hits[0].exact) == (5000, True)
    assert numbers(found) == [*range(40), *range(4992, 5000)]
    assert [e.line.number for e in found.hits[0].evidence] == [*range(1, 41), *range(4993, 5001)]


@pytest.mark.parametrize(
    "pattern",
    [
        r"the block is late by (?P<n>\d+)",
        r"\bthe block is late by (?P<n>\d+)\b",
        r"(?i)THE block is LATE by (?P<n>\d+)",
        r"block[^,]+late by (?P<n>\d+)",
    ],
)
@pytest.mark.parametrize("noise", [b"", b"\xe2\x96\x88 bar\r", b"\x1b[1mx\x1b[0m "])
@pytest.mark.parametrize("flood_bytes", [1, 10**9])
def test_counts_are_exact_where_a_match_depends_on_its_text_alone(pattern, noise, flood_bytes):
    log = b"".join(
        noise
        + b"(Worker_TP%d pid=7) the block is late by %d%s\n" % (n % 4, n, b" x" * (n % 7))
        + b"the block is early by %d\nthe blocks, late by %d\n" % (n, n)
        for n in range(3000)
    )
    found = scan([pattern], log, **{**FLOOD, "flood_bytes": flood_bytes})

    assert (found.hits[0].count, found.hits[0].exact) == (3000, True)
    assert numbers(found) == [*range(40), *range(2992, 3000)]


@pytest.mark.parametrize("flood_bytes", [1, 10**9])
def test_counts_of_anchored_patterns_are_lower_bounds_and_ends_are_right(flood_bytes):
    log = b"".join(
        b"the block is late by %d\nnot yet: the block is late by %d\n" % (n, n) for n in range(3000)
    )
    found = scan([f"^{SAID}$"], log, **{**FLOOD, "flood_bytes": flood_bytes})

    assert not found.hits[0].exact
    assert 50 <= found.hits[0].count <= 3000
    assert numbers(found) == [*range(40), *range(2992, 3000)]


def test_a_rare_pattern_inside_a_flood_of_another_is_found_every_time():
    lines = [b"the block is late by %d" % n for n in range(6000)]
    for n in range(0, 6000, 60):
        lines[n] = b"now a rare thing number %d the block is late by 1" % n
    found = scan([SAID, r"rare thing number (?P<n>\d+)"], b"\n".join(lines), **FLOOD, first=200)

    assert found.hits[0].count == 6000
    assert numbers(found, 1) == list(range(0, 6000, 60))
    assert found.hits[1].count == 100


def test_a_flood_that_ends_and_comes_back_keeps_its_last_lines():
    quiet = b"nothing to see here\n" * 2000
    log = late(1500) + quiet + late(700, writers=1) + quiet + b"the block is late by 7\n" + quiet
    found = scan([SAID], log, **FLOOD)

    assert found.hits[0].count == 2201
    assert numbers(found)[-3:] == [698, 699, 7]


def test_each_process_is_kept_four_times_however_late_it_comes():
    log = late(3000, writers=2)
    log += b"".join(b"(Worker_TP9 pid=999) the block is late by %d\n" % n for n in range(20))
    log += late(3000, writers=2)
    found = scan([SAID], log, **FLOOD)
    of_last = [e for e in found.hits[0].evidence if e.line.writer.pid == 999]

    assert [int(e.captures["n"]) for e in of_last] == [0, 1, 2, 3]


def test_only_so_many_processes_are_kept():
    log = b"".join(
        b"(Worker_TP%d pid=%d) the block is late by %d\n" % (n, n, n) for n in range(300)
    )
    found = scan([SAID], log, first=10, writers=20, last=2)

    assert numbers(found) == [*range(20), 298, 299]
    assert found.hits[0].count == 300


def test_false_candidates_in_masses_hide_nothing():
    log = (
        b"the block is late by far\n" * 4000
        + b"the block is late by 17\n"
        + b"so late by 3\n" * 4000
    )
    found = scan([r"late by (?P<n>\d+)$", r"is late by (?P<n>\d+)"], log, **FLOOD)

    assert [e.captures["n"] for e in found.hits[1].evidence] == ["17"]
    assert found.hits[0].evidence[0].captures == {"n": "17"}


def test_json_in_a_flood_is_decoded_line_by_line():
    log = b"".join(
        b'{"levelname": "INFO", "asctime": "2026-07-01 02:16:31", "message": "the \\"block\\" is late by %d"}\n'
        % n
        for n in range(1500)
    )
    found = scan([r'the "block" is late by (?P<n>\d+)'], log, **FLOOD)

    assert (found.hits[0].count, found.hits[0].exact) == (1500, True)
    assert numbers(found)[-1] == 1499


def test_a_class_that_could_match_a_line_end_does_not_join_lines():
    log = b"quote 'open and\nthen closed' late by 3 done\n" * 1000
    found = scan([r"quote '[^']*' late by (?P<n>\d+)", r"late by \d+\s+done"], log, **FLOOD)

    assert 0 not in found.hits
    assert found.hits[1].count == 1000


def test_a_moderate_log_is_the_same_with_and_without_flood_mode():
    patterns = [SAID, "rare thing", r"(?i)ERROR: \w+"]
    lines = [
        b"the block is late by %d" % n if n % 3 else b"rare thing, error: bad %d" % n
        for n in range(500)
    ]
    log = b"\n".join(lines)
    always, never = (scan(patterns, log, flood_bytes=f, first=10**6) for f in (10**9, 1))

    assert seen(always) == seen(never) == naive(patterns, log)
