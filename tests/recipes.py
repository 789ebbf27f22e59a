"""Small helpers for tests of launch scripts: read one, review it, see what bash makes of it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from textwrap import dedent

from diagnose.catalogue import default_root, load
from diagnose.lint import Linter
from diagnose.recipe import Recipe, Variant, read
from diagnose.review import Review, Reviewer

FIXTURES = Path(__file__).parent.parent / "fixtures" / "recipes"
LINTER = Linter(load(default_root()))


def recipe(text: str, name: str = "model_fp8_h200_vllm.sh", **row: str) -> Recipe:
    """A script for one row; without variables for all that it allows."""
    return read(name, dedent(text).lstrip("\n").encode(), [row])


def only(text: str, **row: str) -> Variant:
    """The one way through a script that starts a server."""
    (variant,) = recipe(text, **row).variants
    return variant


def flags(variant: Variant) -> dict[str, str]:
    """The flags its server is given, without members of JSON values."""
    return {f.name: f.value for f in variant.flags if not f.parent}


def environment(variant: Variant) -> dict[str, str]:
    """The variables its server is given."""
    return {name: v.word.text for name, v in variant.environment.items()}


def fixture(name: str, *rows: dict[str, str]) -> Recipe:
    """A script of the fixtures."""
    return read(name, (FIXTURES / name).read_bytes(), list(rows) or [{}])


def review(one: Recipe) -> Review:
    """The review with the catalogue that ships."""
    return Reviewer(LINTER).review(one)


def ids(one: Recipe) -> list[str]:
    """What is found in a script, notes as well."""
    return [point.fault.id for point in review(one).points]


def is_bash(data: bytes) -> bool:
    """Whether bash itself accepts a script."""
    return subprocess.run(["bash", "-n"], input=data, capture_output=True).returncode == 0
