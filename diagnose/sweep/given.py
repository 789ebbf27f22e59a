"""Settings that the user names: a table of jobs, or an expression for their names.

Floor 12.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from diagnose.errors import UsageError
from diagnose.jobs.results import stem
from diagnose.sweep.unit import Unit

_REMEDY = "give a .csv or .json file with a column `job`, or an expression such as 'tp(?P<tp>\\d+)'"


def with_settings(units: Sequence[Unit], given: str) -> list[Unit]:
    """The jobs with the settings that `--axes` names for them.

    Raises:
        UsageError: If it is neither a table nor an expression with named groups, or fits no job.
    """
    if Path(given).suffix.lower() in (".csv", ".tsv", ".json"):
        rows = _table(Path(given))
        known = {stem(name): settings for name, settings in rows.items()}
        found = [replace(u, given=dict(rows.get(u.name) or known.get(u.name, {}))) for u in units]
    else:
        expression = _expression(given)
        found = [replace(u, given=_groups(expression, u.name)) for u in units]
    if not any(unit.given for unit in found):
        names = ", ".join(unit.name for unit in units[:3])
        raise UsageError(f"--axes {given} fits none of the jobs ({names}, …)", _REMEDY)
    return found


def _table(path: Path) -> dict[str, dict[str, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise UsageError(f"--axes {path}: {reason}", _REMEDY) from error
    rows: Iterable[Mapping[str, object]]
    if path.suffix.lower() == ".json":
        try:
            parsed = json.loads(text)
        except ValueError as error:
            raise UsageError(f"--axes {path}: not JSON ({error})", _REMEDY) from error
        if isinstance(parsed, dict):
            parsed = [{"job": job, **s} for job, s in parsed.items() if isinstance(s, dict)]
        rows = [row for row in parsed if isinstance(row, dict)] if isinstance(parsed, list) else []
    else:
        delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
        rows = list(csv.DictReader(text.splitlines(), delimiter=delimiter))
    found = {
        str(row["job"]): {
            k: _plain(v) for k, v in row.items() if k and k != "job" and v not in ("", None)
        }
        for row in rows
        if row.get("job")
    }
    if not found:
        raise UsageError(f"--axes {path}: no row has a column `job`", _REMEDY)
    return found


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _expression(given: str) -> re.Pattern[str]:
    try:
        expression = re.compile(given)
    except re.error as error:
        raise UsageError(
            f"--axes {given}: no such file, and no expression ({error})", _REMEDY
        ) from error
    if not expression.groupindex:
        raise UsageError(
            f"--axes {given}: no such file, and an expression without named groups", _REMEDY
        )
    return expression


def _groups(expression: re.Pattern[str], name: str) -> dict[str, str]:
    match = expression.search(name)
    return {k: v for k, v in match.groupdict().items() if v is not None} if match else {}
