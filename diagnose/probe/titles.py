"""A process's title or command line as a name for people, a role and its ranks.

Part of the probe, floor 10, but pure: strings in, strings out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from diagnose.dialects.vllm import named

Ranks = tuple[tuple[str, int], ...]
SPAWNED = "spawned process"
"""The name of what multiprocessing started and what has not given itself a title yet."""

_VLLM = re.compile(r"^VLLM::(\S+)")
_SGLANG = re.compile(r"^sglang::(\S+)")
_SGLANG_AXIS = re.compile(r"_(PP|TP|EP|DP|MOE_DP|ATTN_CP)(\d{1,5})(?=_|$)")
_RAY = re.compile(r"^ray::(\S+)")
_PYTHON = re.compile(r"^(?:python|pypy)[\d.]*[a-z]?$")
_COMPILERS = re.compile(
    r"^(?:ninja|hipcc(?:\.bin|\.pl)?|clang(?:\+\+)?(?:-\d+)?|amdclang(?:\+\+)?|nvcc|cicc|ptxas|fatbinary|nvlink|cudafe\+\+"
    r"|cc1(?:plus)?|collect2|(?:x86_64-linux-gnu-|aarch64-linux-gnu-)?(?:gcc|g\+\+|c\+\+|cc|as|ld)(?:-\d+)?|ld\.lld|lld"
    r"|cmake|make|gmake|hipify.*|clang-offload-bundler|sccache|ccache|llvm-.*)$"
)
_SHELLS = {"sh", "bash", "dash", "zsh", "fish", "ksh", "tini", "dumb-init", "docker-init", "s6-svscan", "sudo",
           "su", "timeout", "nohup", "setsid", "env", "tee", "stdbuf", "srun", "mpirun", "numactl", "tail"}  # fmt: skip
_CLIENT = re.compile(
    r"\b(?:bench serve|benchmark_serving|lm_eval|evalscope|bench_serving|genai-perf|guidellm)\b"
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a process is."""

    name: str
    role: str = ""
    ranks: Ranks = ()
    engine: str = ""
    """`vllm` or `sglang` for a part of such a server that says so itself; else empty."""


def identify(title: str, argv: Sequence[str], comm: str) -> Identity:
    """What a title and a command line say; the name is never empty."""
    found = _renamed(title) or _server(argv) or _tool(argv, comm)
    return found or Identity(_short(argv, comm))


def _renamed(title: str) -> Identity | None:
    """Processes that gave themselves a title."""
    if vllm := _VLLM.match(title):
        writer = named(vllm[1])
        return Identity(vllm[1], writer.role or "api-server", writer.ranks, "vllm")
    if sglang := _SGLANG.match(title):
        name = sglang[1]
        ranks = tuple((axis, int(number)) for axis, number in _SGLANG_AXIS.findall(name))
        roles = ("scheduler", "detokenizer", "data_parallel_controller", "tokenizer")
        role = next((role for role in roles if name.startswith(role)), "")
        role = {"data_parallel_controller": "coordinator", "tokenizer": "api-server"}.get(
            role, role
        )
        return Identity(name, role, ranks, "sglang")
    if ray := _RAY.match(title):
        role = "worker" if "Worker" in ray[1] and not ray[1].startswith("IDLE") else "ray"
        return Identity(f"ray::{ray[1]}", role)
    return None


def _server(argv: Sequence[str]) -> Identity | None:
    """Front ends, told by their command line; only the program and its first arguments count."""
    words = [_base(argv[0]), *argv[1:]] if argv else []
    if not words:
        return None
    if _PYTHON.match(words[0]):
        words = _without_options(words[1:])
    if not words:
        return None
    program, rest = _base(words[0]), words[1:]
    if program == "vllm" and rest[:1] == ["serve"] and "--headless" in rest:
        return Identity("vllm serve --headless", "launcher", (), "vllm")
    if program == "vllm" and rest[:1] == ["serve"]:
        return Identity("APIServer", "api-server", (), "vllm")
    if words[0].startswith("vllm.entrypoints.") and "api_server" in words[0]:
        return Identity("APIServer", "api-server", (), "vllm")
    if (program == "sglang" and rest[:1] == ["serve"]) or words[0].startswith(
        "sglang.launch_server"
    ):
        return Identity("TokenizerManager", "api-server", (), "sglang")
    return None


def _without_options(words: Sequence[str]) -> list[str]:
    """What Python runs: a script, or the module after `-m`; nothing for `-c`."""
    index = 0
    while index < len(words) and words[index].startswith("-"):
        option = words[index]
        if option == "-m":
            return list(words[index + 1 :])
        if option.startswith("-c"):
            return []
        index += 2 if option in ("-X", "-W") else 1
    return list(words[index:])


def _tool(argv: Sequence[str], comm: str) -> Identity | None:
    program = _base(argv[0]) if argv else comm
    joined = " ".join(argv[:6])
    if "multiprocessing.resource_tracker" in joined:
        return Identity("resource_tracker", "resource-tracker")
    if "multiprocessing.spawn" in joined or "multiprocessing.forkserver" in joined:
        return Identity(SPAWNED)
    if "inductor/compile_worker" in joined or "torch._inductor.compile_worker" in joined:
        return Identity("inductor compile worker", "builder")
    if _COMPILERS.match(program):
        return Identity(program, "builder")
    if program in _SHELLS:
        return Identity(program, "shell")
    if program in ("raylet", "gcs_server", "plasma_store"):
        return Identity(program, "ray")
    if _CLIENT.search(joined):
        return Identity(_short(argv, comm), "client")
    return None


def _short(argv: Sequence[str], comm: str) -> str:
    """The program, or the script that Python runs."""
    words = [word for word in argv if word]
    if words and _PYTHON.match(_base(words[0])):
        inner = _without_options(words[1:])
        return _base(inner[0]) if inner else _base(words[0])
    return _base(words[0])[:40] if words else (comm or "unknown")


def is_python(argv: Sequence[str], executable: str, comm: str) -> bool:
    """Whether it is a Python process, from its program, else from what it calls itself."""
    if executable:
        return bool(_PYTHON.match(_base(executable)))
    known = comm.startswith(("VLLM::", "sglang::", "ray::"))
    return known or bool(_PYTHON.match(comm)) or bool(argv and _PYTHON.match(_base(argv[0])))


def _base(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]
