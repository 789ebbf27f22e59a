"""Programs and variables by what they mean to a launch script that is followed.

Floor 6: pure but for its table.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

_TABLE = tomllib.loads((Path(__file__).parent / "programs.toml").read_text(encoding="utf-8"))

TALK = frozenset(_TABLE["talk"])
"""They only speak of what their words say."""
HARMLESS = frozenset(_TABLE["harmless"])
"""Their words cannot start a server, and they change nothing that the script asks for later."""
SPECIAL = frozenset(_TABLE["special"])
"""They change what follows, or run what they are given."""
WRAPPERS = frozenset(_TABLE["wrappers"])
"""They run the command that stands behind their options."""
MATRIX = frozenset(_TABLE["matrix"])
"""Variables that a job's matrix sets; a default in the script is not taken for their value."""

SERVER_TEXT = re.compile(
    r"\b(?:vllm|sglang)['\"]?[\s\\]+['\"]?serve\b|\btrtllm-serve\b|\btext-generation-launcher\b"
    r"|-m['\"]?[\s\\]+['\"]?(?:vllm\.entrypoints|sglang\.launch_server|atom\.entrypoints|dynamo\.)"
)
"""A server's command, as it looks in a text."""
