"""The settings of a job from the name of its result file, and what the files of one job have in common.

Floor 10: pure. The names are those that InferenceX has given since 2025: of one server
(`m_8k1k_fp4_vllm_tp8-ep8-dpafalse_disagg-false_spec-mtp_conc128_node-3_recipe-…`, formerly `…_tp8_ep8_dpa_false_conc128_…`
and `…_tp8_conc64_…`), and of prefill and decode workers (`…_prefill-tp4-ep4-dptrue-nw1_decode-tp8-…`, formerly `…_ptp4pep4_dtp8dep8_…`).
"""

from __future__ import annotations

import re

from diagnose.jobs.axes import canonical, put, value
from diagnose.jobs.vocabulary import LENGTHS, PRECISION, lengths, words

_SIZE = re.compile(
    r"(?P<name>tp|pp|dcp|pcp|ep|nw)(?P<size>\d+)|dpa?_?(?P<dpa>true|false)", re.IGNORECASE
)
_RUN = r"tp\d+(?:[-_](?:(?:pp|dcp|pcp|ep|nw)\d+|dpa?_?(?:true|false)))*"
_SIZES = re.compile(
    rf"(?:^|_)(?:prefill-(?P<prefill>{_RUN})_decode-(?P<decode>{_RUN})"
    r"|p(?P<p>tp\d+)p(?P<pep>ep\d+)_d(?P<d>tp\d+)d(?P<dep>ep\d+)"
    rf"|(?P<one>{_RUN}))(?=_|-|$)",
    re.IGNORECASE,
)
_RECIPE = re.compile(r"_recipe-(?P<recipe>[0-9a-f]{6,64})(?![0-9a-f])")
_DISAGG = re.compile(r"(?:^|_)disagg-(?P<disagg>true|false)(?=_|$)")
_SPEC = re.compile(r"(?:^|_)spec(?:dec|decode)?[-_](?P<spec>[a-z0-9-]+)(?=_|$)")
_CONC = re.compile(
    r"(?:^|_)conc(?P<conc>\d+(?:x\d+)*)(?:_specdecode_[a-z0-9-]+)?(?:_(?P<runner>.+))?$"
)
_ONE_OF = re.compile(r"(?<=_conc)(?P<all>\d+(?:x\d+)*_.+?)(?:_conc\d+|_results_concurrency_\w+)$")
"""A file for each concurrency of a job that ran several."""
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
    return _ONE_OF.sub(r"\g<all>", _TWICE.sub(r"\g<exp>_", bare)) or name


def is_result_name(name: str) -> bool:
    """Whether a name is that of a result file: it carries the settings."""
    return _SIZES.search(name) is not None


def of_result(name: str) -> dict[str, str]:
    """The axes that the name of a result file tells, by axis."""
    axes: dict[str, str] = {}
    bare = stem(name)
    if recipe := _RECIPE.search(bare):
        axes["recipe"] = recipe["recipe"]
        bare = bare[: recipe.start()]
    sizes = _SIZES.search(bare)
    if sizes is None:
        return axes
    lengths(bare, axes)
    _head(bare[: sizes.start()], axes)
    if sizes["one"]:
        axes.update(of_sizes(sizes["one"]))
    else:
        for role, text in (
            ("prefill", sizes["prefill"] or f"{sizes['p']}-{sizes['pep']}"),
            ("decode", sizes["decode"] or f"{sizes['d']}-{sizes['dep']}"),
        ):
            axes.update({f"{role}_{axis}": size for axis, size in of_sizes(text).items()})
    _tail(bare[sizes.end() :], axes)
    return axes


def of_sizes(text: str) -> dict[str, str]:
    """`tp8-ep8-dpatrue` or `tp4/ep4/dptrue/nw1` by axis."""
    found: dict[str, str] = {}
    for match in _SIZE.finditer(text):
        if match["dpa"]:
            found["dpa"] = match["dpa"].lower()
        elif match["name"].lower() == "nw":
            found["workers"] = value("", match["size"])
        else:
            put(found, match["name"], match["size"])
    return found


def _head(text: str, axes: dict[str, str]) -> None:
    """Experiment, precision and framework, in whichever order."""
    parts = [part for part in text.split("_") if part]
    words(parts, axes)
    if parts and any(PRECISION.fullmatch(part.lower()) for part in parts[1:]):
        axes["model_prefix"] = LENGTHS.sub("", parts[0]).strip("-")


def _tail(text: str, axes: dict[str, str]) -> None:
    for expression in (_DISAGG, _SPEC, _CONC):
        if match := expression.search(text):
            for name, found in match.groupdict().items():
                if found:
                    axes[name] = value(canonical(name), found)
