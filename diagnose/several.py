"""An input that holds several jobs: each is diagnosed alone, and the answer is about one of them.

Floor 12.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from diagnose.jobs.outcome import outcome
from diagnose.model import Diagnosis, Finding, Job, Unknown
from diagnose.pipeline import Examiner, weight
from diagnose.sources import Source, by_job, whole_runs

NAMED = 3

Script = Callable[[Mapping[str, str]], Sequence[Finding]]


def diagnose(
    examiner: Examiner,
    sources: Iterable[Source],
    paths: Sequence[str],
    script: Script | None = None,
) -> Diagnosis:
    """Answers for one run, or for the job of a run of several that went wrong first.

    Args:
        examiner: With the catalogue.
        sources: What was given, opened from `paths`.
        paths: What was given.
        script: What the launch script shows for a job with given settings.
    """
    found: list[tuple[str, Diagnosis]] = []
    with tempfile.TemporaryDirectory(prefix="diagnose-") as folder:
        parts = by_job(sources, Path(folder), whole_runs(paths))
        for job, group in groupby(parts, key=itemgetter(0)):
            found.append((job, examiner.diagnose((one for _, one in group), script)))
    if len(found) == 1:
        return found[0][1]
    return _of_several(found, paths)


def _of_several(found: Sequence[tuple[str, Diagnosis]], paths: Sequence[str]) -> Diagnosis:
    bad = [(job, one) for job, one in found if outcome(one).bad]
    job, chosen = max(bad or found, key=lambda item: weight(item[1]))
    others = [name or "the other files" for name, _ in bad if name != job]
    unknowns = list(chosen.unknowns)
    if others:
        names = ", ".join(others[:NAMED])
        more = f" and {len(others) - NAMED} more" if len(others) > NAMED else ""
        count = f"{len(others)} other jobs that" if len(others) > 1 else "the other job that"
        unknowns.append(
            Unknown(
                f"{count} went wrong too",
                f"this answer is about one job; not about {names}{more}",
                f"diagnose sweep {' '.join(paths)}",
            )
        )
    return replace(
        chosen,
        job=Job(name=job) if job else chosen.job,
        jobs=len(found),
        unknowns=tuple(unknowns),
        # What was read is all of it, so that what could not be read of another job is told too.
        sources=tuple({note.name: note for _, one in found for note in one.sources}.values()),
    )
