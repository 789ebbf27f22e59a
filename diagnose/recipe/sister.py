"""What the recipe without speculative decoding has and its sister with it lacks.

Floor 6: pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_WATCHED = re.compile(
    r"flag --(?:moe-backend|moe-runner-backend|moe-a2a-backend) .+|env (?:VLLM_ROCM_USE_AITER\w*|SGLANG_USE_AITER)=.+"
)
"""Flags and variables that choose kernels for the same weights, whether or not tokens are drafted."""


def sister_of(name: str) -> str:
    """The name of the script without speculative decoding; empty for one that has none."""
    return name.removesuffix("_mtp.sh") + ".sh" if name.endswith("_mtp.sh") else ""


@dataclass(frozen=True, slots=True)
class Way:
    """What one way through a recipe comes to."""

    lines: Sequence[str]
    """Of its document."""
    facts: Mapping[str, str]
    """Its settings."""
    assumed: Mapping[tuple[str, str, str], bool]
    """How it took the conditions that its row does not decide."""

    def agrees(self, other: Way) -> bool:
        """Whether one job can take both ways."""
        same = all(self.facts.get(n) == other.facts.get(n) for n in ("engine", "expert_parallel"))
        return same and all(other.assumed.get(k, held) == held for k, held in self.assumed.items())


def lacking(way: Way, sisters: Sequence[Way]) -> Iterator[str]:
    """Lines that every way through a sister that the same job can take has, and this one has nothing for."""
    alike = [set(other.lines) for other in sisters if way.agrees(other)]
    if not alike:
        return
    own = {_name(line) for line in way.lines}
    for line in sorted(set.intersection(*alike)):
        if _WATCHED.fullmatch(line) and _name(line) not in own:
            yield line


def _name(line: str) -> str:
    """`flag --moe-backend` or `env NAME`, without the value."""
    return re.split(r"[ =]", line, maxsplit=2)[1] if " " in line else line
