"""Whatever the user names on the command line, as streams of UTF-8 text.

Floor 10: the only place that opens logs. `open_paths` takes files, folders, archives, pipes and
URLs apart; nothing it meets in them raises, is believed by its name, or is written to disk.
"""

from __future__ import annotations

from diagnose.sources.jobs import by_job, whole_runs
from diagnose.sources.limits import Limits
from diagnose.sources.opening import open_paths
from diagnose.sources.source import Source
from diagnose.sources.stream import Readable

__all__ = ["Limits", "Readable", "Source", "by_job", "open_paths", "whole_runs"]
