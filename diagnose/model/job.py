"""A job of a CI system or scheduler, as far as its environment names it.

Floor 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Job:
    """Which job it was, where it ran, and what it was asked to do."""

    system: str = ""
    """`GitHub Actions`, `Buildkite`, `GitLab`, `Jenkins` or `Slurm`; empty outside of all of them."""
    name: str = ""
    run: str = ""
    """The number by which the system knows the run."""
    node: str = ""
    """Runner, agent or list of hosts."""
    url: str = ""
    """Where the system shows it; empty where it has no page."""
    status: str = ""
    """`success`, `failure` or `cancelled`; empty where the system does not say."""
    workspace: str = ""
    """The folder in which it ran."""
    began_s: float | None = None
    """When it began (POSIX time); None where the system does not say."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Its place in the matrix, such as `{"TP": "8", "CONC": "64"}`."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file in the repository: where a fix belongs."""

    path: str
    """Relative to the top of the checkout, with `/`."""
    line: int
    """1-based."""
