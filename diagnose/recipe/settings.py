"""The settings that one way through a recipe starts its server with: engine, version, hardware, flags.

Floor 6: pure. The names are those of `facts`, so that a signature asks the same of a log and of a recipe.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from diagnose.facts.patterns import NAMES
from diagnose.recipe.server import Flag

_AMD = re.compile(r"(?i)mi[23]\d\d[a-z]?\b|mi[23]\dx\b|rocm|gfx9\d\d|\bamd\b")
_NVIDIA = re.compile(
    r"(?i)(?:^|[^a-z0-9])(?:[gh]?b[23]00|h[12]00|a100|l40s?|rtx\d+\w*)(?![0-9])|cuda|nvidia"
)
_FP4 = re.compile(r"(?i)(?:^|[^a-z0-9])(?:mx|nv)?fp4(?:[^a-z0-9]|$)")
_PRECISION = re.compile(r"(?i)(?:^|[^a-z0-9])((?:mx|nv)?fp[48]|int[48]|bf16|fp16)(?:[^a-z0-9]|$)")
_VERSION = re.compile(r"(?:^|[^0-9.])v?(\d+\.\d+(?:\.\d+)?(?:(?:rc|\.post|\.dev)\d+)?)(?![0-9])")
_ROCM_VERSION = re.compile(
    r"rocm[-_]?\d[\d.]*|cu\d+|py(?:thon)?3?\.?\d+|ubuntu[\d.]+|torch[\d.]*|pytorch\w*_[\d.]+"
)
_LARGEST_DISPATCH = 1024
"""Tokens a rank that DeepEP's buffer holds in many builds."""
_GFX = {"mi300": "gfx942", "mi325": "gfx942", "mi355": "gfx950", "mi350": "gfx950"}


def settings(
    name: str,
    engine: str,
    flags: Sequence[Flag],
    row: Mapping[str, str],
    environment: Mapping[str, str],
    image: str,
) -> dict[str, str]:
    """The facts of one way through a recipe.

    Args:
        name: The recipe's file name, which often tells model, precision and hardware.
        engine: What the command starts; empty where it starts none.
        flags: Of the server's command.
        row: The job's variables.
        environment: What the server is given, as far as it is known.
        image: The container's; empty where nothing tells.
    """
    found: dict[str, str] = {f"env:{n}": v for n, v in {**row, **environment}.items()}
    for key, value in row.items():
        fact = NAMES.get(key.lower())
        if fact and value:
            found[fact] = value
    for flag in flags:
        _flag(flag, found)
    if engine:
        found["engine"] = engine
    found.update(_about_image(image, engine))
    where = " ".join((name, image, row.get("RUNNER_TYPE", ""), row.get("RUNNER", "")))
    found.setdefault("hardware", _hardware(where, environment))
    for text in (row.get("PRECISION", ""), name, row.get("MODEL", ""), found.get("model", "")):
        if precision := precision_in(text):
            found["precision"] = precision
            break
    for chip, gfx in _GFX.items():
        if chip in where.lower():
            found["gpu_arch"] = gfx
    _parallel(engine, flags, found)
    _capture(flags, found)
    return {key: value for key, value in sorted(found.items()) if value != ""}


def precision_in(text: str) -> str:
    """`fp4`, `fp8`, `bf16`, `int4` …, as a model's, script's or job's name tells; empty where it does not."""
    match = _PRECISION.search(text)
    if match is None:
        return ""
    return "fp4" if _FP4.search(match[0]) else match[1].lower()


def version_in(image: str, engine: str) -> str:
    """The engine's version, where an image's tag is a release; empty for a nightly or a name."""
    repository, _, tag = image.rpartition(":")
    if not repository or engine not in repository.lower() + tag.lower():
        return ""
    if "nightly" in tag or re.fullmatch(r"[0-9a-f]{12,}", tag):
        return ""
    match = _VERSION.search(_ROCM_VERSION.sub(" ", re.sub(rf"{engine}[-_]?", " ", tag)))
    return match[1] if match else ""


def _about_image(image: str, engine: str) -> dict[str, str]:
    if not image:
        return {}
    return {"image": image, "version": version_in(image, engine) if engine else ""}


def _hardware(where: str, environment: Mapping[str, str]) -> str:
    if _AMD.search(where.replace("_", " ")):
        return "amd"
    if _NVIDIA.search(where.replace("_", " ")):
        return "nvidia"
    if any(n.startswith(("VLLM_ROCM_", "SGLANG_USE_AITER", "HIP_", "HSA_")) for n in environment):
        return "amd"
    return ""


def _flag(flag: Flag, found: dict[str, str]) -> None:
    if not flag.known:
        return
    key = flag.name.lstrip("-").replace("-", "_")
    fact = NAMES.get(key)
    value = flag.value or "true"
    if fact:
        found[fact] = value[:80] if fact == "speculative" else value
    found[f"flag:{flag.name}"] = value


def _parallel(engine: str, flags: Sequence[Flag], found: dict[str, str]) -> None:
    """Whether experts are spread, from the command alone: what the row asks for may not reach it."""
    names = {flag.name: flag for flag in flags}
    if engine == "vllm":
        found["expert_parallel"] = "true" if "--enable-expert-parallel" in names else "false"
    elif engine == "sglang":
        size = names.get("--ep-size")
        spread = size is not None and size.known and size.value.isdigit() and int(size.value) > 1
        forced = names.get("--moe-a2a-backend")
        if forced is not None and forced.value in ("deepep", "megamoe", "mori"):
            spread = True
        if spread or size is None or size.known:
            found["expert_parallel"] = "true" if spread else "false"


def _capture(flags: Sequence[Flag], found: dict[str, str]) -> None:
    """Speculative tokens and captured sizes, whichever way they are given."""
    values = {flag.name: flag.value for flag in flags if flag.known}
    for name in ("--speculative-config.num_speculative_tokens", "--num-speculative-tokens"):
        if values.get(name, "").isdigit():
            found["num_speculative_tokens"] = values[name]
    if values.get("--speculative-num-draft-tokens", "").isdigit():
        found["num_draft_tokens"] = values["--speculative-num-draft-tokens"]
    sizes = values.get("--cudagraph-capture-sizes") or values.get(
        "--compilation-config.cudagraph_capture_sizes", ""
    )
    numbers = [int(n) for n in re.findall(r"\d+", sizes)]
    largest = (
        "--max-cudagraph-capture-size",
        "--compilation-config.max_cudagraph_capture_size",
        "--cuda-graph-max-bs",
    )
    numbers += [int(values[name]) for name in largest if values.get(name, "").isdigit()]
    if numbers:
        found["max_capture_size"] = str(max(numbers))
    found.update(_needed(found, alone=largest[0] in values and len(numbers) == 1))


def _needed(found: Mapping[str, str], *, alone: bool) -> Iterator[tuple[str, str]]:
    """What batches of draft tokens need, where one setting can give it."""
    numbers = {name: int(value) for name, value in found.items() if value.isdigit()}
    seqs, drafted = numbers.get("max_num_seqs"), numbers.get("num_speculative_tokens")
    if alone and seqs and drafted:
        yield "verify_batch", str(seqs * (1 + drafted))
    captured, draft = numbers.get("max_capture_size"), numbers.get("num_draft_tokens")
    if captured and draft and captured * draft <= _LARGEST_DISPATCH:
        yield "dispatch_tokens", str(captured * draft)
