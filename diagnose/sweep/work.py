"""One job, read and diagnosed: what a worker does, on whatever machine it runs.

Floor 12.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO

from diagnose.cache import default_cache
from diagnose.contrast.effects import is_metric
from diagnose.errors import InputError
from diagnose.jobs.outcome import job
from diagnose.jobs.settings import RESULT_NAMES, numbers, settings
from diagnose.model import Signature
from diagnose.model.sweep import Cell, Outcome
from diagnose.pipeline import Examiner
from diagnose.report.words import cost
from diagnose.sources import Source, open_paths
from diagnose.sources.source import unreadable
from diagnose.sweep.unit import File, Unit

RESULT_BYTES = 8 << 20
"""A larger JSON file is no result but a trace."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What a worker sends back."""

    job: Cell
    result_name: str = ""
    """The name of its result file without ending, as its log says."""
    read: bool = True
    """Whether it has a log; without one there are only results."""


TRIES = 2
"""How often a job is read over which processes die: one may have had to die for its neighbour's memory."""
Answer = tuple[int, list[Examined]]
"""A job's position in the sweep, and what was read of it."""


class Worker:
    """Diagnoses jobs with one catalogue, prepared once.

    Args:
        signatures: The catalogue, by id.
        scanner: Which scanner to use.
    """

    def __init__(self, signatures: Mapping[str, Signature], scanner: str = "auto") -> None:
        self._examiner = Examiner(signatures, cache=default_cache(), engine=scanner)

    def examine(self, unit: Unit) -> list[Examined]:
        """One job, or the rows of a table of results; never raises, for a bad job must not cost the others."""
        try:
            return self._examine(unit)
        except Exception as error:
            return _unreadable(unit, f"the tool failed on it: {type(error).__name__}: {error}")

    def _examine(self, unit: Unit) -> list[Examined]:
        results: list[Mapping[str, object]] = []
        logs: list[File] = []
        for file in unit.files:
            parsed = _result(file)
            if parsed is None:
                logs.append(file)
            else:
                results += parsed
        files = [file.name.rpartition("/")[2] for file in unit.files]
        if not logs:
            return list(_measured(unit, files, results))
        diagnosis = self._examiner.diagnose(_sources(logs))
        facts = diagnosis.facts
        known = settings(unit.name, facts, files=files, results=results, given=unit.given)
        one = job(unit.name, diagnosis, known, numbers(results), cost(diagnosis))
        result_name = next((facts[name] for name in RESULT_NAMES if name in facts), "")
        return [Examined(one, result_name)]


def died(unit: Unit, how: str = "") -> list[Examined]:
    """What is said of a job over which a process died as often as it was tried.

    Args:
        unit: The job.
        how: How it ended, where that is known.
    """
    ended = f" ({how})" if how else ""
    return _unreadable(unit, f"the process that read it died, twice{ended}; out of memory?")


def _unreadable(unit: Unit, problem: str) -> list[Examined]:
    return [Examined(Cell(unit.name, Outcome.UNREADABLE, dict(unit.given), problem=problem))]


def _measured(
    unit: Unit, files: Sequence[str], results: Sequence[Mapping[str, object]]
) -> Iterator[Examined]:
    """Jobs of which only results are there: one for the files of a unit, or one for each row of a table."""
    tables = [[row] for row in results] if len(files) == 1 and len(results) > 1 else [results]
    for position, rows in enumerate(tables, start=1):
        name = f"{unit.name}[{position}]" if len(tables) > 1 else unit.name
        known = settings(unit.name, {}, files=files, results=rows, given=unit.given)
        measured = numbers(rows)
        if (known.axes and measured) or any(is_metric(number) for number in measured):
            one = Cell(
                name,
                Outcome.PASSED,
                known.axes,
                known.kinds,
                measured,
                contradictions=known.contradictions,
            )
            yield Examined(one, name, read=False)


def _sources(files: list[File]) -> Iterator[Source]:
    for file in files:
        # What kept it from being copied whole says more than that the copy is empty.
        seen = bool(file.problem)
        if seen:
            yield unreadable(file.name, file.problem)
        if not file.path and file.data is None:
            continue
        try:
            if file.data is not None:
                yield Source(file.name, BytesIO(file.data), len(file.data), numbers=file.numbers)
                continue
            for source in open_paths([file.path]):
                member = source.name.partition("!")[2]
                source.name = f"{file.name}!{member}" if member else file.name
                source.numbers = file.numbers
                seen = True
                if source.problem != "empty" or not file.problem:
                    yield source
        except InputError as error:
            # What could be opened has said itself what is wrong with it.
            if not seen:
                yield unreadable(file.name, error.message.removeprefix(f"{file.path}: "))


def _result(file: File) -> list[Mapping[str, object]] | None:
    """The rows of a result file; None for everything else."""
    if not file.name.lower().endswith(".json"):
        return None
    try:
        data = file.data if file.data is not None else _read(file.path)
        parsed = json.loads(data)
    except (OSError, ValueError, RecursionError, InputError):
        return None
    rows = parsed if isinstance(parsed, list) else [parsed]
    return rows if rows and all(isinstance(row, dict) for row in rows) else None


def _read(path: str) -> bytes:
    """A file of at most `RESULT_BYTES`, wherever it is; none of a larger one."""
    for source in open_paths([path]):
        space = bytearray(RESULT_BYTES + 1)
        filled = 0
        with memoryview(space) as view:
            while filled < len(view) and (count := source.stream.readinto(view[filled:])):
                filled += count
        return bytes(space[:filled]) if filled <= RESULT_BYTES else b""
    return b""
