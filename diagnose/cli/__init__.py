"""The command line: one file a command, and the only place that picks an exit code.

Floor 14. Commands are imported when they are called, so that `diagnose --help` stays quick.
"""

from __future__ import annotations

import gc

# Nearly all objects live as long as a short run does: looking through the new ones for cycles every 700, as Python
# would, takes a fifteenth of its time. Before all else, since loading modules makes many.
gc.set_threshold(100_000)

import atexit
import importlib
import os
import sys
import threading
from collections.abc import Sequence
from typing import NoReturn

import click

from diagnose import __version__
from diagnose.errors import DiagnoseError

COMMANDS = {
    "log": "Name the likely cause of a failed or hung job from the logs it left behind.",
    "attach": "Look at a server that hangs: what every process waits for, who holds it, what unblocks it.",
    "watch": "Start a server and watch it come up; when it hangs, say why, keep the evidence and end the wait.",
    "ci": "Name the cause of a failed, cancelled or timed-out CI job in the step after it.",
    "recipe": "Find known-bad configurations in a launch script before a GPU is allocated, and print the fix as a diff.",
    "sweep": "Say which setting separates the failed jobs of a matrix from those that passed.",
    "signatures": "Look at the catalogue of failure signatures, check it, extend it.",
    "bundle": "Show what a saved look at a server holds, or take more out of it before it is handed on.",
}
"""Every command and its one-line help, so that listing them imports none."""


class _Lazy(click.Group):
    """A group whose commands live in modules of their own, imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"diagnose.cli.{name}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="diagnose")
def group() -> None:
    """Find out why an LLM server failed or hangs: the cause, the evidence, the fix.

    Exit codes: 0 no failure seen · 1 cause named · 2 usage · 3 failed or hung, cause not known ·
    4 input could not be read, or nothing could be looked at.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and ends the process with its exit code."""
    # A closed stream is one that nobody reads, and no reason not to answer on the other or in a file.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - closed by the process's end
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    try:
        code = group.main(arguments, prog_name="diagnose", standalone_mode=False)
    except SystemExit:
        # Click ends so when the reader went away (`diagnose log … | head`): with exit code 1, which here
        # would mean that a cause is named.
        _leave(141)
    except click.exceptions.Abort:
        _leave(130)
    except click.ClickException as error:
        error.show()
        _leave(error.exit_code)
    except DiagnoseError as error:
        click.echo(f"diagnose: {error.message}", err=True)
        if error.remedy:
            click.echo(f"  {error.remedy}", err=True)
        _leave(error.exit_code)
    except BrokenPipeError:
        # The reader went away (`diagnose log … | head`): not an error, and nothing more to say.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - closed by the process's end
        _leave(141)
    except OSError as error:
        if error.filename is None and error.errno is not None:
            click.echo(f"diagnose: cannot write the report: {error.strerror}", err=True)
            _leave(4)
        _defect()
    except Exception:
        _defect()
    if arguments is None:
        _end(code if isinstance(code, int) else 0)
    _leave(code if isinstance(code, int) else 0)


def _defect() -> NoReturn:
    """A defect of the tool must not look like an answer: 1 would mean that a cause is named."""
    import traceback

    traceback.print_exc()
    _leave(70)


def _end(code: int) -> None:
    """Ends a process that has done all it had to, without giving its memory back piece by piece first.

    That would take a twentieth of a run over a log of a megabyte, and more after a longer one.
    """
    if threading.active_count() > 1:
        return
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return
    os._exit(code)


def _leave(code: int) -> NoReturn:
    sys.exit(code)
