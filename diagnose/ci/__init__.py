"""What a job of a CI system left behind: which job it was, and which files tell of it.

Floor 10: `job` is pure and reads named fields only; `left` and `recipe` list folders; `run` asks the `gh` client.
"""

from __future__ import annotations

from diagnose.ci.job import STATUS, job
from diagnose.ci.left import OUTPUT, Left, left, named
from diagnose.ci.recipe import recipe

__all__ = ["OUTPUT", "STATUS", "Left", "job", "left", "named", "recipe"]
