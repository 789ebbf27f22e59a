"""A matrix of composed jobs: the published incident's, with expert parallelism on and off.

Lines follow the message formats of vLLM, Quark, Slurm and GitHub's runner, as in `compose`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import compose

EP8_CONCURRENCIES = (1, 4, 16, 64, 128, 256)
EP1_CONCURRENCIES = (1, 4, 16, 64)


def log(job: compose.Job, *, conc: int = 256, node: str = "node-07", runner: str = "03") -> str:
    """A composed job's log, with another concurrency and another place."""
    text = "\n".join(job.lines) + "\n"
    return (
        text.replace("CONC: 256", f"CONC: {conc}")
        .replace("node-07", node)
        .replace("RUNNER_NAME: mi355x-amds_03", f"RUNNER_NAME: mi355x-amds_{runner}")
    )


def incident() -> Iterator[tuple[str, str]]:
    """Job name and log of every job: all with EP hang, all without pass, on three nodes."""
    for number, conc in enumerate(EP8_CONCURRENCIES):
        for place in (1, 2):
            name = f"minimaxm3_8k1k fp4 mi355x vllm tp=8 ep=8 dpa=false conc={conc} #{place}"
            yield name, log(compose.hang(), conc=conc, node=f"node-{(number + place) % 3}")
    for number, conc in enumerate(EP1_CONCURRENCIES):
        for place in (1, 2):
            name = f"minimaxm3_8k1k fp4 mi355x vllm tp=8 ep=1 dpa=false conc={conc} #{place}"
            yield (
                name,
                log(
                    compose.no_expert_parallelism(), conc=conc, node=f"node-{(number + place) % 3}"
                ),
            )


def cancelled() -> str:
    """A sibling that fail-fast ended while it loaded its weights."""
    job = compose.Job(ep=8)
    compose.header(job, "--job-name=bmk-mi355x-3")
    compose.start(job)
    compose.choose_emulation(job)
    job.say(
        "Loading safetensors checkpoint shards:   8% Completed | 4/48 [00:20<00:00,  5.02s/it]", 20
    )
    job.say("##[error]The operation was canceled.", 20)
    job.say("Cleaning up orphan processes", 2)
    return log(job, conc=32)


def write(folder: Path) -> Path:
    """Writes the incident's logs, and one cancelled sibling, as a folder of files."""
    for name, text in incident():
        (folder / f"{name.replace(' ', '_')}.log").write_text(text, encoding="utf-8")
    (folder / "minimaxm3_8k1k_fp4_mi355x_vllm_tp=8_ep=8_dpa=false_conc=32.log").write_text(
        cancelled(), encoding="utf-8"
    )
    return folder


def dump(folder: Path) -> Path:
    """Writes the same as one `gh run view --log` dump."""
    path = folder / "run.log"
    with path.open("w", encoding="utf-8") as file:
        for name, text in incident():
            file.writelines(
                f"single-node 8k1k / {name}\tLaunch job script\t{line}\n"
                for line in text.splitlines()
            )
    return path
