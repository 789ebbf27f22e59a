"""Launch scripts made up at random, in the ways people write them, each with one planted fault."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

NOISE = (
    "# --moe-backend auto, --enable-expert-parallel and VLLM_ROCM_USE_AITER_MOE=0 are only mentioned here",
    'echo "starting with \\"--enable-expert-parallel\\""',
    'if [[ -n "$SLURM_JOB_ID" ]]; then\n  echo "JOB $SLURM_JOB_ID"\nfi',
    "cat > /tmp/config.yaml <<EOF\nmoe-backend: auto\nEOF",
    'hf download "$MODEL"',
    "",
)
EXPORTS = (
    "VLLM_ENGINE_READY_TIMEOUT_S=3600",
    'NCCL_DEBUG="WARN"',
    "HF_HUB_OFFLINE=1",
    "VLLM_USE_BREAKABLE_CUDAGRAPH=0",
)
FLAGS = (
    ("--trust-remote-code", ""),
    ("--max-model-len", '"$MAX_MODEL_LEN"'),
    ("--attention-backend", "TRITON_ATTN"),
    ("--block-size", "128"),
    ("--kv-cache-dtype", "fp8"),
    ("--served-model-name", "'a b'"),
)


@dataclass(frozen=True)
class Fault:
    """What to plant, and what may change when it is mended."""

    id: str
    file: str = "model_fp4_mi355x_vllm_mtp.sh"
    server: str = 'vllm serve "$MODEL"'
    before: str = ""
    """Lines before the server's command."""
    flags: tuple[tuple[str, str], ...] = ()
    branch: str = ""
    """`EP`: its flags are given by a branch that only some rows take."""
    row: dict[str, str] = field(default_factory=dict)
    sister: str = ""
    touched: tuple[str, ...] = ()
    """What may come, go or change."""


AITER = (
    "--moe-backend aiter",
    "VLLM_ROCM_USE_AITER=1",
    "VLLM_ROCM_USE_AITER_MOE=0",
    "VLLM_ROCM_USE_AITER_FUSION_SHARED_EXPERTS",
)
FAULTS = (
    Fault(
        "recipe/fp4-experts-without-backend",
        flags=(("--enable-expert-parallel", ""),),
        branch="EP",
        touched=AITER,
    ),
    Fault(
        "recipe/fp4-experts-without-backend",
        flags=(("--enable-expert-parallel", ""), ("--moe-backend", "auto")),
        touched=(*AITER, "auto"),
    ),
    Fault(
        "recipe/aiter-experts-off-under-expert-parallelism",
        before="export VLLM_ROCM_USE_AITER=1\nexport VLLM_ROCM_USE_AITER_MOE=0",
        flags=(("--enable-expert-parallel", ""),),
        branch="EP",
        touched=AITER,
    ),
    Fault(
        "recipe/kernel-choice-left-to-sister",
        file="model_fp8_mi300x_vllm_mtp.sh",
        sister='export VLLM_ROCM_USE_AITER=1\nvllm serve "$MODEL" --moe-backend aiter\n',
        touched=("--moe-backend aiter", "VLLM_ROCM_USE_AITER=1"),
    ),
    Fault(
        "recipe/firmware-version-compared-unchecked",
        before='v=$(rocm-smi --showfw | grep MEC | head -1)\nif [[ "$v" == "" || $v -lt 177 ]]; then\n'
        "  export HSA_NO_SCRATCH_RECLAIM=1\nfi",
        touched=("! =~ ^(0x[0-9a-fA-F]+|[1-9][0-9]*)$ == $v",),
    ),
    Fault(
        "recipe/failed-search-ends-script",
        before="set -euo pipefail\nname=$(lscpu | grep Model)",
        touched=("|| true )",),
    ),
    Fault(
        "recipe/numeric-test-of-empty-value",
        before='if [ "$SOME_SIZE" -gt 1 ]; then\n  N=2\nfi',
        touched=("${SOME_SIZE:-0}",),
    ),
    Fault(
        "recipe/variable-list-cut-short",
        before="check_env_vars \\\n    MODEL \\\n    RESULT_FILENAME\n    SOME_SIZE \\\n    CONC",
        touched=(),
    ),
    Fault(
        "recipe/backslash-before-blank",
        before="EXTRA=(\n  --seed 0 \\ \n  --x y\n)",
        touched=(),
    ),
    Fault(
        "recipe/flag-of-another-version",
        flags=(("--disable-log-requests", ""),),
        row={"IMAGE": "vllm/vllm-openai-rocm:v0.19.0"},
        touched=("--disable-log-requests",),
    ),
    Fault(
        "recipe/flag-of-another-version",
        flags=(("--guided-decoding-backend", "xgrammar"),),
        row={"IMAGE": "vllm/vllm-openai-rocm:v0.32.0"},
        touched=("--guided-decoding-backend xgrammar", "--structured-outputs-config.backend"),
    ),
    Fault(
        "recipe/variable-renamed",
        before="export AITER_SITUV2_A8W4=1",
        touched=("VLLM_ROCM_USE_AITER_MOE_SITUV2_A8W4=1",),
    ),
    Fault(
        "recipe/running-requests-below-data-parallel-size",
        file="model_fp4_b200_sglang.sh",
        server='python3 -m sglang.launch_server --model-path "$MODEL"',
        flags=(("--dp-size", "8"), ("--enable-dp-attention", ""), ("--max-running-requests", "4")),
        touched=("4 8",),
    ),
    Fault(
        "recipe/verify-batch-above-captured-sizes",
        flags=(
            ("--max-num-seqs", "32"),
            ("--max-cudagraph-capture-size", "64"),
            ("--speculative-config", '\'{"method": "mtp", "num_speculative_tokens": 2}\''),
        ),
        touched=("64 96",),
    ),
    Fault(
        "recipe/dispatch-buffer-below-batch",
        file="model_fp8_b200_sglang_mtp.sh",
        server='python3 -m sglang.launch_server --model-path "$MODEL"',
        before="export SGLANG_DEEPEP_NUM_MAX_DISPATCH_TOKENS_PER_RANK=256",
        flags=(
            ("--moe-a2a-backend", "deepep"),
            ("--cuda-graph-max-bs", "128"),
            ("--speculative-num-draft-tokens", "4"),
        ),
        touched=("256 512",),
    ),
    Fault(
        "recipe/memory-share-too-high-with-draft-model",
        flags=(
            ("--gpu-memory-utilization", "0.98"),
            ("--speculative-config", '\'{"method": "mtp", "num_speculative_tokens": 1}\''),
        ),
        touched=("0.98 0.90",),
    ),
)


@dataclass(frozen=True)
class Script:
    """A generated script."""

    fault: Fault
    text: str


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    """A script with one planted fault, in a style of its own."""
    fault = draw(st.sampled_from(FAULTS))
    noise = draw(st.lists(st.sampled_from(NOISE), max_size=4))
    exports = draw(st.lists(st.sampled_from(EXPORTS), unique=True, max_size=4))
    flags = draw(st.lists(st.sampled_from(FLAGS), unique=True, max_size=5))
    own = list(fault.flags)
    parts = ["#!/usr/bin/env bash", *noise[:2], *(f"export {e}" for e in exports), *noise[2:]]
    if fault.before:
        parts.insert(draw(st.integers(1, len(parts))), fault.before)
    if fault.branch and draw(st.booleans()):
        parts.append(_branch(draw, own))
        own = []
        array = True
    else:
        array = False
    position = draw(st.integers(0, len(flags)))
    flags[position:position] = own
    words = [_flag(draw, name, value) for name, value in flags]
    if array:
        words.insert(draw(st.integers(0, len(words))), '"${EP_ARGS[@]}"')
    parts += _command(draw, fault.server, words, written=not array and not fault.before)
    text = "\n".join(parts) + draw(st.sampled_from(["\n", "\nSERVER_PID=$!\nwait\n", ""]))
    return Script(
        fault,
        text.replace("\n", "\r\n") if draw(st.integers(0, 30)) == 0 and not fault.before else text,
    )


def _flag(draw: st.DrawFn, name: str, value: str) -> str:
    if value and draw(st.booleans()):
        return f"{name}={value}"
    return f"{name} {value}".rstrip()


def _branch(draw: st.DrawFn, flags: list[tuple[str, str]]) -> str:
    pad = draw(st.sampled_from(["  ", "    ", "\t"]))
    words = " ".join(f"{n} {v}".rstrip() for n, v in flags)
    test = draw(
        st.sampled_from(
            ['[ "$EP_SIZE" -gt 1 ]', '[[ "${EP_SIZE:-1}" -gt 1 ]]', "(( EP_SIZE > 1 ))"]
        )
    )
    take = draw(st.sampled_from([f"EP_ARGS=({words})", f"EP_ARGS+=({words})"]))
    head = "check_env_vars EP_SIZE\nEP_ARGS=()\n"
    otherwise = draw(st.sampled_from(["", f"\nelse\n{pad}EP_ARGS=()"]))
    return f"{head}if {test}; then\n{pad}{take}{otherwise}\nfi"


def _command(draw: st.DrawFn, server: str, words: list[str], *, written: bool) -> list[str]:
    """The server's command; `written` where nothing that is not exported has to reach it."""
    styles = ["line", "lines", "packed", "array", "array lines", "function"]
    styles += ["written", "shell"] if written else []
    style = draw(st.sampled_from(styles))
    end = draw(st.sampled_from(["", " &", ' > "$SERVER_LOG" 2>&1 &']))
    pad = draw(st.sampled_from(["", "  ", "    "]))
    if style == "function":
        return [f'start() {{\n  {server} "$@"{end}\n}}', " ".join(["start", *words])]
    if style in ("written", "shell"):
        lines = " \\\n".join([server, *(pad + w for w in words)])
        head, tail = (
            ("cat > run.sh <<'EOF'", "\nbash run.sh")
            if style == "written"
            else ("bash <<'EOF'", "")
        )
        return [f"{head}\n{lines}\nEOF{tail}"]
    if style == "line":
        return [" ".join([server, *words]) + end]
    if style == "lines":
        return [" \\\n".join([server, *(pad + w for w in words)]) + end]
    if style == "packed":
        half = len(words) // 2
        rows = [
            " ".join([server, *words[:half]]),
            *([pad + " ".join(words[half:])] if words[half:] else []),
        ]
        return [" \\\n".join(rows) + end]
    if style == "array":
        return [f"CMD=({' '.join([server, *words])})", '"${CMD[@]}"' + end]
    inner = "\n".join(f"{pad}{w}" for w in (server, *words))
    return [f"CMD=(\n{inner}\n)", '"${CMD[@]}"' + end]
