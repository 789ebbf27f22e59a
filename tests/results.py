"""Result files as InferenceX's benchmark leaves them: the columns of its client and of its aggregation, with drawn numbers."""

from __future__ import annotations

import math
import random

RUN = 0.05
"""What the throughput of two runs of the same thing differs by, as the standard deviation of its logarithm."""
TAIL = 0.35
"""The same for a 99th percentile."""


def row(chance: random.Random, *, tput: float, conc: int, **settings: object) -> dict[str, object]:
    """One aggregated result: `tput` tokens per second and GPU, and the latencies that go with it."""
    tput *= math.exp(chance.gauss(0, RUN))
    tpot = conc / tput / 10 * math.exp(chance.gauss(0, RUN))
    ttft = 0.2 * math.exp(chance.gauss(0, 2 * RUN))
    found: dict[str, object] = {
        "hw": "mi355x",
        "conc": conc,
        "image": "vllm/vllm-openai-rocm:v0.22.1",
        "model": "MiniMaxAI/MiniMax-M3",
        "infmax_model_prefix": "minimaxm3",
        "framework": "vllm",
        "precision": "fp4",
        "spec_decoding": "none",
        "disagg": False,
        "recipe_fingerprint": f"{chance.getrandbits(64):016x}",
        "isl": 8192,
        "osl": 1024,
        "is_multinode": False,
        "tput_per_gpu": tput,
        "output_tput_per_gpu": tput / 9,
        "input_tput_per_gpu": tput * 8 / 9,
        **settings,
    }
    for name, seconds in (("ttft", ttft), ("tpot", tpot), ("itl", tpot), ("e2el", 1024 * tpot)):
        found[f"mean_{name}"] = seconds * 1.02
        found[f"median_{name}"] = seconds
        found[f"std_{name}"] = seconds / 5
        found[f"p99_{name}"] = 2 * seconds * math.exp(chance.gauss(0, TAIL))
    for part in ("mean", "median", "p99"):
        value = found[f"{part}_tpot"]
        assert isinstance(value, float)
        found[f"{part}_intvty"] = 1 / value
    return found


def lm_eval(score: float, deviation: float = 0.006) -> dict[str, object]:
    """What lm-eval writes for one task."""
    return {
        "results": {
            "gsm8k": {
                "alias": "gsm8k",
                "exact_match,strict-match": score,
                "exact_match_stderr,strict-match": deviation,
                "exact_match,flexible-extract": score,
                "exact_match_stderr,flexible-extract": deviation,
            }
        },
        "n-samples": {"gsm8k": {"original": 1319, "effective": 1319}},
        "lm_eval_version": "0.4.9",
        "total_evaluation_time_seconds": "212.5",
    }
