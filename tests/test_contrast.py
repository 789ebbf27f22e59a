"""What separates failed from passed jobs: planted answers, confounders, and what must not be blamed."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from math import comb

import planted
import pytest

from diagnose.contrast import contrast
from diagnose.contrast.fisher import greater
from diagnose.contrast.separate import separate
from diagnose.model.sweep import Cell, Outcome, Where
from diagnose.report.sweep_words import (
    compared,
    ends,
    own_separation,
    qualified,
    rival,
    statement,
)


def job(name, bad=False, *, hung=False, way="w", numbers=None, **axes):
    ended = Outcome.HUNG if hung else Outcome.FAILED if bad else Outcome.PASSED
    kinds = {axis: Where.PLACE for axis in axes if axis in ("node", "runner")}
    kinds |= {axis: Where.LOG for axis in axes if axis.startswith("backend")}
    times = {key: axes.pop(key) for key in ("ended_s", "wall_s") if key in axes}
    axes = {axis.replace("backend_", "backend:"): value for axis, value in axes.items()}
    kinds = {axis.replace("backend_", "backend:"): kind for axis, kind in kinds.items()}
    return Cell(name, ended, axes, kinds, numbers or {}, way=way if ended.bad else "", **times)


def test_the_published_incident_is_told_in_one_sentence():
    jobs = [
        job(f"e{c}{n}", hung=True, ep="8", conc=c)
        for c in ("1", "16", "64", "256")
        for n in range(3)
    ]
    jobs += [job(f"x{n}", hung=True, ep="8", conc="128") for n in range(2)]
    jobs += [job(f"p{c}{n}", ep="1", conc=c) for c in ("1", "16", "64") for n in range(4)]

    separation = contrast(jobs).separation

    assert statement(separation, ("hung", "passed")) == (
        "14 of 14 with ep > 1 hung; 12 of 12 with ep = 1 passed"
    )
    assert separation.exact
    assert separation.p == pytest.approx(1 / comb(26, 12), rel=1e-9)


def test_one_flaky_job_is_an_exception_and_lengthens_no_predicate():
    concs = [str(2**n) for n in range(6)]
    jobs = [job(f"b{n}", True, ep="8", conc=concs[n % 5]) for n in range(19)]
    jobs += [job("flaky", ep="8", conc=concs[5])]
    jobs += [job(f"g{n}", ep="1", conc=concs[n % 5]) for n in range(20)]

    separation = contrast(jobs).separation

    assert str(separation.predicate) == "ep > 1"
    assert separation.exceptions == ("flaky",)


def test_an_axis_that_only_some_jobs_know_says_nothing_by_being_there():
    jobs = [job(f"b{n}", True, ep="18"[n % 2], dp="1") for n in range(10)]
    jobs += [job(f"g{n}", ep="18"[n % 2]) for n in range(10)]

    assert contrast(jobs).separation is None


def test_what_different_sources_call_differently_is_no_setting():
    """Only jobs that passed have a result file, and it spells the model out; the others' logs name a path."""
    jobs = [
        Cell(f"b{n}", Outcome.FAILED, {"model": "/m", "ep": "18"[n % 2]}, {"model": Where.LOG})
        for n in range(8)
    ]
    jobs += [job(f"g{n}", model="org/m", ep="18"[n % 2]) for n in range(8)]

    assert contrast(jobs).separation is None


def test_two_settings_that_always_go_together_are_reported_with_the_job_that_would_decide():
    jobs = [job(f"b{n}", True, ep="8", conc=c) for n, c in enumerate(("64", "128", "256") * 3)]
    jobs += [job(f"g{n}", ep="1", conc=c) for n, c in enumerate(("1", "16", "32") * 3)]

    separation = contrast(jobs).separation
    named = {str(separation.predicate), *(str(r.predicate) for r in separation.rivals)}

    assert named == {"ep > 1", "conc ≥ 64"}
    assert separation.rivals[0].differs == ()
    # Exactly one of the two holds for the job to run, and it was not run yet.
    settings = separation.rivals[0].probe
    assert (settings["ep"] == "8") != (int(settings["conc"]) >= 64)
    assert "cannot be told apart" in rival(separation.rivals[0], separation.predicate)
    assert "run this one: " in rival(separation.rivals[0], separation.predicate)


def test_what_the_logs_of_the_same_jobs_say_stands_beside_the_setting_and_is_no_confounder():
    jobs = [job(f"b{n}", True, ep="8", backend_moe="EMULATION") for n in range(8)]
    jobs += [job(f"g{n}", ep="1", backend_moe="AITER") for n in range(8)]

    separation = contrast(jobs).separation

    assert str(separation.predicate) == "ep > 1"
    assert [str(t) for t in separation.said] == ["backend:moe = EMULATION"]
    assert separation.rivals == ()


def test_what_the_logs_say_is_named_where_no_setting_separates():
    chosen = random.Random(1)
    jobs = []
    for n in range(40):
        bad = n % 2 == 0
        backend = "EMULATION" if bad else "AITER"
        jobs.append(
            job(f"j{n}", bad, ep=chosen.choice("18"), tp=chosen.choice("48"), backend_moe=backend)
        )

    assert str(contrast(jobs).separation.predicate) == "backend:moe = EMULATION"


def test_a_broken_node_comes_before_a_setting():
    jobs = []
    for n in range(24):
        node = f"node-{n % 4}"
        jobs.append(
            job(f"j{n}", node == "node-2", ep="8" if n % 3 else "1", tp="48"[n % 2], node=node)
        )

    hypothesis = contrast(jobs).hypotheses[0]

    assert hypothesis.kind == "node"
    assert "6 of the 6 failed jobs ran on node node-2, where none passed" in hypothesis.text


def test_a_new_image_comes_before_a_setting_that_changed_with_it():
    jobs = [job(f"b{n}", True, ep="8", image="v2", tp="48"[n % 2]) for n in range(10)]
    jobs += [job(f"g{n}", ep="1", image="v1", tp="48"[n % 2]) for n in range(10)]

    sweep = contrast(jobs)

    assert [h.kind for h in sweep.hypotheses] == ["image"]
    named = {str(sweep.separation.predicate), *(str(r.predicate) for r in sweep.separation.rivals)}
    assert named == {"ep > 1", "image = v2"}


def test_no_node_is_blamed_when_a_setting_explains_more():
    jobs = [job(f"b{n}", True, ep="8", node=f"node-{n % 4}") for n in range(12)]
    jobs += [job(f"g{n}", ep="1", node=f"node-{n % 4}") for n in range(12)]

    assert contrast(jobs).hypotheses == ()


def test_jobs_of_different_length_that_end_in_one_moment_were_ended_from_outside():
    jobs = [
        job(f"b{n}", True, ep=str(n % 3), ended_s=1.8e9 + n / 4, wall_s=600.0 * n) for n in range(6)
    ]
    jobs += [job(f"g{n}", ep=str(n % 3), ended_s=1.8e9 - 900 * n, wall_s=300.0) for n in range(6)]

    assert [h.kind for h in contrast(jobs).hypotheses] == ["same-moment"]


def test_jobs_that_started_together_and_ran_into_one_time_limit_were_not():
    jobs = [job(f"b{n}", hung=True, ep="8", ended_s=1.8e9, wall_s=30000.0) for n in range(6)]
    jobs += [job(f"g{n}", ep="1", ended_s=1.8e9 - 90 * n, wall_s=300.0) for n in range(6)]

    assert contrast(jobs).hypotheses == ()


def test_when_every_job_fails_alike_it_is_no_setting():
    jobs = [job(f"b{n}", True, ep=str(1 + n), image="v0.31") for n in range(8)]
    sweep = contrast(jobs)

    assert sweep.separation is None
    assert [h.kind for h in sweep.hypotheses] == ["everything"]
    assert "image v0.31" in sweep.hypotheses[0].text


def test_cancelled_and_undecided_jobs_count_on_neither_side():
    jobs = [job(f"b{n}", True, ep="8") for n in range(6)] + [job(f"g{n}", ep="1") for n in range(6)]
    aside = [Cell(f"c{n}", Outcome.CANCELLED, {"ep": "1"}) for n in range(20)]
    aside += [Cell(f"u{n}", Outcome.UNKNOWN, {"ep": "8"}) for n in range(20)]

    assert contrast([*jobs, *aside]).separation == contrast(jobs).separation


def test_failures_of_two_kinds_have_a_predicate_each():
    jobs = []
    for n in range(64):
        ep, spec = "18"[n % 2], ("none", "mtp")[n // 2 % 2]
        way = "hang" if ep == "8" else "crash" if spec == "mtp" else ""
        jobs.append(job(f"j{n}", bool(way), way=way, ep=ep, spec=spec, conc=str(n % 8)))

    ways = {way.way: way.separation for way in contrast(jobs).ways}

    assert str(ways["hang"].predicate) == "ep > 1"
    assert str(ways["crash"].predicate) == "spec = mtp"


def test_each_cause_has_its_predicate_where_no_common_one_fits():
    jobs = [job(f"o{n}", True, way="oom", tp="1", ep="1", conc=str(2**n)) for n in range(6)]
    jobs += [job(f"h{n}", hung=True, way="hang", tp="8", ep="8", conc=str(2**n)) for n in range(6)]
    jobs += [job(f"g{n}", tp="8", ep="1", conc=str(2**n)) for n in range(6)]
    jobs += [job(f"p{n}", tp="4", ep="1", conc=str(2**n)) for n in range(6)]

    sweep = contrast(jobs)

    ways = {way.way: way.separation for way in sweep.ways}
    assert str(ways["oom"].predicate) in ("tp = 1", "tp ≤ 1")
    assert str(ways["hang"].predicate) == "ep > 1"
    assert sweep.separation is None
    assert "2 different ways" in sweep.unseparated


def test_the_way_most_jobs_failed_in_stands_at_the_head_and_the_others_are_named():
    jobs = [job(f"h{n}", hung=True, way="hang", ep="8", conc=str(2 ** (n % 5))) for n in range(12)]
    jobs += [job("network", True, way="network", ep="1", conc="1")]
    jobs += [job(f"g{n}", ep="1", conc=str(2 ** (n % 5))) for n in range(8)]

    sweep = contrast(jobs)

    assert statement(sweep.separation, ends(sweep, compared(sweep))) == (
        "12 of 12 with ep > 1 hung; 8 of 8 with ep = 1 passed"
    )
    assert sweep.apart == ("network",)
    assert any("network" in line for line in qualified(sweep.separation, sweep.apart))


def test_one_predicate_over_several_causes_is_told_with_a_warning():
    ways = ("oom", "port", "hang")
    jobs = [job(f"b{n}", True, way=ways[n % 3], ep="8", tp="48"[n % 2]) for n in range(12)]
    jobs += [job(f"g{n}", ep="1", tp="48"[n % 2]) for n in range(12)]

    separation = contrast(jobs).separation

    assert str(separation.predicate) == "ep > 1"
    assert any("3 different ways" in line for line in qualified(separation))
    one = contrast([replace(j, way="w" if j.way else "") for j in jobs]).separation
    assert not any("different ways" in line for line in qualified(one))


def test_a_predicate_that_each_way_has_is_said_once_and_with_a_warning():
    chance = random.Random(4)
    jobs = []
    for n in range(300):
        ep = chance.choice("18")
        bad = (ep == "8") != (chance.random() < 0.05)
        jobs.append(job(f"j{n}", bad, way=chance.choice("abcd"), ep=ep, tp=chance.choice("48")))

    sweep = contrast(jobs)

    assert str(sweep.separation.predicate) == "ep > 1"
    assert any("4 different ways" in line for line in qualified(sweep.separation))
    assert all(own_separation(way, sweep) is None for way in sweep.ways)


def test_the_more_groups_are_compared_the_likelier_is_chance():
    bad = [job(f"b{n}", True, ep="8", tp="48"[n % 2]) for n in range(6)]
    good = [job(f"g{n}", ep="1", tp="48"[n % 2]) for n in range(6)]

    one, of_ten = separate(bad, good), separate(bad, good, 10)

    assert of_ten.chance == pytest.approx(10 * one.chance)


def test_so_few_passed_jobs_get_what_fits_them_as_a_possibility():
    """Six failed jobs and one that passed: whatever that one differs in fits, and none of it is known."""
    jobs = [job(f"b{n}", True, way="ab"[n % 2], ep="8", tp="8", conc=str(n)) for n in range(6)]
    jobs += [job("good", ep="1", tp="4", conc="7")]

    sweep = contrast(jobs)

    assert sweep.separation.exact
    assert sweep.separation.by_chance
    named = {sweep.separation.predicate, *(r.predicate for r in sweep.separation.rivals)}
    assert {"ep", "tp"} <= {axis for predicate in named for axis in predicate.axes}
    assert "may be chance" in qualified(sweep.separation)[0]


def test_a_node_on_which_one_kind_of_failure_happened_is_looked_at_first():
    jobs = [job(f"x{n}", True, way="xid", ep="18"[n % 2], node="bad") for n in range(6)]
    jobs += [
        job(f"o{n}", True, way="oom", ep="18"[n % 2], conc="512", node=f"n{n}") for n in range(6)
    ]
    jobs += [job(f"g{n}", ep="18"[n % 2], conc="4", node=f"n{n % 6}") for n in range(24)]

    first = contrast(jobs).hypotheses

    assert [(h.kind, len(h.jobs)) for h in first] == [("node", 6)]


def test_two_jobs_that_happen_to_share_a_value_get_no_predicate():
    jobs = [job(f"b{n}", True, way="odd", ep="8", tp=str(n)) for n in range(2)]
    jobs += [job(f"c{n}", True, way="other", ep="1", tp="4") for n in range(6)]
    jobs += [job(f"g{n}", ep="8" if n == 0 else "1", tp="8") for n in range(6)]

    assert {way.way: way.separation for way in contrast(jobs).ways}["odd"] is None


@pytest.mark.parametrize(
    "table",
    [(14, 0, 0, 12), (3, 1, 2, 9), (5, 5, 5, 5), (1, 0, 0, 1), (0, 4, 4, 0), (40, 3, 7, 150)],
)
def test_fishers_test_is_exact(table):
    a, b, c, _d = table
    inside, bad, total = a + b, a + c, sum(table)
    ways = sum(
        comb(bad, k) * comb(total - bad, inside - k)
        for k in range(a, min(inside, bad) + 1)
        if 0 <= inside - k <= total - bad
    )

    assert greater(*table) == pytest.approx(float(Fraction(ways, comb(total, inside))), rel=1e-9)


def test_fishers_test_takes_thousands_of_jobs():
    assert 0 < greater(3000, 2000, 2000, 3000) < 1e-80


@pytest.mark.parametrize("terms", [1, 2, 3])
def test_a_planted_predicate_is_found_through_noise_and_confounders(terms):
    """A small part of what `python tests/planted.py` measures; the bound is the requirement's."""
    sweeps = [planted.plant(seed, 1000, terms) for seed in range(900, 920)]
    answers = [contrast(sweep.jobs) for sweep in sweeps]

    assert sum(map(planted.found, sweeps, answers)) >= 19
    tied = [(s, a) for s, a in zip(sweeps, answers, strict=True) if s.tied]
    assert tied
    assert all(planted.told(s, a) for s, a in tied)


def test_chance_alone_is_hardly_ever_blamed_on_a_setting():
    blamed = 0
    for seed in range(60):
        chance = random.Random(seed)
        jobs = [
            job(
                f"j{n}",
                chance.random() < 0.3,
                **{axis: chance.choice(v) for axis, v in planted.AXES.items()},
            )
            for n in range(80)
        ]
        separation = contrast(jobs).separation
        blamed += separation is not None and not separation.by_chance

    assert blamed <= 3
