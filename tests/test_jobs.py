"""The settings of one job from wherever they are written; names are InferenceX's real formats."""

from __future__ import annotations

import pytest
from examine import cause, diagnose, failure

from diagnose.catalogue import default_root, load
from diagnose.jobs.names import settings
from diagnose.jobs.outcome import CANCELLED, FROM_OUTSIDE, TIMED_OUT, outcome
from diagnose.jobs.results import stem
from diagnose.jobs.settings import numbers
from diagnose.jobs.settings import settings as joined
from diagnose.model.sweep import Outcome, Where

NAMES = {
    # Since July 2026: sizes of one are left out, words are abbreviated, spaces run together.
    "p0.123 | minimaxm3 fp4 mi355x vllm TP8/PP2/DCP8/EP8/DPA mtp dram KV offload lmcache c128 | eval-only": {
        "model_prefix": "minimaxm3", "precision": "fp4", "hardware": "mi355x", "framework": "vllm", "tp": "8", "pp": "2",
        "dcp": "8", "pcp": "1", "ep": "8", "dpa": "true", "spec": "mtp", "kv_offload": "dram",
        "kv_offload_backend": "lmcache", "conc": "128", "eval_only": "true",
    },
    "single-node 8k1k / p0.5 | dsr1 fp8 b200-dgxc sgl TP4    c16": {
        "model_prefix": "dsr1", "precision": "fp8", "hardware": "b200-dgxc", "framework": "sglang", "tp": "4", "pp": "1",
        "dcp": "1", "pcp": "1", "ep": "1", "dpa": "false", "spec": "none", "conc": "16", "isl": "8192", "osl": "1024",
    },
    "multi-node 1k1k / p0.1 | dsv4 fp4 gb200 dyn-sgl 1P (TP4/EP4/DPA) x 2D (TP8) mtp c8x16x32": {
        "model_prefix": "dsv4", "precision": "fp4", "hardware": "gb200", "framework": "dynamo-sglang", "disagg": "true",
        "prefill_workers": "1", "prefill_tp": "4", "prefill_pp": "1", "prefill_dcp": "1", "prefill_pcp": "1",
        "prefill_ep": "4", "prefill_dpa": "true", "decode_workers": "2", "decode_tp": "8", "decode_pp": "1",
        "decode_dcp": "1", "decode_pcp": "1", "decode_ep": "1", "decode_dpa": "false", "spec": "mtp",
        "conc": "8x16x32", "isl": "1024", "osl": "1024",
    },
    # The same as the name of a log file, without what no file name may hold.
    "single-node 8k1k _ p0.5  dsr1 fp8 b200-dgxc sgl TP4    c16  eval-only": {
        "model_prefix": "dsr1", "precision": "fp8", "hardware": "b200-dgxc", "framework": "sglang", "tp": "4", "pp": "1",
        "dcp": "1", "pcp": "1", "ep": "1", "dpa": "false", "spec": "none", "conc": "16", "isl": "8192", "osl": "1024",
        "eval_only": "true",
    },
    # A kind of speculation that is not known yet.
    "p0.5 | dsv4 fp8 b300 vllm TP8 dspark c32": {
        "model_prefix": "dsv4", "precision": "fp8", "hardware": "b300", "framework": "vllm", "tp": "8", "pp": "1",
        "dcp": "1", "pcp": "1", "ep": "1", "dpa": "false", "spec": "dspark", "conc": "32",
    },
    # In between, without a priority.
    "minimaxm3 fp4 mi355x vllm TP8/EP8/DPA mtp c128": {
        "model_prefix": "minimaxm3", "precision": "fp4", "hardware": "mi355x", "framework": "vllm", "tp": "8", "pp": "1",
        "dcp": "1", "pcp": "1", "ep": "8", "dpa": "true", "spec": "mtp", "conc": "128",
    },
    # Until July 2026.
    "single-node 8k1k / minimaxm3_8k1k fp4 mi355x vllm | tp=8 ep=8 dpa=true | disagg-false spec-mtp conc-256 | eval": {
        "model_prefix": "minimaxm3", "precision": "fp4", "hardware": "mi355x", "framework": "vllm", "tp": "8", "ep": "8",
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
        "model_prefix": "minimaxm3", "precision": "fp4", "framework": "vllm", "tp": "8", "pp": "1", "dcp": "1", "pcp": "1",
        "ep": "8", "dpa": "false", "disagg": "false", "spec": "mtp", "conc": "128", "runner": "mi355x-amds_03",
        "recipe": "0123456789abcdef", "isl": "8192", "osl": "1024",
    },
    "agg_dsr1_1k1k_fp8_sglang_tp8-ep8-dpatrue_disagg-false_spec-none_conc64_b200-nv_1.json": {
        "model_prefix": "dsr1", "precision": "fp8", "framework": "sglang", "tp": "8", "ep": "8", "dpa": "true",
        "disagg": "false", "spec": "none", "conc": "64", "runner": "b200-nv_1", "isl": "1024", "osl": "1024",
    },
    # The first ones.
    "h200-vllm (tp8 , conc64)": {"hardware": "h200", "framework": "vllm", "tp": "8", "conc": "64"},
    "mi300x fp8 tp8 conc64": {"hardware": "mi300x", "precision": "fp8", "tp": "8", "conc": "64"},
    "dsr1_1k1k_tp8_conc64_h200-cw_00": {
        "tp": "8", "conc": "64", "runner": "h200-cw_00", "isl": "1024", "osl": "1024",
    },
    "gptoss_1k1k_vllm_fp4_tp8_conc64_b200-nv_1": {
        "model_prefix": "gptoss", "framework": "vllm", "precision": "fp4", "tp": "8", "conc": "64", "runner": "b200-nv_1",
        "isl": "1024", "osl": "1024",
    },
    "dsr1_1k1k_fp8_sglang_tp8_ep8_dpa_true_conc64_specdecode_mtp_b200-nv_1": {
        "model_prefix": "dsr1", "precision": "fp8", "framework": "sglang", "tp": "8", "ep": "8", "dpa": "true", "conc": "64",
        "spec": "mtp", "runner": "b200-nv_1", "isl": "1024", "osl": "1024",
    },
    # Prefill and decode workers.
    "dsr1_8k1k fp4 gb200 dynamo-trt | P(tp4/ep4/dptrue/nw1) D(tp8/ep8/dpfalse/nw2) | disagg-true spec-none conc-8x16": {
        "model_prefix": "dsr1", "precision": "fp4", "hardware": "gb200", "framework": "dynamo-trt", "isl": "8192", "osl": "1024",
        "disagg": "true", "spec": "none", "conc": "8x16", "prefill_tp": "4", "prefill_ep": "4", "prefill_dpa": "true",
        "prefill_workers": "1", "decode_tp": "8", "decode_ep": "8", "decode_dpa": "false", "decode_workers": "2",
    },
    "dsr1_1k1k_fp8_dynamo-sglang_prefill-tp4-pp1-dcp1-pcp1-ep4-dptrue-nw1_decode-tp8-pp1-dcp1-pcp1-ep8-dpfalse-nw2_disagg-true_spec-none_conc8x16_gb200-nv_0": {
        "model_prefix": "dsr1", "precision": "fp8", "framework": "dynamo-sglang", "isl": "1024", "osl": "1024",
        "prefill_tp": "4", "prefill_pp": "1", "prefill_dcp": "1", "prefill_pcp": "1", "prefill_ep": "4",
        "prefill_dpa": "true", "prefill_workers": "1", "decode_tp": "8", "decode_pp": "1", "decode_dcp": "1",
        "decode_pcp": "1", "decode_ep": "8", "decode_dpa": "false", "decode_workers": "2", "disagg": "true",
        "spec": "none", "conc": "8x16", "runner": "gb200-nv_0",
    },
    "dsr1_1k1k_fp8_ptp4pep4_dtp8dep8_dynamo-sglang_specdec-mtp_conc8x16_gb200-nv_0": {
        "model_prefix": "dsr1", "precision": "fp8", "isl": "1024", "osl": "1024", "prefill_tp": "4", "prefill_ep": "4",
        "decode_tp": "8", "decode_ep": "8", "spec": "mtp", "conc": "8x16", "runner": "gb200-nv_0",
    },
    # The log file of such a job, for which GitHub leaves out what no file name may hold.
    "single-node 8k1k  p0.5  dsr1 fp8 b200-dgxc sgl TP4EP4DPA    c16": {
        "model_prefix": "dsr1", "precision": "fp8", "hardware": "b200-dgxc", "framework": "sglang", "tp": "4", "pp": "1",
        "dcp": "1", "pcp": "1", "ep": "4", "dpa": "true", "spec": "none", "conc": "16", "isl": "8192", "osl": "1024",
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
        f"{RESULT}_conc8.json",
        f"{RESULT}_results_concurrency_64_gpus_12_ctx_4_gen_8.json",
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
    known = joined("x tp=2 ep=2 conc=2 isl=7", facts)
    found, kinds = known.axes, known.kinds

    assert (found["tp"], found["ep"], found["conc"], found["isl"]) == ("8", "8", "64", "1024")
    assert found["$SOME_SWITCH"] == "true"
    assert "$LATER" not in found
    assert kinds["ep"] is Where.CONFIG
    assert kinds["$SOME_SWITCH"] is Where.ENV


def test_what_the_user_says_is_believed_first():
    known = joined("x tp=2", {"env:TP": "8"}, given={"tp": "4"})

    assert known.axes["tp"] == "4"
    assert known.contradictions == ()


def test_what_follows_in_the_server_from_the_settings_is_none_of_them():
    facts = {"max_model_len": "9472", "tensor_parallel_size": "8", "quantization": "quark"}

    named, alone = joined("x tp=8 ep=8", facts), joined("x", facts)

    assert named.kinds["max_model_len"] is Where.LOG
    assert named.kinds["tp"] is Where.CONFIG
    assert joined("x max_model_len=9472", facts).kinds["max_model_len"] is Where.CONFIG
    # Where nothing else tells the settings, the server's are those of the matrix.
    assert alone.kinds["max_model_len"] is Where.CONFIG


def test_a_result_file_that_contradicts_the_environment_is_told():
    facts = {"env:TP": "8", "env:EP_SIZE": "8", "env:CONC": "64", "env:SPEC_DECODING": "mtp"}
    file = "m_1k1k_fp8_vllm_tp8-ep1-dpafalse_disagg-false_spec-mtp_conc64_r_1.json"

    told = joined("job", facts, files=[file]).contradictions

    assert [(c.axis, c.value, c.other) for c in told] == [("ep", "8", "1")]
    assert "environment" in told[0].place
    assert "result file" in told[0].other_place


def test_sources_that_say_the_same_in_other_words_do_not_contradict_each_other():
    facts = {
        "env:TP": "8", "env:PP_SIZE": "1", "env:EP_SIZE": "1", "env:DP_ATTENTION": "false", "env:CONC": "64",
        "env:MODEL": "deepseek-ai/DeepSeek-R1", "env:PRECISION": "fp8", "env:FRAMEWORK": "sglang",
        "env:SPEC_DECODING": "none", "env:ISL": "8192", "env:OSL": "1024", "env:EXP_NAME": "dsr1_8k1k",
        "env:RUNNER_NAME": "b200-dgxc_04", "env:RUNNER_TYPE": "b200-dgxc",
        "env:RESULT_FILENAME": "dsr1_8k1k_fp8_sglang_tp8-ep1-dpafalse_disagg-false_spec-none_conc64_b200-dgxc_04",
    }  # fmt: skip
    name = "single-node 8k1k / p0.5 | dsr1 fp8 b200-dgxc sgl TP8    c64"
    result = {"tp": 8, "ep": 1, "conc": 64, "dp_attention": "false", "isl": 8192, "disagg": False}

    assert joined(name, facts, results=[result]).contradictions == ()


def test_the_workers_of_a_disaggregated_job_have_settings_each():
    facts = {
        "env:PREFILL_TP": "4", "env:PREFILL_DP_ATTN": "true", "env:PREFILL_NUM_WORKERS": "1", "env:DECODE_TP": "8",
        "env:DECODE_PP_SIZE": "1", "env:CONC_LIST": "8 16",
    }  # fmt: skip
    name = "multi-node 1k1k / p0.1 | dsr1 fp8 gb200 dyn-sgl 1P (TP4/DPA) x 2D (TP8) c8x16"

    known = joined(name, facts, results=[{"conc": 8, "decode_tp": 8}, {"conc": 16, "decode_tp": 8}])

    assert known.contradictions == ()
    assert {a: known.axes[a] for a in ("prefill_dpa", "prefill_workers", "decode_tp", "conc")} == {
        "prefill_dpa": "true", "prefill_workers": "1", "decode_tp": "8", "conc": "8x16",
    }  # fmt: skip
    assert not any(axis.startswith("$") for axis in known.axes)


def test_results_under_several_concurrencies_are_kept_apart():
    rows = [{"conc": 8, "tput_per_gpu": 100.0}, {"conc": 16, "tput_per_gpu": 180.0}]

    assert numbers(rows) == {
        "tput_per_gpu (conc=8)": 100.0,
        "tput_per_gpu (conc=16)": 180.0,
    }


def test_a_backend_that_was_chosen_is_what_the_log_says():
    line = "(Worker_TP0_EP0 pid=6) INFO 07-01 02:06:33 [mxfp4.py:499] Using 'EMULATION' Mxfp4 MoE backend."
    known = joined("x", diagnose(line, cause("a/one", "apple")).facts)

    assert known.axes["backend:moe"] == "EMULATION"
    assert known.kinds["backend:moe"] is Where.LOG


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
