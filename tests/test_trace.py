"""A traced script tells its exact command and reaches nothing outside of its sandbox."""

from __future__ import annotations

import subprocess

import pytest
from click.testing import CliRunner
from recipes import FIXTURES, flags, recipe

from diagnose.cli import group
from diagnose.errors import InputError
from diagnose.probe import sandbox
from diagnose.probe.sandbox import trace
from diagnose.recipe import as_run


def possible() -> bool:
    """Whether this machine lets a user have namespaces; asked without the code under test."""
    command = "unshare --user --map-root-user --mount --net --pid --fork mount -t tmpfs tmpfs /mnt"
    try:
        return subprocess.run(command.split(), capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


needs_sandbox = pytest.mark.skipif(not possible(), reason="no user namespaces here")


def words(text: str, **row: str) -> list[tuple[str, ...]]:
    return [traced.argv for traced in trace("x.sh", text.encode(), row)]


@needs_sandbox
def test_the_command_is_known_with_what_only_a_run_tells():
    text = 'set -euo pipefail\nsource ../lib.sh\nN=$(seq 3 | tail -1)\nwait_for_gpus\nvllm serve "$MODEL" --a $N &\nwait\n'

    assert words(text, MODEL="m") == [("vllm", "serve", "m", "--a", "3")]


@needs_sandbox
def test_what_a_script_sources_and_runs_is_there():
    script = 'source "$(dirname "$0")/../lib.sh"\nhas_gpu || exit 1\nis_cold && exit 1\nbash "$(dirname "$0")/start.sh" 3\n'
    files = {
        "lib.sh": b"has_gpu() { return 0; }\nis_cold() { return 1; }\n",
        "a/start.sh": b'vllm serve m --a "$1"\n',
    }
    found = trace("a/x.sh", script.encode(), {}, files)

    assert [traced.argv for traced in found] == [("vllm", "serve", "m", "--a", "3")]


@needs_sandbox
def test_only_the_jobs_variables_are_given(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secretsecretsecret")
    (traced,) = trace("x.sh", b"export A=1\nvllm serve m\n", {"TP": "8"})

    assert traced.environment["TP"] == "8"
    assert traced.environment["A"] == "1"
    assert "HF_TOKEN" not in traced.environment


@needs_sandbox
@pytest.mark.parametrize(
    "attempt",
    [
        "touch /usr/planted",
        "touch {folder}/planted",
        "mount -o remount,rw /usr",
        "(exec 3<>/dev/tcp/127.0.0.1/22)",
        "ls /home",
        "ls /root",
        "cat /etc/passwd",
        "cat /proc/1/environ | grep -z HOME=/root",
        "chmod +w /given/script/x.sh && touch /given/script/x.sh",
    ],
)
def test_nothing_outside_is_reached(tmp_path, attempt):
    text = f"if {attempt.format(folder=tmp_path)}; then vllm serve reached; else vllm serve refused; fi\n"

    assert words(text) == [("vllm", "serve", "refused")]
    assert list(tmp_path.iterdir()) == []


@needs_sandbox
def test_a_script_that_never_ends_is_ended(monkeypatch):
    monkeypatch.setattr(sandbox, "LIMIT_S", 1)

    assert words("vllm serve m &\nwhile true; do :; done\n") == [("vllm", "serve", "m")]


def test_without_a_sandbox_nothing_is_run(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(InputError, match="nothing was run"):
        trace("x.sh", b"touch /tmp/planted\n", {})


def test_a_way_that_the_run_took_is_kept_with_its_places():
    one = recipe('if [ "$(nproc)" -gt 8 ]; then A=(--b); fi\nvllm serve m --a 1 "${A[@]}"\n')
    assert len(one.variants) == 2
    run = as_run(one, one.variants[0].row, ("vllm", "serve", "m", "--a", "1", "--b"), {})

    (variant,) = run.variants
    assert flags(variant) == {"--a": "1", "--b": ""}
    assert all(flag.start >= 0 for flag in variant.flags)


def test_words_that_only_a_run_tells_are_told_with_the_line_that_writes_them():
    one = recipe(
        """
        # --a is for this node
        export N=$(nproc)
        ARGS=(--a $(nproc))
        vllm serve m "${ARGS[@]}" \\
            --b "$(hostname)"
        """
    )
    argv = ("vllm", "serve", "m", "--a", "8", "--b", "here")
    (variant,) = as_run(one, one.variants[0].row, argv, {"N": "8", "HOME": "/"}).variants
    lines = {p.text: one.line(p.start) for p in variant.passages}

    assert (lines["env N=8"], lines["flag --a 8"], lines["flag --b here"]) == (2, 3, 5)
    assert "env HOME=/" not in lines


def test_a_run_that_leaves_a_variable_of_the_job_open_takes_no_way_from_the_others():
    one = recipe('A=()\nif [ "$EP_SIZE" -gt 1 ]; then A=(--b); fi\nvllm serve m --a 1 "${A[@]}"\n')
    assert len(one.variants) == 2
    run = as_run(one, one.variants[0].row, ("vllm", "serve", "m", "--a", "1"), {})

    assert {"--b" in flags(v) for v in run.variants} == {True, False}


@needs_sandbox
def test_the_option_narrows_a_row_to_what_runs():
    row = "MODEL=m,TP=8,EP_SIZE=1,DP_ATTENTION=false"
    script = str(FIXTURES / "minimaxm3_fp4_mi355x_vllm_mtp.sh")
    result = CliRunner().invoke(
        group, ["recipe", script, "--trace", "--row", row], standalone_mode=False
    )

    assert result.exception is None
    assert result.stdout.splitlines()[-1] == "1 script: clean"
    assert result.stderr == ""
