"""Launch scripts are read as bash reads them; expectations were checked against bash where it can tell."""

from __future__ import annotations

import subprocess
from textwrap import dedent

import pytest
from hypothesis import given, settings
from recipe_scripts import scripts
from recipes import FIXTURES, environment, flags, only, recipe

from diagnose.errors import InputError
from diagnose.recipe import read
from diagnose.recipe.expand import words
from diagnose.recipe.relevance import Relevance
from diagnose.recipe.syntax import parse, walk
from diagnose.recipe.words import State, Variable, Word


@pytest.mark.parametrize(
    ("written", "name", "value"),
    [
        ("--max-model-len 4096", "--max-model-len", "4096"),
        ("--max-model-len=4096", "--max-model-len", "4096"),
        ("--max_model_len 4096", "--max-model-len", "4096"),
        ("-tp 8", "--tensor-parallel-size", "8"),
        ("--tp-size '8'", "--tensor-parallel-size", "8"),
        ('--served-model-name "a b"', "--served-model-name", "a b"),
        ("--enable-expert-parallel", "--enable-expert-parallel", ""),
    ],
)
def test_every_spelling_of_a_flag_is_the_same_flag(written, name, value):
    assert flags(only(f'vllm serve "$MODEL" {written}\n'))[name] == value


def test_a_switch_does_not_take_the_next_word():
    found = flags(only("vllm serve --trust-remote-code --enable-expert-parallel --port 8000 m\n"))

    assert found["--trust-remote-code"] == ""
    assert found["--enable-expert-parallel"] == ""


@pytest.mark.parametrize(
    "script",
    [
        "vllm serve m --a 1 \\\n  --b 2 > log 2>&1 &\n",
        'ARGS=(--a 1 --b 2)\nvllm serve m "${ARGS[@]}"\n',
        'ARGS=( # all\n --a 1   # one node\n --b 2\n # last\n)\nvllm serve m "${ARGS[@]}"\n',
        'ARGS=(--a 1)\nARGS+=(--b 2)\nvllm serve m "${ARGS[@]}"\n',
        'ARGS="--a 1 --b 2"\nvllm serve m $ARGS\n',
        'ARGS="--a 1"\nARGS+=" --b 2"\nvllm serve m $ARGS\n',
        'CMD=(vllm serve m --a 1)\nCMD+=(--b 2)\n"${CMD[@]}" &\n',
        'CMD="vllm serve m --a 1 --b 2"\neval "$CMD"\n',
        'CMD="vllm serve m --a 1 --b 2"\n$CMD\n',
        'start() {\n  vllm serve m --a "$1" --b "$2"\n}\nstart 1 2\n',
        "A=1 exec env B=2 numactl -m0 vllm serve m --a 1 --b 2\n",
        "vllm serve m --a 1 --b 2 2>&1 | tee server.log &\n",
        "X=2\nvllm serve m --a $((X - 1)) --b ${X:-9}\n",
        "for n in 1; do\n  vllm serve m --a $n --b 2\ndone\n",
        "bash -c 'vllm serve m --a 1 --b 2'\n",
        "{ vllm serve m --a 1 --b 2; } &\n",
        "(cd /tmp && vllm serve m --a 1 --b 2)\n",
    ],
)
def test_every_way_to_write_a_command_gives_the_same_flags(script):
    assert flags(only(script)) == {"--a": "1", "--b": "2"}


@pytest.mark.parametrize(
    ("engine", "command"),
    [
        ("vllm", "vllm serve m --port 1"),
        ("vllm", "python3 -m vllm.entrypoints.openai.api_server --model m --port 1"),
        ("sglang", "python -m sglang.launch_server --model-path m --port 1"),
        ("sglang", "sglang serve --model-path m --port 1"),
        ("atom", "python3 -m atom.entrypoints.openai_server --model m --port 1"),
        ("trtllm", "trtllm-serve m --port 1"),
    ],
)
def test_the_engine_is_told_by_the_command(engine, command):
    assert only(command + "\n").engine == engine


@pytest.mark.parametrize(
    "command",
    [
        "vllm bench serve --model m",
        "echo vllm serve m",
        "pkill -f 'vllm serve'",
        "pip install vllm",
    ],
)
def test_what_starts_no_server_is_none(command):
    assert only(command + "\n").command is None


@pytest.mark.parametrize(
    "script",
    [
        "export NAME=v\nvllm serve m\n",
        'export NAME="v"\nvllm serve m\n',
        "NAME=v\nexport NAME\nvllm serve m\n",
        "export A=1 NAME=v\nvllm serve m\n",
        "NAME=v vllm serve m\n",
        "env NAME=v vllm serve m\n",
        "declare -x NAME=v\nvllm serve m\n",
        "set -a\nNAME=v\nvllm serve m\n",
        'export NAME="${NAME:-v}"\nvllm serve m\n',
    ],
)
def test_every_way_to_set_the_environment_is_seen(script):
    assert environment(only(script))["NAME"] == "v"


@pytest.mark.parametrize(
    "script",
    [
        "NAME=v\nvllm serve m\n",
        "export NAME=v\nunset NAME\nvllm serve m\n",
        "# export NAME=v\nvllm serve m\n",
    ],
)
def test_what_is_not_exported_does_not_reach_the_server(script):
    assert "NAME" not in environment(only(script))


ROWS = """
    if [ "${DP_ATTENTION}" = "true" ]; then
        A=dp
    elif [[ $EP_SIZE -gt 1 ]]; then
        A=ep
    elif (( TP >= 8 )); then
        A=tp
    else
        A=one
    fi
    vllm serve m --arm $A
"""


@pytest.mark.parametrize(
    ("row", "arm"),
    [
        ({"DP_ATTENTION": "true", "EP_SIZE": "8", "TP": "8"}, "dp"),
        ({"DP_ATTENTION": "false", "EP_SIZE": "8", "TP": "8"}, "ep"),
        ({"DP_ATTENTION": "false", "EP_SIZE": "1", "TP": "8"}, "tp"),
        ({"DP_ATTENTION": "false", "EP_SIZE": "1", "TP": "4"}, "one"),
    ],
)
def test_conditions_are_evaluated_for_the_row(row, arm):
    assert flags(only(ROWS, **row))["--arm"] == arm


def test_what_the_row_does_not_decide_is_taken_both_ways_and_said():
    variants = recipe(ROWS, DP_ATTENTION="false").variants

    assert {flags(v)["--arm"]: [(a.text, a.said) for a in v.assumptions] for v in variants} == {
        "ep": [("$EP_SIZE -gt 1", True)],
        "tp": [("$EP_SIZE -gt 1", False), ("(( TP >= 8 ))", True)],
        "one": [("$EP_SIZE -gt 1", False), ("(( TP >= 8 ))", False)],
    }


def test_the_same_question_is_answered_the_same_way_wherever_it_is_asked():
    variants = recipe(
        """
        if [ "$EP_SIZE" -gt 1 ]; then A=many; else A=one; fi
        if [[ "${EP_SIZE}" -ge 2 ]]; then B=many; else B=one; fi
        if [ "$EP_SIZE" = 1 ]; then C=one; else C=any; fi
        vllm serve m --a $A --b $B --c $C
        """
    ).variants

    assert sorted(tuple(flags(v).values()) for v in variants) == [
        ("many", "many", "any"),
        ("one", "one", "any"),
        ("one", "one", "one"),
    ]


def test_conditions_that_change_nothing_are_not_told():
    (variant,) = recipe(
        """
        if [[ -n "$SLURM_JOB_ID" ]]; then echo "job $SLURM_JOB_ID"; fi
        if ! command -v hf; then pip install hf; fi
        vllm serve m
        """
    ).variants

    assert variant.assumptions == ()


def test_a_way_that_ends_before_the_server_is_left_out():
    (variant,) = recipe('if [ "$TP" -ne 8 ]; then exit 1; fi\nvllm serve m -tp "$TP"\n').variants

    assert [(a.text, a.said) for a in variant.assumptions] == [('"$TP" -ne 8', False)]


def test_a_variable_that_may_be_empty_and_has_to_be_set_is_one_of_the_jobs():
    script = """
        NAME="${NAME:-}"
        EXTRA="${EXTRA:-}"
        if [[ -z "$NAME" ]]; then exit 1; fi
        vllm serve "$NAME" $EXTRA --a 1
    """

    assert flags(only(script)) == {"--a": "1"}
    assert [a.text for a in only(script).assumptions] == ['-z "$NAME"']


def test_a_loop_is_left_where_break_leaves_it():
    script = """
        for attempt in 1 2 3; do
            hf download "$MODEL" && break
            if [ "$attempt" = 3 ]; then exit 1; fi
        done
        vllm serve m --attempts $attempt
    """

    assert flags(only(script))["--attempts"] == "1"


def test_case_takes_the_branch_that_fits():
    script = """
        case "$ISL" in
          1024|2048) LEN=4096 ;;
          8*) LEN=10240 ;;
          *) LEN=max ;;
        esac
        vllm serve m --max-model-len $LEN
    """

    assert [flags(only(script, ISL=i))["--max-model-len"] for i in ("2048", "8192", "1")] == [
        "4096",
        "10240",
        "max",
    ]


def test_a_value_that_is_not_known_stays_as_it_is_written():
    (flag,) = (f for f in only('vllm serve m --port "$PORT"\n').flags if f.name == "--port")

    assert (flag.value, flag.known) == ("$PORT", False)


def test_lines_lead_back_to_the_script():
    one = recipe(
        'ARGS=()\nARGS+=(--enable-expert-parallel)\nexport A=1\nvllm serve m "${ARGS[@]}"\n'
    )
    places = {p.text: one.line(p.start) for v in one.variants for p in v.passages}

    assert places["flag --enable-expert-parallel"] == 2
    assert places["env A=1"] == 3
    assert places["server vllm"] == 4


def test_members_of_a_json_value_are_flags_of_their_own():
    (variant,) = recipe(
        """
        K=3
        vllm serve m --speculative-config "{\\"method\\": \\"mtp\\", \\"num_speculative_tokens\\": $K}"
        """
    ).variants

    assert {f.name: f.value for f in variant.flags if f.parent} == {
        "--speculative-config.method": "mtp",
        "--speculative-config.num_speculative_tokens": "3",
    }


@pytest.mark.parametrize(
    "argument",
    [
        "plain",
        "'single $X'",
        '"double $X"',
        '"$X"',
        "$X",
        "${X}",
        "${X:-other}",
        "${NONE:-other}",
        "${NONE-}",
        '"${NONE:-two words}"',
        "${X:+set}",
        "${X#a}",
        "${X##*/}",
        "${X%/*}",
        "${X%%/*}",
        "${#X}",
        "${X/b/z}",
        "${X//[ac]/z}",
        "${X//a}",
        '"${S/two /}"',
        "${X^^}",
        "$S",
        '"$S"',
        "pre$S",
        '"${A[@]}"',
        "${A[@]}",
        '"${A[*]}"',
        '"x${A[@]}y"',
        "$((N * 2 + 1))",
        "$((N > 2 ? 10 : 20))",
        "$(( (N + 1) % 3 ))",
        "$((7 / -2))",
        r"back\ slash",
        r'"a\"b\\c\$d"',
        "--flag=$X",
        '--flag="$S"',
        "a'b'\"c\"",
        '""',
        "$EMPTY",
        '"$EMPTY"',
    ],
)
def test_words_are_expanded_as_bash_expands_them(argument):
    setup = "X=a/b/c; S='two words'; N=3; EMPTY=; A=(one 'two three')"
    said = subprocess.run(
        ["bash", "-c", f"{setup}; for w in {argument}; do printf '%s\\0' \"$w\"; done"],
        capture_output=True,
        check=True,
    )
    state = State(
        variables={
            "X": Variable((Word("a/b/c"),)),
            "S": Variable((Word("two words"),)),
            "N": Variable((Word("3"),)),
            "EMPTY": Variable((Word(""),)),
            "A": Variable((Word("one"), Word("two three")), array=True),
        }
    )
    (command,) = (n for n in walk(parse(f"cmd {argument}\n".encode())) if n.type == "command")
    found = [w.text for node in command.children[1:] for w in words(node, state)]

    assert found == said.stdout.decode().split("\0")[:-1]


def test_what_is_no_bash_is_said_and_the_rest_is_read():
    one = recipe("vllm serve m --a 1\nif [ x ; done )\n")

    assert one.broken != ()
    assert flags(one.variants[0])["--a"] == "1"


def test_too_many_ways_are_given_up_and_said():
    tests = "".join(f'if [ "$V{i}" = 1 ]; then A{i}=1; fi\n' for i in range(12))
    used = " ".join(f"$A{i}" for i in range(12))
    one = recipe(dedent(tests) + f"vllm serve m {used}\n")

    assert one.dropped > 0
    assert all(v.command for v in one.variants)


def test_conditions_that_no_server_asks_for_open_no_ways():
    tests = "".join(f'if [ "$V{i}" = 1 ]; then A{i}=1; fi\n' for i in range(40))
    after = tests.replace("$V", "$W")
    one = recipe(f"{tests}vllm serve m &\n{after}echo $A1 $A2\n")

    assert (len(one.variants), one.dropped) == (1, 0)


@settings(max_examples=60, deadline=None)
@given(scripts())
def test_what_is_not_followed_would_have_changed_nothing(script):
    """Statements that cannot matter to a server are passed over: following them all gives the same."""

    def servers() -> list[tuple[object, ...]]:
        one = read(script.fault.file, script.text.encode(), [script.fault.row])
        return sorted((*flags(v).items(), *environment(v).items()) for v in one.variants)

    some = servers()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Relevance, "passes", lambda _self, _node: False)
        assert servers() == some


def test_what_is_nested_without_end_is_refused_in_one_sentence():
    with pytest.raises(InputError, match="nested too deeply"):
        recipe("x=" + "$(" * 3000 + ")" * 3000 + "\n")


@pytest.mark.parametrize("position", range(0, 1400, 90))
def test_a_script_that_is_cut_off_anywhere_is_read_all_the_same(position):
    text = (FIXTURES / "minimaxm3_fp4_mi355x_vllm_mtp.sh").read_text()

    assert recipe(text[:position]).variants
