"""Servers in a container, in a string and in a here-document are seen, and what reaches them."""

from __future__ import annotations

import pytest
from recipes import environment, flags, only, recipe, review

from diagnose.model import Fix
from diagnose.remedy import change
from diagnose.report.recipe import to_terminal, unread


@pytest.mark.parametrize(
    "script",
    [
        "docker run --rm -it -v /a:/b img:1 bash -c 'cd /x && vllm serve m --a 1 --b 2; echo'",
        'docker exec c bash -lc "vllm serve m --a 1 --b 2"',
        "srun -N1 bash -c 'vllm serve m --a 1 --b 2'",
        "bash -euo pipefail -c 'vllm serve m --a 1 --b 2'",
        "bash <<EOF\nset -e\n# vllm serve other\nvllm serve m --a 1 \\\n  --b 2 &\nwait\nEOF",
        "docker exec -i c bash -s <<'EOF'\nvllm serve m --a 1 --b 2\nEOF",
        "bash <<< 'vllm serve m --a 1 --b 2'",
        "cat <<EOF > run.sh\nvllm serve m --a 1 \\\\\n  --b \\$N\nEOF\nexport N=2\nbash run.sh",
        "cat > run.sh <<'EOF'\nvllm serve m --a $1 --b $2\nEOF\nchmod +x run.sh\nsrun ./run.sh 1 2",
        "tee run.sh <<'EOF' > /dev/null\nvllm serve m --a 1 --b 2\nEOF\ndocker run -v $PWD:/w img:1 bash /w/run.sh",
        "echo 'vllm serve m --a 1 --b 2' > run.sh\nnohup bash run.sh > log 2>&1 &",
        "docker run --entrypoint vllm img:1 serve m --a 1 --b 2",
        "docker run --entrypoint /bin/bash img:1 -c 'vllm serve m --a 1 --b 2'",
        "docker run --gpus all vllm/vllm-openai:v0.27.1 --a 1 --b 2",
        "eval \"vllm serve 'm x' --a 1 --b 2\"",
        "CMD='vllm serve m'\nCMD+=' --a 1 --b 2'\nbash -c \"$CMD\"",
        'set -- --a 1 --b 2\nvllm serve m "$@"',
        'f() { local x=$1; shift; vllm serve m --a $x "$@"; }\nf 1 --b 2',
        'retry() { n=$1; shift; "$@"; }\nretry 3 vllm serve m --a 1 --b 2',
        "f() { while [ $# -gt 0 ]; do case $1 in --x) X=$2; shift 2;; *) shift;; esac; done; }\nf --y --x 2\nvllm serve m --a 1 --b $X",
        "A=(1 2)\nvllm serve m --a ${A[0]} --b ${A[-1]}",
        "NAME=B\nB=2\nvllm serve m --a 1 --b ${!NAME}",
        ": ${N:=2}\nvllm serve m --a 1 --b $N",
        "P=$(dirname /1/x)\nvllm serve m --a ${P#/} --b $(seq 2 2)",
    ],
)
def test_a_server_that_a_shell_is_told_to_start_is_seen(script):
    assert flags(only(script + "\n")) == {"--a": "1", "--b": "2"}


@pytest.mark.parametrize(
    "command",
    [
        "ssh host 'vllm serve m'",
        'bash -c "$CMD"',
        "alias serve='vllm serve m'",
        "su user -c 'vllm serve m'",
    ],
)
def test_a_server_that_is_not_followed_is_told_with_its_line(command):
    one = review(recipe(f"true\n{command}\n"))

    assert one.recipe.unfollowed == (2,)
    assert "line 2" in unread(one.recipe)
    assert "clean" not in to_terminal([one])


@pytest.mark.parametrize(
    "command", ["docker run postgres", "bash run.sh", "echo 'vllm serve'", "bash -c 'ls'"]
)
def test_what_starts_no_server_is_not_told_of(command):
    assert recipe(command + "\n").unfollowed == ()


@pytest.mark.parametrize(
    "command",
    [
        "docker run --rm -e A=1 --gpus all vllm/vllm-openai:v0.27.1 vllm serve m",
        'IMG=vllm/vllm-openai:v0.27.1\ndocker run -dit "$IMG" vllm serve m',
        "docker run vllm/vllm-openai:v0.27.1 bash -c 'vllm serve m'",
        "srun --container-image=docker://x#vllm/vllm-openai:v0.27.1 vllm serve m",
    ],
)
def test_the_image_on_the_line_tells_the_version(command):
    assert only(command + "\n").facts["version"] == "0.27.1"


def test_the_image_of_the_row_goes_before_the_one_on_the_line():
    script = "docker run vllm/vllm-openai:v0.27.1 vllm serve m\n"

    assert only(script, IMAGE="vllm/vllm-openai:v0.32.0").facts["version"] == "0.32.0"


def test_a_container_has_only_the_variables_it_is_given():
    script = "export P=1 H=2\ndocker run -e P -e A=3 --env=B=4 img:1 {}\n"
    given = {"P": "1", "A": "3", "B": "4"}

    assert environment(only(script.format("vllm serve m"))) == given
    assert environment(only(script.format("bash -c 'export C=5; vllm serve m'"))) == {
        **given,
        "C": "5",
    }


@pytest.mark.parametrize(
    "command",
    [
        "docker run -e A=0 img:1 vllm serve m",
        "docker run img:1 vllm serve m",
        "docker exec c bash -c 'vllm serve m'",
        "podman run img:1 vllm serve m",
        "srun --container-image=x vllm serve m",
    ],
)
def test_no_variable_is_written_for_a_container(command):
    one = recipe(f"#!/bin/bash\n{command}\n")
    made = change(one, one.variants, Fix("s", recipe=("A=1", "B=1")), [], lambda _r, _v: False)

    assert made.after == one.data
    assert "-e NAME=VALUE" in made.refused


def test_a_flag_is_still_changed_in_a_container():
    one = recipe("docker run img:1 vllm serve m --a 1\n")
    made = change(one, one.variants, Fix("s", recipe=("--a 2",)), [], lambda _r, _v: False)

    assert made.after == b"docker run img:1 vllm serve m --a 2\n"


def test_a_string_is_not_replaced_by_the_value_of_one_flag():
    one = recipe("bash -c 'vllm serve m --a 1'\n")
    made = change(one, one.variants, Fix("s", recipe=("--a 2",)), [], lambda _r, _v: False)

    assert b"vllm serve m" in made.after
