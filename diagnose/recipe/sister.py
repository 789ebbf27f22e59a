"""What the recipe without speculative decoding has and its sister with it lacks.

Floor 6: pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

_WATCHED = re.compile(
    r"flag --(?:moe-backend|moe-runner-backend|moe-a2a-backend) .+|env (?:VLLM_ROCM_USE_AITER\w*|SGLANG_USE_AITER)=.+"
)
"""Flags and variables that choose kernels for the same weights, whether or not tokens are drafted."""


def sister_of(name: str) -> str:
    """The name of the script without speculative decoding; empty for one that has none."""
    return name.removesuffix("_mtp.sh") + ".sh" if name.endswith("_mtp.sh") else ""


def lacking(
    passages: Sequence[str],
    facts: Mapping[str, str],
    sisters: Sequence[tuple[Sequence[str], Mapping[str, str]]],
) -> Iterator[str]:
    """Lines of a sister's document that one way through a script has nothing for.

    Args:
        passages: The lines of this way.
        facts: Its settings.
        sisters: Lines and settings of each way through the sister that starts a server.
    """
    alike = [
        set(lines)
        for lines, other in sisters
        if other.get("expert_parallel") == facts.get("expert_parallel")
        and other.get("engine") == facts.get("engine")
    ]
    if not alike:
        return
    own = {_name(line) for line in passages}
    for line in sorted(set.intersection(*alike)):
        if _WATCHED.fullmatch(line) and _name(line) not in own:
            yield line


def _name(line: str) -> str:
    """`flag --moe-backend` or `env NAME`, without the value."""
    return re.split(r"[ =]", line, maxsplit=2)[1] if " " in line else line
