"""Words that healthy logs are full of, and that therefore point to nothing.

Floor 3: pure. When a pattern offers several literals to look for, one that is in here is the last
choice. The lines are typical ones of vLLM, SGLang, NCCL, Uvicorn, TensorRT-LLM, pip and CI systems.
"""

from __future__ import annotations

from functools import lru_cache

_LINES = rb"""
2026-07-01T02:16:31.1234567Z (Worker_TP0_EP0 pid=612) INFO 07-01 02:16:31 [gpu_model_runner.py:499] Starting to load model
(Worker_DP1_TP1_EP1 pid=613) INFO 07-01 02:16:31 [multiproc_executor.py:499] [rank1]: (RayWorkerWrapper pid=7, ip=10.0.0.1) local_rank=1
(EngineCore_DP0 pid=42) WARNING 07-01 02:16:31 [core.py:12] (Worker_DP1_TP3_EP3 pid=613) (APIServer pid=11) (VllmWorker rank=1 pid=7)
Engine 000: Avg prompt throughput: 0.0 tokens/s, Avg generation throughput: 0.0 tokens/s, Running: 0 reqs, Waiting: 0 reqs, GPU KV cache usage: 0.0%, Prefix cache hit rate: 0.0%
INFO:     127.0.0.1:41234 - "POST /v1/chat/completions HTTP/1.1" 200 OK
INFO:     127.0.0.1:41234 - "GET /health HTTP/1.1" 200 OK
Loading safetensors checkpoint shards:  50% Completed | 81/163 [00:10<00:11,  7.31it/s]
Capturing CUDA graphs (mixed prefill-decode, PIECEWISE): 100%|##########| 67/67 [00:21<00:00,  3.12it/s]
Processed prompts: 100%|##########| 640/640 [01:02<00:00, 10.2it/s, est. speed input: 9000.00 toks/s, output: 9000.00 toks/s]
Using cache directory: /root/.cache/vllm/torch_compile_cache/0123456789/rank_0_0/backbone for vLLM's torch.compile
Using compilation config {"level":3,"backend":"","custom_ops":[],"splitting_ops":["vllm.unified_attention"],"use_inductor":true}
Available KV cache memory: 40.71 GiB  Maximum concurrency for 131,072 tokens per request: 2.54x  Model loading took 28.1 GiB and 9.1 seconds
rank 0 in world size 8 is assigned as DP rank 0, PP rank 0, TP rank 0, EP rank 0  world_size=8 rank=0 local_rank=0
Added request cmpl-0123456789abcdef. Received request chatcmpl-0123456789abcdef: params: SamplingParams(n=1, temperature=0.0, top_p=1.0, seed=None, stop=[], max_tokens=1024)
node-01:1234:1234 [0] NCCL INFO Channel 00/0 : 0[0] -> 1[1] via P2P/CUMEM/read
node-01:1234:1234 [0] NCCL INFO comm 0x123456789 rank 0 nRanks 16 nNodes 2 localRanks 8 localRank 0 MNNVL 0
node-01:1234:1234 [0] NCCL INFO NCCL_IB_HCA set to mlx5_0  Using network IB  Trees [0] 1/-1/-1->0->-1  Connected all rings
[2026-07-01 02:16:31 DP0 TP0 EP0] Decode batch. #running-req: 12, #token: 9000, token usage: 0.10, cuda graph: True, gen throughput (token/s): 900.00, #queue-req: 0,
[2026-07-01 02:16:31 TP0] Prefill batch. #new-seq: 1, #new-token: 1024, #cached-token: 0, token usage: 0.00, #running-req: 0, #queue-req: 0,
[07/01/2026-02:16:31] [TRT-LLM] [I] iter = 290, global_rank = 5, rank = 6, currank_total_requests = 9/5, elapsed_time = 0.74s, num_scheduled_requests: 83
Requirement already satisfied: numpy>=1.2 in /usr/local/lib/python3.12/dist-packages (from vllm) (2.1)  Collecting torch  Downloading torch-2.9.0 (900.1 MB)
Get:12 http://archive.ubuntu.com/ubuntu jammy/main amd64 libssl-dev amd64 [1,000 kB]  0123456789ab: Pull complete  Downloading [=====>     ]
##[group]Run actions/checkout@v4  ##[endgroup]  env:  shell: /usr/bin/bash -e {0}  RUNNER_NAME: h200_0
  File "/usr/local/lib/python3.12/dist-packages/vllm/v1/engine/core.py", line 712, in run_engine_core
Traceback (most recent call last): raise RuntimeError( return func(*args, **kwargs) ValueError: Exception: AssertionError: TypeError: ERROR 07-01 error: failed to
Mean TTFT (ms): 10.2  P99 ITL (ms): 9.1  Output token throughput (tok/s): 9000.00  Successful requests: 640  Benchmark duration (s): 62.1
tests/v1/test_engine.py::test_a[1-bfloat16-True] PASSED [ 10%]  bfloat16 float16 fp8 tensor_parallel_size=8, model='deepseek-ai/DeepSeek-R1', safetensors max_model_len=8192
"""
_LOWER = _LINES.lower()


@lru_cache(maxsize=4096)
def is_ordinary(word: bytes) -> bool:
    """Whether a word is of no use for telling lines apart."""
    return word.lower() in _LOWER
