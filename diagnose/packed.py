"""The catalogue as it was read before, so that starting does not parse hundreds of files again.

Floor 3: pure but for the catalogue's files and the cache. What is kept is used only while every file of
the catalogue, and the code that reads them, is byte for byte what it was. Only nouns of the model come back,
whatever the bytes say.
"""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from diagnose import catalogue, model
from diagnose.cache import Cache
from diagnose.model import Signature

SOURCES = (
    "catalogue/__init__",
    "catalogue/conditions",
    "comparison",
    "errors",
    "model/signature",
    "model/words",
    "packed",
    "tables",
    "units",
)
"""The modules that decide what a signature file becomes."""
_NOUNS = {noun.__name__: noun for noun in vars(model).values() if isinstance(noun, type)}


def load(root: Path, cache: Path | None) -> dict[str, Signature]:
    """Every signature below a folder, by id, in id order.

    Args:
        root: The folder.
        cache: Where catalogues are kept; None for nowhere.

    Raises:
        CatalogueError: If a file is wrong, or the folder holds none.
    """
    files = catalogue.files(root)
    stored = Cache(cache, _depends_on(files))
    packed = stored.read("catalogue")
    signatures: Sequence[Signature] | None = None
    if packed is not None:
        with contextlib.suppress(ValueError):
            signatures = unpack(packed)
    if signatures is None:
        signatures = [catalogue.of_bytes(path, data) for path, data in files]
        stored.write("catalogue", pack(signatures))
    return {signature.id: signature for signature in signatures}


def pack(value: object) -> bytes:
    """Bytes for nouns of the model, and for lists and dictionaries of them."""
    stream = BytesIO()
    _Packer(stream, protocol=5).dump(value)
    return stream.getvalue()


def unpack(packed: bytes) -> Any:
    """What was packed.

    Raises:
        ValueError: If the bytes are not what this program packs.
    """
    try:
        return _Unpacker(BytesIO(packed)).load()
    except Exception as error:
        raise ValueError(f"not packed by this program: {error}") from error


class _Packer(pickle.Pickler):
    """Writes a noun as a call of its class, without the last fields that have their default."""

    def reducer_override(self, value: Any) -> Any:
        if not is_dataclass(value) or isinstance(value, type):
            return NotImplemented
        described = fields(value)
        given = [getattr(value, field.name) for field in described]
        while given and _is_default(described[len(given) - 1], given[-1]):
            given.pop()
        return type(value), tuple(given)


class _Unpacker(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        noun = _NOUNS.get(name)
        if noun is None or noun.__module__ != module:
            raise pickle.UnpicklingError(f"{module}.{name} is no noun of the model")
        return noun


def _is_default(field: Field[Any], value: object) -> bool:
    same_type = field.default is not MISSING and type(field.default) is type(value)
    return same_type and bool(field.default == value)


def _depends_on(files: Sequence[tuple[Path, bytes]]) -> Iterator[bytes]:
    """All that a stored catalogue stands on: the files, and the code that reads them."""
    for path in (Path(__file__).parent / f"{name}.py" for name in SOURCES):
        yield path.read_bytes() if path.is_file() else b""
    for path, data in files:
        yield f"{path.parent.name}/{path.stem}".encode("utf-8", "surrogateescape")
        yield data
