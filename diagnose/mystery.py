"""What can be said about a failure that no signature explains, and a signature file to start from.

Floor 9: pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from diagnose.model import Evidence, Finding, Line, Mystery, Progress, Writer
from diagnose.run import Run
from diagnose.trouble import first_errors, telling

_VARIABLE = re.compile(
    r"0x[0-9a-fA-F]+|\b\d[\d.,:]*\b|(?<![\w.])/[\w./+-]+|'[^']{1,200}'|\"[^\"]{1,200}\"|\b[0-9a-f]{8,}\b"
)
_CLASSES = (
    (re.compile(r"^0x"), r"0x[0-9a-f]+"),
    (re.compile(r"^\d"), r"[\d.,:]+"),
    (re.compile(r"^/"), r"/\S+"),
)


def explore(
    run: Run, findings: Sequence[Finding], progress: Progress, errors: Sequence[Evidence]
) -> Mystery:
    """Gathers what a person would look at first."""
    first = first_errors(run, errors, findings)
    return Mystery(
        first_errors=first[:8],
        odd_writer=_odd(run, progress, first),
        telling=telling(run, progress, first),
        draft=draft(first[0].line) if first else "",
    )


def draft(line: Line) -> str:
    """A signature file for one line, to be completed by hand; everything variable is made general."""
    text = line.message.strip()[:300]
    return "\n".join(
        [
            'title = "TODO: what is wrong, as a sentence"',
            'role = "cause"',
            'kind = "crash"',
            'certainty = "medium"',
            "leads_to = []",
            "symptom = '''",
            "TODO: what the user sees.",
            "'''",
            "root_cause = '''",
            "TODO: why it happens. A match does not prove TODO.",
            "'''",
            'retry = "after-fix"',
            "",
            "[match]",
            f"any = ['''{pattern(text)}''']",
            "",
            "[[fix]]",
            'summary = "TODO"',
            "",
            "[[example]]",
            'source = "recorded"',
            "text = '''",
            line.text.strip()[:300].replace("'''", "''"),
            "'''",
            "",
            "[[counterexample]]",
            'why = "TODO: the nearest line that must not match"',
            "text = '''",
            "TODO",
            "'''",
            "",
        ]
    )


def pattern(text: str) -> str:
    """An expression for lines like `text`: numbers, paths and quoted values may differ."""
    parts: list[str] = []
    position = 0
    for match in _VARIABLE.finditer(text):
        parts.append(re.escape(text[position : match.start()]).replace(r"\ ", " "))
        parts.append(_general(match[0]))
        position = match.end()
    parts.append(re.escape(text[position:]).replace(r"\ ", " "))
    return "".join(parts).replace("'''", ".{3}")


def _general(value: str) -> str:
    for kind, expression in _CLASSES:
        if kind.search(value):
            return expression
    quote = value[0]
    return f"{quote}[^{quote}]*{quote}" if quote in "'\"" else r"\w+"


def _odd(run: Run, progress: Progress, first: Sequence[Evidence]) -> Writer | None:
    """The one process that differs: the only rank behind, or the only rank with an error of its own."""
    if len(progress.behind) == 1:
        return progress.behind[0]
    failing = {e.line.writer.key for e in first} & run.workers
    if len(failing) == 1 and len(run.workers) > 1:
        return run.writers[failing.pop()]
    return None
