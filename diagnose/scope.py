"""Whether a signature or a fix applies to a run of this engine, version and hardware.

Floor 1: pure.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from functools import lru_cache

from diagnose.expressions import later
from diagnose.model import Scope

# What nearly every version and range looks like; `packaging` knows all others, and takes as long to load as all of
# the dialects.
_VERSION = later(
    r"(\d+(?:\.\d+)*)(?:(?:a|b|rc)\d+)?(?:\.post\d+)?(?:\.dev\d+)?(?:\+[a-z0-9]+(?:\.[a-z0-9]+)*)?"
)
_BOUND = later(r" *(>=|<=|<|>) *(\d+(?:\.\d+)*) *")
_ORDER = {">=": operator.ge, "<=": operator.le, "<": operator.lt, ">": operator.gt}


def applies(scope: Scope, facts: Mapping[str, str]) -> bool:
    """Whether a scope allows this run; what is not known does not limit."""
    engine, hardware = facts.get("engine", ""), facts.get("hardware", "")
    if scope.engines and engine and engine not in scope.engines:
        return False
    if scope.hardware and hardware and hardware not in scope.hardware:
        return False
    return version_fits(scope.versions, facts.get("version", "")) is not False


@lru_cache(maxsize=1024)
def version_fits(versions: str, version: str) -> bool | None:
    """Whether `version` is in the range; None when the version is unknown or unreadable."""
    if not versions:
        return True
    if not version:
        return None
    simple = _simple_fit(versions, version)
    if simple is not None:
        return simple
    from packaging.specifiers import SpecifierSet
    from packaging.version import InvalidVersion, Version

    try:
        # A development build counts as the release it leads to or follows: 0.22.1.dev3+gabc is 0.22.1.
        release = Version(version).base_version
    except InvalidVersion:
        return None
    return SpecifierSet(versions).contains(release)


def _simple_fit(versions: str, version: str) -> bool | None:
    """The same for numbers with bounds; None for anything else."""
    release = _VERSION.fullmatch(version)
    bounds = [_BOUND.fullmatch(bound) for bound in versions.split(",")]
    if release is None:
        return None
    fits = True
    for bound in bounds:
        if bound is None:
            return None
        fits = fits and _ORDER[bound[1]](_numbers(release[1]), _numbers(bound[2]))
    return fits


def _numbers(release: str) -> list[int]:
    """The numbers of a release, without the zeros at its end: 0.22.0 is 0.22."""
    numbers = [int(part) for part in release.split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return numbers
