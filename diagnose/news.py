"""Which lines are news: the difference between a process that works and one that only breathes.

Floor 5: pure. A heartbeat says that somebody still waits; an ending says that somebody gave up. What
is left, and was not said in the same words before, is news, and the last of it is the last progress.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from diagnose.expressions import later
from diagnose.model import Line

LOOK = 2000
"""Characters of a message that are looked at; a longer one says nothing more about this."""

_HEARTBEAT = later(
    r"No available (?:shared memory broadcast )?block found"
    r"|[Ww]aiting for (?:\d+ (?:local|remote)|READY message|(?:the )?server|(?:the )?health|shard|result file|core engine"
    r"|clients? to|creating a placement group|baton release|pods?\b)"
    r"|[Ss]till waiting|\bnot (?:yet )?(?:ready|reachable|healthy|up)(?: yet)?\b"
    r"|Avg prompt throughput: 0\.0 tokens/s, Avg generation throughput: 0\.0 tokens/s"
    r"|\"(?:GET|HEAD) /(?:health|ping|metrics|v1/models|get_server_info|server_info)\b"
    r"|gen throughput \(token/s\): 0\.0{1,2}\b"
    r"|curl: \(7\)|Connection refused"
    r"|^(?:\d+:)?\s*$"
)
_ENDING = later(
    r"The operation was cancel+ed|exceeded the maximum execution time|has timed out after"
    r"|Process completed with exit code|CANCELLED AT |Job step aborted|Force Terminated|Terminated\b|job allocation .{0,20} revoked"
    r"|[Cc]leaning up orphan processes|Terminate orphan process|^Post job cleanup|^##\[(?:group|endgroup|error|warning|section|debug)\]"
    r"|Parent process exited|\[shutdown\]|force killing sub process|leaked (?:semaphore|shared_memory)|resource_tracker"
    r"|Shutting down|shutdown signal|shutting down|Received SIG|KeyboardInterrupt|asyncio\.exceptions\.CancelledError"
    r"|destroy_process_group|nanobind: leaked|Application shutdown|Finished server process|exit(?:ed)? (?:with )?(?:code|status)"
    r"|^Killed$|scancel|canceling|Canceling|^rc=\d+$|warnings\.warn"
)
_BAR = later(r"(?<![\d.,])(?P<done>\d[\d.,]*[kKMGT]?)\s*/\s*(?P<all>\d[\d.,]*[kKMGT]?)\s*\[")
_PERCENT = later(r"\b\d{1,3}%")


def is_heartbeat(line: Line) -> bool:
    """Whether a line only says that somebody still waits."""
    return _HEARTBEAT.search(line.message[:LOOK]) is not None


def is_ending(line: Line) -> bool:
    """Whether a line belongs to the end of the run: a cancel, a clean-up, a teardown."""
    return _ENDING.search(line.message[:LOOK]) is not None


def last_news(lines: Sequence[Line]) -> Line | None:
    """The last line that says something which was not said before; None when there is none.

    Args:
        lines: The end of a log, in order.
    """
    words = [said(line) for line in lines]
    first: dict[str, int] = {}
    for number, word in enumerate(words):
        first.setdefault(word, number)
    # From the end, so that few lines have to be told from heartbeats and endings: this takes time.
    for number in range(len(lines) - 1, -1, -1):
        if not _is_news(lines[number]):
            continue
        before = range(first[words[number]], number)
        if not any(words[one] == words[number] and _is_news(lines[one]) for one in before):
            return lines[number]
    return None


def _is_news(line: Line) -> bool:
    """Whether a line that was not said before says something."""
    return not is_heartbeat(line) and not is_ending(line)


def is_bar(line: Line) -> bool:
    """Whether it is a progress bar that counts: its numbers are what it says."""
    return _bar(line) is not None


def said(line: Line) -> str:
    """What a line says; equal for lines that say the same, such as a bar whose clock alone moved on."""
    bar = _bar(line)
    if bar is None:
        return f"{line.writer.key} {line.message}"
    return (
        line.message[: bar.start()].split("%")[0].rstrip("0123456789 ")
        + bar["done"]
        + "/"
        + bar["all"]
    )


def _bar(line: Line) -> re.Match[str] | None:
    if "%" not in line.message or not _PERCENT.search(line.message):
        return None
    return _BAR.search(line.message[:LOOK])
