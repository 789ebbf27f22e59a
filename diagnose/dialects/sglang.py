"""SGLang's log header.

Floor 1: pure. Source: SGLang 0.4 to 0.5.23, `configure_logger`.

    [2026-07-01 01:44:42 DP0 TP3 EP3] Prefill batch, #new-seq: 1, …      a scheduler
    [2026-07-01 01:44:49] INFO:     127.0.0.1:50214 - "GET /health …     server, tokenizer, detokenizer

There is no pid, so a scheduler is known by its ranks; the others do not say who they are.
"""

from __future__ import annotations

from functools import lru_cache

from diagnose.dialects import times
from diagnose.dialects.reading import Reading
from diagnose.expressions import later
from diagnose.model import Writer

_HEADER = later(r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?)((?: [A-Z][A-Z_]*\d{1,9})*)\](?: |$)")
_RANK = later(r"([A-Z_]+)(\d{1,9})")


def header(text: str, reading: Reading) -> str | None:
    """Takes off `[YYYY-MM-DD HH:MM:SS TP0 EP0] `; None if it is not there."""
    found = _HEADER.match(text)
    if found is None:
        return None
    if not reading.stamp:
        reading.at(found[1], times.full(found[1]))
    if found[2]:
        reading.by(_scheduler(found[2]))
    return text[found.end() :]


@lru_cache(maxsize=1024)
def _scheduler(suffix: str) -> Writer:
    ranks = tuple((axis, int(rank)) for axis, rank in _RANK.findall(suffix))
    return Writer(suffix.strip(), None, "scheduler", ranks)
