"""The settings of a job from its name, or from the name of its result file.

Floor 10: pure. Job names are those of InferenceX since 2025 in all their forms, and what matrix jobs
are commonly called: `key=value`, `key-value`, `key8`, and the values in parentheses that GitHub adds. In the names of
its log files GitHub leaves `/` out, or writes `_` for it. A caller's name (`single-node 8k1k / …`) comes before the job's own.
"""

from __future__ import annotations

import re

from diagnose.jobs.axes import canonical, put, value
from diagnose.jobs.results import is_result_name, of_result, of_sizes
from diagnose.jobs.vocabulary import lengths, words

_CALLER = re.compile(r"(?P<caller>[^|/]*?)\s+[/_]\s+(?=\S)")
_PRIORITY = re.compile(r"(?:^|.*?\s)p\d+(?:\.\d+)?(?=\s)")
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
_SIZES = re.compile(
    r"(?<![A-Za-z0-9])TP\d+(?:[/_]?(?:PP|DCP|PCP|EP)\d+)*(?:[/_]?DPA)?(?![A-Za-z0-9])"
)
_DPA = re.compile(r"(?<![A-Za-z0-9])(?:dpa-?(?P<value>true|false)|(?P<flag>DPA))(?![A-Za-z0-9])")
_CONC = re.compile(r"(?<![\w=-])c=?(?P<conc>\d+(?:x\d+)*)(?=\s|\||$)")
_PARTS = re.compile(
    r"(?:(?P<prefills>\d+)P )?\((?P<prefill>TP\d[^)]*)\)(?: x (?P<decodes>\d+)D \((?P<decode>TP\d[^)]*)\))?"
)
_OLD_PARTS = re.compile(r"P\((?P<prefill>tp\d[^)]*)\) D\((?P<decode>tp\d[^)]*)\)")
_OFFLOAD = re.compile(r"\b(?P<kind>\w+) KV offload(?: +(?P<backend>(?!c\d)[\w.-]+))?")
_EVAL = re.compile(r"(?:\||\s)\s*(?P<eval>eval-only|eval)\s*$")
_MATRIX = re.compile(r"(?P<base>.*?)\s*\((?P<values>[^()=]+(?:,[^()=]+)+)\)\s*$")
_LEFT_OUT = {"tp": "1", "pp": "1", "dcp": "1", "pcp": "1", "ep": "1", "dpa": "false"}
"""What names in capitals leave out."""


def settings(name: str) -> dict[str, str]:
    """The axes that a name tells, by axis; empty when it tells none."""
    if is_result_name(name):
        return of_result(name)
    caller = _CALLER.match(name)
    axes: dict[str, str] = {}
    lengths(name, axes)
    own = name[caller.end() :] if caller else name
    _pairs(own, axes)
    _flags(own, axes)
    rest = own[priority.end() :] if (priority := _PRIORITY.match(own)) else own
    words([w for w in re.split(r"[\s|]+" if " " in rest else r"[_|]+", rest) if w], axes)
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
    capitals = _PARTS.search(name) or _SIZES.search(name)
    if parts := _PARTS.search(name) or _OLD_PARTS.search(name):
        _parts(parts.groupdict(), axes)
    elif capitals:
        axes.update(_LEFT_OUT | _of_capitals(capitals[0]))
    elif dpa := _DPA.search(name):
        axes["dpa"] = dpa["value"] or "true"
    if conc := _CONC.search(name):
        axes["conc"] = value("conc", conc["conc"])
    if capitals and conc:
        # Between sizes and concurrency stands what is not left out: the kind of speculation, by whatever name.
        between = _OFFLOAD.sub("", name[capitals.end() : conc.start()]).split()
        axes["spec"] = between[0].lower() if between else "none"
    if offload := _OFFLOAD.search(name):
        axes["kv_offload"] = offload["kind"]
        if offload["backend"]:
            axes["kv_offload_backend"] = offload["backend"]
    if found := _EVAL.search(name):
        axes["eval_only"] = "true" if found["eval"] == "eval-only" else "false"


def _parts(found: dict[str, str | None], axes: dict[str, str]) -> None:
    """Prefill and decode workers, each with sizes of their own."""
    for axis in _LEFT_OUT:
        axes.pop(axis, None)
    for role in ("prefill", "decode"):
        text = found[role]
        if text:
            capitals = text.startswith("TP")
            sizes = _LEFT_OUT | _of_capitals(text) if capitals else of_sizes(text)
            sizes.setdefault("workers", found.get(f"{role}s") or "1")
            axes.update({f"{role}_{axis}": size for axis, size in sizes.items()})
    axes["disagg"] = "true" if found["decode"] else "false"


def _of_capitals(text: str) -> dict[str, str]:
    """`TP8/PP2/EP8/DPA` by axis."""
    return of_sizes(text) | ({"dpa": "true"} if text.endswith("DPA") else {})
