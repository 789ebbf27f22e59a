"""A launch script, for one row of the job's matrix or for all that it allows, as a document with a way back.

Floor 6: pure; nothing of the script is ever run.

    syntax      the script's tree; `relevance` which of its statements can matter to a server
    evaluate    follows it: `loops`, `conditions`, `assignments`, `commands`, over the `words` of `expand`, `parameters`,
                `substitutions`, `arithmetic` and `pieces`; `runs` what commands run that is bash again, with `shells`,
                `containers` and the files it has `written`
    server      a server's command to flags; `settings` to facts
    checks      what the script's form tells, whatever the row; `versions` what the engine's version refuses
    configs     servers that YAML describes; `changelog` what a gated change leaves out; `matrix` the rows
    variants    each way as the document that signatures of the channel `recipe` are matched over
    reading     all of it together; `traced` the same after a run of the script
"""

from __future__ import annotations

from diagnose.recipe.changelog import Versions, is_changelog
from diagnose.recipe.commands import program_at, server_of
from diagnose.recipe.reading import again, beside_sister, of_changelog, read
from diagnose.recipe.server import Flag, flags_of, long_name
from diagnose.recipe.settings import precision_in
from diagnose.recipe.sister import sister_of
from diagnose.recipe.traced import as_run
from diagnose.recipe.variants import Passage, Recipe, Variant
from diagnose.recipe.words import Assumption, Command, Variable, Word

__all__ = [
    "Assumption",
    "Command",
    "Flag",
    "Passage",
    "Recipe",
    "Variable",
    "Variant",
    "Versions",
    "Word",
    "again",
    "as_run",
    "beside_sister",
    "flags_of",
    "is_changelog",
    "long_name",
    "of_changelog",
    "precision_in",
    "program_at",
    "read",
    "server_of",
    "sister_of",
]
