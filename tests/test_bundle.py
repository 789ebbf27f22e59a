"""Snapshots survive the way through a file, and damaged files are refused with a sentence."""

from __future__ import annotations

import gzip
import json
import math
import os
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from diagnose import bundle
from diagnose.errors import InputError
from diagnose.model import (
    Connection,
    CouldNotLook,
    FileLock,
    Frame,
    Gpu,
    Growth,
    LockFile,
    OpenFile,
    Pipe,
    Process,
    Sample,
    Snapshot,
    Thread,
)
from diagnose.reason import prepare, reason

BUNDLES = Path(__file__).parent.parent / "fixtures" / "bundles"
WAIT = Frame("FileBaton.wait", "/lib/torch/utils/file_baton.py", 50, {"start_time": "1.5"})
LOAD = Frame("load", "/lib/torch/utils/cpp_extension.py", 1927)
SERVER = Process(
    11, 1, "VLLM::Worker_TP0", "VLLM::Worker_TP", "S", 1000.5, 0.25, 3.0, 4, 2**30, "ann",
    ranks=(("TP", 0), ("EP", 1)), role="worker", name="Worker_TP0",
)  # fmt: skip
FULL = Snapshot(
    taken_s=1795312045.25,
    duration_s=2.0,
    host="node-7",
    root=11,
    processes=(SERVER,),
    samples=tuple(
        Sample(11, time, (Thread(11, "MainThread", False, True, (WAIT, LOAD), "futex"),))
        for time in (1.0, 2.0)
    ),
    files=(OpenFile(11, 3, "/c/lock", 5, 6, "rw", True),),
    locks=(FileLock("flock", 11, 5, 6, "/c/lock", True, False),),
    lock_files=(LockFile("/c/lock", "torch-extension", True, 9.5, 5, 0, "", (11, 12), "nfs4"),),
    growth=(Growth("/c", 1, 2, 3.0),),
    connections=(Connection(11, 4, "ESTABLISHED", "127.0.0.1:1", "127.0.0.1:2", 12, 1, 2),),
    pipes=(Pipe(7, (11,), (12, 13), "/run/queue"),),
    gpus=(Gpu(0, "MI300X", None, 1, 2, 300.5, (11,)),),
    kernel=("Out of memory: Killed process 12",),
    shm_free=1,
    shm_total=2,
    logs=("/var/log/server.log", "/other/server.log"),
    environment={"VLLM_LOGGING_LEVEL": "DEBUG"},
    versions={"torch": "2.13.0"},
    could_not=(CouldNotLook("the GPUs", "no tool", "install one"),),
)


@pytest.fixture(scope="module")
def examiner():
    return prepare()


def edited(**changes):
    return {**bundle.to_json(FULL), **changes}


def test_a_snapshot_comes_back_equal():
    text = json.dumps(bundle.to_json(FULL))

    assert bundle.from_json(json.loads(text)) == FULL


def test_a_frame_that_repeats_is_written_once():
    assert len(bundle.to_json(FULL)["frames"]) == 2


def test_fields_with_their_default_are_left_out():
    assert "wchan" not in bundle.to_json(FULL)["processes"][0]


def test_unknown_keys_are_skipped_so_that_newer_bundles_can_be_read():
    assert bundle.from_json(edited(weather="rain")) == FULL


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ([], "not a snapshot"),
        ({"schema": "diagnose/1"}, "diagnose/1"),
        (edited(schema="diagnose-snapshot/99"), "diagnose-snapshot/99"),
        (edited(host=7), "snapshot.host"),
        (edited(root=True), "snapshot.root"),
        (edited(processes=[{"pid": 1}]), "lacks a field"),
        (edited(processes={"pid": 1}), "snapshot.processes"),
        (edited(frames=[]), "frame 0"),
        (edited(frames=7), "frames"),
        (edited(environment={"A": 1}), "snapshot.environment.A"),
        (edited(taken_s=1e300), "snapshot.taken_s"),
        (edited(taken_s=-1.0), "snapshot.taken_s"),
        (edited(duration_s=math.nan), "snapshot.duration_s"),
    ],
)
def test_what_is_no_snapshot_is_refused_with_the_place(data, says):
    with pytest.raises(InputError, match=says):
        bundle.from_json(data)


def test_a_bundle_carries_the_logs_under_the_paths_they_had():
    logs = {"/var/log/server.log": b"one\n", "/other/server.log": b"two\n"}

    assert bundle.unpack(bundle.pack(FULL, logs)) == (FULL, logs)


def test_equal_snapshots_give_equal_bytes():
    assert bundle.pack(FULL) == bundle.pack(FULL)


def test_a_bundle_is_known_by_its_first_bytes():
    assert bundle.is_bundle(bundle.pack(FULL)[:512])
    assert bundle.is_bundle(json.dumps(bundle.to_json(FULL)).encode()[:512])
    assert not bundle.is_bundle(b"INFO 07-01 server started\n")
    assert not bundle.is_bundle(b'{"verdict": "hung"}')
    assert not bundle.is_bundle(b"\x1f\x8b" + b"\0" * 100)
    assert not bundle.is_bundle(b"")


def test_a_bare_snapshot_is_read_as_a_bundle():
    assert bundle.unpack(json.dumps(bundle.to_json(FULL)).encode()) == (FULL, {})


def test_every_cut_of_a_bundle_is_refused_with_a_sentence():
    data = bundle.pack(FULL, {"/var/log/server.log": os.urandom(2000)})

    for length in range(0, len(data) - 8, 97):
        with pytest.raises(InputError):
            bundle.unpack(data[:length])


def test_secrets_are_taken_out_of_every_text():
    secret = "hf_" + "a1B2c3D4e5F6g7H8i9"
    snapshot = bundle.strings(FULL, lambda text: text.replace("MI300X", secret))

    cleaned, logs = bundle.redacted(snapshot, {"/var/log/server.log": f"token {secret}\n".encode()})

    assert secret not in json.dumps(bundle.to_json(cleaned))
    assert logs == {"/var/log/server.log": b"token [redacted]\n"}


def test_who_and_where_can_be_taken_out_too():
    snapshot = bundle.strings(FULL, lambda text: text.replace("/c/lock", "/home/ann/node-7/lock"))

    cleaned, logs = bundle.anonymous(
        snapshot, {"/var/log/server.log": b"on node-7 by ann of acme\n"}, ["acme"]
    )

    assert cleaned.host == "host"
    assert cleaned.processes[0].user == "user"
    assert cleaned.lock_files[0].path == "/home/user/host/lock"
    assert logs == {"/var/log/server.log": b"on host by user of hidden\n"}
    assert bundle.unpack(bundle.pack(cleaned, logs))[0] == cleaned


def test_every_home_and_every_user_named_anywhere_is_taken_out():
    paths = [
        "/root/.cache",
        "/home/ann/x",
        "/Users/ann/y",
        "/home/bob/x",
        "/data/bob/z",
        "/rooted",
        "/srv/root/a",
    ]
    snapshot = replace(FULL, environment={"HOME": "/data/ann2", "XDG_CACHE_HOME": "/data/ann2/c"}, logs=("/home/bob/x",))  # fmt: skip

    cleaned, logs = bundle.anonymous(snapshot, {"/home/bob/x": "\n".join(paths).encode()})

    assert logs["/home/user2/x"].decode().split("\n") == [
        "/home/user/.cache", "/home/user/x", "/home/user/y", "/home/user2/x", "/data/user2/z", "/rooted", "/srv/root/a",
    ]  # fmt: skip
    assert cleaned.logs == tuple(logs)
    assert cleaned.environment == {"HOME": "/home/user", "XDG_CACHE_HOME": "/home/user/c"}


def test_the_host_is_taken_out_with_and_without_its_domain():
    snapshot = replace(FULL, host="node-7.example.org")

    cleaned, logs = bundle.anonymous(
        snapshot, {"/l": b"node-7.example.org and node-7, not node-70\n"}
    )

    assert cleaned.host == "host"
    assert logs == {"/l": b"host and host, not node-70\n"}


def test_a_user_called_as_the_program_leaves_the_program_its_name():
    frame = Frame("run", "/home/vllm/lib/python3.12/site-packages/vllm/v1/engine/core.py", 7)
    sample = Sample(11, 1.0, (Thread(11, "MainThread", False, True, (frame,)),))
    owned = tuple(replace(one, user="vllm") for one in FULL.processes)

    cleaned, _ = bundle.anonymous(replace(FULL, samples=(sample,), processes=owned), {})

    assert cleaned.processes[0].user == "user"
    assert cleaned.samples[0].threads[0].frames[0].file == (
        "/home/user/lib/python3.12/site-packages/vllm/v1/engine/core.py"
    )


@pytest.mark.parametrize("path", sorted(BUNDLES.glob("*.tar.gz")), ids=lambda path: path.name)
def test_the_answer_about_a_redacted_bundle_is_the_same(path, examiner):
    snapshot, logs = bundle.unpack(path.read_bytes())
    whole = reason(examiner, snapshot, logs)
    less = reason(examiner, *bundle.anonymous(snapshot, logs))

    assert (less.verdict, less.state, less.confidence) == (whole.verdict, whole.state, whole.confidence)  # fmt: skip
    assert [link.signature.id for link in less.chain] == [link.signature.id for link in whole.chain]
    assert [w.kind for w in less.waits] == [w.kind for w in whole.waits]


def test_half_a_character_in_a_name_can_be_written_again():
    snapshot = bundle.from_json(json.loads(json.dumps(edited(logs=["/l\udcff.log"]))))

    assert snapshot.logs == ("/l?.log",)
    assert bundle.unpack(bundle.pack(snapshot))[0] == snapshot


def test_a_member_larger_than_a_look_keeps_is_refused_by_its_name():
    head = tarfile.TarInfo("snapshot.json")
    head.size = 2**40

    with pytest.raises(InputError, match=r"holds snapshot\.json of 1048576 MiB"):
        bundle.unpack(gzip.compress(head.tobuf() + bytes(1024)))


def test_a_snapshot_without_end_in_its_brackets_is_refused():
    with pytest.raises(InputError, match="not valid JSON"):
        bundle.unpack(b'{"schema":"diagnose-snapshot/1","x":' + b"[" * 200_000)
