"""Programs and variables by what they mean to a launch script that is followed.

Floor 6: pure but for its table.
"""

from __future__ import annotations

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
