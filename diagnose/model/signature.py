"""What is known beforehand: a signature, as its file says.

Floor 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from diagnose.model.words import Certainty, Channel, Kind, Retry, Role


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a signature or a fix applies; an empty field does not limit."""

    engines: tuple[str, ...] = ()
    versions: str = ""
    """A PEP 440 specifier for the engine's version, such as `>=0.22,<0.32`."""
    hardware: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Replacement:
    """A change of what a script says in the place that shows the finding."""

    this: str
    """A regular expression for the part to change."""
    by: str
    """What stands there instead; `<capture>` placeholders are filled in, from the finding and the expression."""


@dataclass(frozen=True, slots=True)
class Fix:
    """What to change; the first of a signature's fixes whose scope fits is the one shown."""

    summary: str
    now: tuple[str, ...] = ()
    """What unblocks the run that hangs at this moment."""
    recipe: tuple[str, ...] = ()
    """Flags and variables that stop it from coming back; `<capture>` placeholders are filled in."""
    remove: tuple[str, ...] = ()
    """Flags and variables to take out of the recipe."""
    replace: tuple[Replacement, ...] = ()
    """What to change in the lines of a script that show it; the first that fits a line is applied."""
    warning: str = ""
    """A tempting change that makes things worse."""
    scope: Scope = Scope()
    when: Mapping[str, str] = field(default_factory=dict)
    """Only if these captures or facts have these values."""
    diff: str = ""
    """For a launch script that was read: the change to it as a unified diff."""
    withheld: str = ""
    """Why there is no diff although a launch script was read."""

    @property
    def changes(self) -> bool:
        """Whether it says what to change in a launch script."""
        return bool(self.recipe or self.remove or self.replace)


@dataclass(frozen=True, slots=True)
class Confuser:
    """Another signature with the same look, and what separates the two."""

    id: str
    differs: str


@dataclass(frozen=True, slots=True)
class Example:
    """A piece of log that must match, or for a counterexample must not."""

    text: str
    captures: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    why: str = ""
    file: str = ""
    """For a recipe: the name of the script."""
    row: Mapping[str, str] = field(default_factory=dict)
    """For a recipe: the variables of its job."""
    sister: str = ""
    """For a recipe with speculative decoding: the script without it."""
    base: str = ""
    """For a changelog: what it was before the change; empty for one that is looked at by itself."""
    config: str = ""
    """For a changelog: the configuration beside it, after the change."""
    config_base: str = ""
    """For a changelog: the configuration before."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """An arithmetic comparison of numbers that a line's expression captured, or of a run's settings."""

    text: str
    """As its file says it, such as `free < 0.9 * total`."""
    names: tuple[str, ...]
    """The captures or settings in it."""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Condition:
    """One node of a signature's boolean expression; exactly one of the first ten fields is set."""

    line: str = ""
    """A regular expression for one line."""
    sequence: tuple[str, ...] = ()
    """Expressions for lines in this order, within `within` lines, of one writer."""
    near: tuple[str, ...] = ()
    """As `sequence`, in any order."""
    all: tuple[Condition, ...] = ()
    any: tuple[Condition, ...] = ()
    none: tuple[Condition, ...] = ()
    fact: str = ""
    """The name of a setting of the run, such as `expert_parallel`."""
    phase: str = ""
    """A start-up phase, such as `ready`."""
    signature: str = ""
    """The id of another signature that matched."""
    compare: Comparison | None = None
    """Settings that compare so."""

    within: int = 40
    apart_s: float = 0.0
    """With `sequence` or `near`: at least so many seconds from the first of the lines to the last."""
    count: int = 1
    """At least so many matches."""
    ranks: str = ""
    """`one`, `several`, `some` (not all) or `all`: which of the ranks seen in the run show it."""
    where: tuple[Comparison, ...] = ()
    """Only lines whose captured numbers compare so."""
    role: str = ""
    """Only lines of writers with this role."""
    silent_s: float = 0.0
    """Only if nothing new was written for so long after it."""
    last: bool = False
    """Only if the log ends there: nothing but repetitions and heartbeats comes after."""
    reached: bool = True
    """With `phase`: whether it was reached."""
    equals: tuple[str, ...] = ()
    """With `fact`: one of these values, compared ignoring case."""
    at_least: float | None = None
    at_most: float | None = None
    context: bool = False
    """Whether it must hold but shows nothing by itself: its lines are not quoted and date nothing."""
    certainty: Certainty | None = None
    """What this condition proves, where that differs from the signature's own certainty."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One mechanism, symptom or failure, as its file under `signatures/` says."""

    id: str
    """`<component>/<mechanism>`: the file's path."""
    title: str
    role: Role
    kind: Kind
    match: Condition
    channel: Channel = Channel.LOG
    certainty: Certainty = Certainty.HIGH
    alone: Certainty | None = None
    """For a failure: how likely it is the answer itself when nothing explains it; None: never."""
    leads_to: tuple[str, ...] = ()
    scope: Scope = Scope()
    seen_on: tuple[str, ...] = ()
    symptom: str = ""
    root_cause: str = ""
    """Why it happens, and what a match does not prove."""
    cleared_by: tuple[str, ...] = ()
    """Expressions for lines that, seen later, show that it passed."""
    against: tuple[str, ...] = ()
    """Expressions for lines that speak against it: with one of them a match proves less."""
    ordered: bool = False
    """Whether the conditions of `match.all` must hold in the order given."""
    fixes: tuple[Fix, ...] = ()
    retry: Retry = Retry.AFTER_FIX
    retry_why: str = ""
    confusers: tuple[Confuser, ...] = ()
    examples: tuple[Example, ...] = ()
    counterexamples: tuple[Example, ...] = ()

    @property
    def component(self) -> str:
        """Who prints the decisive line or is at fault: the id's first part."""
        return self.id.partition("/")[0]

    @property
    def mechanism(self) -> str:
        """The id without its component."""
        return self.id.rpartition("/")[2]
