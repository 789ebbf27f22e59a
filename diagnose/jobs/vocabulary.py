"""Words that names of jobs and of result files share: models, precisions, hardware, frameworks, lengths.

Floor 10: pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from diagnose.jobs.axes import FRAMEWORKS, value

LENGTHS = re.compile(r"(?<![a-z0-9])(?P<isl>\d+)k(?P<osl>\d+)k(?![a-z0-9])")
"""Thousands of tokens in and out, such as `8k1k`."""
PRECISION = re.compile(r"(?:nv|mx)?(?:fp4|fp8|fp16|bf16|int4|int8|mxfp4|nvfp4|mxfp8|w4a8)")
HARDWARE = re.compile(r"(?:cluster:)?(?:mi\d{3}x?|[hbg]b?\d{3}|rtx\w*|tpu\w*)(?:-[\w-]+)?")
_FRAMEWORK = re.compile(
    r"(?:dynamo-|dyn-|llmd-)?(?:vllm|sglang|sgl|trt|trtllm|atom|tilert)(?:-disagg)?|dynamo|llm-d"
)
_SPEC = {"mtp", "eagle", "eagle3", "draft_model", "ngram"}


def lengths(name: str, axes: dict[str, str]) -> None:
    """Notes the lengths that a name tells."""
    found = LENGTHS.search(name.replace("_", " "))
    if found:
        axes["isl"] = str(1024 * int(found["isl"]))
        axes["osl"] = str(1024 * int(found["osl"]))


def words(parts: Sequence[str], axes: dict[str, str]) -> None:
    """Notes what bare words say; what is said already is left."""
    for position, word in enumerate(parts):
        low = word.lower()
        hardware, _, after = low.rpartition("-")
        if PRECISION.fullmatch(low):
            axes.setdefault("precision", low)
            if position == 1 and not HARDWARE.fullmatch(parts[0].lower()):
                axes.setdefault("model_prefix", LENGTHS.sub("", parts[0]).strip("_- "))
        elif HARDWARE.fullmatch(hardware) and _FRAMEWORK.fullmatch(after):
            axes.setdefault("hardware", hardware)
            axes.setdefault("framework", value("framework", after))
        elif HARDWARE.fullmatch(low):
            axes.setdefault("hardware", low.removeprefix("cluster:"))
        elif _FRAMEWORK.fullmatch(low) or low in FRAMEWORKS:
            axes.setdefault("framework", value("framework", low))
        elif low in _SPEC:
            axes["spec"] = low
