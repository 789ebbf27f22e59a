"""The first lines of every process are found, however late it comes and whatever finds its name."""

from __future__ import annotations

import random
import re

import pytest

from diagnose.cache import Cache
from diagnose.scan.derive import needle
from diagnose.scan.engine import NAMES, build
from diagnose.scan.limits import DEFAULT
from diagnose.scan.names import Names
from diagnose.scan.others import expressions
from diagnose.scan.smooth import piece_at

NAME = re.compile(rb"pid=\d+|\[rank\d+\]| TP\d+(?: EP\d+)?\]")


def engine(name):
    return build(name, [needle("the block is late")], Cache(None, ()))


def name(rng) -> bytes:
    number = b"%d" % rng.randrange(10 ** rng.randint(1, 4))
    kinds = (b"pid=%b", b"[rank%b]", b" TP%b]", b" TP%b EP" + b"%d]" % rng.randrange(40))
    return rng.choice(kinds) % number


@pytest.mark.parametrize("count", [0, 1, 8, 60])
def test_what_is_found_is_every_name_that_is_not_known_and_no_other(count):
    rng = random.Random(count)
    known = {name(rng) for _ in range(count)}
    others = engine("hyperscan").finder(expressions(known))
    fewer = [n[:-2] + n[-1:] for n in known if not n.startswith(b"pid=")]
    texts = (
        [name(rng) for _ in range(3000)] + sorted(known) + fewer + [b"pid=", b" TP3 EP]", b"[rank"]
    )
    texts += [n + rng.choice((b"7", b"]", b" ", b"", b")")) for n in sorted(known)]

    assert {text: bool(others(text)) for text in texts} == {
        text: any(found not in known for found in NAME.findall(text)) for text in texts
    }


def test_more_names_than_an_expression_can_hold_are_not_looked_for_by_the_engine():
    many = {b"pid=%d" % (n * 7919) for n in range(5000)}

    assert engine("hyperscan").finder(expressions(many)) is None


@pytest.mark.parametrize("which", NAMES)
@pytest.mark.parametrize(
    "prefix", [b"(Worker pid=%d)", b"[rank%d]:", b"node-0:%d:17 [0] NCCL INFO"]
)
def test_the_first_lines_of_a_process_are_found_however_late_it_comes(which, prefix):
    names = Names(engine(which), DEFAULT)
    early = b"".join(prefix % (n % 4) + b" step\n" for n in range(20_000))
    late = b"".join(prefix % 40 + b" step of it\n" for _ in range(200))
    log = early + late + early

    def lines(low, high):
        found = names.first_lines(log, low, high, lambda at: piece_at(log, len(log), at))
        return [log[start:stop] for start, stop in found]

    seen = [line for low in range(0, len(log), 1 << 15) for line in lines(low, low + (1 << 15))]

    most = DEFAULT.lines_looked_at
    in_stretch = (1 << 15) // len(prefix % 1 + b" step\n") // 4 + 1
    assert all(most <= seen.count(prefix % n + b" step") <= most + in_stretch for n in range(4))
    assert seen.count(prefix % 40 + b" step of it") >= most


def test_where_the_first_lines_of_a_process_end_the_rest_of_the_stretch_counts_as_such():
    names = Names(engine("hyperscan"), DEFAULT)
    log = b"(Worker pid=7) shard\n" * (4 * DEFAULT.lines_looked_at) + b"(Worker pid=7) loaded\n"

    def lines():
        found = names.first_lines(log, 0, len(log), lambda at: piece_at(log, len(log), at))
        return [log[start:stop] for start, stop in found]

    assert lines()[-1] == b"(Worker pid=7) loaded"
    assert not lines()


def test_names_that_no_process_has_are_not_learnt_again_and_again():
    class Counted:
        learnt = 0

        def finder(self, forms):
            self.learnt += 1
            return found(forms)

    found, counted = engine("hyperscan").finder, Counted()
    names = Names(counted, DEFAULT)
    log = b"".join(b"(Worker pid=7) ended pid=%d\n" % (n * 7919) for n in range(100_000))
    for low in range(0, len(log), 1 << 18):
        for _ in names.first_lines(
            log, low, low + (1 << 18), lambda at: piece_at(log, len(log), at)
        ):
            pass

    assert 0 < counted.learnt < 8


def test_a_process_that_others_speak_of_does_not_write_their_lines():
    names = Names(engine("hyperscan"), DEFAULT)
    log = b"(Worker pid=7) waits for pid=8\n" * 50 + b"(Worker pid=8) goes on\n"
    found = list(names.first_lines(log, 0, len(log), lambda at: piece_at(log, len(log), at)))

    assert len(found) == 51
