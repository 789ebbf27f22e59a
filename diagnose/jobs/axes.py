"""The axes of a matrix: one name for one setting, wherever it is written, and its value.

Floor 10: pure. The names are those of InferenceX's matrix (`tp`, `ep`, `dpa`, `conc`, …); what it does
not know keeps the name it has.
"""

from __future__ import annotations

from collections.abc import Mapping

from diagnose.model.sweep import Where

NAMES: Mapping[str, str] = {
    **{name: name for name in ("tp", "pp", "dp", "ep", "dcp", "pcp", "dpa", "conc", "isl", "osl")},
    "tp_size": "tp",
    "tensor_parallel_size": "tp",
    "pp_size": "pp",
    "pipeline_parallel_size": "pp",
    "dp_size": "dp",
    "data_parallel_size": "dp",
    "ep_size": "ep",
    "expert_parallel_size": "ep",
    "dcp_size": "dcp",
    "pcp_size": "pcp",
    "dp_attention": "dpa",
    "dp_attn": "dpa",
    "c": "conc",
    "concurrency": "conc",
    "conc_list": "conc",
    "max_concurrency": "conc",
    "spec_decoding": "spec",
    "spec": "spec",
    "model": "model",
    "model_prefix": "model_prefix",
    "infmax_model_prefix": "model_prefix",
    "precision": "precision",
    "framework": "framework",
    "image": "image",
    "disagg": "disagg",
    "runner_type": "hardware",
    "hw": "hardware",
    "kv_offloading": "kv_offload",
    "kv_offload_backend": "kv_offload_backend",
    "scenario_type": "scenario",
    "eval_only": "eval_only",
    "run_eval": "run_eval",
    "max_model_len": "max_model_len",
    "random_range_ratio": "random_range_ratio",
    "recipe_fingerprint": "recipe",
}
"""Canonical axis by the name of a variable, a key of a result file, or a word in a job name, in lower
case with underscores."""
PLACES: Mapping[str, str] = {"runner_name": "runner", "node": "node"}
"""The same for where a job ran."""
FRAMEWORKS = {"sgl": "sglang", "dyn-sgl": "dynamo-sglang", "sgl-disagg": "sglang-disagg"}
"""What job names abbreviate."""

_TRUE = {"true", "yes", "on"}
_FALSE = {"false", "no", "off"}
_ABSENT = {"none", "null", "", "n/a", "default"}
_SIZES = {"pp", "dp", "ep", "dcp", "pcp"}
_EXACT = _SIZES | {"tp", "dpa", "conc", "isl", "osl", "precision", "spec", "disagg", "workers"}
_ROLES = ("prefill", "decode")
_OF_ROLE = {
    "num_workers": "workers",
    "num_worker": "workers",
    "workers": "workers",
    "hardware": "hardware",
}


def canonical(name: str) -> str:
    """The axis that a name stands for; the empty string when it is not one of the known."""
    name = name.lower().replace("-", "_")
    role, _, rest = name.partition("_")
    if role in _ROLES:
        own = _OF_ROLE.get(rest) or NAMES.get(rest, "")
        return f"{role}_{own}" if own else ""
    return NAMES.get(name, "")


def value(axis: str, text: str) -> str:
    """A value in the one spelling that makes equal values equal: `True` and `true`, `08` and `8`."""
    text = text.strip().strip("'\"")
    low = text.lower()
    # Workers of one role have the same kinds of sizes as a server.
    axis = axis.removeprefix("prefill_").removeprefix("decode_")
    if axis == "conc":
        text = "x".join(text.split())
    if axis == "framework":
        return FRAMEWORKS.get(low, low)
    if axis in ("dpa", "disagg", "eval_only", "run_eval"):
        return "true" if low in _TRUE or low == "1" else "false"
    if low in _TRUE or low in _FALSE:
        return "true" if low in _TRUE else "false"
    if low in _ABSENT:
        return "1" if axis in _SIZES else "none"
    if text.isdecimal():
        return str(int(text)) if len(text) < 19 else text
    return text


def is_exact(axis: str) -> bool:
    """Whether two different values of an axis cannot mean the same; a model or a runner goes by several names."""
    return axis.removeprefix("prefill_").removeprefix("decode_") in _EXACT


def put(axes: dict[str, str], name: str, text: str) -> bool:
    """Notes a setting under its axis, if its name is known; returns whether it is."""
    axis = canonical(name)
    if axis:
        axes[axis] = value(axis, text)
    return bool(axis)


def where(axis: str) -> Where:
    """What kind of thing an axis is, by its name."""
    if axis in PLACES.values():
        return Where.PLACE
    if axis.startswith(("backend:", "version")) or axis in ("engine", "vendor"):
        return Where.LOG
    return Where.ENV if axis.startswith("$") else Where.CONFIG
