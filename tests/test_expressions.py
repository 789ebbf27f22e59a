"""Expressions that are compiled when they are first searched for."""

from __future__ import annotations

import re

from diagnose.expressions import later


def test_it_says_what_the_compiled_expression_says(monkeypatch):
    expression = later(r"(?P<name>[a-z]+)=(\d+)", re.IGNORECASE)

    assert expression.search("x TP=8")["name"] == "TP"
    assert expression.match("x TP=8") is None
    assert expression.sub("-", "a=1 b=2") == "- -"
    assert [found[2] for found in expression.finditer("a=1 b=2")] == ["1", "2"]


def test_bytes_are_searched_by_an_expression_of_bytes():
    assert later(rb"\d+").search(b"rank 12")[0] == b"12"


def test_it_is_compiled_once_and_not_before_it_is_used(monkeypatch):
    compiled = []
    original = re.compile

    def noted(*written):
        compiled.append(written)
        return original(*written)

    monkeypatch.setattr(re, "compile", noted)
    expression = later("rank")
    assert compiled == []

    expression.search("rank 1")
    expression.match("rank 2")
    expression.search("rank 3")

    assert compiled == [("rank", 0)]
