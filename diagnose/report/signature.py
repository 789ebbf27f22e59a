"""One signature as a page for people: what `signatures show` prints and what the docs are made of.

Floor 10: pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from diagnose.model import Condition, Fix, Scope, Signature
from diagnose.report.words import reflow


def to_page(signature: Signature) -> str:
    """The page as Markdown that also reads well as plain text."""
    return "\n\n".join(_parts(signature)) + "\n"


def _parts(signature: Signature) -> Iterator[str]:
    yield f"# {signature.title}"
    yield (
        f"`{signature.id}` · {signature.role} · {signature.kind} · certainty {signature.certainty}"
        + _scope(signature.scope)
    )
    if signature.symptom:
        yield f"## What is seen\n\n{reflow(signature.symptom)}"
    if signature.root_cause:
        yield f"## Why\n\n{reflow(signature.root_cause)}"
    yield "## When it matches\n\n" + "\n".join(_condition(signature.match, 0))
    if signature.cleared_by:
        lines = "\n".join(f"- `{pattern}`" for pattern in signature.cleared_by)
        yield f"Cleared by a later line:\n\n{lines}"
    if signature.against:
        lines = "\n".join(f"- `{pattern}`" for pattern in signature.against)
        yield f"Less certain with a line:\n\n{lines}"
    for fix in signature.fixes:
        yield _fix(fix)
    if signature.role == "cause":
        why = f" ({signature.retry_why})" if signature.retry_why else ""
        yield f"Running it again unchanged: {signature.retry}{why}."
    if signature.leads_to:
        yield "## Leads to\n\n" + "\n".join(f"- `{id}`" for id in signature.leads_to)
    if signature.confusers:
        yield "## Easily confused with\n\n" + "\n".join(
            f"- `{c.id}`: {c.differs}" for c in signature.confusers
        )
    for example in signature.examples:
        yield f"Matches ({example.source}):\n\n```text\n{example.text.strip()}\n```"
    for example in signature.counterexamples:
        yield f"Does not match: {example.why}\n\n```text\n{example.text.strip()}\n```"
    if signature.seen_on:
        yield "## Seen on\n\n" + "\n".join(f"- {url}" for url in signature.seen_on)


def _scope(scope: Scope) -> str:
    parts = [*scope.engines, scope.versions, *scope.hardware]
    known = " ".join(part for part in parts if part)
    return f" · only {known}" if known else ""


def _condition(condition: Condition, depth: int) -> Iterator[str]:
    pad = "  " * depth
    for label, inner in (
        ("all of", condition.all),
        ("any of", condition.any),
        ("none of", condition.none),
    ):
        if inner:
            yield f"{pad}- {label}"
            for entry in inner:
                yield from _condition(entry, depth + 1)
    if text := describe(condition):
        yield f"{pad}- {text}"


def describe(condition: Condition) -> str:
    """One condition that is not a boolean, in words."""
    if condition.line:
        text = f"line `{condition.line}`"
    elif condition.sequence or condition.near:
        order = "in this order" if condition.sequence else "close together"
        each = ", ".join(f"`{p}`" for p in condition.sequence or condition.near)
        text = f"lines {each} {order}, within {condition.within} lines"
    elif condition.fact:
        text = f"setting {condition.fact}"
        if condition.equals:
            text += f" is {' or '.join(condition.equals)}"
        if condition.at_least is not None:
            text += f" ≥ {condition.at_least:g}"
        if condition.at_most is not None:
            text += f" ≤ {condition.at_most:g}"
    elif condition.compare:
        text = f"settings where {condition.compare}"
    elif condition.phase:
        text = f"phase {condition.phase} {'reached' if condition.reached else 'not reached'}"
    elif condition.signature:
        text = f"signature {condition.signature} holds"
    else:
        return ""
    modifiers = [
        f"at least {condition.count} times" if condition.count > 1 else "",
        *(f"with {one}" for one in condition.where),
        f"by {condition.ranks} of the ranks" if condition.ranks else "",
        f"written by a {condition.role}" if condition.role else "",
        f"at least {condition.apart_s:g} s apart" if condition.apart_s else "",
        f"with {condition.silent_s:g} s of silence after it" if condition.silent_s else "",
        "as the last news of the log" if condition.last else "",
        f"certainty {condition.certainty}" if condition.certainty else "",
    ]
    return ", ".join([text, *(m for m in modifiers if m)])


def _fix(fix: Fix) -> str:
    parts = [f"## Fix{_scope(fix.scope)}", reflow(fix.summary)]
    if fix.now:
        parts.append("Now:\n\n" + "\n".join(f"- `{line}`" for line in fix.now))
    if fix.recipe:
        parts.append("In the recipe:\n\n" + "\n".join(f"- `{line}`" for line in fix.recipe))
    if fix.warning:
        parts.append(f"Warning: {reflow(fix.warning)}")
    return "\n\n".join(parts)
