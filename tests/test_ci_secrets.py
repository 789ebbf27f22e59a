"""Two thousand secrets in logs, stacks, names and the environment of a job: none is in anything that is written."""

from __future__ import annotations

import base64
import json
import random
import string
from pathlib import Path

import pytest
from test_ci import Step

from diagnose.catalogue import default_root, load
from diagnose.ci import job
from diagnose.cli.output import FORMATS, render
from diagnose.pipeline import Examiner
from diagnose.prove import source
from diagnose.redact import MARK
from diagnose.report.github import outputs, summary

LETTERS = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
SEED = Path(__file__).parent.parent / "fixtures" / "logs" / "mxfp4-ep-hang.log"


def text(random_: random.Random, length: int, letters: str = LETTERS) -> str:
    return "".join(random_.choice(letters) for _ in range(length))


def jwt(r: random.Random) -> str:
    part = base64.urlsafe_b64encode(b'{"alg":"HS256"}').decode().rstrip("=")
    return f"{part}.{'eyJ' + text(r, 30)}.{text(r, 43)}"


KINDS = {
    "GitHub": (lambda r: "ghp_" + text(r, 36), "fatal: could not read {}"),
    "GitHub fine-grained": (lambda r: f"github_pat_{text(r, 22)}_{text(r, 59)}", "using {} for clone"),
    "GitLab": (lambda r: "glpat-" + text(r, 20), "PRIVATE-TOKEN: {}"),
    "Hugging Face": (lambda r: "hf_" + text(r, 34), "401 for token {} at huggingface.co"),
    "OpenAI": (lambda r: f"sk-proj-{text(r, 48)}", "Incorrect API key provided: {}."),
    "Anthropic": (lambda r: f"sk-ant-api03-{text(r, 80)}-AA", "x-api-key: {}"),
    "AWS id": (lambda r: "AKIA" + text(r, 16, string.ascii_uppercase + string.digits), "key {} is not valid"),
    "AWS secret": (lambda r: text(r, 40), "AWS_SECRET_ACCESS_KEY={}"),
    "Slack": (lambda r: f"xoxb-{text(r, 12, string.digits)}-{text(r, 24)}", "slack said invalid_auth for {}"),
    "Google": (lambda r: "AIza" + text(r, 35), "https://example.com/v1?key={}"),
    "NVIDIA": (lambda r: "nvapi-" + text(r, 64), "docker login nvcr.io -u '$oauthtoken' -p {}"),
    "Docker": (lambda r: "dckr_pat_" + text(r, 27), "login failed with {}"),
    "npm": (lambda r: "npm_" + text(r, 36), "//registry.example.com/:_authToken={}"),
    "PyPI": (lambda r: "pypi-AgEIcHlwaS5vcmc" + text(r, 60), "403 for {}"),
    "Weights & Biases": (lambda r: text(r, 40, HEX), "WANDB_API_KEY={}"),
    "JSON web token": (jwt, "Authorization: Bearer {}"),
    "password in a URL": (lambda r: text(r, 16), "postgres://admin:{}@db.internal:5432/x"),
    "password": (lambda r: text(r, 14), "PGPASSWORD={} psql failed"),
    "bearer": (lambda r: text(r, 40), "curl -H 'Authorization: Bearer {}' failed"),
    "signed URL": (lambda r: text(r, 64, HEX), "GET https://s3.example.com/a?X-Amz-Signature={} 403"),
}  # fmt: skip


def secrets(count: int) -> list[tuple[str, str]]:
    """So many, as (value, a line that holds it)."""
    r = random.Random(20260701)
    made = []
    for number in range(count):
        make, line = list(KINDS.values())[number % len(KINDS)]
        value = make(r)
        made.append((value, line.format(value)))
    return made


@pytest.fixture(scope="module")
def examiner() -> Examiner:
    return Examiner(load(default_root()))


PLACES = {
    "an error": "(Worker_TP{n} pid={n}) ERROR 07-01 02:06:33 [a.py:1] RuntimeError: {line}",
    "a last line": "(Worker_TP{n} pid={n}) INFO 07-01 02:06:33 [a.py:1] {line}",
    "a traceback": "Traceback (most recent call last):\n  File \"/a/{value}.py\", line {n}, in f\n    x({value!r}) # {line}\nRuntimeError: {line}",
    "a stack": 'Thread {n} (idle): "MainThread"\n    wait (torch/utils/file_baton.py:50)\n        Locals: token: "{value}", line: "{line}"',
    "an environment": "env:\n  SOMETHING: {line}\n+ vllm serve m --api-key {value}\nRuntimeError: Engine core initialization failed. {line}",
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_no_secret_of_a_log_is_in_any_report(place, examiner):
    made = secrets(400)
    leaked, marks = set(), 0
    for start in range(0, len(made), 20):
        some = made[start : start + 20]
        lines = [PLACES[place].format(n=n, value=v, line=line) for n, (v, line) in enumerate(some)]
        diagnosis = examiner.diagnose([source("\n".join(lines) + "\n")])
        written = "".join(
            render(diagnosis, format_, to_file=True, verbose=True) for format_ in FORMATS
        )
        written += summary(diagnosis) + str(outputs(diagnosis))
        marks += written.count(MARK)
        leaked |= {line for value, line in some if value in written}

    assert leaked == set()
    assert marks >= 20, "the lines were not even shown"


def test_no_line_of_a_private_key_is_in_any_report(examiner):
    body = [text(random.Random(n), 64) for n in range(20)]
    key = ["-----BEGIN RSA PRIVATE KEY-----", *body, "-----END RSA PRIVATE KEY-----"]
    diagnosis = examiner.diagnose([source("\n".join(["RuntimeError: boom", *key]) + "\n")])

    written = "".join(render(diagnosis, format_, to_file=True, verbose=True) for format_ in FORMATS)

    assert [line for line in body if line in written] == []


def test_no_secret_of_the_environment_is_in_the_job():
    for value, line in secrets(200):
        fields = dict.fromkeys(("MODEL", "IMAGE", "RUNNER_NAME", "GITHUB_JOB", "EXP_NAME"), line)
        told = str(job({"GITHUB_ACTIONS": "true", "PASSWORD": value, "HF_TOKEN": value, **fields}))

        assert value not in told


def test_no_secret_is_in_what_a_step_leaves(tmp_path):
    step = Step(tmp_path)
    made = secrets(200)
    log = SEED.read_text() + "".join(f"RuntimeError: {line}\n" for _, line in made)
    step.leave("server.log", log.encode())
    key = "\n".join(text(random.Random(n), 64) for n in range(12))
    step.leave(
        "key.log", f"-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n".encode()
    )
    hidden = made[0][0]
    step.leave(f"run-{hidden}.log", b"RuntimeError: boom\n")

    done = step.github(
        **{f"SECRET_{n}": value for n, (value, _) in enumerate(made)}, MODEL=made[3][0]
    )

    written = done.stdout + done.stderr + step.summary + (step.folder / "output").read_text()
    written += "".join(path.read_text() for path in (step.workspace / "diagnosis").iterdir())
    assert len(list((step.workspace / "diagnosis").iterdir())) == 5
    assert [line for value, line in made if value in written] == []
    assert [line for line in key.split("\n") if line in written] == []
    assert json.loads((step.workspace / "diagnosis" / "diagnosis.json").read_text())["cause"]
