"""One long source looked at by several processes: the same is found as by one."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import threading
from dataclasses import replace
from functools import partial
from io import BytesIO

import pytest
from scan_naive import naive, scan, seen
from scan_patterns import PATTERNS, Maker
from test_scan import made_log

from diagnose.catalogue import default_root, load
from diagnose.pipeline import Examiner
from diagnose.scan import Scanner
from diagnose.scan.crew import Crew
from diagnose.scan.limits import DEFAULT
from diagnose.sources import Source

SMALL = {
    "block_bytes": 4096,
    "stretch_bytes": 512,
    "window_bytes": 2048,
    "end_bytes": 2048,
    "segment_bytes": 10_000,
    "alone_bytes": 20_000,
    "untuned": 10**9,
}


def whole(found):
    """All that a scan says."""
    return found.lines, found.size, found.hits, found.windows, found.head, found.tail


@pytest.mark.parametrize("processes", [2, 3])
def test_several_processes_find_what_reading_every_line_finds(processes):
    log = made_log(21, 900)
    assert len(log) > 5 * SMALL["segment_bytes"]
    found = scan(PATTERNS, log, processes=processes, first=10**6, **SMALL)

    assert seen(found) == naive(PATTERNS, log)
    assert whole(found) == whole(scan(PATTERNS, log, first=10**6, **SMALL))


def test_the_first_and_the_last_and_those_of_each_process_are_kept():
    log = b"".join(
        b"(Worker_TP%d pid=%d) the block is late by %d\n" % (n // 900, 100 + n // 900, n)
        for n in range(9000)
    )
    pattern = r"the block is late by (?P<n>\d+)"
    one, two = (scan([pattern], log, processes=n, **SMALL) for n in (1, 2))

    assert two.hits[0].count == 9000
    assert [e.captures["n"] for e in two.hits[0].evidence] == [
        e.captures["n"] for e in one.hits[0].evidence
    ]


def test_windows_go_on_where_another_process_looks():
    rng = random.Random(5)
    log = b"".join(
        b"crash report %d\n  below\n  and more %d\n" % (n, n) + b"filler\n" * rng.randrange(20)
        for n in range(1500)
    )
    patterns, windows = [r"crash report (?P<n>\d+)"], {0: 2}
    one, two = (scan(patterns, log, windows=windows, processes=n, **SMALL) for n in (1, 2))

    assert len(two.windows) == 256
    assert two.windows == one.windows


def test_a_line_that_is_longer_than_a_segment_is_read_whole():
    make = Maker(random.Random(3))
    lines = [make.of(PATTERNS[n % len(PATTERNS)]).encode() for n in range(600)]
    log = b"\n".join((*lines[:400], b"x" * 60_000 + b" " + lines[0], *lines[400:]))
    one, two = (scan(PATTERNS, log, processes=n, **SMALL) for n in (1, 2))

    assert seen(two) == seen(one)
    assert (two.lines, two.size, two.tail) == (one.lines, one.size, one.tail)


def test_a_process_that_is_killed_is_told_and_the_rest_is_kept(monkeypatch):
    def one_dies(self, segment, give=Crew.give):
        if segment.offset > 60_000 and self._helpers[0].process.is_alive():
            os.kill(self._helpers[0].process.pid, signal.SIGKILL)
            self._helpers[0].process.join()
        give(self, segment)

    monkeypatch.setattr(Crew, "give", one_dies)
    log = b"".join(b"the block is late by %d\n" % n for n in range(9000))
    found = scan([r"the block is late by (?P<n>\d+)"], log, processes=2, **SMALL)

    assert found.lines == 9000
    assert 0 < found.hits[0].count < 9000
    assert "killed" in found.unread


def test_no_process_is_left_when_the_reader_is_interrupted():
    class Interrupted:
        read = 0

        def readinto(self, view):
            self.read += len(view)
            if self.read > 100_000:
                raise KeyboardInterrupt
            view[:] = (b"nothing of note\n" * (len(view) // 16 + 1))[: len(view)]
            return len(view)

    scanner = Scanner(["the block is late"], processes=2, limits=replace(DEFAULT, **SMALL))
    with pytest.raises(KeyboardInterrupt):
        scanner.scan(0, "log", Interrupted())
    assert not multiprocessing.active_children()


def test_beside_other_threads_no_process_is_copied(monkeypatch):
    def never(self, *given):
        raise AssertionError

    monkeypatch.setattr(Crew, "__init__", never)
    over = threading.Event()
    beside = threading.Thread(target=over.wait)
    beside.start()
    log = b"".join(b"the block is late by %d\n" % n for n in range(9000))
    found = scan([r"the block is late by (?P<n>\d+)"], log, processes=2, **SMALL)
    over.set()
    beside.join()

    assert found.hits[0].count == found.lines == 9000


def test_a_log_of_which_a_part_was_lost_is_said_to_be_read_in_part(monkeypatch):
    def none_there(self, segment):
        for helper in self._helpers:
            helper.process.kill()
            helper.process.join()
            helper.lost = "gone"

    monkeypatch.setattr(Crew, "give", none_there)
    monkeypatch.setattr(
        "diagnose.pipeline.Scanner", partial(Scanner, limits=replace(DEFAULT, **SMALL))
    )
    examiner = Examiner(load(default_root()), processes=2)
    log = b"INFO 11-20 10:00:00 Application startup complete.\n" * 4000
    (note,) = examiner.diagnose([Source("server.log", BytesIO(log))]).sources

    assert "could not be looked at" in note.problem
