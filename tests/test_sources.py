from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import threading
import tracemalloc
from contextlib import closing, contextmanager
from pathlib import Path

import malformed
import pytest
import zstandard
from malformed import LOG, packed, tar
from reading import content, read

from diagnose.errors import InputError
from diagnose.sources import Limits, open_paths


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
    (tmp_path / "a first.log").symlink_to("run3/a.log")
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
    before = os.listdir("/dev/fd")
    sources = open_paths([str(path)])
    next(sources)
    sources.close()

    assert os.listdir("/dev/fd") == before


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
