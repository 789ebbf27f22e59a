"""A cache may be missing, damaged or somebody else's, and is never wrong."""

from __future__ import annotations

import io
import os
import stat
import threading
from pathlib import Path

import pytest

from diagnose.cache import default_cache
from diagnose.scan import Scanner

PATTERNS = ["some words here", r"(?i)other words (?P<n>\d+)"]
LOG = b"x some words here\nOTHER words 12\n"


def works(scanner: Scanner) -> bool:
    found = scanner.scan(0, "log", io.BytesIO(LOG))
    return {i: h.evidence[0].line.number for i, h in found.hits.items()} == {0: 1, 1: 2}


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def test_a_second_scanner_reads_what_the_first_one_wrote(tmp_path, monkeypatch):
    folder = tmp_path / "deep" / "cache"
    assert works(Scanner(PATTERNS, cache=folder))
    written = {path: path.read_bytes() for path in files(folder)}
    monkeypatch.setattr("diagnose.scan.derive.needle", lambda pattern: pytest.fail("made again"))

    assert works(Scanner(PATTERNS, cache=folder))
    assert {path: path.read_bytes() for path in files(folder)} == written
    assert written


def test_needles_that_come_with_the_package_are_used_by_every_engine(tmp_path, monkeypatch):
    Scanner(PATTERNS, engine="regex", cache=tmp_path)
    monkeypatch.setattr("diagnose.cache.SHIPPED", tmp_path)
    monkeypatch.setattr("diagnose.scan.derive.needle", lambda pattern: pytest.fail("made again"))

    assert works(Scanner(PATTERNS, engine="hyperscan", cache=None))


def test_only_the_user_can_look_into_it(tmp_path):
    Scanner(PATTERNS, cache=tmp_path / "cache")

    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files(tmp_path / "cache"))


def test_other_patterns_do_not_read_it(tmp_path):
    Scanner(["nothing of that", "kind at all"], cache=tmp_path)

    assert works(Scanner(PATTERNS, cache=tmp_path))


@pytest.mark.parametrize("engine", ["hyperscan", "regex"])
@pytest.mark.parametrize("harm", ["empty", "cut", "flipped", "noise", "folder"])
def test_damage_is_noticed_and_mended(tmp_path, engine, harm):
    Scanner(PATTERNS, engine=engine, cache=tmp_path)
    for path in files(tmp_path):
        good = path.read_bytes()
        path.unlink()
        if harm == "folder":
            path.mkdir()
            continue
        middle = len(good) // 2
        flipped = good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :]
        bad = {"empty": b"", "cut": good[:-7], "flipped": flipped, "noise": os.urandom(999)}
        path.write_bytes(bad[harm])

    assert works(Scanner(PATTERNS, engine=engine, cache=tmp_path))
    assert works(Scanner(PATTERNS, engine=engine, cache=tmp_path))


def test_a_database_this_machine_cannot_use_is_made_again(tmp_path, monkeypatch):
    from diagnose.scan import hyper

    def unusable(*given):
        raise hyper.hyperscan.HyperscanError("made for another machine")

    Scanner(PATTERNS, engine="hyperscan", cache=tmp_path)
    monkeypatch.setattr(hyper.hyperscan, "loadb", unusable)

    assert works(Scanner(PATTERNS, engine="hyperscan", cache=tmp_path))


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_a_folder_that_others_can_write_to_is_not_trusted(tmp_path):
    folder = tmp_path / "cache"
    folder.mkdir()
    folder.chmod(0o777)

    assert works(Scanner(PATTERNS, cache=folder))
    assert files(folder) == []


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="there are no owners")
def test_a_folder_of_another_user_is_not_trusted(tmp_path, monkeypatch):
    Scanner(PATTERNS, cache=tmp_path)
    before = files(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 54321)

    assert works(Scanner(["some words here", r"(?i)other words \d+"], cache=tmp_path))
    assert files(tmp_path) == before


def test_a_place_where_nothing_can_be_written_is_done_without(tmp_path):
    (tmp_path / "file").write_text("in the way")

    assert works(Scanner(PATTERNS, cache=tmp_path / "file"))
    assert works(Scanner(PATTERNS, cache=tmp_path / "file" / "below"))
    assert works(Scanner(PATTERNS, cache=Path("/proc/no/such/place")))


def test_several_at_once_do_not_harm_each_other(tmp_path):
    good: list[bool] = []
    threads = [
        threading.Thread(target=lambda: good.append(works(Scanner(PATTERNS, cache=tmp_path))))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert good == [True] * 6
    assert not [path for path in files(tmp_path) if path.suffix == ".tmp"]


def test_old_files_are_thrown_away(tmp_path):
    for number in range(24):
        Scanner([f"some words here {number}"], engine="regex", cache=tmp_path)

    assert len(files(tmp_path)) == 24
    Scanner(PATTERNS, cache=tmp_path)
    assert len(files(tmp_path)) == 24
    assert works(Scanner(PATTERNS, cache=tmp_path))


@pytest.mark.parametrize(
    ("chosen", "shared", "expected"),
    [
        ("/some/where", "/shared", Path("/some/where")),
        ("", "/shared", None),
        ("off", "/shared", None),
        (None, "/shared", Path("/shared/diagnose")),
        (None, "relative", Path("/home/me/.cache/diagnose")),
        (None, None, Path("/home/me/.cache/diagnose")),
    ],
)
def test_the_default_place_can_be_chosen(monkeypatch, chosen, shared, expected):
    monkeypatch.setenv("HOME", "/home/me")
    for name, value in (("DIAGNOSE_CACHE_DIR", chosen), ("XDG_CACHE_HOME", shared)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)

    assert default_cache() == expected
