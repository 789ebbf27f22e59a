"""Composes job logs from the message formats of the programs that print them.

The shipped sample `fixtures/logs/mxfp4-ep-hang.log` and its neighbours are made here: no log of the
published incident is public, so their lines follow the sources of vLLM 0.32.0, Quark 0.11, Slurm and
GitHub's runner, and the course of events follows the incident's description. Run this file to write
them anew: `python tests/compose_all.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

FIXTURES = Path(__file__).parent.parent / "fixtures" / "logs"
START = datetime(2026, 7, 1, 2, 5, 11)
SHM = (
    "No available shared memory broadcast block found in 60 seconds. This typically happens when some"
    " processes are hanging or doing some time-consuming work (e.g. compilation, weight/kv cache"
    " quantization)."
)
RANKS = 8


@dataclass
class Job:
    """One GitHub Actions job that starts a vLLM server under Slurm; `lines` grows as it runs."""

    tp: int = RANKS
    ep: int = RANKS
    version: str = "0.32.0"
    now: datetime = START
    lines: list[str] = field(default_factory=list)

    def say(self, text: str, after_s: float = 0.05) -> None:
        """One line of the job's log, with the runner's stamp."""
        self.now += timedelta(seconds=after_s)
        self.lines.append(f"{self.now:%Y-%m-%dT%H:%M:%S}.{self.now.microsecond:06d}0Z {text}")

    def log(self, who: str, level: str, place: str, text: str, after_s: float = 0.05) -> None:
        """One record of vLLM's logger."""
        self.now += timedelta(seconds=after_s)
        moment = f"{self.now:%m-%d %H:%M:%S}"
        self.say(f"({who}) {level} {moment} [{place}] {text}", 0)

    def worker(self, rank: int) -> str:
        """The prefix of a worker, with its ranks once it knows them."""
        ep = f"_EP{rank}" if self.ep > 1 else ""
        return f"Worker_TP{rank}{ep} pid={612 + rank}"


def header(job: Job, row: str) -> None:
    """The step's header with its environment block, the allocation and the launch command."""
    job.say("##[group]Run bash ./runners/launch_mi355x-amds.sh")
    job.say("\x1b[36;1mbash ./runners/launch_mi355x-amds.sh\x1b[0m")
    job.say("shell: /usr/bin/bash -e {0}")
    job.say("env:")
    for name, value in {
        "EXP_NAME": "minimaxm3_8k1k",
        "IMAGE": f"vllm/vllm-openai-rocm:v{job.version}",
        "MODEL": "amd/MiniMax-M3-MXFP4",
        "FRAMEWORK": "vllm",
        "PRECISION": "fp4",
        "TP": job.tp,
        "EP_SIZE": job.ep,
        "DP_ATTENTION": "false",
        "CONC": 256,
        "RUNNER_NAME": "mi355x-amds_03",
        "HF_TOKEN": "***",
    }.items():
        job.say(f"  {name}: {value}")
    job.say("##[endgroup]")
    job.say(
        f"+ salloc --partition=compute --gres=gpu:{job.tp} --exclusive --time=500 --no-shell {row}"
    )
    job.say("salloc: Granted job allocation 41877", 2)
    job.say("salloc: Nodes node-07 are ready for job")
    job.say('"docker stop" requires at least 1 argument.', 1)
    job.say("JOB 41877 running on node-07", 3)


def start(job: Job, flags: str = "") -> None:
    """From the server's command line to the workers' groups."""
    ep = " --enable-expert-parallel" if job.ep > 1 else ""
    job.say(
        f"+ vllm serve amd/MiniMax-M3-MXFP4 --port 8891 --tensor-parallel-size {job.tp}{ep}"
        f" --gpu-memory-utilization 0.9 --max-model-len 9472{flags}"
    )
    api, core = "APIServer pid=301", "EngineCore pid=395"
    expert = ", 'enable_expert_parallel': True" if job.ep > 1 else ""
    job.log(api, "INFO", "api_utils.py:347", "", 21)
    job.log(api, "INFO", "api_utils.py:347", f" ▄▄ ▄█ █     █     █ ▀▄▀ █  version {job.version}")
    job.log(
        api, "INFO", "api_utils.py:347", "  █▄█▀ █     █     █     █  model   amd/MiniMax-M3-MXFP4"
    )
    job.log(
        api,
        "INFO",
        "api_utils.py:286",
        "non-default args: {'model_tag': 'amd/MiniMax-M3-MXFP4', 'port': 8891, 'max_model_len': 9472,"
        f" 'tensor_parallel_size': {job.tp}{expert}, 'gpu_memory_utilization': 0.9}}",
    )
    job.log(api, "INFO", "model.py:733", "Resolved architecture: MiniMaxM3ForCausalLM", 9)
    job.log(api, "INFO", "model.py:2152", "Using max model len 9472")
    job.log(
        core,
        "INFO",
        "core.py:133",
        f"Initializing a V1 LLM engine (v{job.version}) with config: model='amd/MiniMax-M3-MXFP4',"
        " speculative_config=None, dtype=torch.bfloat16, max_seq_len=9472, load_format=auto,"
        f" tensor_parallel_size={job.tp}, pipeline_parallel_size=1, data_parallel_size=1,"
        " quantization=quark, enforce_eager=False, kv_cache_dtype=auto, device_config=cuda,"
        " kernel_config=KernelConfig(enable_flashinfer_autotune=True, moe_backend='auto')",
        14,
    )
    for rank in range(job.tp):
        job.log(
            f"Worker pid={612 + rank}",
            "INFO",
            "parallel_state.py:1906",
            f"world_size={job.tp} rank={rank} local_rank={rank}"
            " distributed_init_method=tcp://127.0.0.1:51299 backend=nccl",
            19 if rank == 0 else 0.2,
        )
    job.log("Worker pid=612", "INFO", "pynccl.py:148", "vLLM is using nccl==2.27.7", 2)
    rank = 0
    group = f"EP rank {rank}" if job.ep > 1 else "EP rank N/A"
    job.log(
        "Worker pid=612",
        "INFO",
        "parallel_state.py:2350",
        f"rank 0 in world size {job.tp} is assigned as DP rank 0, PP rank 0, PCP rank 0, TP rank 0, ETP rank 0,"
        f" {group}, EPLB rank N/A",
        8,
    )
    job.log(
        job.worker(0),
        "INFO",
        "gpu_model_runner.py:5039",
        "Starting to load model amd/MiniMax-M3-MXFP4...",
    )
    job.log(
        job.worker(0),
        "INFO",
        "rocm.py:849",
        "Using ROCM_AITER_FA backend out of potential backends: ['ROCM_AITER_FA', 'TRITON_ATTN'].",
    )


def choose_emulation(job: Job, scheme: str = "w_mxfp4_a_fp8") -> None:
    """The line that decides everything."""
    job.log(job.worker(0), "INFO", "mxfp4.py:499", "Using 'EMULATION' Mxfp4 MoE backend.", 1)
    job.log(job.worker(0), "INFO", "quark_moe.py:1650", f"Using EMULATION backend for {scheme}")
    job.log(
        job.worker(0),
        "WARNING",
        "ocp_mx_emulation_moe.py:97",
        "Using OCP_MXQuantizationEmulationTritonExperts MOE backend. This will dequantize weights on"
        " the fly and may be slower than native quantized MOE. Consider using a device with native"
        " OCP MX quantization support for better performance.",
    )
    if job.ep > 1:
        job.log(
            job.worker(0),
            "INFO",
            "expert_map_manager.py:250",
            f"[EP Rank 0/{job.ep}] Expert parallelism is enabled. Expert placement strategy: linear."
            " Local/global number of experts: 32/256. Experts local to global index map: 0->0, 1->1.",
        )


def choose_aiter(job: Job) -> None:
    """The native backend."""
    job.log(job.worker(0), "INFO", "mxfp4.py:499", "Using 'AITER_MXFP4_FP8' Mxfp4 MoE backend.", 1)


def load_weights(job: Job) -> None:
    """The checkpoint's shards, and the end of loading on every rank."""
    for shard in range(0, 49, 4):
        job.say(
            f"Loading safetensors checkpoint shards: {100 * shard // 48:3d}% Completed | {shard}/48"
            f" [{shard * 5 // 60:02d}:{shard * 5 % 60:02d}<00:00,  5.02s/it]",
            20,
        )
    job.log(
        job.worker(0), "INFO", "default_loader.py:501", "Loading weights took 241.40 seconds", 1
    )
    job.log(
        job.worker(0),
        "INFO",
        "gpu_model_runner.py:5149",
        "Model loading took 28.6 GiB memory and 262.180311 seconds",
        9,
    )


def build_quark(job: Job) -> None:
    """What every rank prints before it looks for the build lock; not vLLM's, so without a prefix."""
    for rank in range(job.tp):
        job.say("\x1b[32m", 24 if rank == 0 else 0.1)
        job.say("[QUARK-INFO]: C++ kernel compilation check start.\x1b[0m")
        job.say("\x1b[32m")
        job.say(
            "[QUARK-INFO]: C++ kernel build directory:"
            " /root/.cache/torch_extensions/py312_cpu/kernel_ext. First-time compilation may take a"
            " few minutes... Building for architectures PYTORCH_ROCM_ARCH='gfx900;gfx906;gfx908;"
            "gfx90a;gfx942;gfx950;gfx1030;gfx1100;gfx1101'\x1b[0m"
        )


def starve(job: Job, minutes: int) -> None:
    """The heartbeat of an engine core whose workers do not answer."""
    for _ in range(minutes):
        job.log("EngineCore pid=395", "INFO", "shm_broadcast.py:871", SHM, 60)


def finish_build(job: Job) -> None:
    """Every rank's end of the build."""
    for rank in range(job.tp):
        job.say(
            "[QUARK-INFO]: C++ kernel compilation is already complete. Ending the C++ kernel"
            " compilation check. Total time: 163.8207 seconds\x1b[0m",
            20 if rank == 0 else 0.1,
        )


def come_up(job: Job) -> None:
    """From the measured memory to the first request."""
    api, core = "APIServer pid=301", "EngineCore pid=395"
    job.log(job.worker(0), "INFO", "gpu_worker.py:759", "Available KV cache memory: 212.77 GiB", 31)
    job.log(
        core,
        "INFO",
        "kv_cache_utils.py:2327",
        "GPU KV cache size: 4,412,336 tokens, Maximum concurrency for 9,472 tokens per request: 465.83x",
        1,
    )
    job.log(
        job.worker(0),
        "INFO",
        "gpu_model_runner.py:6581",
        "Graph capturing finished in 41 secs, took 1.94 GiB",
        42,
    )
    job.log(
        core,
        "INFO",
        "core.py:402",
        "init engine (profile, create kv cache, warmup model) took 131.40 s",
        2,
    )
    job.log(api, "INFO", "entry.py:140", "Starting vLLM server on http://0.0.0.0:8891", 2)
    job.say("INFO:     Application startup complete.", 1)


def benchmark(job: Job) -> None:
    """The client's result, and the step's good end."""
    job.say("============ Serving Benchmark Result ============", 240)
    job.say("Successful requests:                     2560")
    job.say("Output token throughput (tok/s):         7243.11")
    job.say("Benchmark results saved to /workspace/minimaxm3_8k1k_fp4_vllm_tp8-ep8.json")


def time_out(job: Job) -> None:
    """The runner's last words at the job's time limit."""
    job.now = START + timedelta(hours=8, minutes=20, seconds=4)
    job.say("##[error]The operation was canceled.")
    job.say("##[group]Run scancel --name=mi355x-amds_03", 1)
    job.say("##[endgroup]")
    job.say("Cleaning up orphan processes", 2)


def loaded(
    backend: Callable[[Job], None],
    *,
    ep: int = 8,
    version: str = "0.32.0",
    runner: str = "bmk-mi355x-3",
    flags: str = "",
) -> Job:
    """A job whose server has chosen its expert backend and loaded its weights."""
    job = Job(ep=ep, version=version)
    header(job, f"--job-name={runner}")
    start(job, flags)
    backend(job)
    load_weights(job)
    return job


def served(*, ep: int = 8, runner: str = "bmk-mi355x-3") -> Job:
    """A job whose server came up with its native backend."""
    job = loaded(choose_aiter, ep=ep, runner=runner)
    come_up(job)
    return job


def hang(version: str = "0.32.0") -> Job:
    """The main case: the fallback, the build, the lock, the starvation, the time limit."""
    job = loaded(choose_emulation, version=version)
    build_quark(job)
    starve(job, 480)
    time_out(job)
    return job


def slow_build() -> Job:
    """The same start, with a builder that lives: two heartbeats, then everything comes up."""
    job = loaded(choose_emulation)
    build_quark(job)
    starve(job, 2)
    finish_build(job)
    come_up(job)
    benchmark(job)
    return job


def stale_lock() -> Job:
    """The lock of an earlier, killed job: no fallback in sight, the ranks stand in torch's baton."""
    job = loaded(choose_aiter, ep=1)
    starve(job, 45)
    job.say("+ py-spy dump --pid 615", 5)
    job.say("Process 615: VLLM::Worker_TP3")
    job.say("Python v3.12.11 (/usr/bin/python3.12)")
    job.say('Thread 615 (idle): "MainThread"')
    job.say("    wait (torch/utils/file_baton.py:50)")
    job.say("    _jit_compile (torch/utils/cpp_extension.py:2156)")
    job.say("    load (torch/utils/cpp_extension.py:1680)")
    job.say("    <module> (custom_rope/jit.py:31)")
    job.say("    determine_available_memory (vllm/v1/worker/gpu_worker.py:402)")
    job.say("+ ls -l /root/.cache/torch_extensions/py312_cpu/custom_rope/lock")
    job.say(
        "-rw-r--r-- 1 root root 0 Jun 28 21:40 /root/.cache/torch_extensions/py312_cpu/custom_rope/lock"
    )
    time_out(job)
    return job


def lock_in_weight_loading() -> Job:
    """The lock is met while weights are loaded: the queue is never used, so nothing is ever printed."""
    job = Job()
    header(job, "--job-name=bmk-mi355x-3")
    start(job)
    choose_emulation(job)
    for shard in (0, 4, 8):
        job.say(
            f"Loading safetensors checkpoint shards: {100 * shard // 48:3d}% Completed | {shard}/48"
            f" [00:{shard * 5 % 60:02d}<03:20,  5.02s/it]",
            20,
        )
    build_quark(job)
    time_out(job)
    return job


def no_expert_parallelism() -> Job:
    """The same model and image with EP=1: the native backend, and a good end."""
    job = served(ep=1)
    benchmark(job)
    return job


def main_case() -> Iterator[tuple[str, str, Job, str, str]]:
    """File name, verdict, job, cause and the line that shows it: the main case and its closest kin."""
    fallback = "vllm/mxfp4-emulation-fallback", "Using 'EMULATION' Mxfp4 MoE backend."
    lock = "torch/torch-extension-build-lock", "wait (torch/utils/file_baton.py:50)"
    yield "mxfp4-ep-hang", "hung", hang(), *fallback
    yield "mxfp4-ep-slow-build", "healthy", slow_build(), "", ""
    yield "stale-extension-lock", "hung", stale_lock(), *lock
    yield "lock-in-weight-loading", "hung", lock_in_weight_loading(), *fallback
    yield "mxfp4-ep1", "healthy", no_expert_parallelism(), "", ""


def expectation(verdict: str, job: Job, cause: str = "", quote: str = "") -> str:
    """The two lines that say what a diagnosis of the file must find, and on which line."""
    if not cause:
        return f"#=VERDICT=# {verdict}\n#=CAUSE=# none"
    number = next(n for n, line in enumerate(job.lines, start=4) if quote in line)
    return f"#=VERDICT=# {verdict}\n#=CAUSE=# {number} {cause}"


def text(expected: str, job: Job) -> str:
    """The whole file: where it comes from, what is expected of it, and the log."""
    return "\n".join(
        [
            "#=SOURCE=# composed from the message formats of vLLM 0.32.0, Quark 0.11 and GitHub's runner by tests/compose_all.py",
            expected,
            *job.lines,
            "",
        ]
    )
