"""What to do about a finding: the fix that fits this version, with its placeholders filled in.

Floor 8: pure.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from diagnose.expressions import later
from diagnose.model import Finding, Fix, Role, Scope
from diagnose.scope import applies, version_fits

_FLAG = later(r"--[a-z][\w.-]*(?: |$)")
_VARIABLE = later(r"\$(?:\w+|\{\w+\})")
_PLACEHOLDER = later(r"<([a-z_][a-z0-9_]*)>")


def fix_for(finding: Finding, facts: Mapping[str, str]) -> Fix | None:
    """The first fix whose scope fits the run; for an unknown version, the first that has no range.

    Placeholders are filled from the finding's captures, then from the facts; a line that still holds
    one is dropped, so that nobody pastes `<lock>` into a shell. What a log gave is one word of the shell
    in it, whatever it says.
    """
    values = {**facts, **finding.captures}
    fixes = [fix for fix in finding.signature.fixes if _holds(fix, values)]
    chosen = _choose(fixes, facts)
    if chosen is None:
        return None
    return replace(
        chosen,
        summary=_fill(chosen.summary, values, _as_it_is) or chosen.summary,
        now=_filled(chosen.now, values, _word),
        recipe=_filled(chosen.recipe, values, _argument),
        remove=_filled(chosen.remove, values, _as_it_is),
        scope=chosen.scope,
    )


def _holds(fix: Fix, values: Mapping[str, str]) -> bool:
    return all(values.get(name) == value for name, value in fix.when.items())


def _choose(fixes: Sequence[Fix], facts: Mapping[str, str]) -> Fix | None:
    """The first that is known to fit; where too little is known, one for everybody, then any."""
    fitting = [fix for fix in fixes if applies(fix.scope, facts)]
    certain = [fix for fix in fitting if _known(fix.scope, facts)]
    general = [fix for fix in fitting if fix.scope == Scope()]
    return next(iter((*certain, *general, *fitting)), None)


def withheld(finding: Finding, facts: Mapping[str, str]) -> str:
    """Why a finding has no fix for this run although it has some for others; empty where that is not so."""
    values = {**facts, **finding.captures}
    others = [fix for fix in finding.signature.fixes if _holds(fix, values)]
    if not others or any(applies(fix.scope, facts) for fix in others):
        return ""
    wanted = " or ".join(
        " ".join(
            part for part in (*fix.scope.engines, fix.scope.versions, *fix.scope.hardware) if part
        )
        for fix in others
    )
    have = " ".join(facts[n] for n in ("engine", "version", "hardware") if n in facts)
    return f"its fix is for {wanted}, and this is {have}: there it would be wrong"


def _known(scope: Scope, facts: Mapping[str, str]) -> bool:
    return (
        (not scope.engines or "engine" in facts)
        and (not scope.hardware or "hardware" in facts)
        and version_fits(scope.versions, facts.get("version", "")) is True
    )


def look_at(live: Sequence[Finding], facts: Mapping[str, str]) -> Fix | None:
    """Where no cause is named: the advice of the first symptom or failure that has some.

    A command to run stands before mere words.
    """
    advice = [
        fix
        for finding in live
        if finding.signature.role in (Role.SYMPTOM, Role.FAILURE)
        and (fix := fix_for(finding, facts)) is not None
    ]
    return next((fix for fix in advice if fix.now), advice[0] if advice else None)


def depends_on_version(finding: Finding, facts: Mapping[str, str]) -> bool:
    """Whether another version would get another fix, and the version is not known."""
    ranged = any(fix.scope.versions for fix in finding.signature.fixes)
    return ranged and not facts.get("version")


def _filled(
    lines: Sequence[str], values: Mapping[str, str], word: Callable[[str, str], str | None]
) -> tuple[str, ...]:
    return tuple(filled for line in lines if (filled := _fill(line, values, word)))


def _as_it_is(value: str, before: str) -> str | None:
    return value


def _argument(value: str, before: str) -> str:
    """The value in a flag or a variable of a launch script, where an option may stand.

    Args:
        value: What a log or a script gave.
        before: The line up to it; empty where the value is, or begins, the whole line: a flag with its values, `NAME=value`.
    """
    if not before:
        if _FLAG.match(value):
            head, *words = value.split(" ")
            return " ".join((head, *map(_quoted, words)))
        name, equals, rest = value.partition("=")
        if equals and name.isidentifier():
            return f"{name}={_quoted(rest)}"
    return _quoted(value)


def _quoted(word: str) -> str:
    """One word of a launch script; a variable of the script's own stays one."""
    return word if _VARIABLE.fullmatch(word) else shlex.quote(word)


def _word(value: str, before: str) -> str | None:
    """The value as one word of a shell; None where it would be read as an option.

    Args:
        value: What a log gave.
        before: The command up to it.
    """
    if value.startswith("-") and not before.endswith(("-- ", "-e ", "=")):
        return None
    return shlex.quote(value) if value.isprintable() else None


def _fill(text: str, values: Mapping[str, str], word: Callable[[str, str], str | None]) -> str:
    """The text with its placeholders filled; empty when one has no value."""
    missing = False

    def value(match: re.Match[str]) -> str:
        nonlocal missing
        known = values.get(match[1])
        shown = None if known is None else word(known, text[: match.start()])
        missing = missing or shown is None
        return shown or ""

    filled = _PLACEHOLDER.sub(value, text)
    return "" if missing else filled
