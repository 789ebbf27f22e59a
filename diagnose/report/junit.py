"""A `Diagnosis` as JUnit XML, which GitLab, Jenkins, Buildkite and others show as a test that failed.

Floor 10: pure.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from diagnose.fingerprint import fingerprint
from diagnose.model import Diagnosis, Verdict
from diagnose.report.terminal import to_terminal
from diagnose.report.words import VERDICT, printable, shorten

_LONGEST = 300


def to_junit(diagnosis: Diagnosis) -> str:
    """One suite with one test case: the run."""
    failed = diagnosis.verdict in (Verdict.FAILED, Verdict.HUNG)
    skipped = diagnosis.verdict is Verdict.UNDECIDABLE
    counts = {"tests": "1", "failures": str(int(failed)), "errors": "0"}
    time = f"{diagnosis.progress.wall_s or 0:.3f}"
    suites = Element("testsuites", {"name": "diagnose", **counts, "time": time})
    told = {"name": "diagnose", **counts, "skipped": str(int(skipped)), "time": time}
    suite = SubElement(suites, "testsuite", told)
    properties = SubElement(suite, "properties")
    for name, value in _properties(diagnosis).items():
        SubElement(properties, "property", {"name": name, "value": _text(value)})
    job = diagnosis.job
    group = ".".join(part for part in ("diagnose", job.system if job else "") if part)
    name = _text(job.name if job and job.name else "run")
    case = SubElement(suite, "testcase", {"classname": group, "name": name, "time": time})
    report = "\n".join(printable(line) for line in to_terminal(diagnosis).splitlines())
    if failed:
        told = {"message": _message(diagnosis), "type": _kind(diagnosis)}
        SubElement(case, "failure", told).text = report
    elif skipped:
        SubElement(case, "skipped", {"message": _message(diagnosis)})
        SubElement(case, "system-out").text = report
    else:
        SubElement(case, "system-out").text = report
    indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suites, encoding="unicode") + "\n"


def _message(diagnosis: Diagnosis) -> str:
    text = f"{VERDICT[diagnosis.verdict]}: {diagnosis.verdict_why}"
    if diagnosis.cause is not None:
        text += f". {diagnosis.cause.signature.title} ({diagnosis.confidence:.0%})"
    return _text(text)


def _kind(diagnosis: Diagnosis) -> str:
    return diagnosis.cause.signature.id if diagnosis.cause else str(diagnosis.verdict)


def _properties(diagnosis: Diagnosis) -> dict[str, str]:
    job = diagnosis.job
    return {
        "verdict": str(diagnosis.verdict),
        **({"fingerprint": mark} if (mark := fingerprint(diagnosis)) else {}),
        **({"url": job.url} if job and job.url else {}),
        **(dict(job.settings) if job else {}),
    }


def _text(text: str) -> str:
    return shorten(text, _LONGEST)
