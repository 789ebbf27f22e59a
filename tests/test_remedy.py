"""A fix is put where a maintainer would put it, and nothing else is touched."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from recipes import fixture, ids, is_bash, recipe, review

from diagnose.model import Fix
from diagnose.remedy import Change, change, unified

SEED = "minimaxm3_fp4_mi355x_vllm_mtp.sh"
BRANCHES = "minimaxm3_fp4_mi355x_vllm_mtp_branches.sh"


def made(text: str, *lines: str, remove: tuple[str, ...] = (), **row: str) -> Change:
    """A fix of these flags and variables in a script, for every way that the row allows."""
    one = recipe(text, **row)
    fix = Fix("s", recipe=lines, remove=remove)
    return change(one, one.variants, fix, [], lambda _r, _v: False)


def lines(diff: str) -> list[str]:
    return [
        line
        for line in diff.splitlines()
        if line[:1] in "+-" and not line.startswith(("---", "+++"))
    ]


def test_the_script_that_hung_gets_the_change_that_mended_it():
    found = review(fixture(SEED))

    assert unified(SEED, found.recipe.data, found.after) == (
        f"--- a/{SEED}\n"
        f"+++ b/{SEED}\n"
        "@@ -26,6 +26,9 @@\n"
        " SERVER_LOG=/workspace/server.log\n"
        " export VLLM_ENGINE_READY_TIMEOUT_S=3600\n"
        " export VLLM_USE_BREAKABLE_CUDAGRAPH=0\n"
        "+export VLLM_ROCM_USE_AITER=1\n"
        "+export VLLM_ROCM_USE_AITER_MOE=1\n"
        "+export VLLM_ROCM_USE_AITER_FUSION_SHARED_EXPERTS=1\n"
        " \n"
        ' if [ "${EVAL_ONLY}" = "true" ]; then\n'
        "     setup_eval_context\n"
        "@@ -51,6 +54,7 @@\n"
        "     --block-size 128 \\\n"
        '     --max-model-len "$MAX_MODEL_LEN" \\\n'
        "     --attention-backend TRITON_ATTN \\\n"
        "+    --moe-backend aiter \\\n"
        '     --speculative-config "{\\"method\\": \\"eagle3\\", \\"model\\": \\"$DRAFT_MODEL\\", \\"num_speculative_tokens\\": 3}" \\\n'
        '     --reasoning-parser minimax_m3 > "$SERVER_LOG" 2>&1 &\n'
        " \n"
    )


def test_a_script_that_branches_is_changed_in_the_branch_of_the_rows_concerned():
    found = review(fixture(BRANCHES))

    assert lines(unified(BRANCHES, found.recipe.data, found.after)) == [
        "-    export VLLM_ROCM_USE_AITER_MOE=0",
        "+    export VLLM_ROCM_USE_AITER_MOE=1",
        "+    export VLLM_ROCM_USE_AITER_FUSION_SHARED_EXPERTS=1",
        "+    MOE_ARGS+=(--moe-backend aiter)",
    ]
    assert all(p.change is not None and p.change.also == () for p in found.points)


@pytest.mark.parametrize("name", [SEED, BRANCHES])
def test_the_changed_script_is_clean_and_is_not_changed_again(name, tmp_path):
    after = review(fixture(name)).after
    again = recipe(after.decode(), name)

    assert is_bash(after)
    assert ids(again) == []
    assert review(again).after == after


@pytest.mark.parametrize("name", [SEED, BRANCHES])
def test_a_row_of_its_own_gets_the_same_change(name):
    row = {"TP": "8", "EP_SIZE": "8", "DP_ATTENTION": "false"}

    assert review(fixture(name, row)).after == review(fixture(name)).after


@pytest.mark.parametrize("folder", [".", "sub"])
def test_git_applies_the_diff(tmp_path, folder):
    found = review(fixture(BRANCHES))
    path = tmp_path / "sub" / "recipe.sh"
    path.parent.mkdir()
    path.write_bytes(found.recipe.data)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    diff = unified("sub/recipe.sh", found.recipe.data, found.after)

    subprocess.run(["git", "apply", "-"], cwd=tmp_path / folder, input=diff.encode(), check=True)

    assert path.read_bytes() == found.after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            "vllm serve m --port 1\n", "vllm serve m --port 1 --new-flag x\n", id="one line"
        ),
        pytest.param(
            "vllm serve m --port=1\n", "vllm serve m --port=1 --new-flag=x\n", id="with equals"
        ),
        pytest.param(
            "vllm serve m \\\n    --port 1 \\\n    --seed 0 > log 2>&1 &\n",
            "vllm serve m \\\n    --port 1 \\\n    --new-flag x \\\n    --seed 0 > log 2>&1 &\n",
            id="continued, the last line redirects",
        ),
        pytest.param(
            "vllm serve m --port 1 \\\n    --seed 0 \\\n    > log 2>&1 &\n",
            "vllm serve m --port 1 \\\n    --seed 0 \\\n    --new-flag x \\\n    > log 2>&1 &\n",
            id="continued, the redirection stands alone",
        ),
        pytest.param(
            'ARGS=(\n    --port 1\n    --seed 0  # fixed\n)\nvllm serve m "${ARGS[@]}"\n',
            'ARGS=(\n    --port 1\n    --seed 0  # fixed\n    --new-flag x\n)\nvllm serve m "${ARGS[@]}"\n',
            id="array of lines with a comment",
        ),
        pytest.param(
            'CMD=(vllm serve m --port 1)\n"${CMD[@]}"\n',
            'CMD=(vllm serve m --port 1 --new-flag x)\n"${CMD[@]}"\n',
            id="array on one line",
        ),
        pytest.param(
            'ARGS="--port 1 --seed 0"\nvllm serve m $ARGS\n',
            'ARGS="--port 1 --seed 0 --new-flag x"\nvllm serve m $ARGS\n',
            id="string",
        ),
        pytest.param("vllm serve m\n", "vllm serve m --new-flag x\n", id="no flag at all"),
        pytest.param(
            "vllm serve m --port 1\r\nwait\r\n",
            "vllm serve m --port 1 --new-flag x\r\nwait\r\n",
            id="carriage returns",
        ),
        pytest.param(
            "vllm serve m --port 1", "vllm serve m --port 1 --new-flag x", id="no newline"
        ),
    ],
)
def test_a_flag_is_added_in_the_style_of_the_script(before, after):
    assert made(before, "--new-flag x").after.decode() == after


def test_a_flag_goes_beside_its_family():
    before = "vllm serve m \\\n  --max-model-len 1 \\\n  --attention-backend A \\\n  --port 1 \\\n  --seed 0\n"

    found = made(before, "--moe-backend aiter", "--max-num-seqs 4").after.decode()

    assert found == (
        "vllm serve m \\\n  --max-model-len 1 \\\n  --max-num-seqs 4 \\\n  --attention-backend A \\\n"
        "  --moe-backend aiter \\\n  --port 1 \\\n  --seed 0\n"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("vllm serve m --size 1\n", "vllm serve m --size 9\n"),
        ("vllm serve m --size=1\n", "vllm serve m --size=9\n"),
        ('vllm serve m --size "1" --b\n', 'vllm serve m --size "9" --b\n'),
        ('SIZE="1"\nvllm serve m --size "$SIZE"\n', 'SIZE="9"\nvllm serve m --size "$SIZE"\n'),
        ('vllm serve m --size "$SIZE"\n', 'vllm serve m --size "9"\n'),
        (
            'ARGS=(--size 1)\nvllm serve m "${ARGS[@]}"\n',
            'ARGS=(--size 9)\nvllm serve m "${ARGS[@]}"\n',
        ),
        ('A="--size 1 --b 2"\nvllm serve m $A\n', 'A="--size 9 --b 2"\nvllm serve m $A\n'),
    ],
)
def test_a_value_is_changed_where_it_is_written(before, after):
    assert made(before, "--size 9").after.decode() == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("export A_B=0\nvllm serve m\n", "export A_B=1\nvllm serve m\n"),
        ('export A_B="0"\nvllm serve m\n', 'export A_B="1"\nvllm serve m\n'),
        ("A_B=0 vllm serve m\n", "A_B=1 vllm serve m\n"),
        ("export A_B=${A_B:-0}\nvllm serve m\n", "export A_B=1\nvllm serve m\n"),
        (
            "export A_C=0\nexport Z=2\nvllm serve m\n",
            "export A_C=0\nexport A_B=1\nexport Z=2\nvllm serve m\n",
        ),
        ("A_C=0 vllm serve m\n", "A_C=0 A_B=1 vllm serve m\n"),
        ("cd /x\n\nset -x\nvllm serve m\n", "cd /x\n\nexport A_B=1\nset -x\nvllm serve m\n"),
        ('export A_C="0"\nvllm serve m\n', 'export A_C="0"\nexport A_B="1"\nvllm serve m\n'),
    ],
)
def test_a_variable_is_set_where_its_sisters_are(before, after):
    assert made(before, "A_B=1").after.decode() == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("vllm serve m --old --b 1\n", "vllm serve m --b 1\n"),
        ("vllm serve m --b 1 --old > log &\n", "vllm serve m --b 1 > log &\n"),
        ("vllm serve m \\\n  --old \\\n  --b 1\n", "vllm serve m \\\n  --b 1\n"),
        ("vllm serve m \\\n  --b 1 \\\n  --old\n", "vllm serve m \\\n  --b 1\n"),
        ("vllm serve m \\\n  --b 1 \\\n  --old > log &\n", "vllm serve m \\\n  --b 1 > log &\n"),
        (
            'A=(\n  --old\n  --b 1\n)\nvllm serve m "${A[@]}"\n',
            'A=(\n  --b 1\n)\nvllm serve m "${A[@]}"\n',
        ),
    ],
)
def test_a_flag_is_taken_out_with_its_line(before, after):
    assert made(before, remove=("--old",)).after.decode() == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("vllm serve m --old 1 --b\n", "vllm serve m --new 1 --b\n"),
        ("vllm serve m --old=1 --b\n", "vllm serve m --new=1 --b\n"),
        ("vllm serve m \\\n  --old 1 \\\n  --b\n", "vllm serve m \\\n  --new 1 \\\n  --b\n"),
        ("vllm serve m --old 2 --b\n", "vllm serve m --new 1 --b\n"),
        ("vllm serve m --old 1 --new 3\n", "vllm serve m --new 1\n"),
    ],
)
def test_a_flag_with_a_new_name_keeps_its_place(before, after):
    assert made(before, "--new 1", remove=("--old",)).after.decode() == after


def test_what_is_set_already_is_left_alone():
    found = made("export A=1\nvllm serve m --x y\n", "--x y", "A=1")

    assert found.refused == "the script says so already"
    assert found.after == b"export A=1\nvllm serve m --x y\n"


def test_a_diff_of_a_file_without_a_last_newline_says_so():
    assert unified("a", b"x\ny", b"x\nz") == (
        "--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n x\n-y\n\\ No newline at end of file\n+z\n\\ No newline at end of file\n"
    )


def test_a_path_outside_of_the_working_directory_loses_its_root():
    assert unified(str(Path("/x/y.sh")), b"a\n", b"b\n").startswith("--- a/x/y.sh\n+++ b/x/y.sh\n")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("--cuda-graph-sizes 1 2 4", "--cudagraph-capture-sizes 1 2 4"),
        ('--cuda-graph-sizes "$SIZES"', '--cudagraph-capture-sizes "$SIZES"'),
        ("--guided-decoding-backend 'a;b'", "--structured-outputs-config.backend 'a;b'"),
    ],
)
def test_a_renamed_flag_keeps_its_value_whatever_it_is(written, expected):
    one = recipe(f"vllm serve m {written}\n", IMAGE="vllm/vllm-openai:v0.32.0")

    assert review(one).after.decode() == f"vllm serve m {expected}\n"
