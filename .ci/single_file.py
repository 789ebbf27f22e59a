"""Builds `diagnose.pyz`: the whole program in one file, for containers and login nodes that have only Python.

    python .ci/single_file.py                    # for this Python on this kind of machine
    python .ci/single_file.py --everywhere       # Python 3.11 to 3.13, x86-64 and Arm, in one file

The packages are installed with pip into a folder for each target; files that are the same in all of them are kept
once. `start_single_file.py` is what runs first. Equal input gives an equal file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
EVERYWHERE = [
    (version, machine) for version in ("3.11", "3.12", "3.13") for machine in ("x86_64", "aarch64")
]
GLIBC = ("manylinux2014", "manylinux_2_17", "manylinux_2_28")
"""The C libraries that are built for: that of RHEL 7 where a package still has it, else that of RHEL 8."""
_DROPPED = ("__pycache__", "*.pyi", "*.dist-info/RECORD", "*.dist-info/INSTALLER", "*.dist-info/REQUESTED",
            "*.dist-info/direct_url.json", "zstandard/backend_cffi.py", "zstandard/_cffi*", "tests")  # fmt: skip
_DATE = (1980, 1, 1, 0, 0, 0)


def main() -> None:
    """Reads the command line and writes the file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("dist/diagnose.pyz"))
    parser.add_argument(
        "--everywhere", action="store_true", help="every target instead of this one"
    )
    arguments = parser.parse_args()
    here = (f"{sys.version_info[0]}.{sys.version_info[1]}", platform.machine())
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        wheel = _wheel(work)
        targets = {
            f"cp{version.replace('.', '')}-{machine}": _install(
                work, wheel, version, machine, native=(version, machine) == here
            )
            for version, machine in (EVERYWHERE if arguments.everywhere else [here])
        }
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        write(arguments.output, targets)
    size = arguments.output.stat().st_size / 1e6
    print(f"{arguments.output}: {size:.1f} MB, for {', '.join(targets)}")


def _wheel(work: Path) -> Path:
    _pip("wheel", "--no-deps", "--wheel-dir", str(work / "wheel"), str(ROOT))
    (wheel,) = (work / "wheel").glob("*.whl")
    return wheel


def _install(work: Path, wheel: Path, version: str, machine: str, *, native: bool) -> Path:
    """The program and all it needs, for one target, in a folder of its own."""
    folder = work / f"{version}-{machine}"
    other = [f"--platform={libc}_{machine}" for libc in GLIBC]
    foreign = ["--only-binary=:all:", "--implementation=cp", f"--python-version={version}", *other]
    pinned = ["--constraint", str(Path(__file__).with_name("constraints.txt"))]
    _pip("install", "--target", str(folder), *pinned, *([] if native else foreign), str(wheel))
    return folder


def _pip(*arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments],
        check=True,
    )


def write(output: Path, targets: dict[str, Path]) -> None:
    """Writes the zip, executable, with what is common to all targets only once."""
    trees = {name: dict(_files(folder)) for name, folder in targets.items()}
    first, *others = trees.values()
    common = {
        path for path, file in first.items() if all(_same(file, tree.get(path)) for tree in others)
    }
    members = {f"common/{path}": file for path, file in first.items() if path in common}
    for name, tree in trees.items():
        members |= {f"{name}/{path}": file for path, file in tree.items() if path not in common}
    digest = hashlib.sha256()
    for name in sorted(members):
        digest.update(name.encode() + hashlib.sha256(members[name].read_bytes()).digest())
    index = {"digest": digest.hexdigest()[:32], "targets": sorted(targets)}
    with output.open("wb") as file:
        file.write(b"#!/usr/bin/env python3\n")
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            start = Path(__file__).with_name("start_single_file.py").read_bytes()
            archive.writestr(_info("__main__.py"), start)
            archive.writestr(_info("index.json"), json.dumps(index, indent=1))
            for name in sorted(members):
                archive.writestr(
                    _info(f"packages/{name}", members[name]), members[name].read_bytes()
                )
    output.chmod(0o755)


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        dropped = any(part.match(pattern) for part in (name, *name.parents) for pattern in _DROPPED)
        if path.is_file() and not dropped:
            yield name.as_posix(), path


def _same(file: Path, other: Path | None) -> bool:
    return other is not None and file.read_bytes() == other.read_bytes()


def _info(name: str, file: Path | None = None) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _DATE)
    info.compress_type = zipfile.ZIP_DEFLATED
    executable = file is not None and file.stat().st_mode & 0o100
    info.external_attr = (0o100755 if executable else 0o100644) << 16
    return info


if __name__ == "__main__":
    main()
