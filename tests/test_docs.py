from __future__ import annotations

from pathlib import Path

import pages
from click.testing import CliRunner

from diagnose import catalogue
from diagnose.cli import COMMANDS, group

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
FORMAT = (ROOT / "docs" / "signature-format.md").read_text(encoding="utf-8")


def test_every_command_is_in_the_readme():
    assert [name for name in COMMANDS if f"diagnose {name}" not in README] == []


def test_every_command_says_in_the_list_what_its_own_help_says_first():
    for name, summary in COMMANDS.items():
        result = CliRunner().invoke(group, [name, "--help"])

        assert result.exit_code == 0
        assert " ".join(summary.split()) in " ".join(result.output.split())


def test_every_key_of_the_format_is_described():
    keys = {
        *catalogue.KEYS,
        *catalogue.SCOPE_KEYS,
        *catalogue.CONDITION_KEYS,
        *catalogue.MATCH_KEYS,
    }

    assert [
        key
        for key in sorted(keys)
        if f"`{key}" not in FORMAT and f"{key} =" not in FORMAT and f"[{key}]" not in FORMAT
    ] == []


def test_ci_runs_the_readmes_test_command():
    command = "-m pytest"
    assert command in README
    assert command in (ROOT / ".ci" / "run").read_text()


def test_the_pages_of_the_catalogue_are_up_to_date():
    stale = [
        name
        for name, text in pages.pages().items()
        if not (pages.DOCS / name).is_file()
        or (pages.DOCS / name).read_text(encoding="utf-8") != text
    ]

    assert stale == [], "run `python tests/pages.py`"
