"""The boolean language of signatures, each word of it on the smallest log that needs it."""

from __future__ import annotations

import pytest
from examine import found, signature

from diagnose.errors import CatalogueError

READY = "(APIServer pid=1) INFO:     Application startup complete."
BANNER = "(EngineCore pid=2) INFO 07-01 02:00:00 [core.py:1] Initializing a V1 LLM engine (v{}) with config: model='m'"


def holds(match: str, text: str, **kwargs: str) -> bool:
    return found(signature("a/a", match, **kwargs), text) is not None


def test_any_needs_one_of_its_lines():
    match = "any = ['apple', 'pears']"

    assert holds(match, "an apple")
    assert not holds(match, "a plum here")


def test_all_needs_each_of_its_lines():
    match = "all = ['apple', 'pears']"

    assert holds(match, "an apple\ntwo pears")
    assert not holds(match, "an apple")


def test_none_forbids_a_line_anywhere_in_the_run():
    match = "any = ['apple']\nnone = ['wormy']"

    assert holds(match, "an apple")
    assert not holds(match, "wormy\nan apple")


def test_conditions_nest():
    match = "any = [{ all = ['apple', { any = ['pears', 'plums'] }] }]"

    assert holds(match, "apple\nplums")
    assert not holds(match, "apple\ngrapes")


def test_ordered_conditions_must_be_seen_in_their_order():
    match = "all = ['first', 'second']\nordered = true"

    assert holds(match, "first\nsecond")
    assert not holds(match, "second\nfirst")


def test_count_asks_for_so_many_lines():
    match = "any = [{ line = 'again', count = 3 }]"

    assert holds(match, "again\nagain\nagain")
    assert not holds(match, "again\nagain")


def test_a_sequence_keeps_order_and_distance():
    match = "any = [{ sequence = ['open door', 'step in'], within = 2 }]"

    assert holds(match, "open door\nstep in")
    assert not holds(match, "step in\nopen door")
    assert not holds(match, "open door\n1\n2\n3\nstep in")


def test_a_sequence_belongs_to_one_process():
    match = "any = [{ sequence = ['open door', 'step in'] }]"
    line = "(Worker_TP{0} pid={0}) INFO 07-01 02:00:00 [a.py:1] {1}"

    assert holds(match, line.format(1, "open door") + "\n" + line.format(1, "step in"))
    assert not holds(match, line.format(1, "open door") + "\n" + line.format(2, "step in"))


def test_near_lines_may_come_in_any_order():
    match = "any = [{ near = ['file_baton', 'cpp_extension'], within = 3 }]"

    assert holds(match, "cpp_extension\nfile_baton")
    assert holds(match, "file_baton\ncpp_extension")
    assert not holds(match, "file_baton\n1\n2\n3\n4\ncpp_extension")


@pytest.mark.parametrize(
    ("quantifier", "ranks", "expected"),
    [
        ("one", [0], True),
        ("one", [0, 1], False),
        ("several", [0, 1], True),
        ("several", [0], False),
        ("some", [0, 1], True),
        ("some", [0, 1, 2], False),
        ("all", [0, 1, 2], True),
        ("all", [0, 1], False),
    ],
)
def test_ranks_are_counted_against_all_that_were_seen(quantifier, ranks, expected):
    match = f"any = [{{ line = 'stuck here', ranks = '{quantifier}' }}]"
    text = "\n".join(
        f"(Worker_TP{rank} pid={100 + rank}) INFO 07-01 02:00:00 [a.py:1] "
        + ("stuck here" if rank in ranks else "Model loading took 1 GiB")
        for rank in range(3)
    )

    assert holds(match, text) is expected


def test_a_role_limits_who_may_have_written_the_line():
    match = "any = [{ line = 'timed out', role = 'engine-core' }]"

    assert holds(match, "(EngineCore pid=2) ERROR 07-01 02:00:00 [core.py:1] timed out")
    assert not holds(match, "(APIServer pid=1) ERROR 07-01 02:00:00 [core.py:1] timed out")


def test_last_holds_when_only_heartbeats_and_endings_follow():
    match = "any = [{ line = 'building now', last = true }]"
    beat = "(EngineCore pid=2) INFO 07-01 02:00:00 [shm_broadcast.py:1] No available shared memory broadcast block found in 60 seconds."

    assert holds(match, f"building now\n{beat}\n{beat}\n##[error]The operation was canceled.")
    assert not holds(match, f"building now\n{beat}\nbuilt")


def test_silence_is_measured_to_the_end_of_the_log():
    match = "any = [{ line = 'building now', silent_s = 600 }]"
    text = "2026-07-01T02:00:00.0000000Z building now\n2026-07-01T{}:00.0000000Z ##[error]The operation was canceled."

    assert holds(match, text.format("02:20"))
    assert not holds(match, text.format("02:05"))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("{ fact = 'expert_parallel', equals = ['true'] }", True),
        ("{ fact = 'expert_parallel', equals = ['false'] }", False),
        ("{ fact = 'tensor_parallel_size', at_least = 8 }", True),
        ("{ fact = 'tensor_parallel_size', at_most = 4 }", False),
        ("{ fact = 'expert_parallel' }", True),
        ("{ fact = 'quantization' }", False),
    ],
)
def test_settings_are_read_from_what_the_engine_prints(condition, expected):
    text = """
        + vllm serve m --tensor-parallel-size 8 --enable-expert-parallel
        apple
    """

    assert holds(f"all = ['apple', {condition}]", text) is expected


def test_a_phase_can_be_asked_for_or_against():
    assert holds("all = ['apple', { phase = 'ready' }]", f"{READY}\napple", more="")
    assert not holds("all = ['apple', { phase = 'ready', reached = false }]", f"{READY}\napple")


def test_another_signature_can_be_a_condition():
    other = signature("b/b", "any = ['plums']")
    one = signature("a/a", "all = ['apple', { signature = 'b/b' }]")

    assert found(one, "apple\nplums", other)
    assert not found(one, "apple", other)


@pytest.mark.parametrize(
    ("version", "expected"),
    [("0.22.1", True), ("0.31.0", True), ("0.32.0", False), ("0.21.0", False)],
)
def test_a_version_range_limits_where_a_signature_holds(version, expected):
    one = signature("a/a", "any = ['apple']", more="[applies]\nversions = '>=0.22,<0.32'\n")

    assert (found(one, BANNER.format(version) + "\napple") is not None) is expected


def test_an_unknown_version_does_not_limit():
    one = signature("a/a", "any = ['apple']", more="[applies]\nversions = '>=0.22,<0.32'\n")

    assert found(one, "apple")


def test_hardware_is_recognised_and_limits():
    one = signature("a/a", "any = ['apple']", more="[applies]\nhardware = ['nvidia']\n")

    assert found(one, "apple\nNVIDIA H100 80GB HBM3")
    assert not found(one, "apple\nGPU is gfx942")


def test_a_later_line_of_the_same_process_clears():
    one = signature("a/a", "any = ['start build']\ncleared_by = ['finish build']")
    line = "(Worker_TP{0} pid={0}) INFO 07-01 02:00:0{2} [a.py:1] {1}"

    assert not found(one, "start build\nfinish build")
    assert found(one, "finish build\nstart build")
    assert found(one, line.format(1, "start build", 0) + "\n" + line.format(2, "finish build", 5))


def test_the_highest_certainty_of_what_held_counts():
    one = signature(
        "a/a",
        "any = [{ line = 'maybe', certainty = 'low' }, { line = 'surely', certainty = 'high' }]",
    )

    weak, strong = found(one, "maybe"), found(one, "maybe\nsurely")

    assert weak
    assert weak.certainty == "low"
    assert strong
    assert strong.certainty == "high"


def test_captures_are_taken_from_the_matching_lines():
    one = signature("a/a", r"any = ['waiting for (?P<lock>/\S+)']")

    finding = found(one, "waiting for /tmp/lock")

    assert finding
    assert finding.captures == {"lock": "/tmp/lock"}


def test_context_must_hold_but_is_no_evidence():
    one = signature("a/a", "all = ['apple', { line = 'traffic', context = true }]")

    finding = found(one, "traffic\napple\ntraffic")

    assert finding
    assert [e.line.message for e in finding.evidence] == ["apple"]
    assert not found(one, "apple")


@pytest.mark.parametrize(
    ("where", "line", "expected"),
    [
        ("took >= 300", "it took 300 of 1,000 units", True),
        ("took >= 300", "it took 299.9 of 1,000 units", False),
        ("took < total", "it took 999 of 1,000 units", True),
        ("took < 0.5 * total", "it took 500 of 1,000 units", False),
        ("took > 60", "it took 01:01 of 9 units", True),
        ("took < 60", "it took none of 9 units", False),
    ],
)
def test_numbers_of_a_line_are_compared(where, line, expected):
    match = f"any = [{{ line = 'it took (?P<took>[\\d.:,]+|none) of (?P<total>\\S+) units', where = ['{where}'] }}]"

    assert holds(match, line) is expected


@pytest.mark.parametrize("where", ["took", "took = 3", "3 < 4", "took > took.real", "other > 3"])
def test_a_comparison_that_cannot_hold_is_an_error_in_the_file(where):
    with pytest.raises(CatalogueError):
        signature("a/a", f"any = [{{ line = 'took (?P<took>.+)', where = ['{where}'] }}]")


@pytest.mark.parametrize(("end", "expected"), [("02:02:00", True), ("02:01:59", False)])
def test_lines_can_be_asked_to_lie_apart_in_time(end, expected):
    match = "any = [{ sequence = ['begin here', 'done there'], apart_s = 120 }]"
    log = f"INFO 07-01 02:00:00 [a.py:1] begin here\nINFO 07-01 {end} [a.py:2] done there"

    assert holds(match, log) is expected


def test_lines_without_times_are_not_apart():
    match = "any = [{ sequence = ['begin here', 'done there'], apart_s = 120 }]"

    assert not holds(match, "begin here\ndone there")
