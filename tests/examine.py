"""Small helpers for tests: a catalogue made of a few tables, and a run made of a piece of text."""

from __future__ import annotations

import tomllib
from textwrap import dedent

from diagnose import catalogue
from diagnose.model import Diagnosis, Finding, Signature
from diagnose.pipeline import Examiner
from diagnose.prove import finding, source

PROSE = """
symptom = 's'
root_cause = 'A match does not prove it.'
"""
ENDS = """
[[fix]]
summary = 'Do it.'

[[example]]
text = 'x'
source = 'recorded'

[[counterexample]]
text = 'y'
why = 'z'
"""


def signature(
    id: str, match: str, *, role: str = "cause", kind: str = "crash", more: str = ""
) -> Signature:
    """A signature whose `[match]` table is `match` and whose other keys are `more`."""
    text = f"title = '{id}'\nrole = '{role}'\nkind = '{kind}'\n{PROSE}{dedent(more)}\n[match]\n{dedent(match)}{ENDS}"
    return catalogue.parse(id, tomllib.loads(text))


def cause(
    id: str, word: str, *leads_to: str, certainty: str = "high", kind: str = "crash"
) -> Signature:
    """A cause shown by one word."""
    more = f"certainty = '{certainty}'\nleads_to = {list(leads_to)!r}\n"
    return signature(id, f"any = ['{word}']\n", kind=kind, more=more)


def symptom(id: str, word: str, *, kind: str = "crash") -> Signature:
    """A symptom shown by one word."""
    return signature(id, f"any = ['{word}']\n", role="symptom", kind=kind)


def failure(id: str, word: str) -> Signature:
    """A failure shown by one word."""
    return signature(id, f"any = ['{word}']\n", role="failure")


def found(one: Signature, text: str, *others: Signature) -> Finding | None:
    """What `one` makes of `text`."""
    signatures = {s.id: s for s in (one, *others)}
    return finding(dedent(text), one.id, Examiner(signatures), signatures)


def diagnose(text: str, *signatures: Signature) -> Diagnosis:
    """The diagnosis of `text` with a catalogue of these signatures."""
    return Examiner({s.id: s for s in signatures}).diagnose([source(dedent(text))])
