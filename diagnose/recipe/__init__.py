"""A launch script, for one row of the job's matrix or for all that it allows, as a document with a way back.

Floor 6: pure; nothing of the script is ever run.

    syntax      the script's tree
    evaluate    follows it: `commands`, `conditions`, `expand`, `arithmetic`, over `words`
    server      a server's command to flags; `settings` to facts
    checks      what the script's form tells, whatever the row
    reading     all of it as the document that signatures of the channel `recipe` are matched over
"""

from __future__ import annotations

from diagnose.recipe.reading import Passage, Recipe, Variant, read
from diagnose.recipe.server import Flag, flags_of, long_name
from diagnose.recipe.settings import precision_in
from diagnose.recipe.words import Assumption, Command, Variable, Word

__all__ = [
    "Assumption",
    "Command",
    "Flag",
    "Passage",
    "Recipe",
    "Variable",
    "Variant",
    "Word",
    "flags_of",
    "long_name",
    "precision_in",
    "read",
]
