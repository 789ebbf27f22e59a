"""Which fix is offered, and that none is offered where it would be wrong."""

from __future__ import annotations

import shlex

import compose
import pytest
from examine import cause, diagnose, signature

from diagnose.catalogue import default_root, load
from diagnose.pipeline import Examiner
from diagnose.prove import source


@pytest.fixture(scope="module")
def examiner() -> Examiner:
    return Examiner(load(default_root()))


def fix(examiner, version):
    return examiner.diagnose([source("\n".join(compose.hang(version).lines))]).fix


def test_the_flag_is_offered_where_it_works(examiner):
    offered = fix(examiner, "0.32.0")

    assert "--moe-backend aiter" in offered.recipe
    assert "VLLM_ROCM_USE_AITER=1" in offered.recipe
    assert "VLLM_ROCM_USE_AITER_MOE=0" in offered.warning


@pytest.mark.parametrize("version", ["0.22.1", "0.27.1", "0.31.0"])
def test_the_flag_is_not_offered_where_it_ends_the_start(examiner, version):
    offered = fix(examiner, version)

    assert "--moe-backend aiter" not in offered.recipe
    assert "EP=1" in offered.summary
    assert "Do not add --moe-backend aiter" in offered.warning


def test_the_flag_is_not_offered_before_it_was_known(examiner):
    assert "--moe-backend aiter" not in fix(examiner, "0.16.0").recipe


def test_an_unknown_version_is_said_to_matter(examiner):
    lines = [line for line in compose.hang().lines if "0.32.0" not in line]

    diagnosis = examiner.diagnose([source("\n".join(lines))])

    assert "version" not in diagnosis.facts
    assert any("version" in unknown.what for unknown in diagnosis.unknowns)


FIX = "any = ['apple (?P<path>/\\S+)', 'apple']\n[[fix]]\nsummary = 'Remove it.'\nnow = ['rm <path>', 'start again']\n"


def test_placeholders_are_filled_from_the_captures():
    one = signature("a/one", FIX)

    assert diagnose("apple /tmp/x", one).fix.now == ("rm /tmp/x", "start again")


def test_a_line_whose_placeholder_has_no_value_is_dropped():
    one = signature("a/one", FIX)

    assert diagnose("apple", one).fix.now == ("start again",)


def test_a_fix_for_other_hardware_is_not_offered():
    one = signature(
        "a/one",
        "any = ['apple']\n[[fix]]\nhardware = ['nvidia']\nsummary = 'N.'\n[[fix]]\nhardware = ['amd']\nsummary = 'A.'\n",
    )

    assert diagnose("apple on gfx942", one).fix.summary == "A."
    assert diagnose("apple on NVIDIA H100", one).fix.summary == "N."


def test_without_a_cause_there_is_no_fix():
    assert diagnose("plums", cause("a/one", "apple")).fix is None


@pytest.mark.parametrize(
    "path", ["/tmp/$(touch${IFS}/tmp/x)/l", "/tmp/a;reboot", "/tmp/`id`", "/tmp/a'b", "/tmp/a|sh"]
)
def test_what_a_log_gave_is_one_word_of_the_shell(path):
    one = signature("a/one", FIX)

    remove, _ = diagnose(f"apple {path}", one).fix.now

    assert shlex.split(remove) == ["rm", path]
    assert remove != f"rm {path}"


def test_what_a_log_gave_is_no_option():
    one = signature("a/one", FIX.replace("(?P<path>/\\S+)", "(?P<path>\\S+)"))

    assert diagnose("apple -rf", one).fix.now == ("start again",)
