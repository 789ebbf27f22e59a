"""Puts into the wheel what a first run would have to prepare: the read catalogue, and what is looked for in its place.

In CI every run is a first run, in a new container. The files are named by digests of the signatures and of the code, as in a
user's cache, so that nothing else than what was built with them is ever used; see `diagnose/cache.py`. What depends on
the machine, the compiled database, is left to it. An editable install has no such files: its signatures change.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Prepared(BuildHookInterface):  # type: ignore[type-arg]
    """Makes `diagnose/prepared/`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Prepares the files, before the wheel is put together."""
        if version == "editable":
            return
        sys.path.insert(0, self.root)
        sys.dont_write_bytecode = True
        from diagnose.catalogue import default_root
        from diagnose.packed import load
        from diagnose.pipeline import Examiner

        self._folder = Path(tempfile.mkdtemp())
        os.environ["DIAGNOSE_CACHE_DIR"] = str(self._folder)
        Examiner(load(default_root(), self._folder), cache=self._folder, engine="regex")
        for path in self._folder.glob("*.cache"):
            build_data["force_include"][str(path)] = f"diagnose/prepared/{path.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Removes them again."""
        if version != "editable":
            shutil.rmtree(self._folder)
