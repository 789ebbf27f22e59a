"""A log of this moment may go on; an old one does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from diagnose.document import read_line
from diagnose.recency import is_of

NOW = datetime(2026, 7, 1, 2, 10, tzinfo=UTC)
VLLM = "(EngineCore pid=2) INFO {:%m-%d %H:%M:%S} [core.py:1] Initializing"


def lines(text):
    return [read_line("log", 1, text.encode())]


@pytest.mark.parametrize("zone_h", [0, 2, -7, 5.5])
def test_a_line_of_the_moment_is_recognised_in_utc_and_in_local_time(zone_h):
    local = lines(VLLM.format(NOW + timedelta(hours=zone_h)))

    assert is_of(NOW.timestamp(), local, zone_s=zone_h * 3600)
    assert is_of(NOW.timestamp(), lines(VLLM.format(NOW)), zone_s=zone_h * 3600)


def test_a_line_of_some_hours_ago_is_not_taken_for_one_of_another_zone():
    assert not is_of(NOW.timestamp(), lines(VLLM.format(NOW - timedelta(hours=4))))


@pytest.mark.parametrize("age", [timedelta(minutes=13), timedelta(days=3), timedelta(days=200)])
def test_an_older_line_is_not_of_the_moment(age):
    assert not is_of(NOW.timestamp(), lines(VLLM.format(NOW - age)))


def test_a_full_date_of_another_year_is_not_of_the_moment():
    line = "2025-07-01T02:10:00.0000000Z Initializing"

    assert not is_of(NOW.timestamp(), lines(line))


def test_a_log_without_times_is_not_known_to_be_of_the_moment():
    assert not is_of(NOW.timestamp(), lines("Initializing"))
