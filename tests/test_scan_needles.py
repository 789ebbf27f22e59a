"""Weakening must never lose a match: that is what everything else rests on."""

from __future__ import annotations

import random
import re

import pytest
import regex
from scan_patterns import PATTERNS, REGEX_ONLY, Maker

from diagnose.errors import CatalogueError
from diagnose.scan.cache import Cache
from diagnose.scan.hyper import Hyperscan
from diagnose.scan.weaken import literal_only, weaken

LONE = Cache(None, ())


def test_every_string_that_matches_a_pattern_matches_its_weakened_form():
    rng = random.Random(1)
    make = Maker(rng, wide=0.3)
    tried = 0
    for pattern in PATTERNS:
        weakened, original = weaken(pattern), regex.compile(pattern)
        expression = re.compile(weakened.expression)
        of_this = 0
        for _ in range(60):
            text = rng.choice(["", "x ", "é"]) + make.of(pattern) + rng.choice(["", " y", "漢"])
            if not original.search(text):
                continue
            of_this += 1
            raw = text.encode()

            assert expression.search(raw), (pattern, text, weakened)
            assert any(literal in raw.lower() for literal in weakened.literals), (pattern, text)
        assert of_this, f"no string was made for {pattern}"
        tried += of_this
    assert tried > 40 * len(PATTERNS)


def test_hyperscan_reads_weakened_expressions_as_python_does():
    rng = random.Random(2)
    make = Maker(rng, wide=0.2)
    weakened = [weaken(pattern) for pattern in PATTERNS]
    engine = Hyperscan(weakened, LONE)
    for index, pattern in enumerate(PATTERNS):
        original = regex.compile(pattern)
        for _ in range(20):
            text = make.of(pattern)
            if original.search(text):
                assert index in {found for _, found in engine.scan(text.encode(), 10**6)}


def test_damaged_utf_8_does_not_hide_a_match():
    rng = random.Random(3)
    make = Maker(rng, wide=0.5)
    tried = 0
    for pattern in PATTERNS:
        expression, original = re.compile(weaken(pattern).expression), regex.compile(pattern)
        for _ in range(40):
            raw = bytearray(make.of(pattern).encode())
            at = rng.randrange(len(raw))
            raw[at : at + rng.randint(0, 1)] = rng.choice([b"\xff", b"\xe2\x96", b"\xf0\x9f\x99"])
            if original.search(raw.decode("utf-8", "replace")):
                tried += 1
                assert expression.search(raw), (pattern, bytes(raw))
    assert tried > 100


def test_what_only_regex_knows_is_understood_or_passed_over():
    for pattern, text in REGEX_ONLY:
        try:
            weakened = weaken(pattern)
        except CatalogueError:
            assert text is None, pattern
            continue
        if text is not None:
            assert regex.search(pattern, text), pattern
            assert re.search(weakened.expression, text.encode()), (pattern, weakened)


@pytest.mark.parametrize(
    "pattern",
    [
        "abc",
        r"\d+ \w+",
        r"error|err",
        r"(?:long enough)?",
        r"(?:long enough){0,2}",
        r".*",
        r"",
        r"[abcdefghijklmnopq]{9}",
        r"(?V1)[[a-z]--[aeiou]] literal",
        r"(?if)straße closed",
    ],
)
def test_a_pattern_without_a_literal_of_four_characters_is_refused_by_name(pattern):
    with pytest.raises(CatalogueError, match="literal") as refused:
        weaken(pattern)

    assert repr(pattern) in str(refused.value)


@pytest.mark.parametrize(
    ("pattern", "literals"),
    [
        (r"sm_[789]\d", {b"sm_7", b"sm_8", b"sm_9"}),
        (r"[Ww]ait for it", {b"wait for it"}),
        (r"(?:is|was) gone", {b"is gone", b"was gone"}),
        (r"GPUs? lost", {b"gpu lost", b"gpus lost"}),
        (r"abc+def", {b"cdef"}),
        (r"\x46\u004fO\.bar", {b"foo.bar"}),
        (r"Out (?P<a>of) (?:memory)", {b"out of memory"}),
    ],
)
def test_literals_reach_over_groups_classes_and_repeats(pattern, literals):
    assert set(weaken(pattern).literals) == literals


def test_free_ends_are_cut_so_that_one_match_is_reported_once():
    engine = Hyperscan([weaken(r"(?P<m>.{4,120}) Problem number \d+: (?P<rest>.+)$")], LONE)

    assert len(engine.scan(b"x" * 500 + b" Problem number 12345: " + b"y" * 500, 10**6)) == 1


def test_a_class_behind_a_gap_does_not_report_each_of_its_characters():
    engine = Hyperscan([weaken(r"lost it .{0,50}\w")], LONE)

    assert len(engine.scan(b"lost it " + b"abc def " * 10, 10**6)) == 1


def test_anchors_make_a_match_depend_on_more_than_its_text():
    assert weaken("some words").local
    assert weaken(r"\bsome words\b").local
    assert not weaken("^some words").local
    assert not weaken("some words$").local
    assert not weaken("some (?!other )words").local


def test_an_exact_count_is_known_only_where_nothing_was_dropped():
    assert weaken(r"some words (?P<n>\d+) left").count
    assert not weaken(r"some words\b").count
    assert not weaken(r"some words (?P<a>x) (?P=a)").count
    assert not weaken(r"^some words").count
    assert not weaken(r"(?:\w+\s?)+ some words").count


def test_the_counting_expression_matches_exactly_what_the_pattern_does():
    rng = random.Random(4)
    make = Maker(rng, wide=0.0)
    compared = 0
    for pattern in PATTERNS:
        count = weaken(pattern).count
        if not count:
            continue
        for _ in range(80):
            text = make.of(pattern)
            if rng.random() < 0.6:
                at = rng.randrange(len(text))
                text = text[:at] + rng.choice("x 9.") + text[at + 1 :]
            if text.isascii():
                compared += 1
                expected = regex.search(pattern, text) is not None
                assert (re.search(count, text.encode()) is not None) == expected, (pattern, text)
    assert compared > 500


def test_the_literal_form_is_weaker_still():
    make = Maker(random.Random(5))
    for pattern in PATTERNS:
        text = make.of(pattern)
        if regex.search(pattern, text):
            assert re.search(literal_only(weaken(pattern)).expression, text.encode())


def test_what_a_compiler_refuses_is_looked_for_by_its_literals():
    patterns = [r"(?:a{0,9}b{0,9}){2000} some words", r"other words"]
    engine = Hyperscan([weaken(pattern) for pattern in patterns], LONE)

    assert {i for _, i in engine.scan(b"ab some words, other words", 99)} == {0, 1}
