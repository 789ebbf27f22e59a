"""A launch script reviewed: what is wrong, the fix that fits, and the change that it makes.

Floor 9: pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from diagnose.advice import fix_for, withheld
from diagnose.lint import Fault, Linter
from diagnose.model import Fix
from diagnose.recipe import Recipe, Variant, again
from diagnose.remedy import Change, change


@dataclass(frozen=True, slots=True)
class Point:
    """One fault, and what to do about it."""

    fault: Fault
    fix: Fix | None
    """With its placeholders filled in; None where none fits."""
    change: Change | None
    """What the fix makes of the script; None for a fix that is not a change to it."""
    withheld: str = ""
    """Why there is no change: one clause; empty where there is one, or none is meant."""


@dataclass(frozen=True, slots=True)
class Review:
    """Everything about one script."""

    recipe: Recipe
    points: tuple[Point, ...]
    after: bytes
    """The script with every change made that can be."""


class Reviewer:
    """Reviews launch scripts with one catalogue.

    Args:
        linter: What looks for faults.
    """

    def __init__(self, linter: Linter) -> None:
        self._linter = linter

    def review(self, recipe: Recipe) -> Review:
        """The faults of a script, each with its fix, and the script as all fixes together leave it."""
        points = tuple(self.point(recipe, fault) for fault in self._linter.faults(recipe))
        return Review(recipe, points, self._mended(recipe, points))

    def point(self, recipe: Recipe, fault: Fault) -> Point:
        """One fault with its fix and its change."""
        facts = fault.variants[0].facts
        fix = fix_for(fault.finding, facts)
        if fix is None:
            return Point(fault, None, None, withheld(fault.finding, facts))
        if not fix.changes:
            return Point(fault, fix, None)
        made = self.made(recipe, fault.variants, fix, fault)
        return Point(fault, fix, made, made.refused)

    def made(
        self, recipe: Recipe, concerned: Sequence[Variant], fix: Fix, fault: Fault | None
    ) -> Change:
        """A fix made in a script.

        Args:
            recipe: The script.
            concerned: The ways through it that need the fix.
            fix: With its placeholders filled in.
            fault: What it mends, where that shows in the script.
        """
        spots = [(s.passage, s.evidence.captures) for s in fault.shown] if fault else []
        return change(recipe, concerned, fix, spots, lambda r, v: self._holds(fault, r, v))

    def _holds(self, fault: Fault | None, recipe: Recipe, variant: Variant) -> bool:
        return fault is not None and any(
            f.signature.id == fault.id for f in self._linter.findings(recipe, variant)
        )

    def _mended(self, recipe: Recipe, points: Sequence[Point]) -> bytes:
        """One change after the other, each made in what the one before left."""
        data = recipe.data
        for _ in range(2 * len(points)):
            current = recipe if data == recipe.data else again(recipe, data)
            if current is not recipe:
                points = [self.point(current, fault) for fault in self._linter.faults(current)]
            step = next((p.change for p in points if p.change and not p.change.refused), None)
            if step is None:
                break
            data = step.after
        return data
