"""`diagnose recipe`: known-bad configurations in a launch script, before a GPU is allocated, and their fix."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from diagnose.errors import InputError, UsageError
from diagnose.sources.neighbours import Neighbours, git_path, read_script

if TYPE_CHECKING:
    from diagnose.probe.sandbox import Traced
    from diagnose.recipe import Recipe
    from diagnose.review import Review

EXIT_CLEAN, EXIT_FOUND = 0, 1


@click.command("recipe")
@click.argument("scripts", nargs=-1, required=True, metavar="SCRIPT…")
@click.option(
    "--row",
    "rows",
    multiple=True,
    metavar="NAME=VALUE,…",
    help="The variables of one job, such as TP=8,EP_SIZE=8,IMAGE=vllm/vllm-openai:v0.32.0; may be repeated.",
)
@click.option(
    "--matrix",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="The rows of the job matrix (YAML, JSON, CSV): each script is looked at for the rows it is run for.",
)
@click.option(
    "--image", default="", help="The container image of every row: tells the engine's version."
)
@click.option(
    "--trace",
    is_flag=True,
    help="Run each script in a sandbox with every program replaced, to know the server's command exactly.",
)
@click.option(
    "--base",
    metavar="REVISION",
    help="For a changelog and the configurations beside it: what changed since this git revision.",
)
@click.option(
    "--fix", is_flag=True, help="Print the changes as a unified diff that git apply takes."
)
@click.option("--write", "write_", is_flag=True, help="Make the changes in the scripts.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(("terminal", "json", "markdown")),
    default="terminal",
    show_default=True,
)
@click.option(
    "--signatures",
    "roots",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A further folder of signature files.",
)
@click.option("--quiet", "-q", is_flag=True, help="One line a finding.")
def command(
    scripts: tuple[str, ...],
    rows: tuple[str, ...],
    matrix: str | None,
    image: str,
    base: str | None,
    trace: bool,
    fix: bool,
    write_: bool,
    format_: str,
    roots: tuple[Path, ...],
    quiet: bool,
) -> int:
    """Find known-bad configurations in a launch script before a GPU is allocated, and print the fix as a diff.

    SCRIPT is a bash script that starts a server. Without --row every way through it is looked at, and each
    finding says on which conditions it depends. Nothing of the script is run.

    Exit codes: 0 nothing found but notes · 1 findings · 2 usage · 4 a script could not be read,
    or not whole and nothing was found in the rest.
    """
    if fix and write_:
        raise UsageError("--fix and --write exclude each other", "--fix prints, --write changes")
    if rows and matrix:
        raise UsageError("--row and --matrix exclude each other", "a matrix holds the rows")
    reviews = _reviews(scripts, matrix, _rows(rows, image), roots, base, trace=trace)
    from diagnose.report.recipe import counted

    if write_:
        _write(reviews)
    elif fix:
        _print_diff(reviews)
    else:
        _report(reviews, format_, quiet=quiet)
    if any(counted(point) for review in reviews for point in review.points):
        return EXIT_FOUND
    _refuse_unread(reviews)
    return EXIT_CLEAN


def _refuse_unread(reviews: Sequence[Review]) -> None:
    """Finding nothing in a script that was not read whole is no success.

    Raises:
        InputError: If there is one.
    """
    from diagnose.report.recipe import unread

    for review in reviews:
        if reason := unread(review.recipe):
            raise InputError(
                f"{review.recipe.name}: {reason}, and nothing was found in the rest",
                "check it with bash -n"
                if review.recipe.broken
                else "name the script that starts it",
            )


def _rows(rows: Sequence[str], image: str) -> list[dict[str, str]]:
    found = []
    for text in rows or ("",):
        row = {"IMAGE": image} if image else {}
        for pair in filter(None, (p.strip() for p in text.split(","))):
            name, equals, value = pair.partition("=")
            if not equals or not name.isidentifier():
                raise UsageError(f"--row {pair!r} is no NAME=VALUE", "write --row TP=8,EP_SIZE=8")
            row[name] = value
        found.append(row)
    return found


def _reviews(
    scripts: Sequence[str],
    matrix: str | None,
    rows: list[dict[str, str]],
    roots: tuple[Path, ...],
    base: str | None,
    *,
    trace: bool,
) -> list[Review]:
    from diagnose.lint import Linter
    from diagnose.reason import catalogue
    from diagnose.recipe import read
    from diagnose.recipe.matrix import jobs, rows_for
    from diagnose.review import Reviewer

    reviewer = Reviewer(Linter(catalogue(roots)))
    every = jobs(matrix, read_script(matrix)) if matrix else []
    found = []
    told = _told(scripts, base) if base else {}
    for script in scripts:
        if script in told:
            found.append(reviewer.review(told[script]))
            continue
        data = read_script(script)
        chosen = (
            [{**row, **rows[0]} for row in rows_for(script, every, _exists(script))]
            if matrix
            else rows
        )
        if not chosen:
            click.echo(f"diagnose: {script}: no row of {matrix} is run with it", err=True)
        neighbours = Neighbours(script, scripts)
        recipe = read(script, data, chosen or rows, neighbours)
        if trace and recipe.kind == "script":
            recipe = _traced(recipe, chosen or rows, neighbours.files)
        found.append(reviewer.review(_with_sister(recipe, chosen or rows)))
    return found


def _told(paths: Sequence[str], base: str) -> dict[str, Recipe]:
    """Each changelog with what it should tell; the configurations are looked at with it, and not by themselves."""
    from diagnose.probe.git import at_revision
    from diagnose.recipe import Versions, is_changelog, of_changelog

    now = {path: read_script(path) for path in paths if path.endswith((".yaml", ".yml"))}
    versions = {path: Versions(path, at_revision(path, base), data) for path, data in now.items()}
    logs = [path for path, data in now.items() if is_changelog(data)]
    if not logs:
        raise UsageError(
            "--base needs a changelog", "name a YAML file with entries `- config-keys:`"
        )
    configs = [versions[path] for path in now if path not in logs]
    return {path: of_changelog(versions[path], configs) for path in logs}


def _traced(
    recipe: Recipe, rows: Sequence[Mapping[str, str]], files: Mapping[str, bytes]
) -> Recipe:
    """A recipe as a sandboxed run of each row shows it; rows that start no server there stay as they were followed."""
    from diagnose.recipe import as_run

    for row in rows:
        # Libraries that install and measure may end a run that has no network and no GPU: then it goes without them.
        found = _server_in(recipe, row, files) or (_server_in(recipe, row, {}) if files else None)
        if found is not None:
            recipe = as_run(recipe, row, found.argv, found.environment)
        else:
            told = " ".join(f"{n}={v}" for n, v in row.items()) or "without variables"
            click.echo(f"diagnose: {recipe.name}: the run ({told}) started no server", err=True)
    return recipe


def _server_in(recipe: Recipe, row: Mapping[str, str], files: Mapping[str, bytes]) -> Traced | None:
    """The first server that a run of one row starts."""
    from diagnose.probe.sandbox import trace
    from diagnose.recipe import Word, server_of

    ran = trace(git_path(recipe.name), recipe.data, row, files)
    return next((t for t in ran if server_of([Word(word) for word in t.argv])[0]), None)


def _with_sister(recipe: Recipe, rows: Sequence[Mapping[str, str]]) -> Recipe:
    """A recipe beside the one without speculative decoding, where that lies in the same folder."""
    from diagnose.recipe import beside_sister, read, sister_of

    name = sister_of(recipe.name)
    data = recipe.beside(name) if name else None
    return recipe if data is None else beside_sister(recipe, read(name, data, rows, recipe.beside))


def _exists(script: str) -> Callable[[str], bool]:
    """Whether another script lies beside one."""
    return lambda name: Path(script).with_name(name).exists()


def _report(reviews: Sequence[Review], format_: str, *, quiet: bool) -> None:
    import json

    from diagnose.cli.output import colour, width
    from diagnose.report.recipe import to_json, to_markdown, to_terminal

    if format_ == "json":
        click.echo(json.dumps(to_json(reviews), indent=2, ensure_ascii=False))
    elif format_ == "markdown":
        click.echo(to_markdown(reviews), nl=False)
    else:
        text = to_terminal(reviews, width=width(), colour=colour(), quiet=quiet)
        click.echo(text, nl=False, color=True)


def _print_diff(reviews: Sequence[Review]) -> None:
    from diagnose.redact import redact
    from diagnose.remedy import unified

    for review in reviews:
        diff = unified(git_path(review.recipe.name), review.recipe.data, review.after)
        if redact(diff) != diff:
            click.echo(
                f"diagnose: {review.recipe.name}: the lines around the change hold a secret, which is taken out:"
                " this diff does not apply; use --write",
                err=True,
            )
        # Raw bytes: a diff is for git, and a script need not be UTF-8.
        click.echo(redact(diff).encode("utf-8", "surrogateescape"), nl=False)
        _say_withheld(review)


def _say_withheld(review: Review) -> None:
    for point in review.points:
        if point.withheld:
            click.echo(f"diagnose: {point.fault.id}: no change offered: {point.withheld}", err=True)


def _write(reviews: Sequence[Review]) -> None:
    for review in reviews:
        if review.after != review.recipe.data:
            try:
                Path(review.recipe.name).write_bytes(review.after)
            except OSError as error:
                raise InputError(
                    f"cannot write {review.recipe.name}: {error.strerror}", "use --fix"
                ) from error
            click.echo(f"{review.recipe.name}: changed")
        _say_withheld(review)
