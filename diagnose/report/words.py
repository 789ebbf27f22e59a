"""Words and numbers that several reports share.

Floor 10: pure.
"""

from __future__ import annotations

import unicodedata

from diagnose.model import Diagnosis, Finding, Line, Verdict
from diagnose.report.evidence import wording
from diagnose.units import duration

VERDICT = {
    Verdict.FAILED: "FAILED",
    Verdict.HUNG: "HUNG",
    Verdict.SLOW: "SLOW, BUT ALIVE",
    Verdict.HEALTHY: "HEALTHY",
    Verdict.UNDECIDABLE: "CANNOT TELL",
}
RETRY = {
    "sensible": "makes sense: nothing has to be changed",
    "useless": "useless: the same job will end the same way",
    "after-fix": "only after the fix",
}
STATUS = {"not-seen": "not seen", "could-not-look": "a log cannot show this"}


def cost(diagnosis: Diagnosis) -> dict[str, float] | None:
    """Wall time and GPU-hours of the run, where the log tells both; None where it does not."""
    wall, gpus = diagnosis.progress.wall_s, diagnosis.facts.get("gpu_count", "")
    if wall is None or wall < 60:
        return None
    # GPUs cost nothing before a server was started on them.
    on_gpus = gpus.isdigit() and diagnosis.progress.reached
    hours = {"gpu_hours": round(wall * int(gpus) / 3600, 1)} if on_gpus else {}
    return {"wall_s": round(wall), **hours}


def spent(diagnosis: Diagnosis) -> str:
    """What the run cost, where the log tells: `8 h 20 min on 8 GPUs: 66.7 GPU-hours`."""
    known = cost(diagnosis)
    if not known:
        return ""
    text = duration(known["wall_s"])
    if "gpu_hours" in known:
        gpus = diagnosis.facts["gpu_count"]
        text += f" on {gpus} GPU{'s' if gpus != '1' else ''}: {known['gpu_hours']:.1f} GPU-hours"
    return text


def place(line: Line) -> str:
    """`server.log:812`."""
    return f"{printable(line.source)}:{line.number}"


def times(finding: Finding) -> str:
    """`480 times`, `one of 68 lines` where the others say something else, or nothing for a single line."""
    if finding.count <= 1:
        return ""
    alike = len({wording(one) for one in finding.evidence}) == 1
    return f"{finding.count:,} times" if alike else f"one of {finding.count:,} lines"


def reflow(prose: str) -> str:
    """All paragraphs, their hard line breaks joined."""
    return "\n\n".join(" ".join(part.split()) for part in prose.strip().split("\n\n"))


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, with an ellipsis where something was cut off."""
    text = printable(text)
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def printable(text: str) -> str:
    """Without control, direction and other invisible characters: text from a log is data."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c
        if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
        else " "
        if c in "\t\n"
        else "�"
        for c in text
    )
