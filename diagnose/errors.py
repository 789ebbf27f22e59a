"""The errors a user can meet; each knows its remedy and its exit code.

Floor 0. The hierarchy:

    DiagnoseError            base: `message`, `remedy`, exit code 4
    ├── InputError           an input could not be read
    ├── CatalogueError       a signature file is wrong
    └── UsageError           the command line asks for something impossible (exit code 2)

Only the command line turns these into text; everything else lets them pass.
"""

from __future__ import annotations


class DiagnoseError(Exception):
    """Something the user can mend; printed as one sentence and its remedy, never as a traceback.

    Args:
        message: What is wrong, as one clause without a full stop.
        remedy: What to do about it; may be empty.
    """

    exit_code = 4

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}: {self.remedy}" if self.remedy else self.message


class InputError(DiagnoseError):
    """An input could not be read."""


class CatalogueError(DiagnoseError):
    """A signature file is wrong; the message starts with its path."""


class UsageError(DiagnoseError):
    """The command line asks for something impossible."""

    exit_code = 2
