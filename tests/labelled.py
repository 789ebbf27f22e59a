"""Scores `diagnose log --format json` over a folder of labelled logs and prints the figures.

    python tests/labelled.py FOLDER [--all]

FOLDER holds `cases.toml` with one `[[case]]` a log (`id`, `file`, `cause`, `acceptable`, `true_cause`,
`verdict`, `verdict_also`, `decisive_lines`, optionally `exit_code`) and may hold `healthy/*.log`. A cause is the name of a
mechanism, the last part of a signature's id, or `unknown`.

- top 1 / top 3: the first id named (cause, else the first candidate), or one of the first three, is right;
  for `unknown`, naming nothing is right, and so is the true cause.
- wrong: a cause named with confidence of 0.5 or more that is neither expected nor acceptable.
- evidence: one of the cited lines holds one of the decisive lines, with its right number in the file.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Score:
    """How one answer compares with its label."""

    id: str
    top1: bool
    top3: bool
    wrong: bool
    verdict: bool
    exit_code: bool
    evidence: bool
    said: str


def answer(path: Path) -> tuple[dict[str, Any], int]:
    """What the command line says about a log, and its exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "diagnose", "log", "--format", "json", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.stdout:
        raise SystemExit(f"{path}: {done.stderr}")
    return json.loads(done.stdout), done.returncode


def score(case: dict[str, Any], path: Path, said: dict[str, Any], code: int) -> Score:
    """Compares one answer with its label."""
    named = _mechanism(said["cause"]["id"]) if said["cause"] else None
    ids = [named] if named else []
    ids += [_mechanism(a["id"]) for a in said["alternatives"]]
    right = {case["cause"], case.get("true_cause", case["cause"]), *case.get("acceptable", [])}
    unknown = case["cause"] == "unknown"
    quiet = unknown and (named is None or named in right)
    verdicts = {case["verdict"], *case.get("verdict_also", [])}
    expected = case.get("exit_code", _exit_code(said))
    return Score(
        id=case["id"],
        top1=quiet or (bool(ids[:1]) and ids[0] in right),
        top3=quiet or any(id in right for id in ids[:3]),
        wrong=named is not None and said["cause"]["confidence"] >= 0.5 and named not in right,
        verdict=said["verdict"] in verdicts,
        exit_code=code == expected,
        evidence=_evidence(case.get("decisive_lines", []), path, said["evidence"]),
        said=f"{said['verdict']} {named or '-'} {ids[:3]}",
    )


def _mechanism(id: str) -> str:
    return id.rpartition("/")[2]


def _exit_code(said: dict[str, Any]) -> int:
    if said["cause"]:
        return 1
    trouble = said["verdict"] in ("failed", "hung") or (
        said["verdict"] == "undecidable" and (said["chain"] or said["alternatives"])
    )
    return 3 if trouble else 0


def _evidence(decisive: list[str], path: Path, cited: list[dict[str, Any]]) -> bool:
    if not decisive:
        return True
    raw = path.read_bytes().decode(errors="replace").split("\n")
    return any(
        text in place["text"] and text in raw[place["line"] - 1]
        for text in decisive
        for place in cited
    )


def main(arguments: list[str]) -> int:
    """Prints the figures; exit code 1 when a cause is named wrongly or a healthy log raises an alarm."""
    folder = Path(arguments[0])
    cases = tomllib.loads((folder / "cases.toml").read_text())["case"]
    scores = []
    for case in cases:
        path = folder / case["file"]
        scores.append((case, score(case, path, *answer(path))))
    for case, result in scores:
        good = result.top1 and result.verdict and result.evidence and result.exit_code
        if "--all" in arguments or not good or result.wrong:
            marks = " ".join(
                name
                for name in ("top1", "top3", "verdict", "evidence", "exit_code")
                if not getattr(result, name)
            )
            print(
                f"{result.id}  expected {case['verdict']} {case['cause']}  said {result.said}  {marks or 'right'}"
            )
    for name in ("top1", "top3", "verdict", "exit_code", "evidence"):
        right = sum(getattr(result, name) for _, result in scores)
        print(f"{name:<10} {right}/{len(scores)}  {right / len(scores):.1%}")
    wrong = [result.id for _, result in scores if result.wrong]
    print(f"wrong      {len(wrong)}  {' '.join(wrong)}")
    alarms = [path.name for path in sorted(folder.glob("healthy/*.log")) if answer(path)[1] != 0]
    print(f"alarms on healthy logs  {len(alarms)}  {' '.join(alarms)}")
    return 1 if wrong or alarms else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
