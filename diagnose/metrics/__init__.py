"""What the monitors of GPUs recorded, and what that says about a wait.

Floor 5: pure. `columns` knows the formats, `recorder` keeps a file in bounded memory, `statements` says what it
shows as lines for the catalogue, and `clock` when the job ended.
"""

from __future__ import annotations

from diagnose.metrics.clock import began_on, silence
from diagnose.metrics.columns import Columns, columns
from diagnose.metrics.recorder import Recorder
from diagnose.metrics.statements import statements

__all__ = ["Columns", "Recorder", "began_on", "columns", "silence", "statements"]
