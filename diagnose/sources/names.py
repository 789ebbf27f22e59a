"""Names of files and archive members: how they are shown, in which order, and which are no logs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from diagnose.expressions import later
from diagnose.redact import redact

SKIPPED_FOLDERS = frozenset(
    (
        ".git",
        ".hg",
        ".svn",
        ".venv",
        ".tox",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        "__MACOSX",
        "__pycache__",
        "node_modules",
        "site-packages",
    )
)
"""Folders that hold programs or caches."""

# Source code and documents quote error messages word for word, so they would be diagnosed as
# failures; the rest are binaries known by their names, which saves looking into them.
_SOURCE_CODE = (
    "c cc cmake cpp css cu cuh diff h hip hpp inl ipynb go java js mjs patch ptx py pyi rs ts tsx"
)
_DOCUMENTS = "htm html md rst sarif svg tex xml"
_BINARIES = (
    "a bin bmp db dll dylib egg exe gguf gif ico jar jpeg jpg npy npz o onnx parquet pb pdf pickle pkl "
    "png pt pth pyc safetensors so ttf webp whl woff woff2"
)
_NO_LOGS = frozenset(f"{_SOURCE_CODE} {_DOCUMENTS} {_BINARIES}".split())
_NUMBERED = later(r"-?[0-9]+_(.+)\.txt", re.DOTALL)
_OWN = "diagnosis.json"
_FIRST_STEP = "/1_Set up job.txt"
_NUMBERS = later(r"([0-9]+)")
_JOINER = "\u200d"
_LONGEST = 1000


def shown(name: str) -> str:
    """A name that can be printed anywhere: no secret, unprintable characters and stray bytes escaped."""
    name = redact(name)
    if len(name) > _LONGEST:
        name = "…" + name[-_LONGEST:]
    if name.isprintable():
        return name
    return "".join(c if c.isprintable() or c == _JOINER else _escaped(c) for c in name)


def natural(name: str) -> tuple[tuple[tuple[int, str], ...], str]:
    """A key that sorts `job2` before `job10`, and a folder's files together."""
    parts = _NUMBERS.split(name.replace("/", "\0").casefold())
    # Numbers are compared as text with their length, for int() refuses very long ones.
    key = tuple(
        (len(part.lstrip("0")), part.lstrip("0")) if i % 2 else (-1, part)
        for i, part in enumerate(parts)
    )
    return key, name


def is_log(name: str) -> bool:
    """Whether a file below a given folder, or in an archive, may be a log, by its name."""
    *folders, file = name.split("/")
    if any(folder in SKIPPED_FOLDERS for folder in folders):
        return False
    _, dot, suffix = file.lower().rpartition(".")
    # What `diagnose ci` wrote quotes the logs as well.
    return not (dot and suffix in _NO_LOGS) and ".so." not in file and file != _OWN


def copies(names: Iterable[str]) -> frozenset[str]:
    """Step logs of GitHub Actions whose lines stand in a whole job's log too.

    A downloaded log archive holds `0_<job>.txt` with the whole log of each job and
    `<job>/1_<step>.txt` with the same lines by step. The two names of a job can differ (long ones
    are cut, equal ones are numbered), so that step folders left over go to job logs left over.
    """
    jobs: dict[str, list[str]] = {}
    steps: dict[str, dict[str, list[str]]] = {}
    for name in names:
        folder, _, file = name.rpartition("/")
        numbered = _NUMBERED.fullmatch(file)
        if numbered is None:
            continue
        jobs.setdefault(folder, []).append(_bare(numbered[1]))
        if folder:
            parent, _, job = folder.rpartition("/")
            steps.setdefault(parent, {}).setdefault(job, []).append(name)
    return frozenset(
        name
        for parent, folders in steps.items()
        for job in _covered(folders, jobs.get(parent, []))
        for name in folders[job]
    )


def _covered(folders: Mapping[str, list[str]], jobs: list[str]) -> list[str]:
    """The step folders that have a whole job's log beside them."""
    left = list(jobs)
    covered, doubtful = [], []
    for folder, files in folders.items():
        if _bare(folder) in left:
            left.remove(_bare(folder))
            covered.append(folder)
        elif any(name.endswith(_FIRST_STEP) for name in files):
            doubtful.append(folder)
    return covered + doubtful if len(doubtful) <= len(left) else covered


def _bare(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
