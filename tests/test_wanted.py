"""What is looked for is kept beside the catalogue, and says which signatures may hold."""

from __future__ import annotations

import pytest

from diagnose import packed, wanted
from diagnose.catalogue import default_root, lines_of, patterns_of
from diagnose.model import Channel


@pytest.fixture
def signatures(tmp_path):
    return packed.load(default_root(), tmp_path)


def test_what_was_kept_is_what_was_made(signatures, tmp_path, monkeypatch):
    made = wanted.prepared(dict(signatures), None)
    assert wanted.prepared(signatures, tmp_path) == made
    monkeypatch.setattr(wanted, "wanted", lambda signatures: pytest.fail("made again"))

    assert wanted.prepared(packed.load(default_root(), tmp_path), tmp_path) == made


def test_a_pattern_that_is_looked_for_besides_the_signatures_makes_it_anew(
    signatures, tmp_path, monkeypatch
):
    wanted.prepared(signatures, tmp_path)
    monkeypatch.setattr("diagnose.trouble.PATTERNS", ("a new kind of trouble",))

    assert "a new kind of trouble" in wanted.prepared(signatures, tmp_path).patterns


def test_signatures_of_launch_scripts_are_not_looked_for_in_lines(signatures):
    ids = wanted.prepared(signatures, None).ids

    assert set(signatures) - set(ids) == {
        id for id, s in signatures.items() if s.channel is Channel.RECIPE
    }


def test_a_signature_may_hold_where_any_expression_of_its_conditions_matched(signatures):
    looked_for = wanted.prepared(signatures, None)

    for id in looked_for.ids:
        for pattern in lines_of(signatures[id].match):
            assert id in looked_for.possible([looked_for.patterns.index(pattern)])


def test_what_clears_a_signature_does_not_show_it(signatures):
    looked_for = wanted.prepared(signatures, None)
    signature = next(s for s in signatures.values() if s.cleared_by)
    (clearing, *_) = set(patterns_of(signature)) - set(lines_of(signature.match))

    assert signature.id not in looked_for.possible([looked_for.patterns.index(clearing)])


def test_a_signature_is_made_when_it_is_asked_for(signatures, tmp_path, monkeypatch):
    made = []
    unpack = packed.unpack
    monkeypatch.setattr(packed, "unpack", lambda data: made.append(data) or unpack(data))
    again = packed.load(default_root(), tmp_path)
    id = next(iter(again))
    assert (len(again), id in again, made) == (len(signatures), True, [])

    assert again[id] == signatures[id]
    assert packed.only(again, [id])[id] is again[id]
    assert len(made) == 1
