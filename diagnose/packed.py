"""The catalogue as it was read before, so that starting does not parse hundreds of files again.

Floor 3: pure but for the catalogue's files and the cache. What is kept is used only while every file of
the catalogue, and the code that reads them, is byte for byte what it was. Only nouns of the model come back,
whatever the bytes say.
"""

from __future__ import annotations

import marshal
import os
import pickle
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from diagnose import catalogue, model
from diagnose.cache import FORMAT, Cache
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


class Catalogue(Mapping[str, Signature]):
    """Signatures by id, in id order; each is made when it is first asked for, since a log asks for few.

    Args:
        packed: What each is made of.
        digest: Of all that they were read from.
        made: Those that are made already.
    """

    def __init__(
        self, packed: Mapping[str, bytes], digest: str, made: dict[str, Signature] | None = None
    ) -> None:
        self._packed = packed
        self._made = {} if made is None else made
        self.digest = digest

    def __getitem__(self, id: str) -> Signature:
        if id not in self._made:
            self._made[id] = unpack(self._packed[id])
        return self._made[id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)

    def __contains__(self, id: object) -> bool:
        return id in self._packed


def only(signatures: Mapping[str, Signature], ids: Iterable[str]) -> Mapping[str, Signature]:
    """Some of the signatures of a catalogue."""
    if isinstance(signatures, Catalogue):
        return Catalogue(
            {id: signatures._packed[id] for id in ids}, signatures.digest, signatures._made
        )
    return {id: signatures[id] for id in ids}


def load(root: Path, cache: Path | None) -> Catalogue:
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
    if packed is not None:
        return Catalogue(marshal.loads(packed), stored.key)
    read = [catalogue.of_bytes(path, data) for path, data in files]
    pieces = {signature.id: pack(signature) for signature in read}
    stored.write("catalogue", marshal.dumps(pieces, FORMAT))
    return Catalogue(pieces, stored.key, {signature.id: signature for signature in read})


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
        yield os.fsencode("/".join(str(path).rsplit(os.sep, 2)[-2:]))
        yield data
