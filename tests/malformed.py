"""Malformed and odd inputs, made on the spot: nothing here may ever lead to a traceback.

`cases(folder)` writes them all and returns their names and paths. What each must lead to is said
where it is tested.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import random
import socket
import sqlite3
import stat
import struct
import tarfile
import zipfile
from contextlib import closing
from pathlib import Path

import zstandard

_RANDOM = random.Random(7)
LOG = b"".join(
    b"INFO 08-01 00:%02d:%02d [loader.py:%d] shard %d of 4000, digest %016x\n"
    % (i // 60 % 60, i % 60, i, i, _RANDOM.getrandbits(64))
    for i in range(4000)
)
"""An ordinary log of about 260 kB that does not compress to nothing."""
NOISE = _RANDOM.randbytes(100_000)
HALF = len(LOG) // 2
BOMB = 50_000_000


def cases(folder: Path) -> list[tuple[str, Path]]:
    """Writes every case below a folder.

    Args:
        folder: An empty folder.

    Returns:
        The name of each case and the path to give to the program; some of the paths do not exist.
    """
    contents = {**_texts(), **_binaries(), **_compressed(), **_tars(), **_zips(), **_nested()}
    made = []
    for name, (file, data) in contents.items():
        path = folder / name / file
        path.parent.mkdir()
        path.write_bytes(data)
        made.append((name, path))
    return made + _specials(folder) + _folders(folder) + _names(folder)


def _texts() -> dict[str, tuple[str, bytes]]:
    text = "INFO größe ✓ 模型 ready\n" * 500
    return {
        "empty": ("a.log", b""),
        "only newlines": ("a.log", b"\n" * 1000),
        "one byte": ("a.log", b"x"),
        "only NULs": ("a.log", bytes(1_000_000)),
        "NULs, then a log": ("a.log", bytes(1_000_000) + LOG),
        "NULs within a log": ("a.log", LOG[:3000] + bytes(4096) + LOG[3000:]),
        "a NUL in each line": ("a.log", LOG.replace(b"\n", b"\0\n")),
        "bom": ("a.log", b"\xef\xbb\xbf" + LOG),
        "bom only": ("a.log", b"\xef\xbb\xbf"),
        "utf-16 le bom": ("a.log", b"\xff\xfe" + text.encode("utf-16-le")),
        "utf-16 be bom": ("a.log", b"\xfe\xff" + text.encode("utf-16-be")),
        "utf-16 le": ("a.log", LOG.decode().encode("utf-16-le")),
        "utf-16 be": ("a.log", LOG.decode().encode("utf-16-be")),
        "utf-16 odd byte": ("a.log", b"\xff\xfe" + text.encode("utf-16-le")[:-1]),
        "utf-16 lone surrogate": ("a.log", b"\xff\xfea\0\x00\xd8b\0\n\0"),
        "utf-32 le bom": ("a.log", b"\xff\xfe\0\0" + text.encode("utf-32-le")),
        "utf-32 be bom": ("a.log", b"\0\0\xfe\xff" + text.encode("utf-32-be")),
        "utf-32 out of range": ("a.log", b"\0\0\xfe\xff\0\0\0a\x7f\xff\xff\xff\0\0\0b"),
        "latin-1": ("a.log", "Größe überschritten\n".encode("latin-1") * 100),
        "broken utf-8": ("a.log", LOG[:1000] + b"\xe2\x9c \xc0\xaf \xf5\xff\n" + LOG[1000:]),
        "lone surrogates in utf-8": ("a.log", b"INFO \xed\xa0\x80\xed\xbf\xbf done\n" * 100),
        "long line": ("a.log", b"x" * 5_000_000),
        "carriage returns only": ("a.log", b"loading 1%\rloading 2%\rloading 3%\r" * 1000),
        "ansi only": ("a.log", b"\x1b[31m\x1b[0m\x1b[2K\x1b[1A" * 1000),
        "windows lines": ("a.log", LOG.replace(b"\n", b"\r\n")),
        "hostile terminal": ("a.log", b"\x1b]0;title\x07\x1b[2J\x1bP+q544e\x1b\\ERROR <b>x</b>\n"),
        "json lines": ("a.jsonl", b'{"level": "INFO", "message": "ready"}\n' * 100),
        "broken json": ("a.json", b'{"level": "INFO", "message": "rea'),
    }


def _binaries() -> dict[str, tuple[str, bytes]]:
    weights = json.dumps({"w": {"dtype": "F32", "shape": [9], "data_offsets": [0, 36]}}).encode()
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("create table log (line text)")
        sqlite = database.serialize()
    return {
        "random bytes": ("a.log", NOISE),
        "elf": ("a.log", b"\x7fELF\2\1\1" + bytes(9) + NOISE),
        "sqlite": ("a.log", sqlite),
        "png": ("a.log", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + NOISE),
        "safetensors": ("a.log", struct.pack("<Q", len(weights)) + weights + bytes(36)),
        "compiled python": ("a.log", b"\xa7\r\r\n" + bytes(4) + NOISE),
        "numbers": ("a.log", struct.pack("<900q", *(65 + i % 26 for i in range(900)))),
        "pickle": ("a.log", b"\x80\x04\x95" + NOISE),
        "lz4": ("a.log.lz4", b"\x04\x22\x4d\x18" + NOISE),
        "7z": ("a.7z", b"7z\xbc\xaf\x27\x1c" + NOISE),
    }


def _compressed() -> dict[str, tuple[str, bytes]]:
    gz, xz, bz, zst = (
        gzip.compress(LOG, mtime=0),
        lzma.compress(LOG),
        bz2.compress(LOG),
        zstandard.ZstdCompressor(write_checksum=True).compress(LOG),
    )
    named = io.BytesIO()
    with gzip.GzipFile("a name", "wb", fileobj=named, mtime=0) as file:
        file.write(LOG)
    skipped = b"\x5f\x2a\x4d\x18\x03\0\0\0xyz"
    return {
        "gz of 1 byte": ("a.log.gz", gz[:1]),
        "gz in its header": ("a.log.gz", gz[:7]),
        "gz header only": ("a.log.gz", gz[:10]),
        "gz cut at a tenth": ("a.log.gz", gz[: len(gz) // 10]),
        "gz cut in half": ("a.log.gz", gz[: len(gz) // 2]),
        "gz without its end": ("a.log.gz", gz[:-8]),
        "gz cut by 1 byte": ("a.log.gz", gz[:-1]),
        "gz with a wrong checksum": ("a.log.gz", gz[:-8] + b"\0\0\0\0" + gz[-4:]),
        "gz damaged in the middle": ("a.log.gz", _damaged(gz)),
        "gz and something else": ("a.log.gz", gz + b"this is not gzip\n" * 1000),
        "gz, padded": ("a.log.gz", gz + bytes(10_000)),
        "gz, twice": ("a.log.gz", gz + gz),
        "gz, the second cut": ("a.log.gz", gz + gz[: len(gz) // 2]),
        "gz garbage": ("a.log.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\3" + NOISE),
        "gz with an endless name": ("a.log.gz", b"\x1f\x8b\x08\x08\0\0\0\0\0\3" + b"x" * 200_000),
        "gz with a name": ("a.log.gz", named.getvalue()),
        "gz as .log": ("a.log", gz),
        "text as .gz": ("a.log.gz", LOG),
        "gz of nothing": ("a.log.gz", gzip.compress(b"", mtime=0)),
        "gz of utf-16": ("a.log.gz", gzip.compress(LOG.decode().encode("utf-16"), mtime=0)),
        "gz of gz": ("a.log.gz", gzip.compress(gz, mtime=0)),
        "bz2 cut": ("a.log.bz2", bz[: len(bz) // 2]),
        "bz2, twice": ("a.log.bz2", bz + bz),
        "bz2 garbage": ("a.log.bz2", b"BZh9\x31\x41\x59\x26\x53\x59" + NOISE),
        "xz cut": ("a.log.xz", xz[: len(xz) // 2]),
        "xz, twice": ("a.log.xz", xz + xz),
        "xz garbage": ("a.log.xz", b"\xfd7zXZ\0" + NOISE),
        "lzma": ("a.log.lzma", lzma.compress(LOG, lzma.FORMAT_ALONE)),
        "zst cut": ("a.log.zst", zst[: len(zst) // 2]),
        "zst, twice with a skipped frame": ("a.log.zst", skipped + zst + skipped + zst),
        "zst with a wrong checksum": ("a.log.zst", zst[:-4] + b"\0\0\0\0"),
        "zst garbage": ("a.log.zst", b"\x28\xb5\x2f\xfd" + NOISE),
    }


def _tars() -> dict[str, tuple[str, bytes]]:
    two = tar({"first.log": LOG, "second.log": LOG})
    odd = io.BytesIO()
    with tarfile.open(fileobj=odd, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            member = tarfile.TarInfo(f"odd{kind.decode()}.log")
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    return {
        "tar cut in its second member": ("a.tar", two[: len(LOG) + 1024 + HALF]),
        "tar without its end": ("a.tar", two[: 2 * (512 + len(LOG) + -len(LOG) % 512)]),
        "tar cut in a header": ("a.tar", two[: 512 + len(LOG) + -len(LOG) % 512 + 100]),
        "tar with a damaged header": ("a.tar", b"".join(_second_header_damaged())),
        "tar with names that lead out": ("a.tar", tar({"../../up.log": LOG, "/etc/root.log": LOG})),
        "tar with long names": ("a.tar", tar({"d/" * 200 + "long.log": LOG})),
        "tar with an unprintable name": ("a.tar", tar({"red\x1b[31m\n\udcff.log": LOG})),
        "tar of pax": ("a.tar", tar({"ü" * 120 + ".log": LOG}, tarfile.PAX_FORMAT)),
        "tar and something else": ("a.tar", tar({"1.log": LOG}) + b"something else\n" * 500),
        "tar of links and devices": ("a.tar", odd.getvalue()),
        "tar, empty": ("a.tar", tar({})),
        "tars, appended": ("a.tar", tar({"1.log": LOG}) + tar({"2.log": LOG})),
        "tar.gz cut": ("a.tgz", gzip.compress(two, mtime=0)[: len(gzip.compress(two)) * 3 // 4]),
        "tar.zst": ("a.tar.zst", zstandard.ZstdCompressor().compress(two)),
        "tar of binaries": ("a.tar", tar({"core.123": b"\x7fELF" + NOISE, "x.py": b"raise\n"})),
    }


def _zips() -> dict[str, tuple[str, bytes]]:
    good = packed({"1.log": LOG, "2.log": LOG})
    streamed = packed({"1.log": LOG, "2.log": LOG}, streamed=True)
    stored = packed({"1.log": LOG, "2.log": LOG}, streamed=True, method=zipfile.ZIP_STORED)
    crc = good.find(b"PK\x01\x02") + 16
    link = zipfile.ZipInfo("link.log")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    return {
        "zip with a wrong checksum": ("a.zip", good[:crc] + b"\0\0\0\0" + good[crc + 4 :]),
        "zip, encrypted": ("a.zip", _flagged(packed({"secret.log": LOG}), 1)),
        "zip, one of two encrypted": ("a.zip", _flagged(good, 1)),
        "zip with an unknown method": ("a.zip", _with_method(packed({"1.log": LOG}), 9)),
        "zip cut in its second member": ("a.zip", good[: len(good) * 3 // 4]),
        "zip without its directory": ("a.zip", good[: good.rfind(b"PK\x01\x02") - 60]),
        "zip, streamed and cut": ("a.zip", streamed[: len(streamed) * 3 // 4]),
        "zip, stored, streamed and cut": ("a.zip", stored[: len(stored) * 3 // 4]),
        "zip damaged in the middle": ("a.zip", _damaged(packed({"1.log": LOG}))),
        "zip of 4 bytes": ("a.zip", b"PK\x03\x04"),
        "zip garbage": ("a.zip", b"PK\x03\x04" + NOISE),
        "zip with a wrong directory": ("a.zip", good.replace(b"PK\x01\x02", b"PK\x01\xff")),
        "zip whose directory points nowhere": ("a.zip", _shifted(good)),
        "zip, empty": ("a.zip", packed({})),
        "zip with a link": ("a.zip", packed({link: b"/etc/passwd", "1.log": LOG})),
        "zip of Windows": ("a.zip", packed({"logs\\1.log": LOG, "logs\\2.log": b"two\n"})),
        "zip of bzip2": ("a.zip", packed({"1.log": LOG}, method=zipfile.ZIP_BZIP2)),
        "zip of lzma": ("a.zip", packed({"1.log": LOG}, method=zipfile.ZIP_LZMA)),
        "zip of a GitHub run": ("logs.zip", packed(GITHUB_RUN)),
        "zip of GitHub steps": ("logs.zip", packed(GITHUB_STEPS)),
    }


GITHUB_STEPS: dict[str | zipfile.ZipInfo, bytes] = {
    "build (8, fp8)/1_Set up job.txt": b"set up\n",
    "build (8, fp8)/2_Run server.txt": b"run\n",
    "build (8, fp8)/10_Complete job.txt": b"complete\n",
}
GITHUB_RUN: dict[str | zipfile.ZipInfo, bytes] = {
    "0_build (8, fp8).txt": b"set up\nrun\ncomplete\n",
    "-1_bench _ 2.txt": b"set up\nbench\n",
    **GITHUB_STEPS,
    "build (8, fp8)/system.txt": b"waiting for a runner\n",
    "bench 2 (1)/1_Set up job.txt": b"set up\n",
    "bench 2 (1)/2_Bench.txt": b"bench\n",
}


def _nested() -> dict[str, tuple[str, bytes]]:
    deep = LOG
    for level in range(7):
        deep = packed({f"level{level}.zip" if level else "a.log": deep})
    bomb = bytes(BOMB)
    for level in range(3):
        bomb = gzip.compress(bomb, mtime=0) if level else packed({"bomb.log": bomb})
    return {
        "zip in tar in gz": ("a.tar.gz", gzip.compress(tar({"in.zip": packed({"1.log": LOG})}))),
        "gz in zip": ("a.zip", packed({"1.log.gz": gzip.compress(LOG)})),
        "cut zip in a whole tar": ("a.tar", tar({"in.zip": packed({"1.log": LOG})[:60_000]})),
        "zip in a cut tar": ("a.tar", tar({"in.zip": packed({"1.log": LOG})})[:60_000]),
        "nested 7 deep": ("a.zip", deep),
        "bomb": ("a.log.gz", bomb),
    }


def _specials(folder: Path) -> list[tuple[str, Path]]:
    place = folder / "special"
    place.mkdir()
    loop, dangling, device = place / "loop.log", place / "dangling.log", place / "device.log"
    loop.symlink_to(loop)
    dangling.symlink_to(place / "gone.log")
    device.symlink_to("/dev/zero")
    fifo = place / "fifo.log"
    os.mkfifo(fifo)
    made = [
        ("missing", place / "missing.log"),
        ("file as a folder", place / "file.log" / "inner.log"),
        ("link to itself", loop),
        ("dangling link", dangling),
        ("device", device),
        ("fifo", fifo),
    ]
    (place / "file.log").write_bytes(LOG)
    with socket.socket(socket.AF_UNIX) as server:
        path = place / "s"
        if len(os.fsencode(path)) < 100:  # the kernel takes no longer ones
            server.bind(os.fspath(path))
            made.append(("socket", path))
    if os.geteuid():
        secret = place / "secret.log"
        secret.write_bytes(LOG)
        secret.chmod(0)
        made.append(("not permitted", secret))
    return made


def _folders(folder: Path) -> list[tuple[str, Path]]:
    empty, binary, mixed = folder / "empty folder", folder / "binary folder", folder / "folder"
    for place in (empty, binary, mixed / "job10", mixed / "job2", mixed / ".git"):
        place.mkdir(parents=True)
    (binary / "model.safetensors").write_bytes(NOISE)
    (binary / "core.77").write_bytes(b"\x7fELF" + NOISE)
    for name in ("job10/server.log", "job2/server.log", "results.json", ".git/index.log"):
        (mixed / name).write_bytes(b"%s\n" % name.encode())
    (mixed / "raise.py").write_bytes(b"raise RuntimeError('Engine core initialization failed')\n")
    (mixed / "image.dat").write_bytes(b"\x89PNG\r\n\x1a\n" + NOISE)
    (mixed / "empty.log").write_bytes(b"")
    (mixed / "a latest").symlink_to(mixed / "job10")
    (mixed / "up").symlink_to(folder)
    os.mkfifo(mixed / "fifo")
    return [("empty folder", empty), ("binary folder", binary), ("mixed folder", mixed)]


def _names(folder: Path) -> list[tuple[str, Path]]:
    place = folder / "names"
    place.mkdir()
    names = {
        "name with a newline": b"new\nline.log",
        "name with an escape sequence": b"red\x1b[31m.log",
        "name with an emoji": "🚀 start.log".encode(),
        "name that is no utf-8": b"caf\xe9.log",
        "name with a dash": b"--help",
        "name like markup": b"[bold]<script>.log",
        "name of 255 bytes": b"n" * 251 + b".log",
    }
    made = []
    for case, name in names.items():
        path = place / os.fsdecode(name)
        try:
            path.write_bytes(LOG)
        except OSError:  # a file system that takes no such names
            continue
        made.append((case, path))
    return made


def tar(files: dict[str, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    """A tar archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


class _Pipe(io.RawIOBase):
    """What `zipfile` cannot seek in, so that it writes sizes and checksums after the data."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        self.data += data
        return len(data)


def packed(
    files: dict[str | zipfile.ZipInfo, bytes] | dict[str, bytes],
    *,
    streamed: bool = False,
    method: int = zipfile.ZIP_DEFLATED,
) -> bytes:
    """A zip archive."""
    out = _Pipe() if streamed else io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return bytes(out.data) if isinstance(out, _Pipe) else out.getvalue()


def _flagged(data: bytes, flag: int) -> bytes:
    """Sets a flag of the first member, in its header and in the directory."""
    return _patched(data, 6, 8, lambda value: value | flag)


def _with_method(data: bytes, method: int) -> bytes:
    return _patched(data, 8, 10, lambda _: method)


def _patched(data: bytes, local: int, central: int, change: object) -> bytes:
    assert callable(change)
    out = bytearray(data)
    for place in (local, data.find(b"PK\x01\x02") + central):
        out[place : place + 2] = struct.pack("<H", change(*struct.unpack_from("<H", out, place)))
    return bytes(out)


def _damaged(data: bytes) -> bytes:
    middle = len(data) // 2
    return (
        data[:middle]
        + bytes(byte ^ 0xFF for byte in data[middle : middle + 200])
        + data[middle + 200 :]
    )


def _shifted(data: bytes) -> bytes:
    """Lets the end of a zip say that its directory starts later than it does."""
    (offset,) = struct.unpack("<I", data[-6:-2])
    return data[:-6] + struct.pack("<I", offset + 25) + data[-2:]


def _second_header_damaged() -> tuple[bytes, bytes, bytes]:
    one = 512 + len(LOG) + -len(LOG) % 512
    whole = tar({"first.log": LOG, "second.log": LOG, "third.log": LOG})
    return whole[:one], b"\xff" * 512, whole[one + 512 :]
