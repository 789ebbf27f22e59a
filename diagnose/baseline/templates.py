"""Templates of log lines, mined by Drain: what of a message stays when the same thing happens again.

Floor 11: pure. Drain3 is an optional extra. What varies by its form (numbers, paths, quoted text, lists) is
masked before, so that one good run is enough for most lines; what varies by its words is learnt by Drain from
its occurrences in several places. What a run is called by its settings (its model, its node) is no word of a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
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
    # Settings one after the other are compared as settings.
    (re.compile(r"(?:\b\w+=[^\s,]*(?:,\s*|\s+|$)){4,}"), "<group> "),
    (
        re.compile(r"(?<![0-9A-Za-z])(?=[a-z]*\d)[0-9a-f]{8,}(?:-[0-9a-f]{4,})*(?![0-9A-Za-z])"),
        "<id>",
    ),
    (re.compile(r"\b(?=\w*\d)(?=\w*[a-z])(?=\w*[A-Z])[0-9A-Za-z]{20,}\b"), "<id>"),
    (re.compile(r"0x[0-9a-fA-F]+|[-+]?\d[\d.,:/]*(?:e[-+]?\d+)?%?"), "<n>"),
)
_LIST = re.compile(r"\b[A-Z][A-Z_]+(?:, [A-Z][A-Z_]+)+\b")
_NAMES = ("model", "node", "runner", "env:MODEL", "env:RUNNER_NAME", "env:HOSTNAME")
"""Facts whose values stand in messages as names."""
_LONGEST = 2000
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

    def learn(self, message: str, names: Iterable[str] = ()) -> None:
        """Notes a message of a good run."""
        self._drain.add_log_message(masked(message, names))

    def template(self, message: str, names: Iterable[str] = ()) -> int | None:
        """The number of the template that a message has; None if no good run has its like."""
        cluster = self._drain.match(masked(message, names), full_search_strategy="fallback")
        return None if cluster is None else int(cluster.cluster_id)


def own_names(facts: Mapping[str, str]) -> tuple[str, ...]:
    """What stands in messages of a run for what it runs, and where."""
    found = {facts.get(name, "") for name in _NAMES}
    return tuple(sorted((name for name in found if len(name) > 3), key=len, reverse=True))


def masked(message: str, names: Iterable[str] = ()) -> str:
    """A message with everything masked that varies by its form.

    Args:
        message: The message.
        names: What the run is called by; see `own_names`.
    """
    message = message[:_LONGEST].strip()
    if message.count("{") > message.count("}"):  # cut off within
        message = message.partition("{")[0] + "<group>"
    for name in names:
        message = message.replace(name, "<name>")
    message = _LIST.sub(lambda found: ", ".join(sorted(found[0].split(", "))), message)
    for expression, mask in _MASKS:
        message = expression.sub(mask, message)
    return " ".join(message.split())
