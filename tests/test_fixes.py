"""What the catalogue tells people to paste can be pasted."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from diagnose.catalogue import default_root, load

SIGNATURES = load(default_root())
# Words that begin a sentence to a person; as a command `wait` and `read` would hang the shell they are pasted into.
TOLD = {"stop", "start", "wait", "read", "look", "check", "restart", "run", "cancel", "if", "on"}


@pytest.mark.skipif(not shutil.which("bash"), reason="bash reads the lines")
def test_every_line_of_now_is_shell():
    lines = [
        (signature.id, re.sub(r"<[a-z_]+>", "VALUE", line))
        for signature in SIGNATURES.values()
        for fix in signature.fixes
        for line in fix.now
    ]
    script = "\n".join(f"f{number}() {{\n:\n{line}\n}}" for number, (_, line) in enumerate(lines))

    read = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)

    assert read.stderr == ""
    assert [id for id, line in lines if line.split()[0] in TOLD] == []
    assert [
        (id, line)
        for id, line in lines
        if re.search(r", (?:on|from|once|twice|then) ", line.partition("#")[0])
    ] == []


def test_no_placeholder_stands_inside_quotes():
    """What fills it is quoted where it has to be, and quotes do not nest."""
    wrong = [
        (signature.id, line)
        for signature in SIGNATURES.values()
        for fix in signature.fixes
        for line in fix.now
        for at in re.finditer(r"<[a-z_]+>", line.partition("    # ")[0])
        if line[: at.start()].count("'") % 2 or line[: at.start()].count('"') % 2
    ]

    assert wrong == []


def test_every_line_of_recipe_is_a_flag_or_a_variable():
    wrong = [
        (signature.id, line)
        for signature in SIGNATURES.values()
        for fix in signature.fixes
        # What a launch script itself says to be flag or variable stands in a capture.
        for line in (re.sub(r"^<\w+>", "--captured", line) for line in fix.recipe)
        if not re.match(r"--?[a-zA-Z][\w-]*(?:[ =].+)?$|[A-Z]\w*=", line)
    ]

    assert wrong == []
