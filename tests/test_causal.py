"""Which finding is named as the cause."""

from __future__ import annotations

from examine import cause, diagnose, failure, symptom

STOP = failure("ci/step-failed", "step failed")


def ids(diagnosis):
    return [link.signature.id for link in diagnosis.chain]


def named(text, *signatures):
    diagnosis = diagnose(text, *signatures)
    return diagnosis.cause.signature.id if diagnosis.cause else None


def test_of_two_causes_the_one_that_explains_more_wins():
    one, two = cause("a/one", "apple"), cause("a/two", "pears", "a/sign")

    assert named("apple\npears\nsigns", one, two, symptom("a/sign", "signs")) == "a/two"


def test_of_two_equal_causes_the_first_seen_wins():
    assert named("apple\npears", cause("a/one", "apple"), cause("a/two", "pears")) == "a/one"


def test_a_cause_that_leads_to_another_stands_before_it():
    one, two = cause("a/one", "apple", "a/two"), cause("a/two", "pears")

    diagnosis = diagnose("apple\npears", one, two)

    assert ids(diagnosis) == ["a/one", "a/two"]


def test_a_symptom_is_never_the_cause():
    diagnosis = diagnose("signs\nstep failed", symptom("a/sign", "signs"), STOP)

    assert diagnosis.cause is None
    assert ids(diagnosis) == ["a/sign", "ci/step-failed"]


def test_a_failure_is_never_the_cause():
    assert named("step failed", STOP) is None


def test_an_effect_seen_before_its_cause_is_not_its_effect():
    line = "(Worker_TP0 pid=7) ERROR 07-01 02:00:0{} [a.py:1] {}"
    text = line.format(1, "signs") + "\n" + line.format(9, "apple")

    diagnosis = diagnose(text, cause("a/one", "apple", "a/sign"), symptom("a/sign", "signs"))

    assert ids(diagnosis) == ["a/one"]
    assert [f.signature.id for f in diagnosis.also] == ["a/sign"]


def test_lines_of_two_processes_are_ordered_by_their_times():
    early = "(Worker_TP1 pid=8) ERROR 07-01 02:00:01 [a.py:1] apple"
    late = "(APIServer pid=1) ERROR 07-01 02:00:09 [a.py:1] signs"
    signatures = cause("a/one", "apple", "a/sign"), symptom("a/sign", "signs")

    assert ids(diagnose(f"{late}\n{early}", *signatures)) == ["a/one", "a/sign"]


def test_whatever_came_before_a_failure_leads_to_it():
    assert ids(diagnose("apple\nstep failed", cause("a/one", "apple"), STOP)) == [
        "a/one",
        "ci/step-failed",
    ]


def test_a_weak_match_is_a_candidate_and_is_not_named():
    diagnosis = diagnose("apple\nstep failed", cause("a/one", "apple", certainty="low"), STOP)

    assert diagnosis.cause is None
    assert [a.finding.signature.id for a in diagnosis.alternatives] == ["a/one"]
    assert diagnosis.alternatives[0].confidence < 0.5


def test_repetition_does_not_raise_confidence():
    one = cause("a/one", "apple")

    assert diagnose("apple", one).confidence == diagnose("apple\n" * 500, one).confidence


def test_what_came_before_the_server_was_ready_has_passed():
    text = """
        apple
        (APIServer pid=1) INFO:     Application startup complete.
    """

    diagnosis = diagnose(text, cause("a/one", "apple"))

    assert diagnosis.cause is None
    assert diagnosis.verdict == "healthy"


def test_what_comes_after_the_server_was_ready_stands():
    text = """
        (APIServer pid=1) INFO:     Application startup complete.
        apple
    """

    assert named(text, cause("a/one", "apple")) == "a/one"


def test_a_hop_that_a_log_cannot_show_is_named_as_such():
    one = cause("a/one", "apple", "a/lock", kind="startup-hang")
    lock = cause("a/lock", "never printed", kind="startup-hang")

    diagnosis = diagnose("apple", one, lock)

    assert [(link.signature.id, link.status) for link in diagnosis.chain] == [
        ("a/one", "seen"),
        ("a/lock", "could-not-look"),
    ]


def test_a_rival_of_equal_strength_lowers_confidence():
    one, two = cause("a/one", "apple"), cause("a/two", "pears")

    assert diagnose("apple\npears", one, two).confidence < diagnose("apple", one, two).confidence
