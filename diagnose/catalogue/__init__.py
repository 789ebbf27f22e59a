"""Signature files to `Signature`s; the only module that knows the file format.

Floor 1. The format is described in `docs/signature-format.md`; unknown keys are errors, so that a
mistyped key is found when the file is read and not when a hang goes unexplained.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from diagnose import tables
from diagnose.catalogue.conditions import CONDITION_KEYS, MATCH_KEYS, match_of
from diagnose.errors import CatalogueError
from diagnose.model import (
    Certainty,
    Channel,
    Condition,
    Confuser,
    Example,
    Fix,
    Kind,
    Replacement,
    Retry,
    Role,
    Scope,
    Signature,
)

KEYS = (
    "title",
    "role",
    "channel",
    "kind",
    "certainty",
    "alone",
    "leads_to",
    "seen_on",
    "symptom",
    "root_cause",
    "retry",
    "retry_why",
    "applies",
    "match",
    "fix",
    "confuser",
    "example",
    "counterexample",
)
__all__ = [
    "CONDITION_KEYS",
    "EXAMPLE_KEYS",
    "FIX_KEYS",
    "KEYS",
    "MATCH_KEYS",
    "SCOPE_KEYS",
    "default_root",
    "files",
    "lines_of",
    "load",
    "of_bytes",
    "parse",
    "patterns_of",
    "read",
]
SCOPE_KEYS = ("engines", "versions", "hardware")
_PACKAGE = Path(__file__).parent.parent
FIX_KEYS = (*SCOPE_KEYS, "when", "summary", "now", "recipe", "remove", "replace", "warning")
EXAMPLE_KEYS = ("text", "captures", "file", "row", "sister", "base", "config", "config_base")


def default_root() -> Path:
    """The catalogue that came with the package: inside it when installed, beside it in a checkout."""
    inside = _PACKAGE / "signatures"
    return inside if inside.is_dir() else _PACKAGE.parent / "signatures"


def load(root: Path) -> dict[str, Signature]:
    """Reads every signature file below `root`, by id, in id order; `packed.load` does it faster.

    Raises:
        CatalogueError: If a file is wrong, or the folder holds none.
    """
    signatures = [of_bytes(path, data) for path, data in files(root)]
    return {signature.id: signature for signature in signatures}


def files(root: Path) -> list[tuple[Path, bytes]]:
    """Every signature file below `root` with what is in it.

    Raises:
        CatalogueError: If a file cannot be read, or the folder holds none.
    """
    found = [(path, _bytes(path)) for path in sorted(root.glob("*/*.toml"))]
    if not found:
        raise CatalogueError(
            f"no signature files below {root}", "expected <component>/<mechanism>.toml"
        )
    return found


def read(path: Path) -> Signature:
    """Reads one signature file.

    Raises:
        CatalogueError: If it cannot be read or is not what the format asks for.
    """
    return of_bytes(path, _bytes(path))


def of_bytes(path: Path, data: bytes) -> Signature:
    """The signature that a file describes; `path` gives its id. Raises as `read` does."""
    import tomllib

    try:
        table = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CatalogueError(f"{path}: {error}", "see docs/signature-format.md") from error
    try:
        return parse(f"{path.parent.name}/{path.stem}", table)
    except CatalogueError as error:
        raise CatalogueError(f"{path}: {error.message}", error.remedy) from error


def _bytes(path: Path) -> bytes:
    try:
        # Hundreds of short files: a buffer for each takes longer than reading it.
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except OSError as error:
        raise CatalogueError(f"{path}: {error}", "see docs/signature-format.md") from error


def parse(id: str, table: Mapping[str, Any]) -> Signature:
    """Turns the contents of a signature file into a `Signature`.

    Raises:
        CatalogueError: If a key is unknown, missing or of the wrong type.
    """
    tables.only(table, KEYS, "signature")
    told = tables.table(table, "match")
    match, ordered = match_of(told)
    return Signature(
        id=id,
        title=tables.text(table, "title", required=True),
        role=tables.enum(Role, table, "role"),
        channel=tables.enum(Channel, table, "channel", Channel.LOG),
        kind=tables.enum(Kind, table, "kind"),
        certainty=tables.enum(Certainty, table, "certainty", Certainty.HIGH),
        alone=tables.enum(Certainty, table, "alone") if "alone" in table else None,
        leads_to=tables.texts(table, "leads_to"),
        seen_on=tables.texts(table, "seen_on"),
        symptom=tables.text(table, "symptom").strip(),
        root_cause=tables.text(table, "root_cause").strip(),
        retry=tables.enum(Retry, table, "retry", Retry.AFTER_FIX),
        retry_why=tables.text(table, "retry_why"),
        scope=_scope(tables.table(table, "applies"), SCOPE_KEYS),
        match=match,
        ordered=ordered,
        cleared_by=tables.texts(told, "cleared_by"),
        against=tables.texts(told, "against"),
        fixes=tuple(_fix(entry) for entry in tables.tables(table, "fix")),
        confusers=tuple(_confuser(entry) for entry in tables.tables(table, "confuser")),
        examples=tuple(_example(entry, "source") for entry in tables.tables(table, "example")),
        counterexamples=tuple(
            _example(entry, "why") for entry in tables.tables(table, "counterexample")
        ),
    )


def lines_of(condition: Condition) -> Iterable[str]:
    """Every line expression below a condition, in file order, with repetitions."""
    if condition.line:
        yield condition.line
    yield from condition.sequence
    yield from condition.near
    for inner in (*condition.all, *condition.any, *condition.none):
        yield from lines_of(inner)


def patterns_of(signature: Signature) -> tuple[str, ...]:
    """Every distinct line expression a signature needs, `cleared_by` and `against` included."""
    others = (*signature.cleared_by, *signature.against)
    return tuple(dict.fromkeys((*lines_of(signature.match), *others)))


def _fix(table: Mapping[str, Any]) -> Fix:
    tables.only(table, FIX_KEYS, "[[fix]]")
    return Fix(
        summary=tables.text(table, "summary", required=True).strip(),
        now=tables.texts(table, "now"),
        recipe=tables.texts(table, "recipe"),
        remove=tables.texts(table, "remove"),
        replace=tuple(_replacement(entry) for entry in tables.tables(table, "replace")),
        warning=tables.text(table, "warning").strip(),
        scope=_scope(table, None),
        when={name: str(value) for name, value in tables.table(table, "when").items()},
    )


def _replacement(table: Mapping[str, Any]) -> Replacement:
    tables.only(table, ("this", "by"), "`replace`")
    return Replacement(tables.text(table, "this", required=True), tables.text(table, "by"))


def _confuser(table: Mapping[str, Any]) -> Confuser:
    tables.only(table, ("id", "differs"), "[[confuser]]")
    return Confuser(
        tables.text(table, "id", required=True), tables.text(table, "differs", required=True)
    )


def _example(table: Mapping[str, Any], note: str) -> Example:
    tables.only(table, (*EXAMPLE_KEYS, note), "[[example]]")
    captures = tables.table(table, "captures")
    return Example(
        text=tables.text(table, "text", required=True),
        captures={name: str(value) for name, value in captures.items()},
        file=tables.text(table, "file"),
        sister=tables.text(table, "sister"),
        base=tables.text(table, "base"),
        config=tables.text(table, "config"),
        config_base=tables.text(table, "config_base"),
        row={name: str(value) for name, value in tables.table(table, "row").items()},
        **{note: tables.text(table, note, required=True)},
    )


def _scope(table: Mapping[str, Any], only: tuple[str, ...] | None) -> Scope:
    if only is not None:
        tables.only(table, only, "[applies]")
    versions = tables.text(table, "versions")
    if versions:
        from packaging.specifiers import InvalidSpecifier, SpecifierSet

        try:
            SpecifierSet(versions)
        except InvalidSpecifier as error:
            raise CatalogueError(f"`versions` is no version specifier: {versions!r}") from error
    return Scope(tables.texts(table, "engines"), versions, tables.texts(table, "hardware"))
