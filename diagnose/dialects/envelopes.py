"""What CI systems and container runtimes put around every line.

Floor 1: pure. Envelopes say nothing about the program, so they are gone from `Line.text` too; they
may be nested (`gh run view --log` around Buildkite's around a container's), and the outermost stamp
is the line's time. Sources: GitHub Actions raw logs (7 digits of a second), `gh run view --log`
(`job TAB step TAB`), Kubernetes CRI and `docker logs --timestamps` (9 digits), GitLab sections and
its runner's stamps, Jenkins' timestamper, Buildkite.
"""

from __future__ import annotations

import re

from diagnose.dialects import times
from diagnose.dialects.reading import Reading
from diagnose.expressions import later

_STARTS = frozenset("0123456789[s_b")
_ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
_STAMP = later(
    rf"""
      (?P<cri>    {_ISO}(?:\.\d+)?(?:Z|[+-]\d\d:\d\d) )\x20 std(?:out|err)\x20 [FP] (?:\x20|$)
    | (?P<gitlab> {_ISO}\.\d{{6}}Z )\x20 [0-9a-f]{{2}} [OE] (?:\x20|\+|$)
    | (?P<fine>   {_ISO}\.\d{{7,9}}(?:Z|[+-]\d\d:\d\d) ) (?:\x20|$)
    | \[ (?P<jenkins> {_ISO}(?:\.\d{{3}})?Z ) \] (?:\x20|$)
    | section_(?:start|end): (?P<section> \d{{9,11}} ): [\w.-]+ (?: \[ [^\]]* \] )? \r*
    | _?bk;t= (?P<buildkite> \d{{10,14}} )
    """,
    re.VERBOSE,
)
_GH_DUMP = later(rf"[^\t]*\t[^\t]*\t(?={_ISO}\.\d{{7}}Z)")
_BUILDKITE = later(rb"\x1b_bk;t=(\d{10,14})\x07")
_DEEPEST = 6


def hidden(raw: bytes, reading: Reading) -> None:
    """Notes the time that Buildkite hides in an escape sequence, before that is cleaned away."""
    found = _BUILDKITE.search(raw)
    if found:
        stamp = found[1].decode()
        reading.at(stamp, times.epoch(int(stamp)))


def take_off(text: str, reading: Reading) -> str:
    """What is left of a decoded line, carriage returns included, without its envelopes."""
    for _ in range(_DEEPEST):
        if "\t" in text:
            dump = _GH_DUMP.match(text)
            if dump:
                text = text[dump.end() :]
        if not text or text[0] not in _STARTS:
            break
        found = _STAMP.match(text)
        if found is None:
            break
        which = found.lastgroup or ""
        stamp = found[which]
        epoch = which in {"section", "buildkite"}
        reading.at(stamp, times.epoch(int(stamp)) if epoch else times.full(stamp))
        text = text[found.end() :]
    return text
