"""Where a run ran and what it chose by itself: node, image, backends, releases of libraries.

Floor 5: pure. The first that a log tells stands: what comes later may be another server's.
"""

from __future__ import annotations

from diagnose.model import Evidence


def node(evidence: Evidence, found: dict[str, str]) -> None:
    """The node that the job was given."""
    found.setdefault("node", evidence.captures["node"])


def runner(evidence: Evidence, found: dict[str, str]) -> None:
    """The CI system's runner."""
    found.setdefault("env:RUNNER_NAME", evidence.captures["runner"])


def container(evidence: Evidence, found: dict[str, str]) -> None:
    """The image that the job was started in."""
    found.setdefault("env:IMAGE", evidence.captures["image"])


def backend(evidence: Evidence, found: dict[str, str]) -> None:
    """What the engine chose, by what it is used for; the first choice of a use stands."""
    use = evidence.captures["use"].strip().lower()
    if evidence.captures.get("listed") and not use:
        # vLLM's platform modules say so of the attention backend without naming it.
        use = "attention"
    elif use.endswith("moe"):
        use = "moe"
    if use:
        found.setdefault(f"backend:{use}", evidence.captures["backend"])


def library(evidence: Evidence, found: dict[str, str]) -> None:
    """The release of a library that the run says it uses; the first that is told stands."""
    name = evidence.captures["library"].lower().replace("pytorch", "torch").replace("_", "-")
    found.setdefault(f"version:{name}", evidence.captures["release"])
