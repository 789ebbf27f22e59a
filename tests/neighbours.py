"""Jobs beside the main case: what looks like it, what came before it, and what else ends such a job.

Each is composed like the main case (see compose.py) and must come out differently.
"""

from __future__ import annotations

from collections.abc import Iterator

from compose import (
    Job,
    benchmark,
    choose_aiter,
    choose_emulation,
    come_up,
    header,
    load_weights,
    loaded,
    served,
    start,
)

EXIT = "##[error]Process completed with exit code 1."


def dequantizer_missing() -> Job:
    """AITER switched off under expert parallelism, in an image whose Quark does not import."""
    job = Job()
    header(job, "--job-name=bmk-mi355x-3")
    job.say("+ export VLLM_ROCM_USE_AITER=0")
    start(job)
    choose_emulation(job)
    load_weights(job)
    core = "EngineCore pid=395"
    for rank in range(job.tp):
        who = job.worker(rank)
        job.log(
            who,
            "ERROR",
            "multiproc_executor.py:894",
            "WorkerProc hit an exception.",
            8 if rank == 0 else 0.1,
        )
        job.log(who, "ERROR", "multiproc_executor.py:894", "Traceback (most recent call last):")
        job.log(
            who,
            "ERROR",
            "multiproc_executor.py:894",
            '  File "/usr/local/lib/python3.12/dist-packages/vllm/model_executor/layers/quantization/utils/mxfp4_utils.py", line 146, in _dequant_mxfp4',
        )
        job.log(who, "ERROR", "multiproc_executor.py:894", "    from quark.torch.kernel import mx")
        job.log(
            who,
            "ERROR",
            "multiproc_executor.py:894",
            "ModuleNotFoundError: No module named 'torch.ao.quantization.pt2e'",
        )
    job.log(core, "ERROR", "core.py:1138", "EngineCore failed to start.", 1)
    job.log(
        core,
        "ERROR",
        "core.py:1138",
        "RuntimeError: Worker failed with error 'No module named 'torch.ao.quantization.pt2e'', please check the stack trace above for the root cause",
    )
    job.say(
        "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}",
        2,
    )
    job.say("Process died before http://0.0.0.0:8891/health became ready.", 5)
    job.say(EXIT, 1)
    return job


def aiter_memory_fault() -> Job:
    """The opposite era: AITER's expert kernel faults under MXFP4 and expert parallelism."""
    job = loaded(choose_aiter, flags=" --moe-backend aiter")
    job.say(
        "[aiter] [fused_moe] using 2stage default for (256, 8192, 3072, 1536, 64, 8)",
        9,
    )
    for rank in range(2):
        job.say(
            f"Memory access fault by GPU node-{rank + 2} (Agent handle: 0x1f6a3c0) on address 0x7f11c4a00000. Reason: Unknown.",
            0.3,
        )
        job.say("Kernel Name: _ZN5aiter50fmoe_bf16_blockscaleMxfp4_g1u1_vs_silu_1tg_ps_32x256E")
    job.log(
        "EngineCore pid=395",
        "ERROR",
        "multiproc_executor.py:283",
        "Worker proc VllmWorker-0 died unexpectedly, shutting down executor.",
        2,
    )
    job.log("EngineCore pid=395", "ERROR", "core.py:1138", "EngineCore encountered a fatal error.")
    job.say("Process died before http://0.0.0.0:8891/health became ready.", 5)
    job.say(EXIT, 1)
    return job


def controller_unreachable() -> Job:
    """Nothing ran: the allocation never came."""
    job = Job()
    header(job, "--job-name=bmk-mi300x-2")
    job.lines = [
        line
        for line in job.lines
        if "salloc:" not in line and "running on" not in line and "docker stop" not in line
    ]
    for _ in range(4):
        job.say("salloc: error: Unable to contact slurm controller (connect failure)", 62)
    job.say(EXIT, 1)
    return job


def accuracy_zero() -> Job:
    """Expert parallelism on MI300X: the server is fast to start, slow to answer, and answers nonsense."""
    job = served(runner="bmk-mi300x-2")
    job.say(
        'meta_env: {"tp": 8, "ep": 8, "dp_attention": false, "framework": "vllm", "runner": "mi300x"}',
        200,
    )
    job.say("|Tasks|Version|     Filter     |n-shot|  Metric   |   |Value |   |Stderr|")
    job.say("|gsm8k|      3|flexible-extract|     5|exact_match|↑  |0.0000|±  |0.0000|")
    job.say("|     |       |strict-match    |     5|exact_match|↑  |0.0000|±  |0.0000|")
    job.say(
        "FAIL: gsm8k exact_match,strict-match = 0.0000 (< 0.9000 from utils/evals/thresholds.json)"
    )
    job.say(
        "baseline tp=8 ep=1 same image: gsm8k exact_match,strict-match = 0.9205 PASS, 905 tok/s/gpu (this row: 434)"
    )
    job.say(EXIT, 1)
    return job


def below_threshold() -> Job:
    """An evaluation a little under its gate: the log does not say why."""
    job = served(ep=1)
    job.say("|gsm8k|      3|strict-match    |     5|exact_match|↑  |0.8870|±  |0.0087|", 300)
    job.say(
        "FAIL: gsm8k exact_match,strict-match = 0.8870 (< 0.9000 from utils/evals/thresholds.json)"
    )
    job.say(EXIT, 1)
    return job


def old_firmware() -> Job:
    """MEC firmware below 177 without the variable that it needs."""
    job = Job(ep=1)
    header(job, "--job-name=bmk-mi355x-3")
    start(job)
    for rank in range(job.tp):
        job.say(
            "[FATAL ERROR]: HSA_NO_SCRATCH_RECLAIM=1 must be set to avoid performance",
            3 if rank == 0 else 0.1,
        )
        job.say("degradation with the current HIP configuration.")
        job.say("(Runtime version:70253211, GPU Firmware version:14)")
        job.say("[FATAL ERROR]: Please set HSA_NO_SCRATCH_RECLAIM=1 and rerun.")
    job.log("EngineCore pid=395", "ERROR", "core.py:1138", "EngineCore failed to start.", 1)
    job.say(
        "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}",
        2,
    )
    job.say(EXIT, 1)
    return job


def scratch_pinned() -> Job:
    """The opposite: the variable is set where it is not needed, and scratch memory is never given back."""
    job = Job(ep=1)
    header(job, "--job-name=bmk-mi355x-3")
    job.say("+ export HSA_NO_SCRATCH_RECLAIM=1")
    start(job)
    choose_aiter(job)
    load_weights(job)
    come_up(job)
    job.say(
        ":0:rocdevice.cpp            :3675: 1846200317905 us:  Callback: Queue 0x7e2a51400000 aborting with error : HSA_STATUS_ERROR_OUT_OF_RESOURCES: The runtime failed to allocate the necessary resources. This error may also occur when the core runtime library needs to spawn threads or create internal OS-specific events. Code: 0x1008 Available Free mem : 0 MB",
        90,
    )
    job.log(
        "EngineCore pid=395",
        "ERROR",
        "multiproc_executor.py:283",
        "Worker proc VllmWorker-3 died unexpectedly, shutting down executor.",
        2,
    )
    job.log(
        "APIServer pid=301",
        "ERROR",
        "async_llm.py:688",
        "vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue. See stack trace (above) for the root cause.",
        1,
    )
    job.say(EXIT, 3)
    return job


def integer_test() -> Job:
    """A shell test on an empty value: ugly, and not why the job failed."""
    job = Job(ep=1)
    header(job, "--job-name=bmk-mi355x-3")
    job.say(
        "benchmarks/single_node/minimaxm3_fp4_mi355x.sh: line 31: [: : integer expression expected"
    )
    job.say("usage: vllm [-h] [-v]", 20)
    job.say("            {chat,complete,serve,launch,bench,collect-env,run-batch} ...")
    job.say("vllm: error: unrecognized arguments: --disable-log-requests")
    job.say("Process died before http://0.0.0.0:8891/health became ready.", 5)
    job.say(EXIT, 1)
    return job


def integer_test_only() -> Job:
    """The same noise in a job that went well."""
    job = Job(ep=1)
    header(job, "--job-name=bmk-mi355x-3")
    job.say(
        "benchmarks/single_node/minimaxm3_fp4_mi355x.sh: line 31: [: : integer expression expected"
    )
    start(job)
    choose_aiter(job)
    load_weights(job)
    come_up(job)
    benchmark(job)
    return job


def patch_failed() -> Job:
    """The launch script patches the engine in the container, and the patch does not fit the image."""
    job = Job(ep=1)
    header(job, "--job-name=bmk-mi355x-3")
    job.say(
        "+ cd /usr/local/lib/python3.12/dist-packages && patch -p1 < /workspace/patches/aiter_ep.patch",
        4,
    )
    job.say("patching file vllm/model_executor/layers/fused_moe/rocm_aiter_fused_moe.py")
    job.say("Hunk #2 FAILED at 412.")
    job.say(
        "1 out of 3 hunks FAILED -- saving rejects to file vllm/model_executor/layers/fused_moe/rocm_aiter_fused_moe.py.rej"
    )
    job.say(EXIT, 1)
    return job


def neighbours() -> Iterator[tuple[str, str, Job, str, str]]:
    """File name, verdict, job, cause and the line that shows it, for every one."""
    yield (
        "quark-import-fails",
        "failed",
        dequantizer_missing(),
        "python/python-dependency-version-mismatch",
        "ModuleNotFoundError: No module named 'torch.ao",
    )
    yield (
        "aiter-memory-fault",
        "failed",
        aiter_memory_fault(),
        "aiter/aiter-kernel-memory-fault",
        "Kernel Name: _ZN5aiter",
    )
    yield (
        "slurm-controller-unreachable",
        "failed",
        controller_unreachable(),
        "slurm/slurm-controller-unreachable",
        "Unable to contact slurm controller",
    )
    yield (
        "ep8-accuracy-zero",
        "failed",
        accuracy_zero(),
        "vllm/ep-topology-accuracy-zero",
        "= 0.0000 (<",
    )
    yield "eval-below-threshold", "failed", below_threshold(), "", ""
    yield (
        "mec-firmware-old",
        "failed",
        old_firmware(),
        "rocm/rocm-scratch-reclaim-old-firmware",
        "HSA_NO_SCRATCH_RECLAIM=1 must be set",
    )
    yield (
        "scratch-pinned",
        "failed",
        scratch_pinned(),
        "rocm/rocm-scratch-pinned-oom",
        "Available Free mem : 0 MB",
    )
    yield (
        "integer-expression-and-bad-flag",
        "failed",
        integer_test(),
        "vllm/cli-unrecognized-argument",
        "unrecognized arguments: --disable-log-requests",
    )
    yield "integer-expression-only", "healthy", integer_test_only(), "", ""
    yield (
        "in-container-patch-failed",
        "failed",
        patch_failed(),
        "client/in-container-patch-failed",
        "Hunk #2 FAILED",
    )
