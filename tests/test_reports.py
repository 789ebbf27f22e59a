"""What the reports look like; `BLESS=1 pytest tests/test_reports.py` writes the golden files anew."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
from examine import cause, diagnose, failure
from markdown_it import MarkdownIt

import diagnose as package
from diagnose.catalogue import default_root, load
from diagnose.model import Diagnosis
from diagnose.pipeline import Examiner
from diagnose.report.json import to_json
from diagnose.report.markdown import to_markdown
from diagnose.report.terminal import to_terminal
from diagnose.sources import Source, open_paths

GOLDEN = Path(__file__).parent / "golden"
LOGS = Path(__file__).parent.parent / "fixtures" / "logs"
SCHEMA = json.loads((Path(package.__file__).parent / "report" / "schema.json").read_text())
SHOWN = ["mxfp4-ep-hang", "worker-raises-in-load", "mxfp4-ep1", "eval-below-threshold"]


@pytest.fixture(scope="module")
def diagnoses() -> dict[str, Diagnosis]:
    examiner = Examiner(load(default_root()))
    return {name: examiner.diagnose(_named(name)) for name in SHOWN}


def _named(name: str) -> Iterator[Source]:
    """The log under its bare name, wherever the checkout lies."""
    for source in open_paths([str(LOGS / f"{name}.log")]):
        source.name = f"{name}.log"
        yield source


def compare(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("BLESS"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [80, 160])
@pytest.mark.parametrize("name", SHOWN)
def test_the_terminal_report(name, width, diagnoses):
    compare(f"{name}.{width}.txt", to_terminal(diagnoses[name], width=width))


@pytest.mark.parametrize("name", SHOWN)
def test_the_markdown_report(name, diagnoses):
    compare(f"{name}.md", to_markdown(diagnoses[name]))


@pytest.mark.parametrize("name", SHOWN)
def test_the_json_report_follows_its_schema(name, diagnoses):
    jsonschema.validate(to_json(diagnoses[name]), SCHEMA)


HOSTILE = [
    "apple <script>alert(1)</script>",
    "apple </code></pre><img src=x onerror=alert(1)>",
    "apple ``` ```` ~~~ # heading",
    "apple [link](javascript:alert(1)) ![x](http://192.0.2.1/x.png)",
    "apple | a | b | @someone #123 **bold** _it_",
    "apple ::error title=x::forged  ::set-output name=a::b",
    "apple \u202e\u2066 \x1b[31m \x07",
]


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("line", HOSTILE)
def test_a_hostile_line_renders_as_text(line):
    report = to_markdown(
        diagnose(f"{line}\nstep failed", cause("a/one", "apple"), failure("ci/stop", "step failed"))
    )
    tags = Tags()
    tags.feed(MarkdownIt("commonmark", {"html": True}).enable("table").render(report))

    assert not tags.seen & {"script", "img", "a", "table", "h1"}
    assert "\x1b" not in report
    assert "\u202e" not in report
    assert line.split("\u202e")[0].strip() in tags.text


@pytest.mark.parametrize("line", HOSTILE)
def test_a_hostile_line_is_text_on_the_terminal(line):
    shown = to_terminal(diagnose(line, cause("a/one", "apple")), width=100)

    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\u202e" not in shown


def test_colour_is_only_added_when_asked_for():
    diagnosis = diagnose("apple", cause("a/one", "apple"))

    assert "\x1b[" in to_terminal(diagnosis, colour=True)
    assert "\x1b[" not in to_terminal(diagnosis, colour=False)


def test_the_quiet_report_is_the_verdict_the_cause_and_the_fix(diagnoses):
    full = to_terminal(diagnoses["mxfp4-ep-hang"])
    quiet = to_terminal(diagnoses["mxfp4-ep-hang"], quiet=True)

    assert len(quiet) < len(full) / 2
    assert quiet.startswith("HUNG")
    assert "--moe-backend aiter" in quiet
    assert "Chain" not in quiet


@pytest.mark.parametrize("width", [40, 80])
def test_a_command_is_neither_broken_nor_cut(width, diagnoses):
    shown = to_terminal(diagnoses["mxfp4-ep-hang"], width=width).splitlines()
    commands = [line.strip() for line in shown if "kernel_ext/lock" in line and "rm -f" in line]

    assert commands == ["rm -f /root/.cache/torch_extensions/py312_cpu/kernel_ext/lock"]
    assert all(len(line) <= width for line in shown if line.strip().startswith("# "))
