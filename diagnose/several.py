"""An input that holds several jobs: each is diagnosed alone, and the answer is about one of them.

Floor 12.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from diagnose.model import Diagnosis, Finding, Unknown
from diagnose.pipeline import Examiner, weight
from diagnose.run import number_there
from diagnose.sources import Source, by_job, open_paths, whole_runs
from diagnose.sources.source import Delivery

if TYPE_CHECKING:
    from diagnose.baseline import GoodRun, Lines

NAMED = 3

Compare = Callable[[Diagnosis, "Lines"], Diagnosis]
_TABLES = (".csv", ".json", ".jsonl")
"""What is no text that a program printed for people."""
Script = Callable[[Mapping[str, str]], Sequence[Finding]]


def diagnose(
    examiner: Examiner,
    sources: Iterable[Source],
    paths: Sequence[str],
    script: Script | None = None,
    compare: Compare | None = None,
) -> Diagnosis:
    """Answers for one run, or for the job of a run of several that went wrong first.

    Args:
        examiner: With the catalogue.
        sources: What was given, opened from `paths`.
        paths: What was given.
        script: What the launch script shows for a job with given settings.
        compare: Adds to the answer what tells its run from good ones.
    """
    found: dict[str, Diagnosis] = {}
    heard: dict[str, Lines | None] = {}
    ears = _ears if compare else None
    for job, lines, one in _each(examiner, sources, paths, script, ears):
        found[job], heard[job] = one, lines
    chosen, said = _of_several(found, paths) if len(found) > 1 else next(iter(found.items()))[::-1]
    lines = heard[said]
    return compare(chosen, lines) if compare and lines is not None else chosen


def good_runs(examiner: Examiner, paths: Sequence[str]) -> tuple[list[GoodRun], list[str]]:
    """The runs of the paths that went well, one a path or one a job, and the names of the others.

    Raises:
        InputError: If a path cannot be read.
    """
    from diagnose.baseline import GoodRun
    from diagnose.jobs.outcome import outcome

    good: list[GoodRun] = []
    bad: list[str] = []
    for path in paths:
        for job, lines, one in _each(examiner, open_paths([path]), [path], None, _ears):
            name = f"{path} ({job})" if job else path
            if outcome(one).bad:
                bad.append(name)
            else:
                assert lines is not None
                good.append(GoodRun(name, tuple(lines), one.facts, one.progress, lines.partial))
    return good, bad


def _each(
    examiner: Examiner,
    sources: Iterable[Source],
    paths: Sequence[str],
    script: Script | None,
    ears: Callable[[], Lines] | None,
) -> Iterator[tuple[str, Lines | None, Diagnosis]]:
    """Every job of the sources, with its lines, if they are listened to, and its diagnosis."""
    named: dict[str, int] = {}
    with closing(by_job(sources, whole_runs(paths))) as parts:
        for job, group in groupby(parts, key=itemgetter(0)):
            named[job] = named.get(job, 0) + 1
            lines = ears() if ears else None
            own = (one for _, one in group)
            name = f"{job} ({named[job]})" if named[job] > 1 else job
            heard = own if lines is None else _heard(own, lines)
            yield name, lines, examiner.diagnose(heard, script)


def _ears() -> Lines:
    # Only a comparison needs it, and it costs a tenth of a short log's time to load.
    from diagnose.baseline import Lines

    return Lines()


def _heard(sources: Iterable[Source], lines: Lines) -> Iterator[Source]:
    """The sources, whose lines are collected as they are read."""
    for source in sources:
        if isinstance(source.stream, Delivery) and not source.name.lower().endswith(_TABLES):
            numbers = source.numbers
            source.stream.tap = lines.source(
                source.name, partial(number_there, numbers=numbers) if numbers else int
            )
        yield source


def _of_several(found: Mapping[str, Diagnosis], paths: Sequence[str]) -> tuple[Diagnosis, str]:
    """The answer about the job that asks most for one, and that job's name."""
    from diagnose.jobs.outcome import outcome
    from diagnose.model import Job

    bad = [(job, one) for job, one in found.items() if outcome(one).bad]
    job, chosen = max(bad or found.items(), key=lambda item: weight(item[1]))
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
    answer = replace(
        chosen,
        job=Job(name=job) if job else chosen.job,
        # What a run's archive holds besides the logs of its jobs is no job.
        jobs=sum(1 for name in found if name) or 1,
        unknowns=tuple(unknowns),
        # What was read is all of it, so that what could not be read of another job is told too.
        sources=tuple({note.name: note for one in found.values() for note in one.sources}.values()),
    )
    return answer, job
