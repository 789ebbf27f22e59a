"""Rows of a job matrix, in the forms that people keep them in."""

from __future__ import annotations

import json
from textwrap import dedent

import pytest
from click.testing import CliRunner
from recipes import FIXTURES

from diagnose.cli import group
from diagnose.errors import InputError
from diagnose.recipe.matrix import jobs, rows_for

CONFIG = dedent(
    """
    minimaxm3-fp4-mi355x-vllm-mtp:
      image: vllm/vllm-openai-rocm:v0.32.0
      model: amd/MiniMax-M3-MXFP4
      model-prefix: minimaxm3
      runner: cluster:mi355x-tw
      precision: fp4
      framework: vllm
      multinode: false
      scenarios:
        fixed-seq-len:
        - isl: 1024
          osl: 1024
          search-space:
          - { tp: 8, ep: 8, conc-start: 4, conc-end: 20, spec-decoding: mtp }
          - { tp: 4, conc-list: [7], dp-attn: true, spec-decoding: mtp }
        - isl: 8192
          osl: 1024
          search-space:
          - { tp: 8, conc-start: 1, conc-end: 1 }
    """
).encode()
MTP = "minimaxm3_fp4_mi355x_vllm_mtp.sh"


def test_a_search_space_is_spanned():
    rows = [job.row for job in jobs("m.yaml", CONFIG)]

    assert [(r["TP"], r["EP_SIZE"], r["DP_ATTENTION"], r["CONC"], r["ISL"]) for r in rows] == [
        ("8", "8", "false", "4", "1024"),
        ("8", "8", "false", "8", "1024"),
        ("8", "8", "false", "16", "1024"),
        ("8", "8", "false", "20", "1024"),
        ("4", "1", "true", "7", "1024"),
        ("8", "1", "false", "1", "8192"),
    ]
    assert rows[0]["IMAGE"] == "vllm/vllm-openai-rocm:v0.32.0"
    assert rows[0]["MAX_MODEL_LEN"] == str(1024 + 1024 + 256)


@pytest.mark.parametrize(
    ("script", "count"),
    [
        (MTP, 5),
        (f"a/fixed_seq_len/{MTP}", 5),
        (f"a/agentic/{MTP}", 0),
        ("minimaxm3_fp4_mi355x_vllm.sh", 1),
        ("minimaxm3_fp4_mi355x.sh", 1),
        ("minimaxm3_fp4_mi355x_sglang.sh", 0),
        ("minimaxm3_fp8_mi355x_vllm.sh", 0),
        ("minimaxm3_fp4_mi300x_vllm.sh", 0),
    ],
)
def test_a_script_gets_the_rows_that_are_run_with_it(script, count):
    assert len(rows_for(script, jobs("m.yaml", CONFIG))) == count


def test_a_script_that_names_the_framework_comes_before_one_that_does_not():
    every = jobs("m.yaml", CONFIG)

    assert (
        rows_for("minimaxm3_fp4_mi355x.sh", every, {"minimaxm3_fp4_mi355x_vllm.sh"}.__contains__)
        == []
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("m.json", json.dumps([{"tp": 8, "ep": 8, "conc": 4}, {"tp": 4, "ep": 1, "conc": 8}])),
        (
            "m.json",
            json.dumps(
                {
                    "include": [
                        {"TP": 8, "EP_SIZE": 8, "CONC": 4},
                        {"TP": 4, "EP_SIZE": 1, "CONC": 8},
                    ]
                }
            ),
        ),
        ("m.yaml", "- {tp: 8, ep: 8, conc: 4}\n- {tp: 4, ep: 1, conc: 8}\n"),
        ("m.csv", "tp,ep,conc\n8,8,4\n4,1,8\n"),
    ],
)
def test_plain_lists_of_rows_are_for_every_script(name, text):
    assert rows_for("any.sh", jobs(name, text.encode())) == [
        {"TP": "8", "EP_SIZE": "8", "CONC": "4"},
        {"TP": "4", "EP_SIZE": "1", "CONC": "8"},
    ]


@pytest.mark.parametrize("text", ["a: [", "just words", "", "42"])
def test_what_is_no_matrix_is_said(text):
    with pytest.raises(InputError):
        jobs("m.yaml", text.encode())


def test_findings_name_the_rows_of_the_matrix(tmp_path):
    (tmp_path / "m.yaml").write_bytes(CONFIG)
    script = FIXTURES / MTP
    result = CliRunner().invoke(
        group, ["recipe", str(script), "--matrix", str(tmp_path / "m.yaml"), "--format", "json"]
    )

    (finding,) = json.loads(result.stdout)["scripts"][0]["findings"]
    assert [
        (p["line"], [(r["EP_SIZE"], r["CONC"]) for r in p["rows"]]) for p in finding["places"]
    ] == [
        (39, [("1", "7")]),
        (42, [("8", "4"), ("8", "8"), ("8", "16"), ("8", "20")]),
    ]
