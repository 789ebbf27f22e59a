"""What is looked for in place of a pattern must never miss a match: everything else rests on that."""

from __future__ import annotations

import random
import re

import pytest
import regex
from scan_patterns import PATTERNS, REGEX_ONLY, Maker

from diagnose.cache import Cache
from diagnose.errors import CatalogueError
from diagnose.scan.derive import needle
from diagnose.scan.dialect import parse
from diagnose.scan.engine import NAMES, build
from diagnose.scan.trim import expression


def tries(seed: int, wide: float, count: int):
    """Patterns with strings that match them."""
    rng = random.Random(seed)
    make = Maker(rng, wide=wide)
    for pattern in PATTERNS:
        original = regex.compile(pattern)
        texts = [
            rng.choice(["", "x ", "é"]) + make.of(pattern) + rng.choice(["", " y", "漢"])
            for _ in range(count)
        ]
        matching = [text for text in texts if original.search(text)]
        assert matching, f"no string was made for {pattern}"
        yield pattern, matching


def test_every_string_that_matches_a_pattern_holds_one_of_its_literals():
    for pattern, texts in tries(1, 0.3, 60):
        found = needle(pattern)
        for text in texts:
            assert list(found.ends(text.encode())), (pattern, text, found)


@pytest.mark.parametrize("engine", NAMES)
def test_every_engine_finds_it(engine):
    built = build(engine, [needle(pattern) for pattern in PATTERNS], Cache(None, ()))
    every = range(len(PATTERNS))
    hot = built.tuned(set(every[::2]), {}, b"")
    noisy = built.tuned(
        {0}, {index: expression(parse(PATTERNS[index]).node) for index in every[1:]}, b""
    )
    for index, (pattern, texts) in enumerate(tries(2, 0.3, 70)):
        for text in texts:
            assert index in {found for _, found in built.scan(text.encode())}
            for tuned in (hot, noisy):
                cold, once = tuned.scan(text.encode())
                found = [*cold, *((end, number) for number, end in once.items())]
                assert index in {number for _, number in found}, (pattern, text)


def test_an_expression_as_a_whole_misses_nothing_and_lies_within_the_match():
    for pattern, texts in tries(7, 0.3, 60):
        form = re.compile(expression(parse(pattern).node))
        for text in texts:
            match = regex.search(pattern, text)
            start, end = (len(text[:at].encode()) for at in match.span())
            found = list(form.finditer(text.encode()))
            assert any(start <= f.start() and f.end() <= end for f in found), (pattern, text)


def test_an_expression_as_a_whole_reports_a_match_once():
    built = build("hyperscan", [needle(r"Problem number \d+")], Cache(None, ()))
    for pattern, line in (
        (
            r"(?P<m>.{4,120}) Problem number \d+: (?P<rest>.+)$",
            b"x" * 99 + b" Problem number 12: " + b"y" * 99,
        ),
        (r"lost it .{0,50}\w", b"lost it " + b"abc def " * 10),
        (r"(?:early|late\d{0,9}) end of \w{4}", b"late end of words"),
    ):
        tuned = built.tuned(set(), {0: expression(parse(pattern).node)}, b"")
        assert len(tuned.scan(line)[0]) == 1, pattern


def test_a_place_is_reported_within_the_match():
    for pattern, texts in tries(3, 0.2, 20):
        found = needle(pattern)
        for text in texts:
            match = regex.search(pattern, text)
            start, end = (len(text[:at].encode()) for at in match.span())
            assert any(start < at <= end for at in found.ends(text.encode())), (pattern, text)


def test_damaged_utf_8_does_not_hide_a_match():
    rng = random.Random(4)
    tried = 0
    for pattern, texts in tries(4, 0.5, 40):
        for text in texts:
            raw = bytearray(text.encode())
            at = rng.randrange(len(raw))
            raw[at : at + rng.randint(0, 1)] = rng.choice([b"\xff", b"\xe2\x96", b"\xf0\x9f\x99"])
            if regex.search(pattern, raw.decode("utf-8", "replace")):
                tried += 1
                assert list(needle(pattern).ends(bytes(raw))), (pattern, bytes(raw))
    assert tried > 100


def test_the_form_for_ascii_misses_nothing_and_matches_nothing_else_where_it_says_so():
    rng = random.Random(5)
    compared = exact = 0
    for pattern, texts in tries(5, 0.0, 80):
        found = needle(pattern)
        if not found.ascii_form:
            continue
        for text in texts:
            if rng.random() < 0.6:
                at = rng.randrange(len(text))
                text = text[:at] + rng.choice("x 9.A") + text[at + 1 :]
            if not text.isascii():
                continue
            compared += 1
            matches = regex.search(pattern, text) is not None
            seen = re.search(found.ascii_form, text.encode()) is not None
            assert seen or not matches, (pattern, text)
            if found.ascii_exact:
                exact += 1
                assert seen == matches, (pattern, text)
    assert compared > 1000
    assert exact > 700


def test_a_word_is_a_pattern_that_matches_wherever_its_literals_are():
    words = [pattern for pattern in PATTERNS if needle(pattern).is_word]
    rng = random.Random(6)
    for pattern, texts in tries(6, 0.0, 40):
        found = needle(pattern)
        for text in texts if found.is_word else ():
            at = rng.randrange(len(text))
            text = text[:at] + rng.choice("x 9.AsK") + text[at + 1 :]
            assert bool(list(found.ends(text.encode()))) == bool(regex.search(pattern, text))
    assert len(words) >= 3
    assert not needle(r"\bsome words\b").is_word
    assert not needle(r"[Ss]ome words").is_word
    assert needle(r"(?i)some words|others").is_word


def test_what_only_regex_knows_is_understood_or_passed_over():
    for pattern, text in REGEX_ONLY:
        try:
            found = needle(pattern)
        except CatalogueError:
            assert text is None, pattern
            continue
        if text is not None:
            assert regex.search(pattern, text), pattern
            assert list(found.ends(text.encode())), (pattern, found)
            if found.ascii_form and text.isascii():
                assert re.search(found.ascii_form, text.encode()), (pattern, found)


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
        needle(pattern)

    assert repr(pattern) in str(refused.value)


@pytest.mark.parametrize(
    ("pattern", "literals"),
    [
        (r"sm_[789]\d", {b"sm_7", b"sm_8", b"sm_9"}),
        (r"[Ww]ait for it", {b"wait for it"}),
        (r"(?:is|was) gone", {b"is gone", b"was gone"}),
        (r"GPUs? lost", {b"GPU lost", b"GPUs lost"}),
        (r"abc+def", {b"cdef"}),
        (r"\x46\u004fO\.bar", {b"FOO.bar"}),
        (r"Out (?P<a>of) (?:memory)", {b"Out of memory"}),
    ],
)
def test_literals_reach_over_groups_classes_and_repeats(pattern, literals):
    assert {text for text, _ in needle(pattern).literals} == literals


def test_case_is_kept_where_the_pattern_keeps_it():
    assert needle("Some Words").literals == ((b"Some Words", False),)
    assert needle("(?i)Some Words").literals == ((b"some words", True),)
    assert needle("(?i:Some) Words").literals == ((b"some words", True),)


def test_a_rare_literal_is_preferred_to_an_ordinary_one():
    assert needle(r"NCCL INFO .{0,9}(?:odd|bad) net").literals == (
        (b"odd net", False),
        (b"bad net", False),
    )


def test_anchors_make_a_match_depend_on_more_than_its_text():
    assert needle("some words").local
    assert needle(r"\bsome words\b").local
    assert not needle("^some words").local
    assert not needle("some words$").local
    assert not needle("some (?!other )words").local


def test_a_form_that_could_take_for_ever_is_not_used():
    assert not needle(r"(?:\w+\s?)+ some words").ascii_form
    assert not needle(r"some .* other .* more .* and .* words").ascii_form
    assert needle(r"some .* other .* words").ascii_reach < needle(r"some .* words").ascii_reach
    assert not needle(r"(?:a+b?)+ some words").ascii_form
    assert needle(r"some .{0,80} other \w+ words").ascii_form
