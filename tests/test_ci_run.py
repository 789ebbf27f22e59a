"""`diagnose ci --run` with the `gh` client: a stand-in that speaks as it does, and the real one where it is installed."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import socketserver
import subprocess
import threading
from pathlib import Path

import pytest
from test_ci import SEED, Step


@pytest.fixture
def step(tmp_path: Path) -> Step:
    return Step(tmp_path)


JOBS = [
    {
        "id": 1,
        "name": "mi355x TP8/EP8 c64",
        "conclusion": "cancelled",
        "runner_name": "mi355x-amds_03",
    },
    {"id": 2, "name": "mi355x TP8 c64", "conclusion": "success", "runner_name": "mi355x-amds_04"},
    {"id": 3, "name": "mi355x TP4 c64", "conclusion": None, "runner_name": None},
]
GH = """#!/usr/bin/env python3
import json, sys
path = sys.argv[-1]
if path.startswith("repos/o/r/actions/runs/77/jobs") or path.startswith("repos/{owner}/{repo}/actions/runs/77/jobs"):
    print(open(__file__ + ".jobs").read())
elif path.endswith("/actions/jobs/1/logs"):
    sys.stdout.buffer.write(open("SEED", "rb").read())
elif path.endswith("/actions/jobs/3/logs"):
    pass
elif path.endswith("/logs"):
    print('{"message":"Server Error: Gone"}', end="")
    sys.exit("gh: Server Error: Gone (HTTP 410)")
elif "/secret/" in path:
    print('{"message":"Resource not accessible by integration"}', end="")
    sys.exit("gh: Resource not accessible by integration (HTTP 403)")
elif "/login/" in path:
    sys.exit("To get started with GitHub CLI, please run:  gh auth login\\nAlternatively, populate the GH_TOKEN environment variable")
elif "/html/" in path:
    print("<html>proxy</html>")
elif "/none/" in path:
    print('{"total_count":0,"jobs":[]}')
elif "/lost/" in path:
    sys.exit("unable to expand placeholder in path: failed to run git: fatal: not a git repository")
elif "/attempts/2/jobs" in path:
    print(json.dumps({"jobs": [{"id": 1, "name": "first", "conclusion": "failure"}]}))
else:
    print('{"message":"Not Found"}', end="")
    sys.exit("gh: Not Found (HTTP 404)")
"""


@pytest.fixture
def gh(step, monkeypatch):
    """A `gh` that answers for run 77 with the words and exit codes of gh 2.23 over the public interface."""
    folder = step.folder / "bin"
    folder.mkdir()
    (folder / "gh").write_text(GH.replace("SEED", str(SEED)))
    (folder / "gh").chmod(0o755)
    (folder / "gh.jobs").write_text(json.dumps({"total_count": 2, "jobs": JOBS}))
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


@pytest.mark.parametrize("run", ["77", "https://github.com/o/r/actions/runs/77"])
def test_the_one_job_of_a_run_that_was_cancelled_is_fetched(step, gh, run):
    done = step.run("--run", run)

    assert done.returncode == 0
    assert step.answer["cause"]["id"] == "vllm/mxfp4-emulation-fallback"
    assert step.answer["job"]["name"] == "mi355x TP8/EP8 c64"
    assert step.answer["job"]["status"] == "cancelled"
    assert step.answer["sources"][0]["name"] == "mi355x-TP8-EP8-c64.log"
    assert "::" not in done.stdout.split("\n")[0]


def test_of_several_jobs_one_has_to_be_chosen(step, gh):
    both = [{**one, "conclusion": "failure"} for one in JOBS[:2]]
    (gh / "gh.jobs").write_text(json.dumps({"jobs": both}))

    done = step.run("--run", "77", "--exit-code")
    chosen = step.run("--run", "77", "--job", "1")

    assert done.returncode == 4
    assert "choose one with --job: 1 (mi355x TP8/EP8 c64: failure), 2" in done.stdout
    assert "MXFP4 experts fall back" in chosen.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--run", "78"], "gh: Not Found (HTTP 404)"),
        (["--run", "77", "--job", "2"], "its log was deleted after its time"),
        (["--run", "77", "--job", "x"], "has no job x"),
        (["--run", "abc"], "is no run of GitHub Actions"),
        (["--run", "https://github.com/o/secret/actions/runs/1"], "permissions: {actions: read}"),
        (["--run", "https://github.com/o/login/actions/runs/1"], "log in with `gh auth login`"),
        (["--run", "https://github.com/o/html/actions/runs/1"], "gave no list of the run's jobs"),
        (["--run", "https://github.com/o/none/actions/runs/1"], "it has no jobs"),
        (["--run", "https://github.com/o/lost/actions/runs/1"], "set GH_REPO"),
        (["--run", "77", "--job", "3"], "the log of job 3 is empty"),
    ],
)
def test_what_gh_cannot_give_is_told_in_a_sentence(step, gh, arguments, said):
    done = step.run(*arguments)

    assert done.returncode == 0
    assert said in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_an_attempt_that_is_named_is_the_one_that_is_asked_for(step, gh):
    step.run("--run", "https://github.com/o/r/actions/runs/77/attempts/2")

    assert step.answer["job"]["name"] == "first"


@pytest.mark.skipif(shutil.which("gh") is None, reason="the gh client is not installed")
def test_the_real_client_is_understood(step, tmp_path):
    asked = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.headers["Host"], self.path))
            path = self.path.partition("?")[0]
            if path == "/repos/o/r/actions/runs/77/jobs":
                self.give(200, json.dumps({"total_count": len(JOBS), "jobs": JOBS}).encode())
            elif path == "/repos/o/r/actions/jobs/1/logs":
                self.give(302, b"", Location="https://storage.example/log?signature=1")
            elif path == "/log":
                self.give(200, SEED.read_bytes())
            elif path == "/repos/o/r/actions/jobs/2/logs":
                self.give(410, b'{"message":"Server Error: Gone"}')
            elif path.startswith("/repos/o/secret/"):
                self.give(403, b'{"message":"Resource not accessible by integration"}')
            else:
                self.give(404, b'{"message":"Not Found"}')

        def give(self, status, body, **headers):
            self.send_response(status)
            for name, value in {**headers, "Content-Length": len(body)}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    environment = {
        "GH_CONFIG_DIR": str(tmp_path / "gh"),
        "GH_TOKEN": "a-token-of-nobody",
        "CLICOLOR_FORCE": "1",
        "GH_FORCE_TTY": "80",
    }
    socket = str(tmp_path / "s")
    told = {**os.environ, **environment}
    subprocess.run(["gh", "config", "set", "http_unix_socket", socket], check=True, env=told)
    with socketserver.ThreadingUnixStreamServer(socket, Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = "https://github.com/o/r/actions/runs"
        assert "8 h 14 min" in step.run("--run", f"{page}/77", **environment).stdout
        assert step.answer["sources"][0]["name"] == "mi355x-TP8-EP8-c64.log"
        gone = step.run("--run", f"{page}/77", "--job", "2", **environment)
        assert "log was deleted after its time" in gone.stdout
        assert "log was deleted" in step.run("--run", f"{page}/78", **environment).stdout
        hidden = step.run("--run", page.replace("/r/", "/secret/") + "/77", **environment)
        assert "permissions: {actions: read}" in hidden.stdout
        lost = step.run("--run", "77", **{**environment, "GIT_CEILING_DIRECTORIES": str(tmp_path)})
        assert "set GH_REPO" in lost.stdout
        server.shutdown()
    assert asked[0] == (
        "api.github.com",
        "/repos/o/r/actions/runs/77/jobs?filter=latest&per_page=100&page=1",
    )


def test_without_gh_the_remedy_is_told(step):
    assert "the `gh` client is not on the path" in step.run("--run", "77", PATH="/nowhere").stdout
