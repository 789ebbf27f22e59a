"""The settings of one job from wherever they are written; names are InferenceX's real formats."""

from __future__ import annotations

import pytest
from examine import cause, diagnose, failure

from diagnose.catalogue import default_root, load
from diagnose.jobs.names import settings, stem
from diagnose.jobs.outcome import CANCELLED, FROM_OUTSIDE, TIMED_OUT, outcome
from diagnose.jobs.settings import numbers
from diagnose.jobs.settings import settings as joined
from diagnose.model.sweep import Outcome, Where

NAMES = {
    # Since July 2026: sizes of one are left out, words are abbreviated, spaces run together.
    "p0.123 | minimaxm3 fp4 mi355x vllm TP8/PP2/DCP8/EP8/DPA mtp dram KV offload lmcache c128 | eval-only": {
        "model": "minimaxm3", "precision": "fp4", "hardware": "mi355x", "framework": "vllm", "tp": "8", "pp": "2",
        "dcp": "8", "pcp": "1", "ep": "8", "dpa": "true", "spec": "mtp", "kv_offload": "dram",
        "kv_offload_backend": "lmcache", "conc": "128", "eval_only": "true",
    },
    "single-node 8k1k / p0.5 | dsr1 fp8 b200-dgxc sgl TP4    c16": {
        "model": "dsr1", "precision": "fp8", "hardware": "b200-dgxc", "framework": "sglang", "tp": "4", "pp": "1",
        "dcp": "1", "pcp": "1", "ep": "1", "dpa": "false", "spec": "none", "conc": "16", "isl": "8192", "osl": "1024",
    },
    "multi-node 1k1k / p0.1 | dsv4 fp4 gb200 dyn-sgl 1P (TP4/EP4/DPA) x 2D (TP8) mtp c8x16x32": {
        "model": "dsv4", "precision": "fp4", "hardware": "gb200", "framework": "dynamo-sglang", "disagg": "true",
        "prefill_workers": "1", "prefill_tp": "4", "prefill_pp": "1", "prefill_dcp": "1", "prefill_pcp": "1",
        "prefill_ep": "4", "prefill_dpa": "true", "decode_workers": "2", "decode_tp": "8", "decode_pp": "1",
        "decode_dcp": "1", "decode_pcp": "1", "decode_ep": "1", "decode_dpa": "false", "spec": "mtp",
        "conc": "8x16x32", "isl": "1024", "osl": "1024",
    },
    # The same as the name of a log file, without what no file name may hold.
    "single-node 8k1k _ p0.5  dsr1 fp8 b200-dgxc sgl TP4    c16  eval-only": {
        "model": "dsr1", "precision": "fp8", "hardware": "b200-dgxc", "framework": "sglang", "tp": "4", "pp": "1",
        "dcp": "1", "pcp": "1", "ep": "1", "dpa": "false", "spec": "none", "conc": "16", "isl": "8192", "osl": "1024",
        "eval_only": "true",
    },
    # In between, without a priority.
    "minimaxm3 fp4 mi355x vllm TP8/EP8/DPA mtp c128": {
        "model": "minimaxm3", "precision": "fp4", "hardware": "mi355x", "framework": "vllm", "tp": "8", "pp": "1",
        "dcp": "1", "pcp": "1", "ep": "8", "dpa": "true", "spec": "mtp", "conc": "128",
    },
    # Until July 2026.
    "single-node 8k1k / minimaxm3_8k1k fp4 mi355x vllm | tp=8 ep=8 dpa=true | disagg-false spec-mtp conc-256 | eval": {
        "model": "minimaxm3", "precision": "fp4", "hardware": "mi355x", "framework": "vllm", "tp": "8", "ep": "8",
        "dpa": "true", "disagg": "false", "spec": "mtp", "conc": "256", "eval_only": "false", "isl": "8192",
        "osl": "1024",
    },
    # 2025.
    "dsr1_1k1k mi355x fp8 tp=8 ep=1 dpa=false conc=64 spec=mtp": {
        "precision": "fp8", "hardware": "mi355x", "tp": "8", "ep": "1", "dpa": "false", "conc": "64", "spec": "mtp",
        "isl": "1024", "osl": "1024",
    },
    "h200 (tp8 , conc64)": {"hardware": "h200", "tp": "8", "conc": "64"},
    # Result files, with and without the later sizes.
    "minimaxm3_8k1k_fp4_vllm_tp8-pp1-dcp1-pcp1-ep8-dpafalse_disagg-false_spec-mtp_conc128_mi355x-amds_03_recipe-0123456789abcdef": {
        "model": "minimaxm3", "precision": "fp4", "framework": "vllm", "tp": "8", "pp": "1", "dcp": "1", "pcp": "1",
        "ep": "8", "dpa": "false", "disagg": "false", "spec": "mtp", "conc": "128", "runner": "mi355x-amds_03",
        "recipe": "0123456789abcdef", "isl": "8192", "osl": "1024",
    },
    "agg_dsr1_1k1k_fp8_sglang_tp8-ep8-dpatrue_disagg-false_spec-none_conc64_b200-nv_1.json": {
        "model": "dsr1", "precision": "fp8", "framework": "sglang", "tp": "8", "ep": "8", "dpa": "true",
        "disagg": "false", "spec": "none", "conc": "64", "runner": "b200-nv_1", "isl": "1024", "osl": "1024",
    },
    # What matrices of other projects are called.
    "test (3.11, ubuntu-24.04, true)": {"matrix_1": "3.11", "matrix_2": "ubuntu-24.04", "matrix_3": "true"},
    "serve VLLM_USE_V1=1 block_size=16": {"VLLM_USE_V1": "1", "block_size": "16"},
    "build": {},
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_tells_its_settings(name):
    assert settings(name) == NAMES[name]


RESULT = "dsr1_1k1k_fp8_sglang_tp8-ep8-dpatrue_disagg-false_spec-none_conc64_b200-nv_1"


@pytest.mark.parametrize(
    "file",
    [
        f"{RESULT}.json",
        f"agg_{RESULT}.json",
        f"server_logs_{RESULT}",
        f"multinode_server_logs_{RESULT}.tar.gz",
        f"eval_gpu_metrics_{RESULT}.csv",
        f"bmk_agentic_{RESULT}.zip",
        f"eval_dsr1_1k1k_{RESULT}",
        f"folder/3_{RESULT}.txt",
    ],
)
def test_the_files_of_one_job_have_a_common_name(file):
    assert stem(file) == RESULT


ENV = """
2026-07-01T02:05:11.0500000Z ##[group]Run bash x.sh
2026-07-01T02:05:11.0500000Z env:
2026-07-01T02:05:11.0500000Z   TP: 8
2026-07-01T02:05:11.0500000Z   EP_SIZE: 8
2026-07-01T02:05:11.0500000Z   SOME_SWITCH: on
2026-07-01T02:05:11.0500000Z   RESULT_FILENAME_BASE: m_1k1k_fp8_vllm_tp8-ep4-dpatrue_disagg-false_spec-none_conc64_r_1
2026-07-01T02:05:11.0500000Z ##[endgroup]
2026-07-01T02:05:11.0500000Z   LATER: this is no variable
"""


def test_the_environment_is_believed_before_the_result_file_and_that_before_the_name():
    facts = diagnose(ENV, cause("a/one", "apple")).facts
    found, kinds = joined("x tp=2 ep=2 conc=2 isl=7", facts)

    assert (found["tp"], found["ep"], found["conc"], found["isl"]) == ("8", "8", "64", "1024")
    assert found["$SOME_SWITCH"] == "true"
    assert "$LATER" not in found
    assert kinds["ep"] is Where.CONFIG
    assert kinds["$SOME_SWITCH"] is Where.ENV


def test_what_the_user_says_is_believed_first():
    found, _ = joined("x tp=2", {"env:TP": "8"}, given={"tp": "4"})

    assert found["tp"] == "4"


def test_a_backend_that_was_chosen_is_what_the_log_says():
    line = "(Worker_TP0_EP0 pid=6) INFO 07-01 02:06:33 [mxfp4.py:499] Using 'EMULATION' Mxfp4 MoE backend."
    found, kinds = joined("x", diagnose(line, cause("a/one", "apple")).facts)

    assert found["backend:moe"] == "EMULATION"
    assert kinds["backend:moe"] is Where.LOG


def test_columns_of_results_are_numbers_and_settings_are_not():
    result = {
        "tp": 8,
        "conc": 64,
        "tput_per_gpu": 434.5,
        "results": {"gsm8k": {"exact_match": 0.9}},
    }

    assert numbers([result]) == {"tput_per_gpu": 434.5, "gsm8k.exact_match": 0.9}


def test_the_signatures_that_end_a_job_from_outside_exist():
    assert {CANCELLED, TIMED_OUT, *FROM_OUTSIDE} <= set(load(default_root()))


def test_a_cancelled_job_says_nothing_and_one_that_ran_out_of_time_does():
    ended = failure(CANCELLED, "operation was canceled")
    late = failure(TIMED_OUT, "exceeded the maximum execution time")

    assert outcome(diagnose("operation was canceled", ended, late)) is Outcome.CANCELLED
    both = "exceeded the maximum execution time\noperation was canceled"
    assert outcome(diagnose(both, ended, late)) is Outcome.FAILED


def test_a_cause_that_was_found_counts_although_the_job_was_cancelled():
    ended = failure(CANCELLED, "operation was canceled")

    assert outcome(diagnose("apple\noperation was canceled", cause("a/one", "apple"), ended)).bad
