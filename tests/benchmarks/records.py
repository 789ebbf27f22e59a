"""Records of healthy and of failing jobs, in the formats of the programs that print them.

The healthy ones follow what vLLM 0.32, SGLang 0.5, NCCL 2.27, TensorRT-LLM, tqdm, pip and CI runners
print all day; the failing ones are the examples of the catalogue itself, one of each file, so that
every signature has its turn. Numbers, addresses, ranks and colours vary, as they do in life.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from diagnose.model import Channel, Signature

Record = str
"""One or more lines, without the newline at the end."""

FLOOD = (
    "No available shared memory broadcast block found in 60 seconds. This typically happens when some"
    " processes are hanging or doing some time-consuming work (e.g. compilation, weight/kv cache"
    " quantization)."
)
_NAMES = (
    "loggers.py gpu_model_runner.py core.py multiproc_executor.py cuda.py kv_cache_utils.py gpu_worker.py"
    " parallel_state.py weight_utils.py backends.py monitor.py launcher.py api_server.py async_llm.py"
)
_FILES = _NAMES.split()
_SETTINGS = (
    "Available KV cache memory: {gib:.2f} GiB",
    "GPU KV cache size: {many:,} tokens",
    "Maximum concurrency for 131,072 tokens per request: {few:.2f}x",
    "Loading weights took {gib:.2f} seconds",
    "Model loading took {gib:.2f} GiB and {few:.2f} seconds",
    "Using cache directory: /root/.cache/vllm/torch_compile_cache/{hash:010x}/rank_{rank}_0/backbone for vLLM's torch.compile",
    "Dynamo bytecode transform time: {few:.2f} s",
    "torch.compile takes {gib:.2f} s in total",
    "Graph capturing finished in {few:.0f} secs, took {few:.2f} GiB",
    "init engine (profile, create kv cache, warmup model) took {gib:.2f} seconds",
    "vLLM is using nccl==2.27.7",
    "Chunked prefill is enabled with max_num_batched_tokens=8192.",
    "Using Flash Attention backend on V1 engine.",
    "rank {rank} in world size 16 is assigned as DP rank 0, PP rank 0, TP rank {rank}, EP rank {rank}",
    "Added request cmpl-{hash:032x}-0.",
    "Received request chatcmpl-{hash:032x}: params: SamplingParams(n=1, temperature=1.0, top_p=1.0, max_tokens={many})",
)
_BARS = (
    "Loading safetensors checkpoint shards",
    "Capturing CUDA graphs (mixed prefill-decode, PIECEWISE)",
    "Capturing CUDA graphs (decode, FULL)",
    "Processed prompts",
)
_NCCL = (
    "Channel {two:02d}/0 : {rank}[{rank}] -> {next}[{next}] via P2P/CUMEM/read",
    "Channel {two:02d}/1 : {rank}[{rank}] -> {next}[{next}] [send] via NET/IB/{rank}/GDRDMA/Shared",
    "Trees [0] {next}/-1/-1->{rank}->-1 [1] {next}/-1/-1->{rank}->-1",
    "comm 0x{hash:x} rank {rank} nRanks 16 nNodes 2 localRanks 8 localRank {rank} MNNVL 0",
    "ncclCommInitRankConfig comm 0x{hash:x} rank {rank} nranks 16 cudaDev {rank} commId 0x{hash:x} - Init COMPLETE",
    "Using network IB",
)
_CI = (
    "##[endgroup]",
    "shell: /usr/bin/bash -e {{0}}",
    "  CONC: {two}",
    "Requirement already satisfied: numpy>=1.2 in /usr/local/lib/python3.12/dist-packages (from vllm) (2.1)",
    "{hash:012x}: Pull complete",
    "Mean TTFT (ms):                          {gib:.2f}",
    "Output token throughput (tok/s):         {gib:.2f}",
    "|   {rank}   NVIDIA H200                    On  |   00000000:18:00.0 Off |                    0 |",
)


class Maker:
    """Makes records; the same seed makes the same ones.

    Args:
        seed: Of all chance.
        colour: Share of process prefixes that are coloured, as vLLM does on a terminal.
    """

    def __init__(self, seed: int, *, colour: float) -> None:
        self.rng = random.Random(seed)
        self._colour = colour
        names = ["APIServer", *(f"EngineCore_DP{n}" for n in range(2))]
        names += [f"Worker_DP{n // 8}_TP{n % 8}_EP{n}" for n in range(16)]
        self._processes = [f"{name} pid={610 + number}" for number, name in enumerate(names)]

    def healthy(self, *, bars: float = 0.05) -> Record:
        """One record of a job that does well.

        Args:
            bars: Share of progress bars.
        """
        rest = 1 - bars
        kinds: Mapping[Callable[[], Record], float] = {
            self.bar: bars,
            self.throughput: 0.24 * rest,
            self.access: 0.20 * rest,
            self.nccl: 0.17 * rest,
            self.setting: 0.20 * rest,
            self.sglang: 0.10 * rest,
            self.ci: 0.09 * rest,
        }
        return self.rng.choices(list(kinds), list(kinds.values()))[0]()

    def failing(self, examples: Sequence[Record]) -> Record:
        """One of the catalogue's examples, behind a prefix half of the time."""
        record = self.rng.choice(examples)
        return self._logged("ERROR", record) if self.rng.random() < 0.5 else record

    def heartbeat(self) -> Record:
        """The line that a waiting engine prints every minute."""
        return self._logged("INFO", FLOOD)

    def throughput(self) -> Record:
        rng = self.rng
        return self._logged(
            "INFO",
            f"Engine {rng.randint(0, 7):03d}: Avg prompt throughput: {rng.uniform(0, 30_000):.1f} tokens/s,"
            f" Avg generation throughput: {rng.uniform(0, 9_000):.1f} tokens/s, Running: {rng.randint(0, 512)} reqs,"
            f" Waiting: {rng.randint(0, 900)} reqs, GPU KV cache usage: {rng.uniform(0, 99):.1f}%,"
            f" Prefix cache hit rate: {rng.uniform(0, 99):.1f}%",
        )

    def access(self) -> Record:
        rng = self.rng
        what = rng.choice(("completions", "chat/completions"))
        host = f"10.{rng.randint(0, 255)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}"
        line = f'INFO:     {host}:{rng.randint(30_000, 65_000)} - "POST /v1/{what} HTTP/1.1" 200 OK'
        return self._by(self._processes[0], line)

    def nccl(self) -> Record:
        rank = self.rng.randint(0, 15)
        process = f"node-{rank // 8:02d}:{613 + rank}:{613 + rank} [{rank % 8}]"
        return f"{process} NCCL INFO {self._filled(_NCCL)}"

    def bar(self) -> Record:
        rng = self.rng
        title, steps = rng.choice(_BARS), rng.choice((30, 61, 163))
        at, drawn = rng.randint(0, steps - 8), []
        for step in range(at, at + rng.randint(3, 8)):
            percent = 100 * step // steps
            bar = "█" * (percent // 10) + " " * (10 - percent // 10)
            clock = f"00:{rng.randint(0, 59):02d}<01:{rng.randint(0, 59):02d}"
            speed = f"{rng.uniform(0.3, 30):.2f}it/s"
            drawn.append(f"{title}: {percent:3d}%|{bar}| {step}/{steps} [{clock}, {speed}]")
        return self._by(self._processes[3], "\r".join(drawn))

    def setting(self) -> Record:
        return self._logged("INFO", self._filled(_SETTINGS))

    def sglang(self) -> Record:
        rng = self.rng
        return (
            f"[2026-{self._date()} TP{rng.randint(0, 7)}] Decode batch. #running-req: {rng.randint(1, 512)}, #token: {rng.randint(100, 900_000)},"
            f" token usage: {rng.random():.2f}, cuda graph: True, gen throughput (token/s): {rng.uniform(10, 9_000):.2f}, #queue-req: {rng.randint(0, 99)}, "
        )

    def ci(self) -> Record:
        return self._filled(_CI)

    def _filled(self, templates: Sequence[str]) -> str:
        rng, rank = self.rng, self.rng.randint(0, 7)
        return rng.choice(templates).format(
            two=rng.randint(0, 31),
            rank=rank,
            next=(rank + 1) % 8,
            few=rng.uniform(1, 90),
            gib=rng.uniform(8, 900),
            many=rng.randint(10_000, 9_000_000),
            hash=rng.getrandbits(40),
        )

    def _logged(self, level: str, text: str) -> Record:
        """A record of vLLM's logger: every line of it with its header."""
        rng = self.rng
        process = rng.choice(self._processes)
        head = f"{level} {self._date()} [{rng.choice(_FILES)}:{rng.randint(20, 2_400)}] "
        return "\n".join(self._by(process, head + line) for line in text.split("\n"))

    def _by(self, process: str, line: str) -> str:
        prefix = f"({process})"
        if self.rng.random() < self._colour:
            prefix = f"\x1b[1;36m{prefix}\x1b[0;0m"
        return f"{prefix} {line}"

    def _date(self) -> str:
        rng = self.rng
        return f"11-{rng.randint(10, 28)} {rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}:{rng.randint(0, 59):02d}"


def examples(signatures: Mapping[str, Signature]) -> list[Record]:
    """One example of each signature that is looked for in logs."""
    logs = (s for s in signatures.values() if s.channel is Channel.LOG)
    return [signature.examples[0].text.strip("\n") for signature in logs]
