"""A fix as a change to the launch script: placed where a maintainer would put it, and nothing else touched.

Floor 7: pure.
"""

from __future__ import annotations

from diagnose.remedy.change import Change, change
from diagnose.remedy.diff import unified

__all__ = ["Change", "change", "unified"]
