"""Styled text on a terminal: where lines end, how wide characters are, which styles meet."""

from __future__ import annotations

import pytest

from diagnose.report.page import Group, Indented, Text, printed, table

BOLD, DIM, RED, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[0m"


def shown(part, width: int, *, colour: bool = False) -> list[str]:
    return printed(part.lines(width), colour=colour).split("\n")


def test_a_line_ends_between_words():
    assert shown(Text("every rank waits for a lock"), 12) == ["every rank", "waits for a", "lock"]


def test_a_word_that_just_fits_stays_on_its_line():
    assert shown(Text("every rank"), 10) == ["every rank"]


def test_a_word_longer_than_a_line_is_broken_within():
    assert shown(Text("at /var/log/job.log:1"), 8) == ["at", "/var/log", "/job.log", ":1"]


def test_a_newline_ends_a_paragraph_and_an_empty_one_is_kept():
    assert shown(Text("one\n\ntwo"), 10) == ["one", "", "two"]


@pytest.mark.parametrize(
    ("text", "lines"),
    [("漢字漢字", ["漢字", "漢字"]), ("e\u0301e\u0301e\u0301e\u0301", ["e\u0301" * 4])],
    ids=["wide", "combining"],
)
def test_characters_take_the_columns_that_a_terminal_gives_them(text, lines):
    assert shown(Text(text), 4) == lines


def test_what_is_indented_keeps_within_the_width():
    part = Indented(Text("every rank waits"), 3, above=1)

    assert shown(part, 13) == ["", "   every rank", "   waits"]


def test_parts_of_a_group_stand_below_each_other():
    assert shown(Group(Text("one"), Text("two")), 10) == ["one", "two"]


def test_a_style_goes_on_over_the_end_of_a_line():
    assert shown(Text("one two", "bold"), 3, colour=True) == [
        f"{BOLD}one{PLAIN}",
        f"{BOLD}two{PLAIN}",
    ]


def test_what_is_appended_adds_to_the_style_of_the_whole_or_takes_it_back():
    text = Text("one", "bold").append(" two", "red").append(" three", "not bold dim")

    assert shown(text, 80, colour=True) == [
        f"{BOLD}one{PLAIN}\x1b[1;31m two{PLAIN}{DIM} three{PLAIN}"
    ]


def test_without_colour_no_style_is_written():
    assert shown(Text("one", "bold red"), 80) == ["one"]


def test_spaces_at_the_end_of_a_line_are_left_out_whatever_their_style():
    assert shown(Text("one").append("  ", "red"), 80, colour=True) == ["one"]
    assert shown(Text("one  ", "red"), 80, colour=True) == [f"{RED}one{PLAIN}"]


def test_cells_of_a_table_stand_in_columns():
    assert shown(table([["tp", "ok", "hung"], ["1", "8", "漢字"], ["16", "", "2"]], 40), 40) == [
        "tp  ok  hung",
        "1   8   漢字",
        "16      2",
    ]


def test_the_cells_of_a_table_too_wide_are_broken_but_for_the_first_column():
    assert shown(table([["setting", "a", "b"], ["1", "12345678", "12"]], 17), 17) == [
        "setting  a     b",
        "1        1234  12",
        "         5678",
    ]
