"""Files behind URLs, through fsspec where it is installed; nothing else here uses the network."""

from __future__ import annotations

import importlib
import re
from typing import Any
from urllib.parse import unquote

from diagnose.sources.input import Input, reason
from diagnose.sources.limits import Meter
from diagnose.sources.names import natural
from diagnose.sources.stream import DamagedError

_FILE = re.compile(r"file://(?:localhost)?(?=/)", re.IGNORECASE)
_LOGIN = re.compile(r"(?<=://)[^/?#]*@")


def local(url: str) -> str | None:
    """The path of a `file://` URL; None for all others."""
    prefix = _FILE.match(url)
    return unquote(url[prefix.end() :]) if prefix else None


def without_secrets(url: str) -> str:
    """A URL as it may be shown: signed ones carry credentials in their query."""
    return _LOGIN.sub("", url).partition("?")[0].partition("#")[0]


class Remote:
    """The file behind a URL, or the files below it where the store has folders.

    Raises:
        DamagedError: If fsspec is missing, or the store cannot be reached.
    """

    def __init__(self, url: str) -> None:
        try:
            core = importlib.import_module("fsspec.core")
        except ImportError:
            raise DamagedError(
                'reading URLs needs fsspec: pip install "vllm-diagnose[remote]"'
            ) from None
        self._url = url
        try:
            self._system, self._path = core.url_to_fs(url)
            self.paths = self._list()
        except Exception as error:  # every store has its own
            raise DamagedError(self._failed(error)) from error

    def name(self, path: str) -> str:
        """How a file is called: as given, or relative to the folder that was given."""
        if path == self._path:
            return without_secrets(self._url)
        return path.removeprefix(self._path).lstrip("/")

    def url(self, path: str) -> str:
        """The URL of a file, to open it elsewhere."""
        if path == self._path:
            return self._url
        within, chained, rest = self._url.partition("::")
        # A store within a file (`zip://…::https://…`) knows its own part of the chain only.
        url = f"{within.partition('://')[0]}://{path}" if chained else None
        return f"{url}::{rest}" if url else str(self._system.unstrip_protocol(path))

    def open(self, path: str, meter: Meter) -> Input:
        """Opens one of the files.

        Raises:
            DamagedError: If that fails.
        """
        try:
            file: Any = self._system.open(path, "rb")
        except Exception as error:
            raise DamagedError(self._failed(error)) from error
        return Input(file, meter, getattr(file, "size", None))

    def _list(self) -> list[str]:
        # Over HTTP there are no folders: asking would fetch the log and look for links in it.
        if self._url.lower().startswith("http") or not self._system.isdir(self._path):
            return [self._path]
        return sorted(self._system.find(self._path), key=natural)

    def _failed(self, error: Exception) -> str:
        words = reason(error).replace(self._url, without_secrets(self._url))
        return f"could not be opened: {words}"
