"""The lines after a match, over the ends of blocks and in floods."""

from __future__ import annotations

import pytest
from scan_naive import scan

BLOCK = {"block_bytes": 4096, "reach_bytes": 256}


def test_a_window_is_the_line_that_matched_and_those_after_it():
    log = b"\x1b[1mcrash report 1\x1b[0m\r\n  a\n\n  b\n  c\ncrash report 2\n  d"
    found = scan([r"crash report (?P<n>\d)"], log, windows={0: 3})

    assert [[line.text for line in window] for window in found.windows] == [
        ["crash report 1", "  a", "", "  b"],
        ["crash report 2", "  d"],
    ]
    assert [[line.number for line in window] for window in found.windows] == [[1, 2, 3, 4], [6, 7]]


@pytest.mark.parametrize("before", range(3000, 4200, 29))
def test_a_window_reaches_over_the_ends_of_blocks(before):
    lines = [b"x" * before, b"crash report", *(b"%d " % n + b"y" * 400 for n in range(12)), b"end"]
    found = scan(["crash report"], b"\n".join(lines), windows={0: 10}, **BLOCK)

    (window,) = found.windows
    assert [line.text for line in window] == [line.decode() for line in lines[1:12]]
    assert [line.number for line in window] == list(range(2, 13))


def test_a_window_reaches_over_a_very_long_line():
    log = b"crash report\n" + b"z" * 50_000 + b"\nafter\nlater\n"
    found = scan(["crash report"], log, windows={0: 2}, **BLOCK)

    (window,) = found.windows
    assert window[1].text.startswith("zzz")
    assert len(window[1].text) < 2000
    assert window[2].text == "after"


def test_a_line_over_several_blocks_is_whole_in_a_window():
    line = " ".join(map(str, range(5000)))
    log = f"crash report\n{line}\nafter\n".encode()
    found = scan(["crash report"], log, windows={0: 2}, block_bytes=4096)

    assert [entry.text for entry in found.windows[0]] == ["crash report", line, "after"]


def test_a_window_after_a_match_in_a_very_long_line_starts_at_the_next_line():
    log = b"z" * 50_000 + b" crash report " + b"z" * 50_000 + b"\nafter\nlater\n"
    found = scan(["crash report"], log, windows={0: 2}, **BLOCK)

    (window,) = found.windows
    assert [line.text for line in window[1:]] == ["after", "later"]
    assert [line.number for line in window] == [1, 2, 3]


@pytest.mark.parametrize("untuned", [0, 10**9])
@pytest.mark.parametrize("anchor", ["", "^"])
def test_of_very_many_windows_the_first_and_the_last_are_kept(untuned, anchor):
    log = b"".join(b"crash report %d\n  below %d\n" % (n, n) for n in range(4000))
    found = scan(
        [anchor + r"crash report (?P<n>\d+)"],
        log,
        windows={0: 1},
        confirmed=300,
        untuned=untuned,
        common_bytes=10**9,
        block_bytes=1 << 14,
        stretch_bytes=1 << 11,
    )

    kept = [*range(192), *range(3936, 4000)]
    assert [window[0].text for window in found.windows] == [f"crash report {n}" for n in kept]
    assert [window[1].text for window in found.windows] == [f"  below {n}" for n in kept]
    assert [window[1].number for window in found.windows] == [2 * n + 2 for n in kept]


@pytest.mark.parametrize("untuned", [0, 10**9])
def test_windows_of_several_patterns_come_in_observed_order(untuned):
    log = b"".join(b"crash report\nstack follows\n  %d\n" % n for n in range(2000))
    found = scan(
        ["stack follows", "crash report"],
        log,
        windows={0: 1, 1: 2},
        untuned=untuned,
        common_bytes=10**9,
        block_bytes=1 << 13,
        stretch_bytes=1 << 10,
    )

    orders = [window[0].number for window in found.windows]
    assert len(orders) == 256
    assert orders == sorted(orders)
    assert orders[:2] == [1, 2]
    assert orders[-64:] == [n for n in range(5905, 6001) if n % 3]
