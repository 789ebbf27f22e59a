"""Writes every composed log under `fixtures/logs/` anew: `python tests/compose_all.py`."""

from __future__ import annotations

from collections.abc import Iterator

from compose import FIXTURES, expectation, main_case, text
from neighbours import neighbours


def files() -> Iterator[tuple[str, str]]:
    """File name and contents of every composed log."""
    for name, verdict, job, cause, quote in (*main_case(), *neighbours()):
        yield f"{name}.log", text(expectation(verdict, job, cause, quote), job)


if __name__ == "__main__":
    for name, contents in files():
        (FIXTURES / name).write_text(contents, encoding="utf-8")
