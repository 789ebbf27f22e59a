"""Whether a line matches is asked of `re` where it says what `regex` says, which is asked otherwise."""

from __future__ import annotations

import random
import re

import pytest
from scan_patterns import Maker

from diagnose.catalogue import default_root, load
from diagnose.scan.confirm import Candidate, Confirmer
from diagnose.scan.derive import needle
from diagnose.scan.limits import DEFAULT
from diagnose.scan.reader import Reader
from diagnose.scan.search import Search
from diagnose.wanted import wanted

PUT_IN = ("█", "’", "→", "✓", "\ufffd", "é", "漢", "x", " ", "_", "7", ".", "'", "\\", "‿", "①")


def confirmers(patterns):
    """One that asks `re` where it can, and one that never does."""
    needles = [needle(pattern) for pattern in patterns]
    search = Search(tuple(patterns), needles, None, {}, frozenset(), DEFAULT)
    return (
        Confirmer(0, Reader("log"), patterns, {}, plain, DEFAULT)
        for plain in (search.plain_form, lambda *_: None)
    )


def test_re_finds_and_captures_in_a_line_what_regex_does():
    patterns = wanted(load(default_root()).values()).patterns
    quick, sure = confirmers(patterns)
    rng = random.Random(11)
    make = Maker(rng, wide=0.05)
    compared = found = captured = 0
    for index, pattern in enumerate(patterns):
        for _ in range(8):
            try:
                text = make.of(pattern)
            except (ValueError, KeyError, NotImplementedError, re.error):
                break
            for _ in range(rng.randrange(3)):
                at = rng.randrange(len(text) + 1)
                text = text[:at] + rng.choice(PUT_IN) + text[at + rng.randrange(2) :]
            line = Candidate(
                text.replace("\n", " ").replace("\r", " ").encode(), compared + 1, compared
            )
            compared += 1
            one, other = quick.evidence(index, line), sure.evidence(index, line)
            assert (one is None) == (other is None), (pattern, text)
            if one and other:
                found += 1
                captured += bool(one.captures)
                assert one.captures == other.captures, (pattern, text)
    assert compared > 10_000
    assert found > 5_000
    assert captured > 500


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"(?:a|aa)+ever after$", "a" * 4000 + "ever"),
        (r"(?:\w+\s?)+ some words", "w " * 2000),
        (r"some .* other .* more .* words", "some other more " * 200),
        (r"deep_?ep\S*.{0,160}aborted", "deep_ep." * 100),
        (r"(?:[a-z]+\d?)*lock held", "abc" * 1000),
    ],
)
def test_what_could_take_for_ever_is_left_to_an_engine_with_a_time_limit(pattern, text):
    assert needle(pattern).plain_reach < len(text)


def test_what_may_be_missing_at_an_end_is_not_looked_for_in_raw_lines():
    assert needle(r"^\s*(?:\w+\.)?barrier \(").ascii_form == rb"barrier\x20\x28"


@pytest.mark.parametrize(
    "pattern",
    [
        r"^\S+\s+\d+\s+\S+\s+lock file \S+$",
        r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*Error: ",
        r"(?P<quote>'?)backend(?P=quote) (?:[A-Za-z]\w* ){0,2}used",
        r"some words(?! of others)",
    ],
)
def test_what_is_read_in_one_way_needs_no_time_limit(pattern):
    assert needle(pattern).plain_reach >= 512
