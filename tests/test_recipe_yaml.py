"""Recipes in YAML, and changelogs that gate jobs."""

from __future__ import annotations

import subprocess
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner, Result
from recipes import environment, flags, ids, recipe, review

from diagnose.cli import group
from diagnose.errors import InputError
from diagnose.model import Fix
from diagnose.recipe import again
from diagnose.remedy import change


def test_flags_of_a_mapping_are_those_of_its_part():
    one = recipe(
        """
        model: {container: "vllm/vllm-openai:v0.32.0", precision: fp4}
        resources: {gpu_type: gb200}
        backend:
          prefill_environment: {VLLM_A: "1"}
          vllm_config:
            prefill:
              tensor-parallel-size: 8
              enable-expert-parallel: true
              enable-prefix-caching: false
              speculative-config: '{"method":"mtp","num_speculative_tokens":3}'
            decode:
              tensor-parallel-size: 4
        """,
        "disagg.yaml",
    )
    prefill, decode = one.variants

    assert flags(prefill) == {
        "--tensor-parallel-size": "8",
        "--enable-expert-parallel": "",
        "--speculative-config": '{"method":"mtp","num_speculative_tokens":3}',
    }
    assert (environment(prefill), environment(decode)) == ({"VLLM_A": "1"}, {})
    assert flags(decode) == {"--tensor-parallel-size": "4"}
    assert {n: prefill.facts[n] for n in ("engine", "version", "precision", "hardware")} == {
        "engine": "vllm",
        "version": "0.32.0",
        "precision": "fp4",
        "hardware": "nvidia",
    }
    assert [one.line(p.start) for p in prefill.passages if p.text.startswith("flag --enable")] == [
        8
    ]


def test_flags_in_one_string_are_told_apart():
    prefill, decode = recipe(
        """
        A-Model-MXFP4:
          prefill_flags: "--tensor-parallel-size 8 --enable-expert-parallel"
          decode_flags: "--tensor-parallel-size 4"
          env: "VLLM_ROCM_USE_AITER=1 HSA_NO_SCRATCH_RECLAIM=1"
        """,
        "models_vllm.yaml",
    ).variants

    assert flags(prefill) == {"--tensor-parallel-size": "8", "--enable-expert-parallel": ""}
    assert environment(decode) == {"VLLM_ROCM_USE_AITER": "1", "HSA_NO_SCRATCH_RECLAIM": "1"}
    assert prefill.engine == "vllm"


def test_a_command_of_a_pod_is_a_server():
    (variant,) = recipe(
        """
        spec:
          containers:
          - image: vllm/vllm-openai:v0.32.0
            command: ["vllm", "serve", "m", "--tensor-parallel-size", "8"]
        """,
        "pod.yaml",
    ).variants

    assert flags(variant) == {"--tensor-parallel-size": "8"}


_FIX = Fix("s", recipe=("--moe-backend aiter", "--max-num-seqs 64", "VLLM_A=1", "VLLM_B=1"))


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        (
            """
            backend:
              prefill_environment:
                VLLM_A: '0'
              vllm_config:
                prefill:
                  tensor-parallel-size: 8
                  max-num-seqs: 32   # per rank
                  all2all-backend: x
                decode:
                  tensor-parallel-size: 8
            """,
            """
            backend:
              prefill_environment:
                VLLM_A: '1'
                VLLM_B: '1'
              vllm_config:
                prefill:
                  tensor-parallel-size: 8
                  max-num-seqs: 64   # per rank
                  all2all-backend: x
                  moe-backend: aiter
                decode:
                  tensor-parallel-size: 8
            """,
        ),
        (
            """
            environment: {VLLM_A: "0"}
            vllm_config:
              prefill: {tensor_parallel_size: 8, max_num_seqs: 32}
            """,
            """
            environment: {VLLM_B: "1", VLLM_A: "1"}
            vllm_config:
              prefill: {tensor_parallel_size: 8, moe_backend: aiter, max_num_seqs: 64}
            """,
        ),
        (
            """
            Model:
              prefill_flags: "--tensor-parallel-size 8 --max-num-seqs 32"
              env: "VLLM_A=0 C=2"
            """,
            """
            Model:
              prefill_flags: "--tensor-parallel-size 8 --max-num-seqs 64 --moe-backend aiter"
              env: "VLLM_A=1 VLLM_B=1 C=2"
            """,
        ),
        (
            """
            env:
            - VLLM_A=0
            args: >-
              vllm serve m --max-num-seqs 32
              --enable-expert-parallel
            """,
            """
            env:
            - VLLM_A=1
            - VLLM_B=1
            args: >-
              vllm serve m --max-num-seqs 64
              --enable-expert-parallel --moe-backend aiter
            """,
        ),
    ],
)
def test_a_fix_is_made_in_the_style_of_the_file(text, changed):
    one = recipe(text, "vllm.yaml")
    first = one.variants[:1]
    made = change(one, first, _FIX, [], lambda _r, _v: False)
    new = again(one, made.after)
    twice = change(new, new.variants[:1], _FIX, [], lambda _r, _v: False)

    assert made.after.decode() == dedent(changed).lstrip("\n")
    assert twice.after == made.after


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        (
            "vllm_config:\n  a:\n    max-num-seqs: 8\n    block-size: 1\nenvironment:\n  A: 1\n  B: 2\n",
            "vllm_config:\n  a:\n    block-size: 1\nenvironment:\n  B: 2\n",
        ),
        (
            "vllm_config: {a: {block-size: 1, max-num-seqs: 8}}\nenvironment: {A: 1, B: 2}\n",
            "vllm_config: {a: {block-size: 1}}\nenvironment: {B: 2}\n",
        ),
        (
            "x_flags: --block-size 1 --max-num-seqs 8\nenv: A=1 B=2\n",
            "x_flags: --block-size 1\nenv: B=2\n",
        ),
    ],
)
def test_what_goes_leaves_the_rest_as_it_was(text, changed):
    one = recipe(text, "vllm.yaml")
    fix = Fix("s", remove=("--max-num-seqs", "A"))
    made = change(one, one.variants, fix, [], lambda _r, _v: False)

    assert [line.rstrip() for line in made.after.decode().splitlines()] == changed.splitlines()


def test_every_server_of_a_file_that_needs_the_fix_gets_it_and_no_other():
    one = recipe(
        """
        vllm_config:
          prefill: {tensor-parallel-size: 8, enable-expert-parallel: true}
          decode: {tensor-parallel-size: 8}
        model: {container: "vllm/vllm-openai-rocm:v0.32.0", precision: fp4}
        resources: {gpu_type: mi355x}
        """,
        "disagg.yaml",
    )
    after = review(one).after.decode()

    assert after.splitlines()[1].count("moe-backend: aiter") == 1
    assert after.splitlines()[2] == "  decode: {tensor-parallel-size: 8}"
    assert "recipe/fp4-experts-without-backend" not in ids(again(one, after.encode()))


@pytest.mark.parametrize("text", ["a: [", "\t- x: {", ""])
def test_what_is_no_yaml_is_said(text):
    with pytest.raises(InputError):
        recipe(text, "x.yaml")


ENTRY = """
- config-keys:
    - {key}
  description:
    - "{text}"
  pr-link: https://github.com/example/benchmarks/pull/{number}
"""
CONFIG = "key-a: {{image: 'vllm/vllm-openai:{a}', scenarios: {{}}}}\nkey-b: {{image: 'x/y:1.0', scenarios: {{conc: {b}}}}}\n"


class Repository:
    """A repository with a changelog and a configuration, committed once."""

    def __init__(self, folder: Path) -> None:
        self.log, self.config = folder / "changelog.yaml", folder / "config.yaml"
        self.log.write_text(ENTRY.format(key="key-a", text="first", number=1))
        self.config.write_text(CONFIG.format(a="v0.31.0", b=1))
        for command in ("init -q", "add .", "-c user.name=n -c user.email=e commit -qm m"):
            subprocess.run(["git", "-C", folder, *command.split()], check=True)

    def check(self, *more: str) -> Result:
        paths = [str(self.log), str(self.config)]
        return CliRunner().invoke(group, ["recipe", *paths, "-q", *more], standalone_mode=False)


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path)


def found(result: Result) -> set[str]:
    assert result.exception is None, result.exception
    text = " ".join(result.stdout.split())
    return {word.strip("[]") for word in text.split() if word.startswith("[recipe/")}


def test_an_image_that_changed_needs_an_added_entry(repository):
    repository.config.write_text(CONFIG.format(a="v0.32.0", b=1))
    before = found(repository.check("--base", "HEAD"))
    text = repository.log.read_text()
    repository.log.write_text(text + ENTRY.format(key="key-*", text="second", number=2))

    assert before == {"recipe/changelog-entry-missing"}
    assert found(repository.check("--base", "HEAD")) == set()


def test_other_settings_are_a_note(repository):
    repository.config.write_text(CONFIG.format(a="v0.31.0", b=2))
    result = repository.check("--base", "HEAD")

    assert result.return_value == 0
    assert "note: A configuration changed" in " ".join(result.stdout.split())


def test_a_header_that_went_to_a_new_entry_is_found_although_nothing_was_deleted(repository):
    head, rest = repository.log.read_text().split("    - key-a\n")
    new = ENTRY.format(key="key-b", text="second", number=2).split("- config-keys:\n")[1]
    repository.log.write_text(f"{head}{new}    - key-a\n{rest}")

    assert "recipe/changelog-header-lost" in found(repository.check("--base", "HEAD"))


def test_an_unchanged_repository_is_clean(repository):
    assert found(repository.check("--base", "HEAD")) == set()


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("https://github.com/example/benchmarks/pull/XXX", {"recipe/changelog-link-placeholder"}),
        ("", {"recipe/changelog-link-placeholder"}),
        ("https://github.com/example/benchmarks/pull/0", {"recipe/changelog-link-placeholder"}),
        ("https://github.com/example/benchmarks/pull/2705", set()),
    ],
)
def test_a_link_must_lead_somewhere(repository, link, expected):
    text = repository.log.read_text()
    added = ENTRY.format(key="key-b", text="second", number="N").replace(
        "https://github.com/example/benchmarks/pull/N", link
    )
    repository.log.write_text(text + added)

    assert found(repository.check("--base", "HEAD")) == expected


@pytest.mark.parametrize("revision", ["nonsense", "--output=x", "HEAD~99"])
def test_a_revision_that_is_none_is_said(repository, revision):
    result = repository.check(f"--base={revision}")

    assert "revision" in str(result.exception)


def test_a_base_without_a_changelog_is_said(tmp_path):
    script = tmp_path / "x.sh"
    script.write_text(dedent("vllm serve m\n"))
    result = CliRunner().invoke(
        group, ["recipe", str(script), "--base", "HEAD"], standalone_mode=False
    )

    assert "needs a changelog" in str(result.exception)
