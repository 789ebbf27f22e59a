"""`diagnose recipe` and `diagnose log --recipe` as a user meets them."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from click.testing import CliRunner, Result
from recipes import FIXTURES

from diagnose.cli import group
from diagnose.errors import InputError

LOGS = FIXTURES.parent / "logs"
SEED = FIXTURES / "minimaxm3_fp4_mi355x_vllm_mtp.sh"
RULE = "recipe/fp4-experts-without-backend"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(group, [str(a) for a in arguments], standalone_mode=False)


def code(result: Result) -> object:
    return result.return_value


def test_the_finding_says_where_and_when():
    result = run("recipe", SEED)

    assert code(result) == 1
    assert RULE in result.stdout
    assert "line 42  PARALLEL_ARGS+=(--enable-expert-parallel)" in result.stdout
    assert '"$EP_SIZE" -gt 1 (line 41)' in result.stdout


def test_a_row_that_is_not_concerned_is_clean():
    result = run("recipe", SEED, "--row", "TP=8,EP_SIZE=1,DP_ATTENTION=false")

    assert (code(result), result.stdout.splitlines()[-1]) == (0, "1 script: clean")


def test_the_diff_alone_is_on_standard_output(tmp_path):
    script = shutil.copy(SEED, tmp_path)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    result = run("recipe", script, "--fix")

    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=result.stdout.encode(), check=True)

    assert code(result) == 1
    assert code(run("recipe", script)) == 0
    assert run("recipe", script, "--fix").stdout == ""


def test_write_makes_the_same_change(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
        shutil.copy(SEED, folder)
    run("recipe", one / SEED.name, "--write")
    diff = run("recipe", two / SEED.name, "--fix").stdout
    subprocess.run(["patch", "-s", two / SEED.name], input=diff.encode(), check=True)

    assert (one / SEED.name).read_bytes() == (two / SEED.name).read_bytes() != SEED.read_bytes()


def test_the_fix_for_another_version_is_not_offered_and_says_why(tmp_path):
    rule = tmp_path / "own" / "too-new.toml"
    rule.parent.mkdir()
    rule.write_text(
        """
title = "a"
role = "cause"
channel = "recipe"
kind = "config"
root_cause = "A match does not prove it."
[match]
any = ['^flag --block-size 128']
[[fix]]
engines = ["vllm"]
versions = ">=0.32"
summary = "s"
recipe = ["--block-size 1"]
[[example]]
source = "x"
text = "x"
[[counterexample]]
why = "x"
text = "x"
"""
    )
    row = "EP_SIZE=1,DP_ATTENTION=false"
    found = [
        run("recipe", SEED, "--signatures", tmp_path, "--row", row, "--image", image)
        for image in ("vllm/vllm-openai:v0.27.1", "vllm/vllm-openai:v0.32.0")
    ]

    assert "its fix is for vllm >=0.32, and this is vllm 0.27.1 amd" in " ".join(
        found[0].stdout.split()
    )
    assert "--fix shows the change" in found[1].stdout


@pytest.mark.parametrize("format_", ["json", "markdown"])
def test_other_formats_hold_the_change(format_):
    text = run("recipe", SEED, "--format", format_).stdout

    assert "--moe-backend aiter" in text
    if format_ == "json":
        (script,) = json.loads(text)["scripts"]
        assert script["findings"][0]["level"] == "warning"
        assert script["findings"][0]["places"][0]["line"] == 39


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.sh"], "No such file or directory"),
        ([str(FIXTURES)], "Is a directory"),
        ([str(SEED), "--row", "TP"], "is no NAME=VALUE"),
        ([str(SEED), "--fix", "--write"], "exclude each other"),
    ],
)
def test_bad_input_is_one_sentence(arguments, said):
    result = run("recipe", *arguments)

    assert said in str(result.exception)


@pytest.mark.parametrize(
    ("script", "line"),
    [
        ("if [ 1 ]; then\n  vllm serve m\n", 3),
        ("if [ x = y; then\n  vllm serve m\nfi\n", 1),
        ("vllm serve m\nx=" + "$(" * 3000 + "\n", ""),
    ],
)
def test_a_script_that_was_not_read_whole_is_not_called_clean(tmp_path, script, line):
    path = tmp_path / "x.sh"
    path.write_text(script)
    result = run("recipe", path)

    assert isinstance(result.exception, InputError)
    assert result.exception.exit_code == 4
    assert f"line {line}" in str(result.exception)
    assert "is not understood as bash" in str(result.exception)
    assert "clean" not in result.stdout
    assert "nothing known" not in result.stdout


def test_what_is_found_beside_broken_lines_is_still_a_finding(tmp_path):
    path = tmp_path / SEED.name
    path.write_text(SEED.read_text() + "if [ x = y; then\n")

    assert code(run("recipe", path)) == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"\xef\xbb\xbf#!/bin/bash\n", b"\n"),
        (b"# caf\xe9\nX='\xe9'\n", b" --served-model-name $X\n"),
        (b"#!/bin/bash\r\n", b"\r\n"),
        (b"\t", b""),
        (b"set -Eeuo pipefail\ncoproc { sleep 1; }\n", b" > >(tee log) 2>&1 & disown\n"),
        (b"env -i PATH=$PATH nohup ", b" |& tee log\n"),
        (b"", b"\nbash $0\nsource $0\n"),
        (b"f() { g; }\ng() { f; }\nf\n", b"\n"),
    ],
)
def test_however_a_script_is_written_its_server_is_found_and_mended(tmp_path, before, after):
    path = tmp_path / "m_fp4_mi355x_vllm.sh"
    path.write_bytes(before + b"vllm serve m --enable-expert-parallel" + after)
    found = run("recipe", path, "--write")
    changed = path.read_bytes()

    assert code(found) == 1
    assert b"--moe-backend aiter" in changed
    assert changed.startswith(before.partition(b"env")[0])
    assert after.strip() in changed
    assert code(run("recipe", path)) == 0


def test_a_way_of_which_nothing_is_at_hand_is_told_and_not_called_clean(tmp_path):
    path = tmp_path / "x.sh"
    path.write_text("export A=1\nssh node 'vllm serve m'\n")

    assert isinstance(run("recipe", path).exception, InputError)


def test_a_binary_file_is_refused(tmp_path):
    path = tmp_path / "x.sh"
    path.write_bytes(b"\x7fELF\0\0")

    assert "not a text file" in str(run("recipe", path).exception)


def test_secrets_of_a_script_are_not_printed(tmp_path):
    text = SEED.read_text().replace(
        "export VLLM_USE_BREAKABLE_CUDAGRAPH=0",
        "export HF_TOKEN=hf_abcdefghijklmnopqrstuvwxyz\nexport VLLM_USE_BREAKABLE_CUDAGRAPH=0",
    )
    path = tmp_path / SEED.name
    path.write_text(text)
    outputs = [run("recipe", path, *more) for more in ([], ["--fix"], ["--format", "json"])]

    assert all("hf_abcdef" not in result.output for result in outputs)
    assert "use --write" in outputs[1].stderr


def test_control_characters_of_a_script_do_not_reach_the_terminal(tmp_path):
    path = tmp_path / "x_fp4_mi355x_vllm.sh"
    path.write_text("vllm serve m --enable-expert-parallel --served-model-name 'a\x1b]0;t\x07b'\n")

    assert not {"\x1b", "\x07"} & set(run("recipe", path).stdout)


def test_a_log_with_its_script_ends_in_the_change():
    result = run("log", "--recipe", SEED, LOGS / "mxfp4-ep-hang.log")
    diff = result.stdout.split("The change to the launch script\n\n")[1]

    assert code(result) == 1
    assert result.stdout.startswith("HUNG")
    assert "+    --moe-backend aiter \\\n" in diff
    assert diff.startswith("--- a/fixtures/recipes/")


def test_the_script_heads_the_chain_and_the_log_keeps_what_to_do_now():
    result = run("log", "--recipe", SEED, LOGS / "mxfp4-ep-hang.log", "--format", "json")
    found = json.loads(result.stdout)

    assert found["cause"]["id"] == RULE
    assert [link["id"] for link in found["chain"]][:2] == [RULE, "vllm/mxfp4-emulation-fallback"]
    assert found["chain"][0]["evidence"][0] | {"writer": None} == {
        "source": str(SEED),
        "line": 42,
        "text": "PARALLEL_ARGS+=(--enable-expert-parallel)",
        "writer": None,
        "time": None,
    }
    assert any("lock" in step for step in found["fix"]["now"])
    assert found["fix"]["diff"].count("\n+") == 1 + 4


def test_a_change_that_this_version_refuses_is_not_offered(tmp_path):
    log = tmp_path / "server.log"
    log.write_text((LOGS / "mxfp4-ep-hang.log").read_text().replace("0.32.0", "0.27.1"))
    fix = json.loads(run("log", "--recipe", SEED, log, "--format", "json").stdout)["fix"]

    assert fix["diff"] is None
    assert "--moe-backend aiter is refused at start-up" in fix["summary"]


def test_a_brief_report_has_a_line_a_finding():
    lines = run("recipe", SEED, "-q").stdout.splitlines()

    assert [line.partition(": ")[0] for line in lines] == [f"{SEED}:39", "1 script"]


def test_a_script_without_the_fault_leaves_the_cause_to_the_log(tmp_path):
    fixed = tmp_path / SEED.name
    shutil.copy(SEED, fixed)
    run("recipe", fixed, "--write")
    found = json.loads(
        run("log", "--recipe", fixed, LOGS / "mxfp4-ep-hang.log", "--format", "json").stdout
    )

    assert found["cause"]["id"] == "vllm/mxfp4-emulation-fallback"


@pytest.mark.parametrize(
    ("name", "has_change"), [("serve.sh", True), ("model_fp4_mi355x_vllm.sh", False)]
)
def test_the_fix_of_a_log_alone_is_made_in_a_script_of_that_hardware(tmp_path, name, has_change):
    script = tmp_path / name
    script.write_text("export VLLM_CPU_KVCACHE_SPACE=64\nvllm serve m --port 8000 -tp 2\n")
    found = json.loads(
        run("log", "--recipe", script, LOGS / "kv-cache-too-big.log", "--format", "json").stdout
    )

    assert found["cause"]["id"] == "vllm/cpu-kv-space-exceeds-node-memory"
    assert ("+export VLLM_CPU_KVCACHE_SPACE=8\n" in (found["fix"]["diff"] or "")) is has_change


def test_a_healthy_log_is_healthy_whatever_the_script_says():
    healthy = FIXTURES.parent / "healthy" / "vllm-start-and-one-request.log"

    assert code(run("log", "--recipe", SEED, healthy)) == 0


def test_a_script_of_another_job_is_not_blamed(tmp_path):
    other = tmp_path / "other_fp4_mi355x_sglang.sh"
    other.write_text("python3 -m sglang.launch_server --model-path m --tp 4\n")
    result = run("log", "--recipe", other, LOGS / "mxfp4-ep-hang.log", "--format", "json")
    found = json.loads(result.stdout)

    assert found["cause"]["id"] == "vllm/mxfp4-emulation-fallback"
    assert found["fix"]["diff"] is None
    assert "the change to the launch script" in [u["what"] for u in found["unknowns"]]


def test_a_sister_in_the_same_folder_is_looked_at(tmp_path):
    sister, script = tmp_path / "m_fp8_mi300x.sh", tmp_path / "m_fp8_mi300x_mtp.sh"
    script.write_text("vllm serve m --port 1\n")
    alone = run("recipe", script)
    sister.write_text("vllm serve m --port 1 --moe-backend aiter\n")
    both = run("recipe", script)

    assert (code(alone), code(both)) == (0, 1)
    assert "sister" in both.stdout
    run("recipe", script, "--write")
    assert script.read_text() == "vllm serve m --port 1 --moe-backend aiter\n"


def test_why_a_recipe_signature_matches_is_told_way_by_way():
    out = run("signatures", "explain", RULE, SEED).stdout

    assert out.count("does not match") == 2
    assert out.count(": matches") == 4
    assert "any " in out or "all  yes line `^flag --enable-expert-parallel`" in out


def test_what_a_script_sources_from_its_repository_is_followed_and_nothing_else(tmp_path):
    top, script = tmp_path / "top", tmp_path / "top" / "a" / "m_fp4_mi355x_vllm.sh"
    script.parent.mkdir(parents=True)
    (top / ".git").mkdir()
    (top / "lib.sh").write_text('start() { vllm serve m --enable-expert-parallel "$@"; }\n')
    (tmp_path / "outside.sh").write_text("EXTRA=--moe-backend=aiter\n")
    script.write_text(
        'source "$(dirname "$0")/../lib.sh"\nsource "$(dirname "$0")/../../outside.sh"\n'
        "start --port 1 $EXTRA\n"
    )
    result = run("recipe", script)

    assert code(result) == 1
    assert "line 3  start --port 1 $EXTRA" in result.stdout
    assert "outside.sh (line 2)" in " ".join(result.stdout.split())


def test_a_file_that_is_named_beside_a_script_is_followed(tmp_path):
    script, lib = tmp_path / "one" / "m_fp4_mi355x_vllm.sh", tmp_path / "two" / "start.sh"
    for path in (script, lib):
        path.parent.mkdir()
    lib.write_text("vllm serve m --enable-expert-parallel\n")
    script.write_text("bash /workspace/start.sh\n")

    assert RULE not in run("recipe", script).stdout
    assert RULE in run("recipe", script, lib, "-q").stdout


def test_the_sister_of_a_failed_jobs_script_is_looked_at(tmp_path):
    rule = "recipe/kernel-choice-left-to-sister"
    script = tmp_path / SEED.name
    text = SEED.read_text()
    script.write_text(text)
    arguments = ("log", "--recipe", script, LOGS / "mxfp4-ep-hang.log", "--format", "json")
    alone = run(*arguments).stdout
    script.with_name("minimaxm3_fp4_mi355x_vllm.sh").write_text(
        text.replace("--trust-remote-code", "--trust-remote-code --moe-backend aiter")
    )

    assert rule not in alone
    assert rule in run(*arguments).stdout
