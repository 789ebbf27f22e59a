"""The floors of docs/architecture.md, held by a test: imports go down, never up or sideways."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "diagnose"
FLOORS = {
    "model": 0, "errors": 0, "cache": 0, "expressions": 0, "units": 0,
    "redact": 1, "dialects": 1, "tables": 1, "comparison": 1, "scope": 1, "template": 1,
    "document": 2, "catalogue": 2, "bundle": 2,
    "scan": 3, "packed": 3,
    "run": 4,
    "phases": 5, "facts": 5, "news": 5, "recency": 5, "quotation": 5, "metrics": 5,
    "progress": 6, "lives": 6, "stacks": 6, "recipe": 6, "contrast": 6,
    "match": 7, "trouble": 7, "waits": 7, "remedy": 7,
    "causal": 8, "advice": 8, "lint": 8, "wanted": 8,
    "verdict": 9, "behind": 9, "mystery": 9, "live": 9, "fingerprint": 9, "review": 9,
    "report": 10, "origin": 10, "jobs": 10,
    "sources": 10, "probe": 10,
    "ci": 11, "baseline": 11,
    "pipeline": 11, "several": 12, "prove_recipe": 11,
    "prove": 12, "explain": 12, "sweep": 12, "reason": 12,
    "watch": 13,
    "cli": 14,
}  # fmt: skip
MAX_LINES = 300


MODULES = [
    pytest.param(
        path.relative_to(PACKAGE).parts[0].removesuffix(".py"),
        path,
        id=str(path.relative_to(PACKAGE)),
    )
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.parent != PACKAGE or not path.name.startswith("__")
]


def imported(path: Path) -> set[str]:
    """Modules of ours that `path` imports; Ruff keeps relative imports out (TID252)."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    ours = {name.split(".")[1] for name in names if name.startswith("diagnose.")}
    return ours - {"__version__"}


@pytest.mark.parametrize(("name", "path"), MODULES)
def test_imports_only_lower_floors(name, path):
    assert {i for i in imported(path) - {name} if FLOORS[i] >= FLOORS[name]} == set()


@pytest.mark.parametrize(("name", "path"), MODULES)
def test_fits_on_a_few_screens(name, path):
    assert len(path.read_text().splitlines()) <= MAX_LINES
