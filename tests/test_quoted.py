"""Which lines of a finding are shown."""

from __future__ import annotations

from diagnose.model import Evidence, Line
from diagnose.report.evidence import quoted


def shown(most, *messages):
    lines = [
        Evidence(Line("a.log", number, text, text), {}, (0, number))
        for number, text in enumerate(messages, start=1)
    ]
    return [one.line.number for one in quoted(lines, most)]


def test_a_rare_line_is_shown_before_the_many_that_are_alike():
    bars = [f"Loading shards:  {n}% Completed | {n}/99" for n in range(20)]

    assert 21 in shown(2, *bars, "Timed out waiting for engines")


def test_of_lines_that_are_alike_the_ends_are_shown():
    assert shown(2, *[f"shard {n}/99" for n in range(20)]) == [1, 20]


def test_a_line_that_matched_twice_is_shown_once():
    line = Line("a.log", 1, "not found", "not found")
    twice = [Evidence(line, {}, (0, 1)), Evidence(line, {"image": "a:b"}, (0, 1))]

    assert len(quoted(twice, 2)) == 1


def test_what_is_shown_stands_in_observed_order():
    assert shown(3, "b 1", "b 2", "a thing", "c thing") == [1, 3, 4]


def test_nothing_is_left_out_where_there_is_room():
    assert shown(9, "b 1", "b 2", "b 3") == [1, 2, 3]
