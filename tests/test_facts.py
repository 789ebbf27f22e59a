from __future__ import annotations

import pytest
from examine import cause, diagnose

ENGINE = (
    "(EngineCore pid=2) INFO 07-01 02:00:00 [core.py:113] Initializing a V1 LLM engine (v0.22.1) with config: model='m/M',"
    " tensor_parallel_size=8, pipeline_parallel_size=1, data_parallel_size=1, quantization=quark, enforce_eager=False,"
    " kv_cache_dtype=auto, kernel_config=KernelConfig(enable_flashinfer_autotune=True, moe_backend='auto')"
)


def facts(text):
    return diagnose(text, cause("a/one", "apple")).facts


def test_the_engine_tells_its_version_and_settings():
    read = facts(ENGINE)

    assert read["engine"] == "vllm"
    assert read["version"] == "0.22.1"
    assert read["tensor_parallel_size"] == "8"
    assert read["moe_backend"] == "auto"
    assert read["quantization"] == "quark"
    assert read["gpu_count"] == "8"


@pytest.mark.parametrize(
    "text",
    [
        "(Worker_TP3_EP3 pid=9) INFO 07-01 02:00:00 [a.py:1] apple",
        "(APIServer pid=1) INFO 07-01 02:00:00 [a.py:1] non-default args: {'enable_expert_parallel': True}",
        "+ vllm serve m --enable-expert-parallel",
        "(Worker pid=9) INFO 07-01 02:00:00 [a.py:1] [EP Rank 0/8] Expert parallelism is enabled. Expert placement",
        "2026-07-01T02:05:11.0500000Z ##[group]Run x\n2026-07-01T02:05:11.0500000Z env:\n2026-07-01T02:05:11.0500000Z   EP_SIZE: 8",
        'meta_env: {"tp": 8, "ep": 8, "dp_attention": true}',
    ],
)
def test_expert_parallelism_is_seen_wherever_it_is_printed(text):
    assert facts(text)["expert_parallel"] == "true"


def test_ep_size_of_one_is_no_expert_parallelism():
    assert facts('meta_env: {"tp": 8, "ep": 1}')["expert_parallel"] == "false"


def test_a_job_environment_block_is_read():
    read = facts(
        "##[group]Run ./launch.sh\nshell: bash\nenv:\n  TP: 8\n  MODEL: m/M\n  HF_TOKEN: ***\n##[endgroup]"
    )

    assert read["tensor_parallel_size"] == "8"
    assert read["model"] == "m/M"
    assert read["env:TP"] == "8"


def test_a_job_environment_block_below_a_long_script_is_read():
    script = "".join(f"  step {n}\n" for n in range(200))
    after = "".join(f"line {n}\n" for n in range(200))
    read = facts(f"##[group]Run {script}env:\n  TP: 8\n##[endgroup]\n{after}CONC: 64\n")

    assert read["env:TP"] == "8"
    assert "env:CONC" not in read


def test_sglang_arguments_are_read():
    read = facts(
        "[2026-07-01 02:00:00] server_args=ServerArgs(model_path='m/M', tp_size=4, ep_size=4, attention_backend='aiter')"
    )

    assert read["engine"] == "sglang"
    assert read["tensor_parallel_size"] == "4"
    assert read["expert_parallel"] == "true"
    assert read["attention_backend"] == "aiter"


@pytest.mark.parametrize(
    ("text", "hardware"),
    [
        ("[aiter] start build [module_x] under /x", "amd"),
        ("torch.OutOfMemoryError: HIP out of memory; arch gfx942", "amd"),
        ("RuntimeError: CUDA error: invalid device ordinal", "nvidia"),
        ("|   0  NVIDIA H100 80GB HBM3          On  |", "nvidia"),
        ("INFO 07-01 02:00:00 [cpu_worker.py:114] libtcmalloc is not found", "cpu"),
    ],
)
def test_the_hardware_is_what_only_its_software_prints(text, hardware):
    assert facts(text)["hardware"] == hardware


def test_what_is_not_printed_is_absent():
    assert "version" not in facts("apple")


@pytest.mark.parametrize(
    ("line", "name", "release"),
    [
        (
            "(Worker pid=1) INFO 07-01 02:00:00 [pynccl.py:148] vLLM is using nccl==2.27.7",
            "nccl",
            "2.27.7",
        ),
        ("node-7:12:12 [0] NCCL INFO NCCL version 2.21.5+cuda12.4", "nccl", "2.21.5+cuda12.4"),
        ("RCCL version : 2.22.3-HEAD:271856d", "rccl", "2.22.3-HEAD"),
        ("PyTorch version: 2.9.1+cu128", "torch", "2.9.1+cu128"),
        ("Requirement already satisfied: transformers==4.57.1 in /usr", "transformers", "4.57.1"),
    ],
)
def test_the_releases_of_libraries_are_read(line, name, release):
    assert facts(line)[f"version:{name}"] == release


@pytest.mark.parametrize(
    ("line", "name", "backend"),
    [
        ("[mxfp4.py:499] Using 'EMULATION' Mxfp4 MoE backend.", "moe", "EMULATION"),
        (
            "[rocm.py:849] Using ROCM_AITER_FA backend out of potential backends: ['A', 'B'].",
            "attention",
            "ROCM_AITER_FA",
        ),
        (
            "[cuda.py:1] Using FLASHINFER attention backend out of potential backends: ['A']",
            "attention",
            "FLASHINFER",
        ),
    ],
)
def test_the_backend_that_was_chosen_is_read(line, name, backend):
    assert facts(line)[f"backend:{name}"] == backend


def test_the_place_of_a_job_is_read():
    read = facts("Runner name: 'mi355x-amds_03'\nsalloc: Nodes node-07 are ready for job\n")

    assert read["env:RUNNER_NAME"] == "mi355x-amds_03"
    assert read["node"] == "node-07"
