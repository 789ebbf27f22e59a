from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import threading
import tracemalloc
import zipfile
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import malformed
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from malformed import HALF, LOG, packed, tar

from diagnose.errors import InputError
from diagnose.sources import Limits, open_paths

LINE = "INFO größe ✓ 模型 ready\n".encode()


@dataclass
class Read:
    """A source that was read to its end."""

    name: str
    text: bytes
    problem: str


def content(stream, size=100_003):
    view = memoryview(bytearray(size))
    parts = []
    while count := stream.readinto(view):
        parts.append(bytes(view[:count]))
    return b"".join(parts)


def read(*paths, stdin=None, **options):
    """All sources below some paths, and the error at the end of them, if there is one."""
    sources, error = [], ""
    try:
        for source in open_paths([os.fspath(p) for p in paths], stdin, **options):
            text = content(source.stream)
            sources.append(Read(source.name, text, source.problem))
    except InputError as raised:
        error = str(raised)
    return sources, error


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
    "tar of pax": whole(suffix="!" + "ü" * 120 + ".log"),
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


@pytest.mark.parametrize("missing", ["isal", "nothing"])
def test_deflate_is_read_with_and_without_isal(tmp_path, monkeypatch, missing):
    if missing == "isal":
        monkeypatch.setitem(sys.modules, "isal", None)
    gz, cut = tmp_path / "a.gz", tmp_path / "cut.gz"
    data = gzip.compress(LOG * 10)
    gz.write_bytes(data + data)
    cut.write_bytes(data[: len(data) // 2])
    sources, _ = read(gz, cut)

    assert sources[0].text == LOG * 20
    assert (LOG * 10).startswith(sources[1].text)
    assert len(sources[1].text) > len(LOG) * 4


@pytest.mark.parametrize("size", [1, 7, 4096, 1 << 22])
def test_any_size_of_buffer_gets_the_same_bytes(tmp_path, size):
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(tar({"a.log": LOG[:5000], "b.log": LOG[5000:9000]})))
    texts = [content(source.stream, size) for source in open_paths([str(path)])]

    assert texts == [LOG[:5000], LOG[5000:9000]]


# From what the user names to sources.


def test_a_name_is_what_the_user_gave(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.log").write_bytes(b"a\n")
    Path("a.zip").write_bytes(packed({"in/b.log": b"b\n"}))
    sources, _ = read("a.log", "a.zip", "-", stdin=io.BytesIO(b"c\n"))

    assert [s.name for s in sources] == ["a.log", "a.zip!in/b.log", "-"]


def test_names_below_one_folder_are_relative_and_below_several_are_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("one/x.log", "two/x.log"):
        Path(name).parent.mkdir()
        Path(name).write_bytes(b"x\n")

    assert [s.name for s in read("one")[0]] == ["x.log"]
    assert [s.name for s in read("one", "two")[0]] == ["one/x.log", "two/x.log"]


def test_a_source_knows_the_file_it_came_from_and_its_size(tmp_path):
    (tmp_path / "x.log").write_bytes(b"x\n")
    (source,) = open_paths([str(tmp_path)])

    assert (source.path, source.size) == (str(tmp_path / "x.log"), 2)


def test_a_file_reached_in_several_ways_is_read_once(tmp_path):
    (tmp_path / "a.log").write_bytes(b"a\n")
    (tmp_path / "hard.log").hardlink_to(tmp_path / "a.log")
    (tmp_path / "soft.log").symlink_to("a.log")
    sources, _ = read(tmp_path / "a.log", tmp_path, tmp_path / "soft.log")

    assert [s.text for s in sources] == [b"a\n"]


def test_a_link_does_not_take_the_name_of_what_it_leads_to(tmp_path):
    (tmp_path / "run3").mkdir()
    (tmp_path / "run3" / "a.log").write_bytes(b"a\n")
    (tmp_path / "latest").symlink_to("run3")
    (tmp_path / "back").symlink_to(tmp_path)
    sources, _ = read(tmp_path)

    assert [s.name for s in sources] == ["run3/a.log"]


def test_a_link_to_a_folder_elsewhere_is_followed(tmp_path):
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch" / "a.log").write_bytes(b"a\n")
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "run").symlink_to(tmp_path / "scratch")
    sources, _ = read(tmp_path / "given")

    assert [s.name for s in sources] == ["run/a.log"]


def test_numbers_in_names_sort_as_numbers(tmp_path):
    for name in ("10_b.log", "9_a.log", "1/2.log", "1/10.log"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x\n")
    sources, _ = read(tmp_path)

    assert [s.name for s in sources] == ["1/2.log", "1/10.log", "9_a.log", "10_b.log"]


def test_a_member_named_with_thousands_of_digits_is_read(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(packed({"9" * 5000: LOG, "a.log": LOG}))
    sources, _ = read(path)

    assert [s.text for s in sources] == [LOG, LOG]


def test_no_logs_are_left_out_of_folders_and_archives_but_read_when_named(tmp_path):
    files = {
        "a.log": b"a\n",
        "node_modules/x.log": b"x\n",
        "run.py": b"raise\n",
        "README.md": b"#\n",
    }
    for name, data in files.items():
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (tmp_path / "a.tar").write_bytes(tar(files))

    assert [s.name for s in read(tmp_path / "in")[0]] == ["a.log"]
    assert [s.text for s in read(tmp_path / "a.tar")[0]] == [b"a\n"]
    assert [s.text for s in read(tmp_path / "in" / "run.py")[0]] == [b"raise\n"]


def test_recipes_and_results_are_kept(tmp_path):
    for name in ("run.sh", "config.yaml", "result.json", "gpu_metrics.csv"):
        (tmp_path / name).write_bytes(b"x\n")

    assert len(read(tmp_path)[0]) == 4


def test_an_unpacked_github_archive_gives_each_line_once(tmp_path):
    for name, data in malformed.GITHUB_RUN.items():
        path = tmp_path / "logs_77" / str(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    sources, _ = read(tmp_path)

    assert b"".join(s.text for s in sources).count(b"run\n") == 1


def test_numbered_files_that_no_github_run_wrote_are_all_read(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(packed({"1_a.txt": b"1\n", "2_b.txt": b"2\n", "other/1_c.txt": b"3\n"}))
    sources, _ = read(path)

    assert sorted(s.text for s in sources) == [b"1\n", b"2\n", b"3\n"]


def test_a_job_without_its_whole_log_gives_its_steps(tmp_path):
    path = tmp_path / "a.zip"
    run = {
        name: data for name, data in malformed.GITHUB_RUN.items() if name != "0_build (8, fp8).txt"
    }
    path.write_bytes(packed(run))
    sources, _ = read(path)

    assert [s.text for s in sources].count(b"run\n") == 1


# Pipes and standard input.


@pytest.mark.parametrize(
    ("pack", "names"),
    [
        (lambda: LOG, ["-"]),
        (lambda: gzip.compress(LOG), ["-"]),
        (lambda: zstandard.ZstdCompressor().compress(LOG), ["-"]),
        (lambda: packed({"a.log": LOG}), ["-!a.log"]),
        (lambda: gzip.compress(tar({"a.log": LOG})), ["-!a.log"]),
    ],
    ids=["text", "gz", "zst", "zip", "tar.gz"],
)
def test_standard_input_may_be_anything(pack, names):
    code = (
        "from diagnose.sources import open_paths\n"
        "for s in open_paths(['-']):\n"
        "    v = memoryview(bytearray(99999)); n = 0\n"
        "    while c := s.stream.readinto(v): n += c\n"
        "    print(s.name, n, s.problem)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=pack(), capture_output=True, check=True
    )

    assert done.stdout.decode().splitlines() == [f"{name} {len(LOG)} " for name in names]


def test_a_process_without_standard_input_says_so():
    code = (
        "from diagnose.sources import open_paths\n"
        "try: [s for s in open_paths(['-'])]\n"
        "except Exception as error: print(error)\n"
    )
    command = 'exec "$PYTHON" -c "$CODE" <&-'
    environment = {**os.environ, "CODE": code, "PYTHON": sys.executable}
    done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, check=True)

    assert done.stdout == b"-: standard input is closed\n"


def test_standard_input_stays_open():
    stdin = io.BytesIO(LOG)
    sources, _ = read("-", stdin=stdin)

    assert sources[0].text == LOG
    assert not stdin.closed


def test_a_pipe_that_fills_slowly_is_read_to_its_end(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)

    def write():
        with fifo.open("wb", buffering=0) as pipe:
            os.close(reading)
            for at in range(0, len(LOG), 10_000):
                pipe.write(LOG[at : at + 10_000])

    writer = threading.Thread(target=write)
    pipe_open = os.open(fifo, os.O_RDWR)  # holds the pipe open until the writer has it
    writer.start()
    sources = open_paths([str(fifo)])
    source = next(sources)
    os.close(pipe_open)
    text = content(source.stream)
    writer.join()

    assert text == LOG


# Sources one after the other.


def test_a_source_ends_when_the_next_is_asked_for(tmp_path):
    path = tmp_path / "a.tar"
    path.write_bytes(tar({"1.log": LOG, "2.log": b"two\n"}))
    sources = open_paths([str(path)])
    first = next(sources)
    first.stream.readinto(memoryview(bytearray(10)))
    second = next(sources)

    assert content(first.stream) == b""
    assert content(second.stream) == b"two\n"


def test_sources_that_nobody_reads_are_skipped(tmp_path):
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(tar({"1.log": LOG, "2.log": LOG, "3.log": b"three\n"})))

    assert [s.name.rpartition("!")[2] for s in open_paths([str(path)])] == [
        "1.log",
        "2.log",
        "3.log",
    ]


def test_files_are_closed_when_the_reader_stops_early(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(packed({"1.log": LOG, "2.log": LOG}))
    before = os.listdir("/proc/self/fd")
    sources = open_paths([str(path)])
    next(sources)
    sources.close()

    assert os.listdir("/proc/self/fd") == before


# Errors.


def test_what_can_be_read_is_read_beside_what_cannot(tmp_path):
    (tmp_path / "a.log").write_bytes(LOG)
    sources, error = read(tmp_path / "missing", tmp_path / "a.log", tmp_path / "gone")

    assert [bool(s.text) for s in sources] == [False, True, False]
    assert error == ""


def test_nothing_readable_is_one_sentence(tmp_path):
    paths = [tmp_path / f"{i}.log" for i in range(5)]
    _, error = read(*paths)

    assert error.startswith("none of the 5 inputs could be read (")
    assert error.endswith("; and 2 more)")
    assert "\n" not in error


def test_no_path_at_all_is_an_error_with_a_remedy():
    with pytest.raises(InputError, match="name a log"):
        list(open_paths([]))


@pytest.mark.parametrize("path", ["", "\0", "a\0b", "\ud800", "x" * 5000, "a/" * 3000])
def test_strange_paths_are_answered_with_a_sentence(path):
    ((source,), _) = read(path)

    assert source.problem
    assert source.name.isprintable()


def test_a_folder_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    (tmp_path / "open").mkdir()
    (tmp_path / "shut").mkdir()
    (tmp_path / "open" / "a.log").write_bytes(b"a\n")
    scandir = os.scandir

    def refuse(path):
        if os.fspath(path).endswith("shut"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)  # root may list everything
    sources, _ = read(tmp_path)

    assert [(s.name, s.problem) for s in sources] == [
        ("open/a.log", ""),
        ("shut", "not permitted to read it"),
    ]


# Files that change while they are read.


def test_a_file_that_grows_is_read_with_what_came(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(LOG)
    with opened(path) as source, path.open("ab") as file:
        file.write(b"more\n")
        file.flush()

        assert content(source.stream) == LOG + b"more\n"


@contextmanager
def opened(path, **options):
    """The first source below a path, while it is open."""
    with closing(open_paths([str(path)], **options)) as sources:
        yield next(sources)


def test_a_file_that_grows_without_end_is_left_at_a_bound(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(LOG)
    total = 0
    view = memoryview(bytearray(10_000))
    with opened(path, limits=Limits(growth=1000)) as source, path.open("ab") as file:
        while count := source.stream.readinto(view):
            total += count
            file.write(b"x" * 10_000)
            file.flush()

    assert len(LOG) < total < len(LOG) + 20_000
    assert source.problem.startswith("grows faster than it can be read")


def test_a_file_that_shrinks_says_so(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(LOG)
    with opened(path) as source:
        source.stream.readinto(memoryview(bytearray(20_000)))
        os.truncate(path, 1000)
        content(source.stream)

    assert source.problem == "was cut short while it was read: 8.2 kB of 321.8 kB"


def test_a_file_that_is_deleted_is_read_to_its_end(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(LOG)
    with opened(path) as source:
        path.unlink()

        assert content(source.stream) == LOG


# Bounds.


def test_a_bomb_is_stopped_with_a_sentence(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(bytes(1) + b"x\n" * 10_000_000))
    ((source,), _) = read(path, limits=Limits(free=1_000_000, ratio=50))

    assert 1_000_000 < len(source.text) < 4_000_000
    assert "as a decompression bomb does; read up to there" in source.problem


def test_a_bomb_in_an_archive_ends_the_archive_and_not_the_other_inputs(tmp_path):
    path, other = tmp_path / "a.zip", tmp_path / "b.log"
    path.write_bytes(packed({f"{i}.log": b"x\n" * 1_000_000 for i in range(100)}))
    other.write_bytes(LOG)
    sources, _ = read(path, other, limits=Limits(free=5_000_000, ratio=1))

    assert len(sources) < 6
    assert "decompression bomb" in sources[-2].problem
    assert sources[-1].text == LOG


def test_a_log_of_one_repeated_line_is_no_bomb(tmp_path):
    path = tmp_path / "a.log.zst"
    flood = b"No available shared memory broadcast block found in 60 seconds.\n" * 400_000
    path.write_bytes(zstandard.ZstdCompressor().compress(flood))
    ((source,), _) = read(path)

    assert source.text == flood
    assert source.problem == ""


def test_the_memory_for_a_bomb_is_bounded(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(gzip.compress(b" " * 50_000_000)))
    view = memoryview(bytearray(1 << 20))
    tracemalloc.start()
    for source in open_paths([str(path)]):
        while source.stream.readinto(view):
            pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 5_000_000


def test_an_archive_of_too_many_files_is_left_at_a_bound(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(packed({f"{i}.log": b"x\n" for i in range(50)}))
    sources, _ = read(path, limits=Limits(files=10))

    assert 5 < len(sources) <= 11
    assert "holds more than 10 files" in sources[-1].problem


def test_a_folder_of_too_many_files_is_left_at_a_bound(tmp_path):
    for i in range(20):
        (tmp_path / f"{i}.log").write_bytes(b"x\n")
    sources, _ = read(tmp_path, limits=Limits(files=10))

    assert sum(bool(s.text) for s in sources) == 10
    assert any("holds more than 10 files" in s.problem for s in sources)


def test_an_inner_zip_that_is_too_large_to_keep_is_read_as_far_as_it_was_kept(tmp_path):
    path = tmp_path / "a.tar"
    path.write_bytes(tar({"in.zip": packed({"a.log": LOG})}))
    sources, _ = read(path, limits=Limits(spool=50_000))

    assert LOG.startswith(sources[0].text)
    assert "a zip of more than 50.0 kB within something else" in sources[-1].problem


def test_five_archives_within_each_other_are_read(tmp_path):
    path = tmp_path / "a.tar.gz"
    inner = packed({"x.log.gz": gzip.compress(LOG)})
    path.write_bytes(gzip.compress(tar({"a.tar.zst": zstandard.compress(tar({"b.zip": inner}))})))
    ((source,), _) = read(path)

    assert source.text == LOG


# Progress and URLs.


def test_progress_adds_up_to_the_size_on_disk(tmp_path):
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(tar({"a.log": LOG, "core.1": b"\x7fELF" + bytes(99_999)})))
    plain = tmp_path / "b.log"
    plain.write_bytes(LOG)
    seen = []
    read(path, plain, progress=seen.append)

    assert sum(seen) == path.stat().st_size + plain.stat().st_size


def test_binaries_in_a_tar_on_disk_are_leapt_over(tmp_path):
    path = tmp_path / "a.tar"
    with path.open("wb") as file:
        whole = tar({"core.1": b"\x7fELF" + bytes(10_000_000), "a.log": LOG})
        file.write(whole)
    seen = []
    ((source,), _) = read(path, progress=seen.append)

    assert source.text == LOG
    assert len(seen) < 20
    assert sum(seen) == len(whole)


def test_a_url_without_fsspec_names_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    ((source,), _) = read("s3://user:secret@bucket/a.log?X-Amz-Signature=abc")

    assert source.name == "s3://bucket/a.log"
    assert source.problem == 'reading URLs needs fsspec: pip install "vllm-diagnose[remote]"'


def test_a_file_url_needs_no_fsspec(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    (tmp_path / "a b.log").write_bytes(LOG)
    ((source,), _) = read((tmp_path / "a b.log").as_uri())

    assert source.text == LOG


def test_urls_are_read_through_fsspec():
    fsspec = pytest.importorskip("fsspec")
    files = fsspec.filesystem("memory")
    files.pipe("/run/2.log", LOG)
    files.pipe("/run/10.log.gz", gzip.compress(LOG))
    files.pipe("/run/a.zip", packed({"x.log": LOG}))
    sources, _ = read("memory://run")
    missing, _ = read("memory://run/none.log")

    assert [(s.name, s.text == LOG, s.problem) for s in sources] == [
        ("2.log", True, ""),
        ("10.log.gz", True, ""),
        ("a.zip!x.log", True, ""),
    ]
    assert missing[0].problem


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
