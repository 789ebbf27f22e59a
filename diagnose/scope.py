"""Whether a signature or a fix applies to a run of this engine, version and hardware.

Floor 1: pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from diagnose.model import Scope


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
    from packaging.specifiers import SpecifierSet
    from packaging.version import InvalidVersion, Version

    try:
        # A development build counts as the release it leads to or follows: 0.22.1.dev3+gabc is 0.22.1.
        release = Version(version).base_version
    except InvalidVersion:
        return None
    return SpecifierSet(versions).contains(release)
