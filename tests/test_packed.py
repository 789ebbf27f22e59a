"""The catalogue that was read before is the one that is there, or it is read again."""

from __future__ import annotations

import ast
import io
import pickle
import shutil
from pathlib import Path

import pytest

from diagnose import cache, catalogue, model, packed
from diagnose.errors import CatalogueError
from diagnose.model import Condition, Evidence, Line

PACKAGE = Path(packed.__file__).parent


@pytest.fixture
def root(tmp_path):
    """Some real signature files, to be changed."""
    folder = tmp_path / "signatures" / "torch"
    shutil.copytree(catalogue.default_root() / "torch", folder)
    return folder.parent


def never_read(monkeypatch):
    monkeypatch.setattr(catalogue, "of_bytes", lambda path, data: pytest.fail(f"{path} read again"))


def test_the_whole_catalogue_comes_back_as_it_was(tmp_path, monkeypatch):
    plain = catalogue.load(catalogue.default_root())
    first = packed.load(catalogue.default_root(), tmp_path)
    never_read(monkeypatch)

    again = packed.load(catalogue.default_root(), tmp_path)

    assert list(again) == list(plain)
    assert again == first == plain


def test_a_change_of_one_byte_is_seen(root, tmp_path):
    packed.load(root, tmp_path)
    path = sorted(root.glob("*/*.toml"))[0]
    path.write_bytes(path.read_bytes().replace(b'title = "', b'title = "Not ', 1))

    assert packed.load(root, tmp_path) == catalogue.load(root)


def test_a_file_more_or_less_or_renamed_is_seen(root, tmp_path):
    packed.load(root, tmp_path)
    path = sorted(root.glob("*/*.toml"))[0]
    path.rename(path.with_stem("renamed"))
    assert packed.load(root, tmp_path) == catalogue.load(root)
    path.with_stem("renamed").unlink()

    assert packed.load(root, tmp_path) == catalogue.load(root)


def test_a_wrong_file_is_an_error_however_often_it_is_read(root, tmp_path):
    (root / "torch" / "wrong.toml").write_text('title = "x"\nno_such_key = 1\n')

    for _ in range(2):
        with pytest.raises(CatalogueError, match="no_such_key"):
            packed.load(root, tmp_path)


def test_what_comes_with_the_package_is_used_without_a_folder_of_the_users(
    root, tmp_path, monkeypatch
):
    first = packed.load(root, tmp_path / "prepared")
    monkeypatch.setattr(cache, "SHIPPED", tmp_path / "prepared")
    never_read(monkeypatch)

    assert packed.load(root, None) == first
    assert packed.load(root, tmp_path / "own") == first
    assert not (tmp_path / "own").exists()


def test_what_comes_with_the_package_is_not_used_for_other_signatures(root, tmp_path, monkeypatch):
    packed.load(root, tmp_path / "prepared")
    monkeypatch.setattr(cache, "SHIPPED", tmp_path / "prepared")
    path = sorted(root.glob("*/*.toml"))[0]
    path.write_bytes(path.read_bytes().replace(b'title = "', b'title = "Not ', 1))

    assert packed.load(root, None) == catalogue.load(root)


@pytest.mark.parametrize("harm", [lambda d: d[:-20], lambda d: b"", lambda d: d[::-1]])
def test_a_damaged_file_is_read_again(root, tmp_path, harm):
    packed.load(root, tmp_path)
    for path in tmp_path.glob("*.cache"):
        path.write_bytes(harm(path.read_bytes()))

    assert packed.load(root, tmp_path) == catalogue.load(root)


class Harm:
    def __reduce__(self):
        return exec, ("raise SystemExit",)


@pytest.mark.parametrize("value", [Harm(), io.BytesIO, [Condition(line="x"), Harm()]])
def test_nothing_but_nouns_comes_back_whatever_the_bytes_say(value):
    with pytest.raises(ValueError, match="not packed"):
        packed.unpack(pickle.dumps(value))


def test_what_has_a_default_and_what_has_not_come_back_alike():
    nouns = [
        Line("a", 1, "", "x"),
        Evidence(Line("a", 1, "t", "m"), {}, (0, 1)),
        Condition(count=True),
    ]

    back = packed.unpack(packed.pack(nouns))

    assert back == nouns
    assert back[2].count is True


def imported(name: str) -> set[str]:
    """Modules of ours that a module imports, model's nouns by the module that has them."""
    found = set()
    for node in ast.walk(ast.parse((PACKAGE / f"{name}.py").read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("diagnose"):
            for alias in node.names:
                home = getattr(getattr(model, alias.name, None), "__module__", None)
                full = home if node.module == "diagnose.model" else f"{node.module}.{alias.name}"
                path = full.removeprefix("diagnose.").replace(".", "/")
                found.add(path if (PACKAGE / f"{path}.py").is_file() else path.rpartition("/")[0])
    return {name for name in found if (PACKAGE / f"{name}.py").is_file()}


def test_what_is_kept_depends_on_all_code_that_makes_a_signature():
    needed, frontier = set(), ["catalogue/__init__"]
    while frontier:
        name = frontier.pop()
        needed.add(name)
        frontier += imported(name) - needed

    assert needed <= set(packed.SOURCES)
