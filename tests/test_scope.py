"""Ranges of versions: what is compared without `packaging` is what it says."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from diagnose.scope import version_fits

RELEASES = st.lists(st.integers(0, 3), min_size=1, max_size=4).map(
    lambda numbers: ".".join(map(str, numbers))
)
ENDS = st.sampled_from(
    [
        "",
        "rc1",
        "a2",
        ".post1",
        ".dev3",
        "rc1.dev2",
        "+g12ab",
        ".dev3+cu12.8",
        "-1",
        "+G1",
        "!1",
        "x",
    ]
)
BOUNDS = st.tuples(st.sampled_from([">=", "<=", "<", ">", "==", "~=", " >= ", "!="]), RELEASES)


@given(
    st.lists(BOUNDS.map("".join), min_size=1, max_size=3).map(",".join),
    st.tuples(RELEASES, ENDS).map("".join),
)
@settings(max_examples=600, deadline=None)
@example(">=0.22,<0.32", "0.31.1rc2.dev34+g0a1b2c3d")
@example("<0.22", "0.22.0rc1")
@example(">0.22", "0.22.post1")
def test_a_version_is_in_a_range_where_packaging_says_so(versions, version):
    try:
        expected = SpecifierSet(versions).contains(Version(version).base_version)
    except InvalidVersion:
        expected = None
    except InvalidSpecifier:
        return

    assert version_fits(versions, version) is expected


@pytest.mark.parametrize("version", ["", "nightly", "0.22.x"])
def test_what_is_no_version_is_in_no_range_and_outside_of_none(version):
    assert version_fits(">=0.22", version) is None


def test_no_range_holds_every_version():
    assert version_fits("", "") is True
