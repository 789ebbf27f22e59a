"""The settings of a job from its name, and from the name of its result file.

Floor 10: pure. Job names are those of InferenceX since 2025 in all their forms, and what matrix jobs
are commonly called: `key=value`, `key-value`, `key8`, and the values in parentheses that GitHub adds. In the names of its log files GitHub writes `_` for `/`.
A caller's name (`single-node 8k1k / …`) comes before the job's own.
"""

from __future__ import annotations

import re

from diagnose.jobs.axes import FRAMEWORKS, canonical, put, value

_CALLER = re.compile(r"(?P<caller>[^|/]*?)\s+[/_]\s+(?=\S)")
_LENGTHS = re.compile(r"(?<![a-z0-9])(?P<isl>\d+)k(?P<osl>\d+)k(?![a-z0-9])")
_PRIORITY = re.compile(r"p\d+(?:\.\d+)?")
_PAIR = re.compile(
    r"(?:(?<![\w=])|(?<=_))(?P<name>[A-Za-z](?:[A-Za-z0-9.-]|_(?!_))*?)=(?P<value>[^\s,|()\]]*?)(?=_[A-Za-z]\w*=|_*(?:[\s,|()\]]|$))"
)
_DASHED = re.compile(
    r"(?<![\w-])(?P<name>disagg|spec|conc|dpa)-(?P<value>[\w.-]+?)(?=[\s_|,)]|$)", re.IGNORECASE
)
_GLUED = re.compile(
    r"(?<![A-Za-z0-9])(?P<name>tp|pp|dp|ep|dcp|pcp|conc|isl|osl)(?P<value>\d+)(?![A-Za-z0-9.])",
    re.IGNORECASE,
)
_DPA = re.compile(r"(?<![A-Za-z0-9])(?:dpa-?(?P<value>true|false)|(?P<flag>DPA))(?![A-Za-z0-9])")
_CONC = re.compile(r"(?<![\w=-])c=?(?P<conc>\d+(?:x\d+)*)(?=\s|\||$)")
_PARTS = re.compile(
    r"(?:(?P<prefills>\d+)P )?\((?P<prefill>TP\d[^)]*)\)(?: x (?P<decodes>\d+)D \((?P<decode>TP\d[^)]*)\))?"
)
_OFFLOAD = re.compile(r"\b(?P<kind>\w+) KV offload(?: (?P<backend>(?!c\d)[\w.-]+))?")
_EVAL = re.compile(r"(?:\||\s)\s*(?P<eval>eval-only|eval)\s*$")
_PRECISION = re.compile(r"(?:nv|mx)?(?:fp4|fp8|fp16|bf16|int4|int8|mxfp4|nvfp4|mxfp8|w4a8)")
_HARDWARE = re.compile(r"(?:cluster:)?(?:mi\d{3}x?|[hbg]b?\d{3}|rtx\w*|tpu\w*)(?:-[\w-]+)?")
_SPEC = {"mtp", "eagle", "eagle3", "draft_model", "ngram"}
_FRAMEWORK = {"vllm", "sglang", "trt", "trtllm", "atom", "dynamo", "llm-d", *FRAMEWORKS}
_MATRIX = re.compile(r"(?P<base>.*?)\s*\((?P<values>[^()=]+(?:,[^()=]+)+)\)\s*$")
_RESULT = re.compile(
    r"(?:^|_)tp\d+(?:-(?:pp|dcp|pcp|ep)\d+|-dpa(?:true|false))*(?:_|-|$)", re.IGNORECASE
)
_RECIPE = re.compile(r"_recipe-(?P<recipe>[0-9a-f]{6,64})(?![0-9a-f])")
_ARTIFACT = re.compile(
    r"^(?:(?:eval_)?server_logs_|multinode_server_logs_|(?:eval_)?gpu_metrics_|power_audit_|power_validation_"
    r"|bmk_agentic_|agentic_|bmk_|agg_|eval_|results_|logs_)+"
)
_SUFFIX = re.compile(
    r"(?:\.(?:log|txt|out|err|jsonl?|csv|tar|tgz|gz|zst|xz|bz2|zip))+$", re.IGNORECASE
)
_TWICE = re.compile(r"^(?P<exp>.+?)_(?P=exp)_")
_NUMBERED = re.compile(r"^-?\d+_(?=.)")


def stem(file: str) -> str:
    """What the files of one job have in common: without folder, ending and artefact's prefix."""
    name = file.replace("\\", "/").rstrip("/").rpartition("/")[2]
    bare = _ARTIFACT.sub("", _NUMBERED.sub("", _SUFFIX.sub("", name)))
    return _TWICE.sub(r"\g<exp>_", bare) or name


def is_result_name(name: str) -> bool:
    """Whether a name is that of a result file: it carries the settings."""
    return _RESULT.search(name) is not None


def settings(name: str) -> dict[str, str]:
    """The axes that a name tells, by axis; empty when it tells none."""
    if is_result_name(name):
        return _of_result(name)
    caller = _CALLER.match(name)
    axes: dict[str, str] = {}
    _lengths(name, axes)
    own = name[caller.end() :] if caller else name
    _pairs(own, axes)
    _flags(own, axes)
    _words(own, axes)
    matrix = _MATRIX.match(own)
    if matrix and not axes and not _PARTS.search(own):
        for position, one in enumerate(matrix["values"].split(","), start=1):
            axes[f"matrix_{position}"] = value("", one)
    return axes


def _pairs(name: str, axes: dict[str, str]) -> None:
    for match in (*_GLUED.finditer(name), *_DASHED.finditer(name)):
        put(axes, match["name"], match["value"])
    for match in _PAIR.finditer(name):
        known = _known(match["name"])
        text = match["value"]
        # A file name has underscores for the spaces of the job's name.
        if known:
            put(axes, known, text.partition("_")[0])
        else:
            axes[match["name"]] = value("", text)


def _known(name: str) -> str:
    """The known axis that a key ends with; empty for a key of its own."""
    while name:
        if canonical(name):
            return name
        name = name.partition("_")[2] if not name.isupper() else ""
    return ""


def _flags(name: str, axes: dict[str, str]) -> None:
    parts = _PARTS.search(name)
    if parts:
        for role, count, sizes in (
            ("prefill", parts["prefills"], parts["prefill"]),
            ("decode", parts["decodes"], parts["decode"]),
        ):
            if sizes:
                axes[f"{role}_workers"] = count or "1"
                for axis, size in _sizes(sizes).items():
                    axes[f"{role}_{axis}"] = size
        for axis in ("tp", "pp", "dcp", "pcp", "ep", "dpa"):
            axes.pop(axis, None)
        axes["disagg"] = "true" if parts["decode"] else "false"
    elif re.search(r"(?<![A-Za-z0-9])TP\d+", name):
        axes.update(_sizes(name))
    elif dpa := _DPA.search(name):
        axes["dpa"] = dpa["value"] or "true"
    if conc := _CONC.search(name):
        axes["conc"] = value("conc", conc["conc"])
    if ("tp" in axes and "pcp" in axes) or parts:
        # Names of this form leave out what is not there.
        axes.setdefault("spec", "none")
    if offload := _OFFLOAD.search(name):
        axes["kv_offload"] = offload["kind"]
        if offload["backend"]:
            axes["kv_offload_backend"] = offload["backend"]
    if found := _EVAL.search(name):
        axes["eval_only"] = "true" if found["eval"] == "eval-only" else "false"


def _sizes(text: str) -> dict[str, str]:
    """`TP8/PP2/EP8/DPA`: sizes of one are left out of such names, so they are one."""
    found = {"tp": "1", "pp": "1", "dcp": "1", "pcp": "1", "ep": "1", "dpa": "false"}
    for match in _GLUED.finditer(text):
        axis = canonical(match["name"])
        if axis in found:
            found[axis] = value(axis, match["value"])
    if re.search(r"(?<![A-Za-z0-9])DPA(?![A-Za-z0-9])", text):
        found["dpa"] = "true"
    return found


def _lengths(name: str, axes: dict[str, str]) -> None:
    lengths = _LENGTHS.search(name)
    if lengths:
        axes["isl"] = str(1024 * int(lengths["isl"]))
        axes["osl"] = str(1024 * int(lengths["osl"]))


def _words(name: str, axes: dict[str, str]) -> None:
    """Model, precision, hardware and framework, which stand as bare words before the sizes."""
    words = [word for word in re.split(r"[\s|]+" if " " in name else r"[_|]+", name) if word]
    if words and _PRIORITY.fullmatch(words[0]):
        words = words[1:]
    for position, word in enumerate(words):
        low = word.lower()
        if _PRECISION.fullmatch(low):
            axes.setdefault("precision", low)
            if position == 1 and not _HARDWARE.fullmatch(words[0].lower()):
                axes.setdefault("model", _LENGTHS.sub("", words[0]).strip("_- "))
        elif _HARDWARE.fullmatch(low):
            axes.setdefault("hardware", low.removeprefix("cluster:"))
        elif low in _FRAMEWORK:
            axes.setdefault("framework", FRAMEWORKS.get(low, low))
        elif low in _SPEC:
            axes["spec"] = low


def _of_result(name: str) -> dict[str, str]:
    """`minimaxm3_8k1k_fp4_vllm_tp8-pp1-ep8-dpafalse_disagg-false_spec-mtp_conc128_node-3_recipe-…`."""
    axes: dict[str, str] = {}
    bare = stem(name)
    if recipe := _RECIPE.search(bare):
        axes["recipe"] = recipe["recipe"]
        bare = bare[: recipe.start()]
    _lengths(bare.replace("_", " "), axes)
    spaced = bare.replace("_", " ")
    head = spaced[: sizes.start()] if (sizes := re.search(r"(?:^| )tp\d", spaced)) else ""
    dashes = re.sub(r"-(?=(?:pp|dcp|pcp|ep)\d|dpa(?:true|false))", " ", spaced)
    _pairs(dashes, axes)
    if dpa := _DPA.search(dashes):
        axes["dpa"] = dpa["value"] or "true"
    words = head.split()
    for position, word in enumerate(words):
        if _PRECISION.fullmatch(word.lower()):
            axes["precision"] = word.lower()
            if position:
                axes["model"] = _LENGTHS.sub("", words[0]).strip("-")
            if position + 1 < len(words):
                axes["framework"] = value("framework", words[position + 1])
    conc = re.search(r" conc\d+ (?P<runner>\S.*)$", dashes)
    if conc:
        axes["runner"] = bare[len(bare) - len(conc["runner"]) :]
    return axes
