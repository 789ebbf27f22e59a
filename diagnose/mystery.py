"""What can be said about a failure that no signature explains, and a signature file to start from.

Floor 9: pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from diagnose.model import Evidence, Finding, Line, Mystery, Progress, Writer
from diagnose.run import Run
from diagnose.template import pattern
from diagnose.trouble import first_errors, telling


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


def _odd(run: Run, progress: Progress, first: Sequence[Evidence]) -> Writer | None:
    """The one process that differs: the only rank behind, or the only rank with an error of its own."""
    if len(progress.behind) == 1:
        return progress.behind[0]
    failing = {e.line.writer.key for e in first} & run.workers
    if len(failing) == 1 and len(run.workers) > 1:
        return run.writers[failing.pop()]
    return None
