"""Lines longer than a block, and lines cut by the end of one."""

from __future__ import annotations

import io
import random

import pytest
from scan_naive import scan, seen

from diagnose.scan.blocks import blocks
from diagnose.scan.engine import NAMES
from diagnose.scan.limits import Limits

WANTED = r"found the (?P<what>\w+) here"
SMALL = {"block_bytes": 4096, "reach_bytes": 256}


class Dribble(io.BytesIO):
    """Gives little at a time, as pipes do."""

    def readinto(self, buffer: memoryview) -> int:
        return super().readinto(buffer[: 1 + len(buffer) // 3])


@pytest.mark.parametrize("engine", NAMES)
@pytest.mark.parametrize("before", [*range(3000, 4300, 13), 20_000])
def test_a_match_is_found_wherever_a_long_line_is_cut(engine, before):
    log = b"one\n" + b"x" * before + b" found the thing here " + b"y" * 9000 + b"\nlast\n"
    found = scan([WANTED], log, engine=engine, **SMALL)

    (evidence,) = found.hits[0].evidence
    assert found.hits[0].count == 1
    assert evidence.captures == {"what": "thing"}
    assert (evidence.line.number, evidence.order) == (2, (0, 4))
    assert found.lines == 3


def test_many_matches_in_one_long_line_are_one():
    log = b"a\n" + b"found the thing here, " * 5000 + b"\nfound the rest here\n"
    found = scan([WANTED], log, **SMALL)

    assert found.hits[0].count == 2
    assert [e.line.number for e in found.hits[0].evidence] == [2, 3]


def test_a_candidate_that_fails_does_not_hide_a_match_further_on():
    log = b"found the thing here! " * 2000 + b"found the thing here? " + b"z" * 9000
    found = scan([r"found the (?P<what>\w+) here\?", r"thing here(?!!)"], log, **SMALL)

    assert found.hits[0].count == 1
    assert found.hits[1].count == 1


@pytest.mark.parametrize("shift", range(22))
def test_what_follows_a_match_is_seen_although_the_block_ends_there(shift):
    log = b"x" * shift + b"found the thing here! " * 2000
    found = scan([r"thing here(?!!)", r"(?<!the )thing here"], log, **SMALL)

    assert found.hits == {}


def test_a_cut_is_neither_the_start_nor_the_end_of_a_line():
    log = b"w " * 9000 + b"found the thing here" + b" w" * 9000
    found = scan(["^found the|^(?:w )+found the", "the thing here$", WANTED], log, **SMALL)

    assert set(found.hits) == {2}


def test_the_start_of_a_long_line_says_who_wrote_it():
    log = b"2026-07-01T02:16:31.1234567Z (Worker_TP1 pid=77) " + b"x" * 50_000
    found = scan([WANTED], log + b" found the thing here" + b"x" * 9000 + b"\n", **SMALL)

    (evidence,) = found.hits[0].evidence
    assert evidence.line.writer.pid == 77
    assert evidence.line.time_s is not None
    assert len(evidence.line.text) < 2000


def test_a_piece_far_into_a_long_redrawn_line_keeps_the_stamp():
    bars = b"".join(b"%d%% of it\r" % n for n in range(3000))
    log = b"2026-07-01T02:16:31.1234567Z start\r" + bars + b"found the thing here\r" + bars
    found = scan([WANTED], log, **SMALL)

    (evidence,) = found.hits[0].evidence
    assert evidence.line.text == "found the thing here"
    assert evidence.line.time_s is not None
    assert evidence.order == (0, log.index(b"found"))


@pytest.mark.parametrize("odd", [b"\x1b[31m", b"\x00", b"\xc2\x85", b"[0m"])
def test_odd_bytes_hide_nothing_in_a_long_line(odd):
    for before in range(3500, 4200, 37):
        words = odd.join([b" found the", b" thi", b"ng here "])
        log = (b"x" * 50 + odd) * (before // 50) + words + (b"y" * 50 + odd) * 150
        found = scan([WANTED], log, **SMALL)

        assert found.hits[0].count == 1, before
        assert found.hits[0].evidence[0].captures == {"what": "thing"}


def test_colour_between_the_blocks_of_an_ordinary_log_hides_nothing():
    rng = random.Random(4)
    lines = [
        b"\x1b[1;36m(W pid=%d)\x1b[0;0m " % n
        + b"." * rng.randrange(200)
        + b"fo\x1b[mund the n%d here" % n
        for n in range(800)
    ]
    found = scan([WANTED], b"\n".join(lines), first=10**6, **SMALL)

    assert [captures["what"] for _, _, captures in seen(found)[0]] == [f"n{n}" for n in range(800)]
    assert [number for number, _, _ in seen(found)[0]] == list(range(1, 801))


@pytest.mark.parametrize("seed", range(8))
def test_blocks_hold_every_byte_once(seed):
    rng = random.Random(seed)
    limits = Limits(block_bytes=256, reach_bytes=16)
    data = b"".join(
        bytes(rng.choices(b"abc", k=rng.choice([3, 40, 700, 1500])))
        + rng.choice([b"\n", b"\r", b"\r\n"])
        for _ in range(40)
    )
    whole, owned = b"", 0
    for block in blocks(Dribble(data), limits):
        part = bytes(block.data[: block.size])
        assert data[block.offset : block.offset + block.size] == part
        assert block.line == data.rfind(b"\n", 0, block.offset) + 1
        separator = max(data.rfind(b"\n", 0, block.offset), data.rfind(b"\r", 0, block.offset))
        assert block.piece == separator + 1
        assert (
            block.lead
            == data[block.line : min(block.line + 256, block.offset + block.size)][
                : len(block.lead)
            ]
        )
        assert bool(block.lead) == (block.line < block.offset)
        assert block.offset + block.begin == owned
        owned = block.offset + block.end
        whole += part[block.fresh :]
    assert whole == data
    assert owned == len(data)
