"""Sweeps with a planted predicate, and how often it is found: `python tests/planted.py [SWEEPS] [JOBS]`.

Each sweep draws a matrix of settings like a real one, plants a predicate of one to three terms, flips
5 % of the ends, and ties a further setting to the predicate: wholly (it cannot be told apart) or for
nine jobs in ten (it can). A predicate counts as found when it holds for exactly the jobs that the
planted one holds for.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from dataclasses import dataclass

from diagnose.contrast import contrast
from diagnose.contrast.terms import holds
from diagnose.model.sweep import Cell, Outcome, Predicate, Sweep, Term, Where

AXES = {
    "tp": ("1", "2", "4", "8"),
    "ep": ("1", "8"),
    "dpa": ("false", "true"),
    "conc": ("1", "4", "16", "64", "128", "256"),
    "isl": ("1024", "8192"),
    "precision": ("fp4", "fp8", "bf16"),
    "spec": ("none", "mtp"),
    "image": ("v0.30", "v0.31", "v0.32"),
    "$VLLM_ROCM_USE_AITER": ("0", "1"),
    "$SEED": ("1", "2", "3", "4", "5"),
}
NOISE = 0.05
LEAST = 0.04
"""Every term decides about at least this share of the jobs; what decides about fewer cannot be told from noise."""


@dataclass(frozen=True)
class Planted:
    """A sweep whose answer is known."""

    jobs: list[Cell]
    predicate: Predicate
    truth: frozenset[str]
    """Names of the jobs that it holds for."""
    tied: str
    """The axis that is wholly tied to one of its terms; empty for none."""


def plant(seed: int, jobs: int, terms: int) -> Planted:
    """One sweep, the same for the same seed."""
    chance = random.Random(seed)
    rows = [{axis: chance.choice(values) for axis, values in AXES.items()} for _ in range(jobs)]
    predicate = _predicate(chance, rows, terms)
    tied = _tie(chance, rows, predicate) if seed % 2 else ""
    _half_tie(chance, rows, predicate)
    made = []
    truth = []
    for number, row in enumerate(rows):
        bad = all(holds(term, row) for term in predicate.terms)
        if bad:
            truth.append(f"job-{number}")
        ended = Outcome.HUNG if bad != (chance.random() < NOISE) else Outcome.PASSED
        kinds = {axis: Where.ENV for axis in row if axis.startswith("$")}
        kinds |= {"node": Where.PLACE}
        row["node"] = f"node-{chance.randrange(12)}"
        made.append(Cell(f"job-{number}", ended, row, kinds, way="one" if ended.bad else ""))
    return Planted(made, predicate, frozenset(truth), tied)


def found(planted: Planted, sweep: Sweep) -> bool:
    """Whether the predicate named holds for exactly the jobs that the planted one holds for."""
    if sweep.separation is None:
        return False
    named = sweep.separation.predicate.terms
    holding = {j.name for j in planted.jobs if all(holds(t, dict(j.axes)) for t in named)}
    return holding == planted.truth


def told(planted: Planted, sweep: Sweep) -> bool:
    """Whether the setting that is wholly tied is reported as one that cannot be told apart."""
    if sweep.separation is None:
        return False
    exact = [rival.predicate for rival in sweep.separation.rivals if not rival.differs]
    return any(planted.tied in p.axes for p in (*exact, sweep.separation.predicate))


def _predicate(chance: random.Random, rows: list[dict[str, str]], terms: int) -> Predicate:
    while True:
        axes = chance.sample(list(AXES), terms)
        predicate = Predicate(tuple(_term(chance, axis) for axis in axes))
        if _decides(predicate, rows):
            return predicate


def _term(chance: random.Random, axis: str) -> Term:
    values = AXES[axis]
    where = Where.ENV if axis.startswith("$") else Where.CONFIG
    if values[0].isdigit() and len(values) > 2:
        return Term(axis, chance.choice((">=", "<=")), chance.choice(values[1:-1]), where)
    return Term(axis, "=", chance.choice(values), where)


def _decides(predicate: Predicate, rows: list[dict[str, str]]) -> bool:
    """Whether every term of it changes the answer for enough jobs, and enough jobs are on both sides."""
    whole = sum(all(holds(t, row) for t in predicate.terms) for row in rows)
    if not LEAST <= whole / len(rows) <= 1 - LEAST:
        return False
    for left_out in predicate.terms:
        rest = [t for t in predicate.terms if t is not left_out]
        without = sum(all(holds(t, row) for t in rest) for row in rows)
        if without - whole < LEAST * len(rows):
            return False
    return True


def _tie(chance: random.Random, rows: list[dict[str, str]], predicate: Predicate) -> str:
    """Adds a setting that says the same as one of the terms."""
    term = chance.choice(predicate.terms)
    for row in rows:
        row["twin"] = "on" if holds(term, row) else "off"
    return "twin"


def _half_tie(chance: random.Random, rows: list[dict[str, str]], predicate: Predicate) -> None:
    """Adds a setting that says the same for nine jobs in ten."""
    term = chance.choice(predicate.terms)
    for row in rows:
        same = chance.random() < 0.9
        row["cousin"] = "on" if holds(term, row) == same else "off"


def main(sweeps: int = 300, jobs: int = 1000) -> None:
    """Measures, and prints what was missed."""
    hits: Counter[int] = Counter()
    total: Counter[int] = Counter()
    tied = reported = 0
    slowest = 0.0
    for seed in range(sweeps):
        terms = 1 + seed % 3
        planted = plant(seed, jobs, terms)
        started = time.perf_counter()
        sweep = contrast(planted.jobs)
        slowest = max(slowest, time.perf_counter() - started)
        total[terms] += 1
        hit = found(planted, sweep)
        hits[terms] += hit
        if not hit:
            named = sweep.separation.predicate if sweep.separation else "nothing"
            print(f"missed {seed}: planted {planted.predicate}; named {named}")
        if planted.tied:
            tied += 1
            reported += told(planted, sweep)
    for terms in sorted(total):
        print(f"{terms} terms: {hits[terms]} of {total[terms]} found")
    print(f"all: {hits.total() / total.total():.1%} of {total.total()} sweeps of {jobs} jobs")
    print(f"confounded: {reported} of {tied} reported; slowest contrast {slowest:.2f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
