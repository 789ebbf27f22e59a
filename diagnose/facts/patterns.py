"""Where settings are printed: expressions for the lines, and the names of one setting everywhere.

Floor 5: data.
"""

from __future__ import annotations

from collections.abc import Mapping

# Names of one setting in vLLM's arguments and config, SGLang's arguments, flags and job variables.
NAMES: Mapping[str, str] = {
    "tensor_parallel_size": "tensor_parallel_size",
    "tp_size": "tensor_parallel_size",
    "tp": "tensor_parallel_size",
    "tensor_model_parallel_size": "tensor_parallel_size",
    "pipeline_parallel_size": "pipeline_parallel_size",
    "pp_size": "pipeline_parallel_size",
    "pp": "pipeline_parallel_size",
    "data_parallel_size": "data_parallel_size",
    "dp_size": "data_parallel_size",
    "dp": "data_parallel_size",
    "enable_expert_parallel": "expert_parallel",
    "ep_size": "ep_size",
    "expert_parallel_size": "ep_size",
    "ep": "ep_size",
    "dp_attention": "dp_attention",
    "dpa": "dp_attention",
    "enable_dp_attention": "dp_attention",
    "moe_backend": "moe_backend",
    "moe_runner_backend": "moe_backend",
    "attention_backend": "attention_backend",
    "quantization": "quantization",
    "kv_cache_dtype": "kv_cache_dtype",
    "enforce_eager": "enforce_eager",
    "disable_cuda_graph": "enforce_eager",
    "max_model_len": "max_model_len",
    "port": "port",
    "max_seq_len": "max_model_len",
    "context_length": "max_model_len",
    "max_num_seqs": "max_num_seqs",
    "max_running_requests": "max_num_seqs",
    "max_num_batched_tokens": "max_num_batched_tokens",
    "gpu_memory_utilization": "gpu_memory_utilization",
    "mem_fraction_static": "gpu_memory_utilization",
    "speculative_config": "speculative",
    "speculative_algorithm": "speculative",
    "spec_decoding": "speculative",
    "model": "model",
    "model_tag": "model",
    "model_path": "model",
    "distributed_executor_backend": "distributed_executor_backend",
    "all2all_backend": "all2all_backend",
    "nnodes": "nnodes",
}

ENV_NAMES = (
    r"VLLM_\w+|SGLANG_\w+|SGL_\w+|AITER_\w+|HSA_\w+|NCCL_\w+|RCCL_\w+|HIP_\w+|ROCR_\w+|CUDA_\w+|TORCH_\w+"
    r"|PYTORCH_\w+|HF_\w+|TP|PP|EP_SIZE|DP_ATTENTION|CONC|ISL|OSL|MODEL|IMAGE|PRECISION|FRAMEWORK"
    r"|SPEC_DECODING|EXP_NAME|RUNNER_\w+|RESULT_FILENAME\w*|MAX_MODEL_LEN|RANDOM_RANGE_RATIO"
)

ENGINE_CONFIG = (
    r"Initializing a V\d LLM engine \(v(?P<version>[^)\s]+)\) with config: (?P<config>.*)"
)
BANNER = r"vLLM (?:API )?server version:? (?P<version>\d[\w.+-]*)"
LOGO = r"[▀▄█]\s+version\s+(?P<version>\d[\w.+-]*)"
ARGS = r"non-default args: (?P<args>\{.*)"
NAMESPACE = r"\bargs: Namespace\((?P<args>.*)\)"
SERVER_ARGS = r"server_args=(?:ServerArgs)?\((?P<args>.*)"
COMMAND = (
    r"(?:vllm serve|sglang serve|-m sglang\.launch_server|-m vllm\.entrypoints\.openai\.api_server"
    r"|atom\.entrypoints\.openai_server|trtllm-serve)(?P<argv>\s.*)"
)
RANK = r"rank \d+ in world size (?P<world_size>\d+) is assigned as DP rank .{0,120}?EP rank (?P<ep>\d+|N/A)"
EP_RANK = r"\[EP Rank \d+/(?P<ep_size>\d+)\] Expert parallelism is enabled"
WORLD = r"world_size=(?P<world_size>\d+) rank=\d+ local_rank=\d+ distributed_init_method="
META_ENV = r'(?P<json>\{"tp": ?\d+.*\})'
JOB_NAME = r"\btp=(?P<tp>\d+) ep=(?P<ep>\d+)(?: dpa=(?P<dpa>\w+))?"
EXPORT = rf"\bexport (?P<name>{ENV_NAMES})=(?P<value>[^\s;]*)"
NODE = (
    r"(?:\bJOB \d+ running on|\bsalloc: Nodes|^Machine name:|\bSLURM_NODELIST=|\bSLURMD_NODENAME=)"
    r" *'?(?P<node>[\w.\[\],-]+)"
)
RUNNER = r"^Runner name: '(?P<runner>[^']{1,100})'"
CONTAINER = r"\bsrun\b.{0,2000}--container-image[= ](?P<image>[^\s'\"]+)"
BACKEND = (
    r"\bUsing (?P<quote>'?)(?P<backend>[A-Za-z][\w.+-]*)(?P=quote) (?P<use>(?:[A-Za-z]\w* ){0,2})backend\b"
    r"(?P<listed> out of potential)?"
)
LIBRARY = (
    r"(?i:\b(?P<library>nccl|rccl|(?:py)?torch|transformers|triton|flashinfer|aiter|rocm|sgl[-_]kernel)"
    r"(?: ?==| version ?:? ?)(?P<release>\d[\w.+-]*))"
)
DEVICE = r"\bdevice_config=(?P<device>cuda|cpu|rocm|hip|npu|xpu)\b"
PLATFORM = r"Automatically detected platform (?P<platform>\w+)"
GPUS = r"--(?:gres=gpu|gpus(?:-per-node)?)(?::[\w.]+)?[:=](?P<gpus>\d+)"
CI_STEP = "##[group]Run "
AMD = (
    r"\bgfx9\d\w|\bgfx1[0-2]\d\w|HIP error|\bamdgpu\b|\[aiter\]|\bRCCL\b|MI300|MI325|MI355|mi300x|mi325x"
    r"|mi355x|HSA_STATUS|\brocm\b|hipError|ROCm version|HSA_NO_SCRATCH_RECLAIM"
)
NVIDIA = (
    r"\bNVIDIA\b|CUDA error|CUDA out of memory|\bcudaError|\bsm_[789]\d|\bsm_1[0-2]\d|flashinfer|\bNVRM\b"
    r"|CUDAGraph|cuda\.py:"
)
CPU = r"\bcpu_worker\.py|cpu_model_runner\.py"
ASCEND = r"\bHCCL\b|vllm[-_]ascend"
OTHER_ENGINE = r"text_generation_launcher|text-generation-server|tensorrt_llm|\batom\.entrypoints"

PATTERNS = (
    ENGINE_CONFIG,
    BANNER,
    LOGO,
    ARGS,
    NAMESPACE,
    SERVER_ARGS,
    COMMAND,
    RANK,
    EP_RANK,
    WORLD,
    META_ENV,
    JOB_NAME,
    EXPORT,
    PLATFORM,
    DEVICE,
    GPUS,
    AMD,
    NVIDIA,
    CPU,
    ASCEND,
    OTHER_ENGINE,
    NODE,
    RUNNER,
    CONTAINER,
    BACKEND,
    LIBRARY,
)
CI_STEP_LINES = 90
"""After such a line, in which settings may stand; in the step's own list of them they may stand further down."""
WINDOWS: Mapping[str, int] = {r"##\[group\]Run ": 400}
"""Expressions whose following lines are read too, and how many of them."""
