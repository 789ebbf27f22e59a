"""What a setting does to measured numbers: told where it is one, and not where two runs merely differ."""

from __future__ import annotations

import itertools
import random

import results
from test_contrast import job

from diagnose.contrast import contrast
from diagnose.jobs.settings import numbers, settings
from diagnose.model.sweep import Cell, Outcome, Where
from diagnose.report.sweep_words import effect

MATRIX = {"tp": (4, 8), "ep": (1, 8), "dp_attention": ("false", "true"), "conc": (1, 4, 16, 64)}


def measured(chance, *, ep8=1.0, **fixed):
    """A job for each row of the matrix, with a result of the real shape."""
    found = []
    for number, values in enumerate(itertools.product(*MATRIX.values())):
        row = dict(zip(MATRIX, values, strict=True)) | fixed
        tput = 900.0 * (ep8 if row["ep"] == 8 else 1.0) * row["conc"] ** 0.3
        result = results.row(chance, tput=tput, **row)
        known = settings(f"job {number}", {}, results=[result])
        found.append(
            Cell(f"job {number}", Outcome.PASSED, known.axes, known.kinds, numbers([result]))
        )
    return found


def test_runs_that_merely_differ_are_no_finding():
    """32 jobs, five settings and twenty columns: what is looked for that often is found by chance."""
    told = [contrast(measured(random.Random(seed))).effects for seed in range(60)]

    assert sum(bool(found) for found in told) <= 3


def test_a_third_less_throughput_under_one_setting_is_told_once():
    for seed in range(10):
        found = contrast(measured(random.Random(seed), ep8=0.65)).effects

        assert {one.axis for one in found} == {"ep"}
        assert found[0].pairs == 16
        # One line for the throughput and one for the latency, whatever number of columns says it.
        assert len(found) <= 2
        assert any(one.metric == "tput_per_gpu" and one.low == "8" for one in found)


def test_noisy_runs_of_the_same_thing_raise_what_a_difference_must_be():
    def jobs(spread):
        for n in range(8):
            tput = 800.0 * (1 + spread * (-1) ** n)
            yield job(f"a{n}", ep="1", numbers={"tput_per_gpu": 1.6 * tput})
            yield job(f"b{n}", ep="8", numbers={"tput_per_gpu": tput})

    assert [one.axis for one in contrast(list(jobs(0.02))).effects] == ["ep"]
    assert contrast(list(jobs(0.7))).effects == ()


def test_a_score_that_falls_by_points_is_told_and_one_within_its_error_is_not():
    def jobs(first, second):
        for n in range(3):
            for spec, score in (("none", first), ("mtp", second)):
                yield job(
                    f"{spec}{n}",
                    spec=spec,
                    conc=str(2**n),
                    numbers=numbers([results.lm_eval(score + n / 1000)]),
                )

    told = contrast(list(jobs(0.95, 0.88))).effects
    assert [(one.axis, one.low, one.agreeing) for one in told] == [("spec", "mtp", 3)]
    assert contrast(list(jobs(0.95, 0.94))).effects == ()


def test_a_backend_that_differs_in_every_pair_is_told_beside_the_setting():
    jobs = []
    for n in range(4):
        for ep, backend, rate in (("1", "AITER", 905.0), ("8", "EMULATION", 434.0)):
            jobs.append(
                job(
                    f"{ep}{n}",
                    ep=ep,
                    conc=str(2**n),
                    backend_moe=backend,
                    numbers={"tput_per_gpu": rate},
                )
            )

    told = contrast(jobs).effects

    assert told[0].also == ("backend:moe",)
    assert "they differ in moe backend too" in effect(told[0])


def test_a_variable_of_the_environment_is_compared_like_a_setting():
    jobs = [
        Cell(
            f"{value}{n}",
            Outcome.PASSED,
            {"tp": "8", "conc": str(2**n), "$VLLM_ROCM_USE_AITER": value},
            {"$VLLM_ROCM_USE_AITER": Where.ENV},
            {"tput_per_gpu": rate},
        )
        for n in range(3)
        for value, rate in (("0", 400.0), ("1", 900.0))
    ]

    assert [one.axis for one in contrast(jobs).effects] == ["$VLLM_ROCM_USE_AITER"]


def test_a_sum_over_gpus_that_grows_with_them_is_no_finding():
    jobs = [
        job(
            f"{tp}-{n}",
            tp=tp,
            conc=str(2**n),
            numbers={"total_token_throughput": 1e4 * int(tp), "tput_per_gpu": 1e4},
        )
        for tp in ("4", "8")
        for n in range(4)
    ]

    assert contrast(jobs).effects == ()


def test_results_of_a_job_with_several_concurrencies_are_compared_at_each():
    """One job lacks a concurrency: its figures must not be held against another's of a higher one."""
    jobs = []
    for ep, concs in ((1, (8, 16, 32)), (8, (8, 16))):
        rows = [{"conc": c, "tput_per_gpu": 100.0 * c} for c in concs]
        jobs.append(job(f"ep{ep}", ep=str(ep), numbers=numbers(rows)))

    assert contrast(jobs).effects == ()


def test_one_setting_that_halves_the_throughput_is_a_finding():
    jobs = [
        job("ep8", ep="8", tp="8", conc="64", numbers={"tput_per_gpu": 434.0}),
        job("ep1", ep="1", tp="8", conc="64", numbers={"tput_per_gpu": 905.0}),
    ]
    found = contrast(jobs).effects

    assert len(found) == 1
    assert effect(found[0]) == (
        "tput_per_gpu: 434 with ep = 8, 905 with ep = 1 (−52 %), 1 of 1 pair of jobs equal in all else"
    )


def test_only_jobs_that_are_equal_in_all_else_are_compared():
    jobs = [
        job("a", ep="8", precision="fp4", numbers={"tput_per_gpu": 434.0}),
        job("b", ep="1", precision="fp8", numbers={"tput_per_gpu": 905.0}),
    ]

    assert contrast(jobs).effects == ()


def test_the_fingerprint_of_a_recipe_keeps_no_pair_apart():
    jobs = [
        job("ep8", ep="8", recipe="aaaa", numbers={"tput_per_gpu": 434.0}),
        job("ep1", ep="1", recipe="bbbb", numbers={"tput_per_gpu": 905.0}),
    ]

    assert [one.axis for one in contrast(jobs).effects] == ["ep"]


def test_throughput_that_follows_the_load_is_no_finding():
    jobs = [job(f"c{c}", conc=str(c), numbers={"tput_per_gpu": 10.0 * c}) for c in (1, 4, 16)]

    assert contrast(jobs).effects == ()


def test_numbers_that_disagree_between_pairs_are_no_finding():
    jobs = []
    for n in range(8):
        high, low = (900.0, 400.0) if n % 2 else (500.0, 800.0)
        jobs.append(job(f"a{n}", ep="1", isl=str(n), numbers={"tput_per_gpu": high}))
        jobs.append(job(f"b{n}", ep="8", isl=str(n), numbers={"tput_per_gpu": low}))

    assert contrast(jobs).effects == ()
