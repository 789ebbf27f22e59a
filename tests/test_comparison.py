"""Comparisons of numbers, in a `where` and in a `compare`."""

from __future__ import annotations

import pytest

from diagnose import comparison
from diagnose.errors import CatalogueError

SETTINGS = {
    "seqs": "80",
    "tokens": "3",
    "captured": "256",
    "free": "7.5%",
    "name": "x",
    "zero": "0",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("seqs >= 80", True),
        ("seqs > 80", False),
        ("seqs * (1 + tokens) > captured", True),
        ("seqs * tokens > captured", False),
        ("free < 0.1 * seqs", True),
        ("max(seqs, captured) == 256", True),
        ("captured % seqs != 0", True),
        ("captured // seqs <= tokens < 4", True),
        ("missing > 1", False),
        ("name > 1", False),
        ("seqs / zero > 1", False),
    ],
)
def test_known_numbers_are_compared(text, expected):
    assert comparison.holds(comparison.parse(text), SETTINGS) is expected


@pytest.mark.parametrize(
    "text",
    [
        "seqs",
        "seqs > ",
        "seqs is 1",
        "f(seqs) > 1",
        "seqs.real > 1",
        "seqs > '1'",
        "a and b",
        "max(1) > 0",
        "1 < 2",
    ],
)
def test_what_is_more_than_arithmetic_is_refused(text):
    with pytest.raises(CatalogueError):
        comparison.parse(text)
