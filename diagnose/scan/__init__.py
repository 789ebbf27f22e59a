"""The scanner over raw bytes: which lines of a source match which patterns.

Floor 3. `Scanner` is built once from all patterns and reads any number of sources, each in one pass.

    needles     a pattern to what is looked for in its place (`dialect`, `literals`, `emit`, `trim`)
    engine      what looks for it (`hyper`, `plain`), kept compiled in the cache
    blocks      a stream to stretches of bytes; `smooth` takes out what would hide a match
    passage     one source: candidates to evidence or counts (`search`, `look`, `often`, `confirm`,
                `tally`), `windows`, `ends`
    crew        several processes for one long source, which is cut into `segments`
"""

from __future__ import annotations

from diagnose.scan.blocks import Readable
from diagnose.scan.passage import Scan
from diagnose.scan.scanner import Scanner

__all__ = ["Readable", "Scan", "Scanner"]
