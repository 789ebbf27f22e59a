"""Lines that quote an error instead of reporting one: scripts shown, searches, prompts, test names.

Floor 5: pure. A job's log holds the text of its own scripts (`set -x`, `cat`), the hits of searches, the source
lines of tracebacks and the prompts of requests. What stands there did not happen.
"""

from __future__ import annotations

import re

from diagnose.expressions import later
from diagnose.model import Line

_QUOTED = later(
    r"""
    diagnose\ watch:\                                                                  # our own word on it
  | \s*\++\ (?:echo|printf|grep|egrep|fgrep|rg|sed|awk|logger|\[\[?|test|case|if)\b   # a shell's trace
  | \s*(?:if|elif|while|until)\ .{0,40}\b(?:grep|rg|\[\[)\b                           # a script's text
  | \s*(?:echo|printf|logger)\ ["'-]
  | \s*[-+]?\s*(?:raise\ \w[\w.]*\(|(?:self\.)?(?:_?logger|log|logging)\.\w+\(|print\(|return\ [fr]?["'])
  | \s*(?:\#|//)\ ?(?!\#|\[|=|Received\ )[A-Za-z]                                     # a comment, not an agent's heading
  | \S{1,200}\.(?:ya?ml|toml|md|rst|sh|bash|cfg|ini|ipynb)[:-]\d+[:-]                 # a search's hit
  | \S{1,200}\.(?:py|cc|cpp|cu|h|hpp|rs|go|js|ts)[:-]\d+[:-]\s*(?:\#|//|raise\ |assert\ |print\(|["']|(?:\w+\.)*(?:logger|log|logging)\.)
  | \s*-?\s*(?:pattern|regex|match|message|hint|note)\s*:\s*["']                      # a catalogue's text
  | \s*\{?\s*"(?:prompt|messages|content|input|text)"\s*:
  | (?:Receive|Finish):\ obj=
  | (?:Received\ request\ |Generated\ text:|Prompt:|\[?(?:PASSED|XFAIL|SKIPPED)\b)
    """,
    re.VERBOSE,
)
_PASSED = later(r"::\S+ PASSED\b|\bPASSED\s+\[")
_BODY = later(r"[\"']?(?:prompt|messages)[\"']?\s*[:=]\s*[\[\"'].{0,200}")


def is_quotation(line: Line) -> bool:
    """Whether the line shows text that somebody wrote down, rather than something that happened."""
    message = line.message[:2000]
    return (
        _QUOTED.match(message) is not None
        or ("PASSED" in message and _PASSED.search(message) is not None)
        or _BODY.match(message) is not None
    )
