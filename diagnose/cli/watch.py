"""`diagnose watch`: starts a server, or stands beside one, and ends the wait when it hangs."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from diagnose.cli.options import FILE, FOLDER
from diagnose.errors import InputError, UsageError

if TYPE_CHECKING:
    from diagnose.model import Diagnosis
    from diagnose.watch.examine import Examination
    from diagnose.watch.options import Options
    from diagnose.watch.server import Server


_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


class Seconds(click.ParamType):  # type: ignore[type-arg]
    """`90`, `90s`, `15m`, `2h`."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number of seconds; at least a tenth of one."""
        text = str(value).strip().lower()
        unit = _UNITS.get(text[-1:])
        try:
            seconds = float(text[:-1]) * unit if unit else float(text)
        except ValueError:
            self.fail(f"`{value}` is no time: write it as 90, 90s, 15m or 2h", param, ctx)
        if not 0.1 <= seconds < 1e9:
            self.fail(f"`{value}` is out of range", param, ctx)
        return seconds


@click.command("watch")
@click.argument("argv", nargs=-1, metavar="[-- COMMAND…]")
@click.option(
    "--pid", type=click.IntRange(1), help="Stand beside this process instead of starting a command."
)
@click.option(
    "--log",
    type=FILE,
    help="With a command: write its output there too. With --pid: its log.",
)
@click.option(
    "--health", metavar="URL", help="It is ready when this answers; else when its log says so."
)
@click.option(
    "--stall",
    type=Seconds(),
    metavar="TIME",
    help="How long without any sign of progress is a stall; by default 2 to 10 minutes, by phase.",
)
@click.option(
    "--max", "max_s", type=Seconds(), metavar="TIME", help="How long the whole start-up may take."
)
@click.option(
    "--on-hang",
    type=click.Choice(("report", "stop")),
    default="report",
    show_default=True,
    help="Say what hangs and go on waiting, or stop the server too.",
)
@click.option(
    "--until",
    type=click.Choice(("ready", "exit")),
    default="ready",
    show_default=True,
    help="Watch until it is ready, or for hangs while it serves too.",
)
@click.option(
    "--grace",
    type=Seconds(),
    default="10s",
    show_default=True,
    metavar="TIME",
    help="What a server that is stopped gets to end by itself.",
)
@click.option(
    "--hold",
    type=Seconds(),
    default="5s",
    show_default=True,
    metavar="TIME",
    help="How long a cancel is held back for a look, before it is passed on.",
)
@click.option(
    "--save",
    type=FILE,
    help="Where to keep what was seen of a hang; by default diagnose-hang-TIME.tar.gz beside the log.",
)
@click.option(
    "--signatures", "roots", multiple=True, type=FOLDER, help="A further folder of signature files."
)
@click.option("--quiet", "-q", is_flag=True, help="Say nothing unless something is wrong.")
def command(
    argv: tuple[str, ...],
    pid: int | None,
    log: Path | None,
    health: str | None,
    stall: float | None,
    max_s: float | None,
    on_hang: str,
    until: str,
    grace: float,
    hold: float,
    save: Path | None,
    roots: tuple[Path, ...],
    quiet: bool,
) -> int:
    """Start a server and watch it come up; when it hangs, say why, keep the evidence and end the wait.

    The command's output is passed through, its exit code is the exit code, and none of its processes is left
    behind. With --pid a server that was started elsewhere is watched: exit code 0 when it is ready.

    Exit codes: that of the command, 128 and the number for a signal · 125 it hung and was stopped, or was not ready
    within --max · with --pid also 1 and 3 when it ended, as `diagnose log` · 127 and 126 the command cannot be started ·
    before anything is started: 4 a file cannot be written or there is no such process, 2 usage.
    """
    if bool(argv) == (pid is not None):
        raise UsageError(
            "give either a command or --pid", "diagnose watch -- vllm serve MODEL …, or --pid PID"
        )
    if health is not None and not health.startswith(("http://", "https://")):
        raise UsageError(f"`{health}` is no URL", "such as --health http://localhost:8000/health")
    if sys.platform != "linux":
        raise InputError("servers can be watched on Linux only", "run it where the server runs")
    from diagnose.watch.options import Options
    from diagnose.watch.patience import Patience

    options = Options(
        patience=Patience(stall),
        max_s=max_s,
        until_exit=until == "exit",
        stop=on_hang == "stop",
        grace_s=grace,
        hold_s=hold,
        save=_save(save, log),
        health=health or "",
    )
    return _watch(argv, pid, log, options, roots, quiet)


def _watch(
    argv: tuple[str, ...],
    pid: int | None,
    log: Path | None,
    options: Options,
    roots: tuple[Path, ...],
    quiet: bool,
) -> int:
    from diagnose.watch.command import NOT_EXECUTABLE, NOT_FOUND
    from diagnose.watch.server import Beside, Own
    from diagnose.watch.signals import Signals
    from diagnose.watch.status import Voice
    from diagnose.watch.supervise import Supervisor

    signals = Signals()
    try:
        server: Server = Own(argv, log) if pid is None else Beside(pid, log)
    except OSError as error:
        click.echo(f"diagnose: cannot start {argv[0]}: {error.strerror}", err=True)
        return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
    marked = _shared(server) or bool(os.environ.get("GITHUB_ACTIONS"))
    voice = Voice(marked=marked, quiet=quiet)
    if pid is not None and log is not None and not log.exists():
        voice.say(f"{log} is not there yet")
    return Supervisor(options, server, _examination(server, roots), voice, signals).run()


def _shared(server: Server) -> bool:
    """Whether what is said to standard error ends up in the server's log."""
    try:
        ours = os.fstat(2)
        return any(os.path.samestat(ours, os.stat(log.here)) for log in server.logs.values())
    except OSError:
        return False


def _save(asked: Path | None, log: Path | None) -> Path:
    """Where a look is to be kept.

    Raises:
        InputError: If nothing can be written where the user asked for it.
    """
    from diagnose.watch.keep import beside, check

    if asked is None:
        return beside(log, time.strftime("diagnose-hang-%Y%m%d-%H%M%S.tar.gz"))
    try:
        check(asked)
    except OSError as error:
        raise InputError(
            f"cannot write {asked}: {error.strerror}", "name another --save"
        ) from error
    return asked


def _examination(server: Server, roots: tuple[Path, ...]) -> Examination:
    """How to look at a server; all that takes is loaded now, while the disk answers and holds this version."""
    import diagnose.catalogue
    import diagnose.packed
    import diagnose.pipeline
    import diagnose.report.terminal
    import diagnose.sources  # noqa: F401
    from diagnose.cli.log import exit_code
    from diagnose.cli.output import render
    from diagnose.watch.examine import Examination

    def show(diagnosis: Diagnosis) -> tuple[str, int]:
        plain = not sys.stderr.isatty()
        return render(diagnosis, "terminal", to_file=plain), exit_code(diagnosis)

    return Examination(server.pid, server.logs, roots, show)
