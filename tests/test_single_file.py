"""The single file: what runs first, on small packages that stand for the real ones. `.ci/run` builds the real file."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

TOOLS = Path(__file__).parent.parent / ".ci"
sys.path.insert(0, str(TOOLS))
import single_file  # noqa: E402
import start_single_file  # noqa: E402

HERE = f"cp{sys.version_info[0]}{sys.version_info[1]}-{os.uname().machine}"
CLI = "import sys, regex\ndef main():\n    print(regex.WORD, *sys.argv[1:], __file__)\n    sys.exit(3)\n"


def packages(folder: Path, word: str) -> Path:
    """A folder as pip makes one."""
    for name, text in {
        "diagnose/__init__.py": "",
        "diagnose/cli.py": CLI,
        "regex.py": f"WORD = {word!r}\n",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    program = folder / "bin" / "py-spy"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return folder


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "diagnose.pyz"
    targets = {
        HERE: packages(tmp_path / "a", "here"),
        "cp399-none": packages(tmp_path / "b", "elsewhere"),
    }
    single_file.write(path, targets)
    return path


def run(file: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-S", str(file), *arguments],
        env=environment,
        capture_output=True,
        check=False,
        text=True,
    )


def test_it_runs_with_its_arguments_and_exit_code(file, tmp_path):
    done = run(file, "log", "x y", DIAGNOSE_CACHE_DIR=str(tmp_path / "cache"))

    assert done.stderr == ""
    assert done.stdout.startswith("here log x y ")
    assert done.returncode == 3


def test_what_all_targets_share_is_kept_once(file):
    names = zipfile.ZipFile(file).namelist()

    assert "packages/common/diagnose/cli.py" in names
    assert f"packages/{HERE}/regex.py" in names
    assert len([name for name in names if name.endswith("cli.py")]) == 1


def test_equal_input_gives_an_equal_file(file, tmp_path):
    again = tmp_path / "again.pyz"
    single_file.write(again, {HERE: tmp_path / "a", "cp399-none": tmp_path / "b"})

    assert again.read_bytes() == file.read_bytes()


def test_it_is_unpacked_once_and_stays(file, tmp_path):
    run(file, DIAGNOSE_CACHE_DIR=str(tmp_path / "cache"))
    (folder,) = (tmp_path / "cache" / "single-file").iterdir()
    (folder / "regex.py").write_text("WORD = 'as it was kept'\n")

    done = run(file, DIAGNOSE_CACHE_DIR=str(tmp_path / "cache"))

    assert done.stdout.startswith("as it was kept ")
    assert os.access(folder / "bin" / "py-spy", os.X_OK)
    assert folder.stat().st_mode & 0o077 == 0


def test_many_first_runs_at_once_all_work(file, tmp_path):
    with ThreadPoolExecutor(8) as pool:
        done = list(
            pool.map(lambda _: run(file, DIAGNOSE_CACHE_DIR=str(tmp_path / "cache")), range(8))
        )

    assert {one.returncode for one in done} == {3}
    assert len(list((tmp_path / "cache" / "single-file").iterdir())) == 1


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_a_folder_that_others_can_change_is_not_run_from(file, tmp_path, mode):
    run(file, DIAGNOSE_CACHE_DIR=str(tmp_path / "cache"))
    (folder,) = (tmp_path / "cache" / "single-file").iterdir()
    (folder / "regex.py").write_text("WORD = 'planted'\n")
    folder.chmod(mode)

    assert run(file, DIAGNOSE_CACHE_DIR=str(tmp_path / "cache")).stdout.startswith("here ")


def test_without_a_cache_nothing_stays_behind(file, tmp_path):
    temporary = tmp_path / "tmp"
    temporary.mkdir()

    done = run(file, DIAGNOSE_CACHE_DIR="off", TMPDIR=str(temporary))

    assert done.stdout.startswith("here ")
    assert list(temporary.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_done_without(file, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")

    done = run(file, DIAGNOSE_CACHE_DIR=str(blocked / "below"), TMPDIR=str(tmp_path))

    assert done.stdout.startswith("here ")
    assert done.stderr == ""


def test_a_folder_whose_modules_do_not_load_is_not_kept_to(file, tmp_path):
    run(file, DIAGNOSE_CACHE_DIR=str(tmp_path / "cache"))
    (folder,) = (tmp_path / "cache" / "single-file").iterdir()
    (folder / "regex.py").write_text(
        "raise ImportError('failed to map segment from shared object')\n"
    )

    assert run(file, DIAGNOSE_CACHE_DIR=str(tmp_path / "cache")).stdout.startswith("here ")


def test_another_python_is_told_which_ones_will_do(tmp_path):
    path = tmp_path / "diagnose.pyz"
    single_file.write(path, {"cp399-none": packages(tmp_path / "b", "elsewhere")})

    done = run(path)

    assert done.returncode == 4
    assert "it has cp399-none" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_start_keeps_to_old_syntax():
    import ast

    text = Path(start_single_file.__file__).read_text()

    ast.parse(text, feature_version=(3, 6))
