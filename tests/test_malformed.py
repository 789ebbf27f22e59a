"""What each malformed input must deliver, and what must be said of the rest of it."""

from __future__ import annotations

import gzip
import io
import zipfile
from dataclasses import dataclass

import malformed
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from malformed import HALF, LOG, packed, tar
from reading import read

LINE = "INFO größe ✓ 模型 ready\n".encode()


@dataclass
class Part:
    """What a source must deliver: all of `whole`, or a start of it of at least so many bytes."""

    suffix: str
    whole: bytes
    least: int | None = None
    problem: str = ""


def whole(data=LOG, suffix=""):
    return [Part(suffix, data)]


def start(least, problem, data=LOG, suffix=""):
    return [Part(suffix, data, least, problem)]


def nothing(problem, suffix=""):
    return [Part(suffix, b"", None, problem)]


EXPECTED = {
    "empty": nothing("empty"),
    "only newlines": whole(b"\n" * 1000),
    "one byte": whole(b"x"),
    "only NULs": nothing("holds nothing but NUL bytes (1.0 MB)"),
    "NULs, then a log": whole(),
    "NULs within a log": whole(LOG[:3000] + bytes(4096) + LOG[3000:]),
    "a NUL in each line": whole(LOG.replace(b"\n", b"\0\n")),
    "bom": whole(),
    "bom only": nothing("empty"),
    "utf-16 le bom": whole(LINE * 500),
    "utf-16 be bom": whole(LINE * 500),
    "utf-16 le": whole(),
    "utf-16 be": whole(),
    "utf-16 odd byte": whole(LINE * 499 + LINE[:-1] + "\ufffd".encode()),
    "utf-16 lone surrogate": whole("a\ufffdb\n".encode()),
    "utf-32 le bom": whole(LINE * 500),
    "utf-32 be bom": whole(LINE * 500),
    "utf-32 out of range": whole("a\ufffdb".encode()),
    "latin-1": whole("Größe überschritten\n".encode("latin-1") * 100),
    "broken utf-8": whole(LOG[:1000] + b"\xe2\x9c \xc0\xaf \xf5\xff\n" + LOG[1000:]),
    "lone surrogates in utf-8": whole(b"INFO \xed\xa0\x80\xed\xbf\xbf done\n" * 100),
    "long line": whole(b"x" * 5_000_000),
    "carriage returns only": whole(b"loading 1%\rloading 2%\rloading 3%\r" * 1000),
    "ansi only": whole(b"\x1b[31m\x1b[0m\x1b[2K\x1b[1A" * 1000),
    "windows lines": whole(LOG.replace(b"\n", b"\r\n")),
    "hostile terminal": whole(b"\x1b]0;title\x07\x1b[2J\x1bP+q544e\x1b\\ERROR <b>x</b>\n"),
    "json lines": whole(b'{"level": "INFO", "message": "ready"}\n' * 100),
    "broken json": whole(b'{"level": "INFO", "message": "rea'),
    "random bytes": nothing("binary data, not text"),
    "elf": nothing("an ELF binary"),
    "sqlite": nothing("an SQLite database"),
    "png": nothing("a PNG image"),
    "safetensors": nothing("model weights (safetensors)"),
    "compiled python": nothing("compiled Python"),
    "numbers": nothing("binary data, not text"),
    "pickle": nothing("a pickle"),
    "lz4": nothing("packed with lz4: unpack it first (lz4 -d)"),
    "7z": nothing("a 7z archive: unpack it first (7z x)"),
    "gz of 1 byte": nothing("binary data"),
    "gz in its header": nothing("the gzip data end early, before any text"),
    "gz header only": nothing("the gzip data end early, before any text"),
    "gz cut at a tenth": start(20_000, "the gzip data end early, after 30."),
    "gz cut in half": start(HALF - 20_000, "the gzip data end early, after 15"),
    "gz without its end": start(len(LOG), "lack their last bytes; all 321.8 kB of text were read"),
    "gz cut by 1 byte": start(len(LOG), "lack their last bytes"),
    "gz with a wrong checksum": start(len(LOG), "the gzip checksum does not match"),
    "gz damaged in the middle": None,  # decoders differ in what they make of it
    "gz and something else": start(len(LOG), "something else follows the gzip data after 321.8 kB"),
    "gz, padded": whole(),
    "gz, twice": whole(LOG * 2),
    "gz, the second cut": start(len(LOG) + HALF - 20_000, "end early, after 48", LOG * 2),
    "gz garbage": nothing("the gzip data are damaged from the start"),
    "gz with an endless name": nothing("the gzip data are damaged from the start"),
    "gz with a name": whole(),
    "gz as .log": whole(),
    "text as .gz": whole(),
    "gz of nothing": nothing("empty"),
    "gz of utf-16": whole(),
    "gz of gz": whole(),
    "bz2 cut": nothing("the bzip2 data end early, before any text"),  # it was one block
    "bz2, twice": whole(LOG * 2),
    "bz2 garbage": nothing("the bzip2 data are damaged from the start"),
    "xz cut": start(HALF - 20_000, "the xz data end early, after 15"),
    "xz, twice": whole(LOG * 2),
    "xz garbage": nothing("the xz data are damaged from the start"),
    "lzma": whole(),
    "zst cut": start(131_072, "the Zstandard data end early, after 131.1 kB"),  # blocks of 128 KiB
    "zst, twice with a skipped frame": whole(LOG * 2),
    "zst with a wrong checksum": start(len(LOG), "the Zstandard data are damaged after 321.8 kB"),
    "zst garbage": nothing("the Zstandard data are damaged from the start"),
    "tar cut in its second member": [
        *whole(suffix="!first.log"),
        *start(
            HALF - 512, "the tar archive ends early, after 160.6 kB of 321.8 kB", LOG, "!second.log"
        ),
    ],
    "tar without its end": [
        *whole(suffix="!first.log"),
        *whole(suffix="!second.log"),
        *nothing("the tar archive ends early: members may be missing"),
    ],
    "tar cut in a header": [
        *whole(suffix="!first.log"),
        *nothing("the tar archive ends early: members may be missing"),
    ],
    "tar with a damaged header": [
        *whole(suffix="!first.log"),
        *whole(suffix="!third.log"),
        *nothing("the tar archive is damaged: members may be missing"),
    ],
    "tar with names that lead out": [
        *whole(suffix="!../../up.log"),
        *whole(suffix="!/etc/root.log"),
    ],
    "tar with long names": whole(suffix="!" + "d/" * 200 + "long.log"),
    "tar with an unprintable name": whole(suffix="!red\\x1b[31m\\n\\xff.log"),
    "tar of pax": whole(suffix="!" + "ü" * 120 + ".log"),
    "tar and something else": whole(suffix="!1.log"),
    "tar of links and devices": nothing("an empty archive"),
    "tar, empty": nothing("an empty archive"),
    "tars, appended": [*whole(suffix="!1.log"), *whole(suffix="!2.log")],
    "tar.gz cut": [
        *whole(suffix="!first.log"),
        *start(HALF - 20_000, "the gzip data end early, after 48", LOG, "!second.log"),
    ],
    "tar.zst": [*whole(suffix="!first.log"), *whole(suffix="!second.log")],
    "tar of binaries": nothing("holds no logs (2 files, none of them a log)"),
    "zip with a wrong checksum": [
        *start(len(LOG), "the zip checksum does not match", LOG, "!1.log"),
        *whole(suffix="!2.log"),
    ],
    "zip, encrypted": nothing("encrypted: unpack it with its password first", "!secret.log"),
    "zip, one of two encrypted": [*nothing("encrypted", "!1.log"), *whole(suffix="!2.log")],
    "zip with an unknown method": nothing("packed with Deflate64", "!1.log"),
    "zip cut in its second member": [
        *whole(suffix="!1.log"),
        *start(HALF - 20_000, "the zip data end early, after 15", LOG, "!2.log"),
        *nothing("the zip archive was cut off or is damaged"),
    ],
    "zip without its directory": [
        *whole(suffix="!1.log"),
        *start(len(LOG) - 1000, "the zip data end early", LOG, "!2.log"),
        *nothing("the zip archive was cut off or is damaged"),
    ],
    "zip, streamed and cut": [
        *whole(suffix="!1.log"),
        *start(HALF - 20_000, "the zip data end early, after 15", LOG, "!2.log"),
        *nothing("the zip archive was cut off or is damaged"),
    ],
    "zip, stored, streamed and cut": [
        *whole(suffix="!1.log"),
        *start(HALF - 20_000, "", LOG, "!2.log"),  # nothing says how long it should be
        *nothing("the zip archive was cut off or is damaged"),
    ],
    "zip damaged in the middle": start(
        HALF - 60_000, "the zip data are damaged after", LOG, "!1.log"
    ),
    "zip of 4 bytes": nothing("the zip archive was cut off or is damaged"),
    "zip garbage": nothing("the zip archive was cut off or is damaged"),
    "zip with a wrong directory": [
        *whole(suffix="!1.log"),
        *whole(suffix="!2.log"),
        *nothing("the zip archive was cut off or is damaged"),
    ],
    "zip whose directory points nowhere": [
        *whole(suffix="!1.log"),
        *whole(suffix="!2.log"),
        *nothing("the zip archive was cut off or is damaged"),
    ],
    "zip, empty": nothing("an empty archive"),
    "zip with a link": whole(suffix="!1.log"),
    "zip of Windows": [*whole(suffix="!logs/1.log"), *whole(b"two\n", "!logs/2.log")],
    "zip of bzip2": whole(suffix="!1.log"),
    "zip of lzma": nothing("packed with LZMA, which cannot be read here", "!1.log"),
    "zip of a GitHub run": [
        *whole(b"set up\nrun\ncomplete\n", "!0_build (8, fp8).txt"),
        *whole(b"set up\nbench\n", "!-1_bench _ 2.txt"),
        *whole(b"waiting for a runner\n", "!build (8, fp8)/system.txt"),
    ],
    "zip of GitHub steps": [
        *whole(b"set up\n", "!build (8, fp8)/1_Set up job.txt"),
        *whole(b"run\n", "!build (8, fp8)/2_Run server.txt"),
        *whole(b"complete\n", "!build (8, fp8)/10_Complete job.txt"),
    ],
    "zip in tar in gz": whole(suffix="!in.zip!1.log"),
    "gz in zip": whole(suffix="!1.log.gz"),
    "cut zip in a whole tar": [
        *start(HALF, "the zip data end early", LOG, "!in.zip!1.log"),
        *nothing("the zip archive was cut off or is damaged", "!in.zip"),
    ],
    "zip in a cut tar": [
        *start(HALF, "the zip data end early", LOG, "!in.zip!1.log"),
        *nothing("the tar archive ends early", "!in.zip"),
    ],
    "nested 7 deep": nothing(
        "more than 5 archives within each other: unpack it first",
        "!level6.zip!level5.zip!level4.zip!level3.zip!level2.zip",
    ),
    "bomb": nothing("holds nothing but NUL bytes (50.0 MB)", "!bomb.log"),
    "missing": nothing("no such file or folder"),
    "file as a folder": nothing("no such file or folder"),
    "link to itself": nothing("a symbolic link that leads back to itself"),
    "dangling link": nothing("a symbolic link that leads nowhere"),
    "device": nothing("a device, not a log"),
    "fifo": nothing("empty"),
    "socket": nothing("a socket, not a log"),
    "not permitted": nothing("not permitted to read it"),
    "empty folder": nothing("an empty folder"),
    "binary folder": nothing("a folder without logs (2 files)"),
    "mixed folder": [
        *nothing("empty", "empty.log"),
        *whole(b"job2/server.log\n", "job2/server.log"),
        *whole(b"job10/server.log\n", "job10/server.log"),
        *whole(b"results.json\n", "results.json"),
    ],
    "name with a newline": whole(),
    "name with an escape sequence": whole(),
    "name with an emoji": whole(),
    "name that is no utf-8": whole(),
    "name with a dash": whole(),
    "name like markup": whole(),
    "name of 255 bytes": whole(),
}


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    return dict(malformed.cases(tmp_path_factory.mktemp("malformed")))


def test_every_malformed_input_has_an_expectation(cases):
    assert cases.keys() <= EXPECTED.keys()


@pytest.mark.parametrize("case", [name for name, parts in EXPECTED.items() if parts])
def test_malformed_input_delivers_what_can_be_read_and_says_what_cannot(cases, case):
    if case not in cases:
        pytest.skip("cannot be made here")
    sources, error = read(cases[case])
    expected = EXPECTED[case]

    assert len(sources) == len(expected)
    for source, part in zip(sources, expected, strict=True):
        assert source.name.endswith(part.suffix)
        if part.least is None:
            assert source.text == part.whole
        else:
            assert part.whole.startswith(source.text)
            assert len(source.text) >= part.least
        assert part.problem in source.problem
        assert bool(part.problem) == bool(source.problem)
    assert bool(error) == (not any(source.text for source in sources))


def test_a_damaged_gzip_delivers_what_precedes_the_damage(cases):
    ((source,), _) = read(cases["gz damaged in the middle"])

    assert source.text[: HALF - 60_000] == LOG[: HALF - 60_000]
    assert "gzip" in source.problem


@pytest.mark.parametrize(
    "case", ["name with a newline", "name with an escape sequence", "name that is no utf-8"]
)
def test_names_can_be_printed_whatever_they_hold(cases, case):
    ((source,), _) = read(cases[case])

    assert source.name.isprintable()
    assert source.name.encode()


def test_a_name_that_is_no_utf8_shows_its_bytes(cases):
    ((source,), _) = read(cases["name that is no utf-8"])

    assert source.name.endswith("caf\\xe9.log")


def test_nothing_is_extracted_to_disk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    archive = tmp_path / "a.tar"
    archive.write_bytes(tar({"up.log": LOG, "../out.log": LOG, "in.zip": packed({"x.log": LOG})}))
    read(archive)

    assert list(tmp_path.parent.glob("*.log")) == []
    assert list(tmp_path.iterdir()) == [archive]


# Any bytes at all.

PACKED = {
    "log": LOG[:20_000],
    "gz": gzip.compress(LOG[:20_000]),
    "zst": zstandard.compress(LOG[:20_000]),
    "zip": packed({"a.log": LOG[:20_000], "b/c.log": LOG[:5000]}),
    "stored": packed({"a.log": LOG[:9000]}, streamed=True, method=zipfile.ZIP_STORED),
    "tar": tar({"a.log": LOG[:9000], "b.log": LOG[:5000]}),
    "tgz": gzip.compress(tar({"a.zip": packed({"a.log": LOG[:9000]})})),
}

any_input = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)


@any_input
@given(
    data=st.binary(max_size=3000), magic=st.sampled_from([p[:14] for p in PACKED.values()] + [b""])
)
def test_any_bytes_are_read_or_refused(data, magic):
    sources, error = read("-", stdin=io.BytesIO(magic + data))

    assert any(s.text for s in sources) == (not error)
    assert all(s.name.isprintable() for s in sources)


@any_input
@given(kind=st.sampled_from(sorted(PACKED)), data=st.data())
def test_whatever_is_cut_off_a_start_of_the_text_is_left(tmp_path, kind, data):
    path = tmp_path / "input"
    path.write_bytes(PACKED[kind][: data.draw(st.integers(512, len(PACKED[kind]) - 1))])
    sources, _ = read(path)

    assert all(LOG.startswith(s.text) for s in sources)
    # What a text lacks nobody can know, and a tar ends with kilobytes of nothing.
    if kind not in ("log", "tar"):
        assert any(s.problem for s in sources)


@any_input
@given(kind=st.sampled_from(sorted(PACKED)), data=st.data())
def test_whatever_byte_is_wrong_nothing_breaks(tmp_path, kind, data):
    damaged = bytearray(PACKED[kind])
    for _ in range(data.draw(st.integers(1, 5))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "input"
    path.write_bytes(damaged)

    read(path)
