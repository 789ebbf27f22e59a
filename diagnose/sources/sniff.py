"""What the first bytes of a file say that it is: compressed, an archive, text, or nothing to read.

Names are not trusted: a `.log` may be gzip and a `.gz` plain text. They only decide what bytes
leave open.
"""

from __future__ import annotations

import re
from enum import StrEnum

from diagnose.expressions import later

HEAD = 1 << 13
"""How many bytes are looked at."""


class Kind(StrEnum):
    """What a file is; the value is the word for it."""

    TEXT = "text"
    GZIP = "gzip"
    BZIP2 = "bzip2"
    XZ = "xz"
    LZMA = "lzma"
    ZSTD = "Zstandard"
    ZIP = "zip"
    TAR = "tar"
    FOREIGN = "packed"
    """Packed in a way that cannot be read here, so that there may be logs in it."""
    BINARY = "binary"


COMPRESSED = frozenset((Kind.GZIP, Kind.BZIP2, Kind.XZ, Kind.LZMA, Kind.ZSTD))

MAGIC: dict[Kind, tuple[bytes, ...]] = {
    Kind.GZIP: (b"\x1f\x8b",),
    Kind.BZIP2: (b"BZh",),
    Kind.XZ: (b"\xfd7zXZ\0",),
    # A Zstandard frame, or one of the frames that a reader skips.
    Kind.ZSTD: (b"\x28\xb5\x2f\xfd", *(bytes((0x50 + i, 0x2A, 0x4D, 0x18)) for i in range(16))),
    Kind.ZIP: (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08PK\x03\x04"),
}
"""How each kind of file starts."""

_BZIP2 = later(rb"BZh[1-9](?:\x31\x41\x59\x26\x53\x59|\x17\x72\x45\x38\x50\x90)")

_FOREIGN = {
    b"\x04\x22\x4d\x18": "packed with lz4: unpack it first (lz4 -d)",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive: unpack it first (7z x)",
    b"Rar!\x1a\x07": "a RAR archive: unpack it first (unrar x)",
    b"\x1f\x9d": "packed with compress: unpack it first (uncompress)",
    b"\x89LZO\0": "packed with lzop: unpack it first (lzop -d)",
}

_BINARY = {
    b"\x7fELF": "an ELF binary",
    b"\xfe\xed\xfa": "a Mach-O binary",
    b"\xcf\xfa\xed\xfe": "a Mach-O binary",
    b"\xca\xfe\xba\xbe": "a Java class or a Mach-O binary",
    b"MZ": "a Windows binary",
    b"!<arch>\n": "a static library",
    b"\0asm": "a WebAssembly binary",
    b"\x89PNG\r\n": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"RIFF": "audio, video or an image",
    b"%PDF-": "a PDF document",
    b"SQLite format 3\0": "an SQLite database",
    b"\x89HDF\r\n": "an HDF5 file",
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"\x93NUMPY": "a NumPy array",
    b"GGUF": "model weights (GGUF)",
    b"\x80\x02": "a pickle",
    b"\x80\x03": "a pickle",
    b"\x80\x04\x95": "a pickle",
    b"\x80\x05\x95": "a pickle",
    b"\0\x05\x16\x07": "a macOS metadata file",
    b"KDUMP   ": "a kernel crash dump",
    b"DISKDUMP": "a kernel crash dump",
}
_WORDS = (b"MZ", b"RIFF", b"GIF8", b"PAR1", b"GGUF", b"ARROW1", b"KDUMP   ", b"DISKDUMP")
"""Those that a line of text could start with count only if something unprintable follows soon."""

_CONTROL = bytes(i for i in range(1, 32) if i not in b"\a\b\t\n\v\f\r\x1b") + b"\x7f"


def look(head: bytes, name: str = "") -> tuple[Kind, str]:
    """Tells what a file is.

    Args:
        head: Its first `HEAD` bytes, or all of them if it has fewer.
        name: Its name, for what the bytes leave open.

    Returns:
        The kind, and for `FOREIGN` and `BINARY` what exactly, such as `a PNG image`.
    """
    for kind in (Kind.GZIP, Kind.XZ, Kind.ZSTD, Kind.ZIP):
        if head.startswith(MAGIC[kind]):
            return kind, ""
    if _BZIP2.match(head) or (head.startswith(b"BZh") and name.endswith((".bz2", ".tbz2"))):
        return Kind.BZIP2, ""
    if _is_lzma(head):
        return Kind.LZMA, ""
    if is_tar(head) or (name.endswith(".tar") and head and not head.strip(b"\0")):
        return Kind.TAR, ""
    for magic, what in _FOREIGN.items():
        if head.startswith(magic):
            return Kind.FOREIGN, what
    what = _binary(head)
    return (Kind.BINARY, what) if what else (Kind.TEXT, "")


def encoding(head: bytes) -> tuple[str, int]:
    """The encoding of a text, and how many bytes its byte order mark has.

    Returns:
        A codec name, `utf-8` for everything that is to be passed through as it is.
    """
    for mark, codec in (
        (b"\xef\xbb\xbf", "utf-8"),
        (b"\0\0\xfe\xff", "utf-32-be"),
        (b"\xff\xfe\0\0", "utf-32-le"),
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
    ):
        # UTF-16 text may start with a NUL, which then looks like the mark of UTF-32.
        if head.startswith(mark) and not (codec == "utf-32-le" and head[6:8].strip(b"\0")):
            return codec, len(mark)
    pairs = len(head) // 2
    even, odd = head[0 : 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)
    if pairs and odd >= 0.6 * pairs and even <= 0.1 * pairs:
        return "utf-16-le", 0
    if pairs and even >= 0.6 * pairs and odd <= 0.1 * pairs:
        return "utf-16-be", 0
    return "utf-8", 0


def is_tar(block: bytes) -> bool:
    """Whether a block of 512 bytes is a tar header: its checksum is right."""
    if len(block) < 512 or not block[0]:
        return False
    try:
        checksum = int(block[148:156].strip(b" \0") or b"x", 8)
    except ValueError:
        return False
    rest = block[:148] + b" " * 8 + block[156:512]
    # Some old programs added the bytes up as signed numbers.
    signed = sum(rest) - 256 * sum(1 for byte in rest if byte > 127)
    return checksum in (sum(rest), signed)


def _is_lzma(head: bytes) -> bool:
    """The old .lzma header has no magic: properties, dictionary size, and a plausible length."""
    if len(head) < 14 or head[0] != 0x5D or head[1:3] != b"\0\0":
        return False
    length = int.from_bytes(head[5:13], "little")
    return head[13] == 0 and (length == (1 << 64) - 1 or length < 1 << 40)


def _binary(head: bytes) -> str:
    for magic, what in _BINARY.items():
        if head.startswith(magic) and not (magic in _WORDS and _is_printable(head[:256])):
            return what
    if len(head) > 16 and head[8:9] == b"{" and head[5:8] == b"\0\0\0":
        return "model weights (safetensors)"
    if head[2:4] == b"\r\n" and head[1:2] in b"\x0c\x0d\x0e\x0f" and len(head) >= 16:
        return "compiled Python"
    if encoding(head)[0] != "utf-8":
        return ""
    text = head.replace(b"\0", b"")
    control = len(text) - len(text.translate(None, _CONTROL))
    # A hole in a log is one long run of NUL bytes; numbers are many short ones.
    runs = len(re.findall(rb"\0+", head))
    if control > 0.07 * len(text) or runs > 0.05 * len(head) + 1:
        return "binary data, not text"
    return ""


def _is_printable(data: bytes) -> bool:
    return not data.translate(None, bytes(range(32, 127)) + b"\t\n\r\x1b")
