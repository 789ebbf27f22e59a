"""Servers in a container, in a string and in a here-document are seen, and what reaches them."""

from __future__ import annotations

import pytest
from recipes import environment, flags, is_bash, only, recipe, review

from diagnose.model import Fix
from diagnose.recipe import again
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
        "f() { while (($#)); do case $1 in --b=*) B=${1#*=};; esac; shift; done; }\nf --c --b=2\nvllm serve m --a 1 --b $B",
        "read -r -d '' CMD <<'END'\nvllm serve m --a 1 --b 2\nEND\ndocker run img:1 bash -lc \"$CMD\"",
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
    ("script", "changed"),
    [
        ("docker run -e A=0 img:1 vllm serve m", "docker run -e A=1 -e B=1 img:1 vllm serve m"),
        ("docker run img:1 vllm serve m", "docker run -e A=1 -e B=1 img:1 vllm serve m"),
        (
            "docker run --env=A='0' img:1 vllm serve m",
            "docker run --env=A='1' -e B=1 img:1 vllm serve m",
        ),
        (
            "docker run --rm \\\n  -e A=0 \\\n  img:1 vllm serve m",
            "docker run --rm \\\n  -e A=1 \\\n  -e B=1 \\\n  img:1 vllm serve m",
        ),
        (
            'OPTS=(\n  -e A=0\n)\ndocker run "${OPTS[@]}" img:1 vllm serve m',
            'OPTS=(\n  -e A=1\n  -e B=1\n)\ndocker run "${OPTS[@]}" img:1 vllm serve m',
        ),
        (
            "docker exec c bash -c 'export A=0; vllm serve m'",
            "docker exec -e B=1 c bash -c 'export A=1; vllm serve m'",
        ),
        (
            "export A=0\ndocker run -e A img:1 vllm serve m",
            "export A=1\ndocker run -e A -e B=1 img:1 vllm serve m",
        ),
        (
            "srun --container-image=x vllm serve m",
            "srun --container-image=x env A=1 B=1 vllm serve m",
        ),
        (
            "srun --container-image=x python3 -m sglang.launch_server --tp 8",
            "srun --container-image=x env A=1 B=1 python3 -m sglang.launch_server --tp 8",
        ),
        (
            "srun --container-image=x bash -c 'cd /w; vllm serve m'",
            "srun --container-image=x bash -c 'cd /w; A=1 B=1 vllm serve m'",
        ),
        (
            "srun --container-image=x bash <<EOF\n  vllm serve m\nEOF",
            "srun --container-image=x bash <<EOF\n  export A=1\n  export B=1\n  vllm serve m\nEOF",
        ),
        (
            "cat <<EOF > run.sh\nexport A=0\nvllm serve m\nEOF\nbash run.sh",
            "cat <<EOF > run.sh\nexport A=1\nexport B=1\nvllm serve m\nEOF\nbash run.sh",
        ),
        ("kubectl exec p -- vllm serve m", "kubectl exec p -- env A=1 B=1 vllm serve m"),
        (
            'podman exec -e A=0 box sh -c "exec vllm serve m > /log 2>&1"',
            'podman exec -e A=1 -e B=1 box sh -c "exec vllm serve m > /log 2>&1"',
        ),
        (
            "docker run \\\n  --entrypoint python3 img:1 -m vllm.entrypoints.openai.api_server",
            "docker run \\\n  -e A=1 \\\n  -e B=1 \\\n  --entrypoint python3 img:1 -m vllm.entrypoints.openai.api_server",
        ),
        ("bash -c 'vllm serve m'", "export A=1\nexport B=1\nbash -c 'vllm serve m'"),
    ],
)
def test_a_variable_is_set_where_it_reaches_the_server(script, changed):
    one = recipe(f"#!/bin/bash\n{script}\n")
    made = change(one, one.variants, Fix("s", recipe=("A=1", "B=1")), [], lambda _r, _v: False)
    (variant,) = again(one, made.after).variants

    assert made.after.decode() == f"#!/bin/bash\n{changed}\n"
    assert environment(variant).items() >= {"A": "1", "B": "1"}.items()
    assert is_bash(made.after)


def test_a_variable_of_a_container_is_taken_out_with_its_option():
    one = recipe("docker run --rm -e A=0 -e B=1 img:1 vllm serve m\n")
    made = change(one, one.variants, Fix("s", remove=("A",)), [], lambda _r, _v: False)

    assert made.after == b"docker run --rm -e B=1 img:1 vllm serve m\n"


@pytest.mark.parametrize("options", ["$OPTS", "--env-file job.env"])
def test_no_variable_is_written_where_options_that_are_not_known_may_win(options):
    one = recipe(f"docker run -e A=0 {options} img:1 vllm serve m\n")
    made = change(one, one.variants, Fix("s", recipe=("A=1",)), [], lambda _r, _v: False)

    assert made.after == one.data
    assert "-e NAME=VALUE" in made.refused


@pytest.mark.parametrize(
    ("script", "changed"),
    [
        ("docker run img:1 vllm serve m --a 1", "docker run img:1 vllm serve m --a 2 --b 3"),
        ("bash -c 'vllm serve m --a 1'", "bash -c 'vllm serve m --a 2 --b 3'"),
        ('X=1\nbash -c "vllm serve m --a $X"', 'X=2\nbash -c "vllm serve m --a $X --b 3"'),
        (
            "cat <<'EOF' > run.sh\nvllm serve m \\\n  --a 1\nEOF\nbash run.sh",
            "cat <<'EOF' > run.sh\nvllm serve m \\\n  --b 3 \\\n  --a 2\nEOF\nbash run.sh",
        ),
        (
            'CMD="vllm serve m"\nCMD+=" --a 1"\neval "$CMD"',
            'CMD="vllm serve m"\nCMD+=" --a 2 --b 3"\neval "$CMD"',
        ),
        (
            "vllm serve m &\nvllm serve n --a 1",
            "vllm serve m --a 2 --b 3 &\nvllm serve n --a 2 --b 3",
        ),
        (
            "docker run --entrypoint vllm img:1 serve m --a 1",
            "docker run --entrypoint vllm img:1 serve m --a 2 --b 3",
        ),
    ],
)
def test_a_flag_is_changed_in_the_string_or_the_file_it_is_written_in(script, changed):
    one = recipe(f"{script}\n")
    made = change(one, one.variants, Fix("s", recipe=("--a 2", "--b 3")), [], lambda _r, _v: False)

    assert made.after.decode() == f"{changed}\n"
    assert is_bash(made.after)
