"""Templates of log lines, mined by Drain: what of a message stays when the same thing happens again.

Floor 11: pure. Drain3 is an optional extra. What varies by its form (numbers, paths, quoted text, lists) is
masked before, so that one good run is enough for most lines; what varies by its words is learnt by Drain from
its occurrences in several places.
"""

from __future__ import annotations

import re
from typing import Any

from diagnose.errors import UsageError

_MASKS = (
    (
        re.compile(r"\{.*\}|\[[^\]]{0,2000},[^\]]{0,2000}\]|\([^()]{0,2000}=[^()]{0,2000}\)"),
        "<group>",
    ),
    # A quoted word in capitals is a choice that was made, such as a backend, and no accident.
    (re.compile(r"'(?![A-Z][A-Z0-9_]+')[^']{0,300}'|\"[^\"]{0,300}\""), "<text>"),
    (re.compile(r"\b\w+://\S+"), "<url>"),
    (re.compile(r"(?<![\w.])~?(?:/[\w.@+-]+){2,}/?"), "<path>"),
    (re.compile(r"\b[0-9a-f]{8,}(?:-[0-9a-f]{4,})*\b"), "<id>"),
    (re.compile(r"0x[0-9a-fA-F]+|[-+]?\d[\d.,:/]*(?:e[-+]?\d+)?%?"), "<n>"),
)
_SIMILAR = 0.6


class Templates:
    """The templates of some lines.

    Raises:
        UsageError: If Drain3 is not installed.
    """

    def __init__(self) -> None:
        try:
            from drain3.drain import Drain
        except ImportError:
            raise UsageError(
                "--baseline needs Drain3, which is not installed",
                'pip install "vllm-diagnose[baseline]"',
            ) from None
        self._drain: Any = Drain(depth=5, sim_th=_SIMILAR, max_children=1000)

    def learn(self, message: str) -> None:
        """Notes a message of a good run."""
        self._drain.add_log_message(masked(message))

    def template(self, message: str) -> int | None:
        """The number of the template that a message has; None if no good run has its like."""
        cluster = self._drain.match(masked(message), full_search_strategy="fallback")
        return None if cluster is None else int(cluster.cluster_id)


def masked(message: str) -> str:
    """A message with everything masked that varies by its form."""
    message = message[:2000].strip()
    for expression, name in _MASKS:
        message = expression.sub(name, message)
    return " ".join(message.split())
