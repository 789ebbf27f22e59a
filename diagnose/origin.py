"""The launch script behind a log: what it shows for this job, and the change that would have saved it.

Floor 10: pure.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from diagnose.advice import withheld
from diagnose.lint import Fault, Linter
from diagnose.model import Channel, Diagnosis, Finding, Place, Unknown
from diagnose.recipe import Recipe, Variant, beside_sister, precision_in, read, sister_of
from diagnose.redact import redact
from diagnose.remedy import unified
from diagnose.review import Reviewer

_SIZES = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size")
_NAMED = re.compile(r"\$\{?(\w+)")
_HUNK = re.compile(r"^@@ -(\d+)[^\n]*\n", re.MULTILINE)
_JOB = ("IMAGE", "PRECISION", "RUNNER_TYPE", "MODEL")
_TOLD = ("version", "hardware", "model", "quantization")


class Script:
    """A launch script and the job it was run for.

    Args:
        name: Its path, as the user gave it.
        data: Its bytes.
        linter: What looks for faults.
        label: Its path as git knows it, for the diff.
        beside: Reads a file that the script names; None for one that is not given.
    """

    def __init__(
        self,
        name: str,
        data: bytes,
        linter: Linter,
        label: str,
        beside: Callable[[str], bytes | None] = lambda _name: None,
    ) -> None:
        self._name = name
        self._data = data
        self._linter = linter
        self._label = label
        self._beside = beside
        self._recipe: Recipe | None = None
        self._faults: tuple[Fault, ...] = ()

    def findings(self, settings: Mapping[str, str]) -> Sequence[Finding]:
        """What the script shows for a job with these settings; nothing where it cannot be that job's."""
        self._recipe = self._read(settings)
        self._faults = self._linter.faults(self._recipe) if self._recipe else ()
        return [fault.finding for fault in self._faults]

    @property
    def place(self) -> Place | None:
        """Where the script starts the job's server; None where it cannot be that job's."""
        if self._recipe is None:
            return None
        command = self._recipe.variants[0].command
        return Place(self._label, self._recipe.line(command.start)) if command else None

    def changed(self, diagnosis: Diagnosis) -> Diagnosis:
        """The diagnosis with the change to the script that its fix asks for, or why there is none."""
        if self._recipe is None:
            return _unknown(diagnosis, "no way through it starts a server as the log shows it")
        if diagnosis.cause is None:
            return diagnosis
        if diagnosis.fix is None:
            why = withheld(diagnosis.cause, diagnosis.facts)
            return _unknown(diagnosis, why) if why else diagnosis
        if not diagnosis.fix.changes:
            return diagnosis
        recipe_cause = diagnosis.cause.signature.channel is Channel.RECIPE
        fault = next((f for f in self._faults if f.id == diagnosis.cause.signature.id), None)
        concerned = fault.variants if fault else self._recipe.variants
        made = Reviewer(self._linter).made(
            self._recipe, concerned, diagnosis.fix, fault if recipe_cause else None
        )
        if made.refused:
            return _unknown(diagnosis, made.refused)
        diff = unified(self._label, self._data, made.after)
        text = diff.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        first = _first_change(diff)
        return replace(
            diagnosis,
            fix=replace(diagnosis.fix, diff=redact(text)),
            place=Place(self._label, first) if first else self.place,
        )

    def _read(self, settings: Mapping[str, str]) -> Recipe | None:
        used = set(_NAMED.findall(self._data.decode("utf-8", "replace")))
        row = {
            name.removeprefix("env:"): value
            for name, value in settings.items()
            if name.startswith("env:")
            and (name.removeprefix("env:") in used or name.removeprefix("env:") in _JOB)
        }
        recipe = read(self._name, self._data, [row], self._beside)
        sister = sister_of(self._name)
        other = self._beside(sister) if sister else None
        if other is not None:
            recipe = beside_sister(recipe, read(sister, other, [row], self._beside))
        told = {name: settings[name] for name in _TOLD if name in settings}
        if precision := precision_in(settings.get("model", "")):
            told["precision"] = precision
        variants = tuple(
            replace(v, facts={**told, **v.facts, **_version(told)})
            for v in recipe.variants
            if v.command is not None and _fits(v, settings)
        )
        return replace(recipe, variants=variants) if variants else None


def _first_change(diff: str) -> int:
    """The line of the old script at which a diff begins to change it; 0 where it changes nothing."""
    hunk = _HUNK.search(diff)
    if hunk is None:
        return 0
    kept = itertools.takewhile(lambda line: line.startswith(" "), diff[hunk.end() :].split("\n"))
    return int(hunk[1]) + len(list(kept))


def _version(told: Mapping[str, str]) -> dict[str, str]:
    """What a log says of the engine's version is truer than what an image's tag suggests."""
    return {n: told[n] for n in ("version", "hardware") if n in told}


def _fits(variant: Variant, settings: Mapping[str, str]) -> bool:
    """Whether a way through the script can have started the server that the log shows."""
    facts = variant.facts
    engine = settings.get("engine", "")
    if engine and facts.get("engine", engine) != engine:
        return False
    if (
        "hardware" in settings
        and facts.get("hardware", settings["hardware"]) != settings["hardware"]
    ):
        return False
    flags = {flag.name: flag for flag in variant.flags}
    for name in _SIZES:
        flag = flags.get("--" + name.replace("_", "-"))
        value = "1" if flag is None else flag.value if flag.known else ""
        if value and name in settings and settings[name] != value:
            return False
    spread, seen = facts.get("expert_parallel"), settings.get("expert_parallel")
    return not (spread and seen) or spread == seen


def _unknown(diagnosis: Diagnosis, why: str) -> Diagnosis:
    note = Unknown("the change to the launch script", why)
    return replace(diagnosis, unknowns=(*diagnosis.unknowns, note))
