"""Every dialect is shown by a line that a real program prints; one table row a form."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from diagnose import document
from diagnose.dialects import times
from diagnose.model import Line, Writer


def read(text: str) -> Line:
    return document.read_line("server.log", 1, text.encode())


def posix(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


VLLM_MESSAGE = "Available KV cache memory: 40.71 GiB"
VLLM_HEADER = f"INFO 07-01 02:16:31 [gpu_worker.py:298] {VLLM_MESSAGE}"

PREFIXES = [
    ("(Worker pid=201)", "Worker", 201, "worker", ()),
    ("(Worker_TP3 pid=395)", "Worker_TP3", 395, "worker", (("TP", 3),)),
    (
        "(Worker_DP0_TP6_DCP6_EP6 pid=77)",
        "Worker_DP0_TP6_DCP6_EP6",
        77,
        "worker",
        (("DP", 0), ("TP", 6), ("DCP", 6), ("EP", 6)),
    ),
    ("(VllmWorker rank=7 pid=1177)", "VllmWorker", 1177, "worker", (("rank", 7),)),
    ("(VllmWorkerProcess pid=153)", "VllmWorkerProcess", 153, "worker", ()),
    ("(VllmWorker-1 pid=422)", "VllmWorker-1", 422, "worker", (("rank", 1),)),
    ("(EngineCore pid=744)", "EngineCore", 744, "engine-core", ()),
    ("(EngineCore_0 pid=12)", "EngineCore_0", 12, "engine-core", (("DP", 0),)),
    ("(EngineCore_DP3 pid=2203)", "EngineCore_DP3", 2203, "engine-core", (("DP", 3),)),
    ("(APIServer pid=88)", "APIServer", 88, "api-server", ()),
    ("(ApiServer_3 pid=385)", "ApiServer_3", 385, "api-server", ()),
    ("(APIServer_DPRank_1 pid=9)", "APIServer_DPRank_1", 9, "api-server", (("DP", 1),)),
    ("(DPSupervisor pid=5)", "DPSupervisor", 5, "launcher", ()),
    ("(VLLM_DP_Coordinator pid=6)", "VLLM_DP_Coordinator", 6, "coordinator", ()),
    ("(MainProcess pid=17526)", "MainProcess", 17526, "", ()),
    ("(pid=4711)", "", 4711, "", ()),
    ("(ServeReplica:default:LLM pid=31)", "ServeReplica:default:LLM", 31, "", ()),
    ("(Worker pid=4) (Worker_TP0 pid=4)", "Worker_TP0", 4, "worker", (("TP", 0),)),
    (
        "(MapWorker(MapBatches(vLLMEngineStageUDF)) pid=385) (EngineCore_DP0 pid=448)",
        "EngineCore_DP0",
        448,
        "engine-core",
        (("DP", 0),),
    ),
]


@pytest.mark.parametrize(("prefix", "name", "pid", "role", "ranks"), PREFIXES)
def test_a_vllm_or_ray_prefix_names_the_writer(prefix, name, pid, role, ranks):
    line = read(f"{prefix} {VLLM_HEADER}")

    assert line.writer == Writer(name, pid, role, ranks)
    assert (line.level, line.message) == ("INFO", VLLM_MESSAGE)
    assert line.text == f"{prefix} {VLLM_HEADER}"


@pytest.mark.parametrize(("prefix", "name", "pid", "role", "ranks"), PREFIXES)
def test_a_prefix_without_a_header_keeps_the_indentation_of_what_follows(
    prefix, name, pid, role, ranks
):
    line = read(f"{prefix}     raise OutOfResources(")

    assert line.writer.pid == pid
    assert line.message == "    raise OutOfResources("


def test_the_node_of_any_nested_prefix_is_kept():
    line = read("(RayWorkerWrapper pid=978, ip=10.0.0.8) (Worker_TP1 pid=12) ready")

    assert line.writer == Writer("Worker_TP1", 12, "worker", (("TP", 1),), "10.0.0.8")
    assert line.message == "ready"


HEADERS = [
    "INFO 07-01 02:16:31 [gpu_worker.py:298] ",
    "INFO 07-01 02:16:31 [v1/worker/gpu_worker.py:298] ",
    "INFO 07-01 02:16:31 gpu_worker.py:298] ",
    "INFO 07-01 02:16:31 [__init__.py:298] ",
]


@pytest.mark.parametrize("header", HEADERS)
def test_the_vllm_header_of_every_version_is_read(header):
    line = read(header + VLLM_MESSAGE)

    assert (line.level, line.stamp, line.message) == ("INFO", "07-01 02:16:31", VLLM_MESSAGE)
    assert line.time_s == posix("2000-07-01T02:16:31")
    assert not line.writer


def test_a_logging_prefix_before_the_header_is_no_part_of_the_message():
    line = read(f"node7/prefill {VLLM_HEADER}")

    assert (line.message, line.level) == (VLLM_MESSAGE, "INFO")


def test_a_record_glued_to_a_progress_bar_is_read_as_the_record():
    bar = "Loading safetensors checkpoint shards:  50%|#####     | 1/2 [00:01<00:01,  1.2s/it]"

    line = read(f"{bar}(Worker_TP0 pid=12) {VLLM_HEADER}")

    assert (line.writer.pid, line.message) == (12, VLLM_MESSAGE)
    assert line.text.startswith("Loading")


def test_a_schedulers_record_glued_to_a_progress_bar_is_read_as_the_record():
    bar = "Capturing batches (bs=1 avail_mem=7.1 GB):  50%|#####     | 2/4 [00:01<00:01, 1.7it/s]"

    line = read(f"{bar}[2026-07-01 01:44:42 TP3] Capture cuda graph failed")

    assert (line.writer.ranks, line.message) == ((("TP", 3),), "Capture cuda graph failed")


def test_a_progress_bar_alone_stays_whole():
    bar = "Fetching:  50%|#####     | 2/4 [00:01<00:01, 1.7it/s](retrying)"

    assert read(bar).message == bar


def test_an_unprefixed_line_has_no_writer_no_level_and_no_time():
    line = read("RuntimeError: HIP error: invalid device ordinal")

    assert (line.writer, line.level, line.time_s, line.stamp) == (Writer(), "", None, "")
    assert line.message == line.text


# raw, stamp as printed, seconds, level, message
STAMPED = [
    (
        "2026-07-01T05:12:33.1234567Z plain",
        "2026-07-01T05:12:33.1234567Z",
        posix("2026-07-01T05:12:33.123457"),
        "",
        "plain",
    ),
    (
        "2025-05-01 09:31:10,204 - INFO - Starting request 510",
        "2025-05-01 09:31:10,204",
        posix("2025-05-01T09:31:10.204"),
        "INFO",
        "Starting request 510",
    ),
    (
        "2025-09-10T06:02:11+02:00 - gpustack.worker - WARNING - slow",
        "2025-09-10T06:02:11+02:00",
        posix("2025-09-10T04:02:11"),
        "WARNING",
        "slow",
    ),
    (
        "2026-05-05:13:02:41 WARNING  [api_models:488] API request failed",
        "2026-05-05:13:02:41",
        posix("2026-05-05T13:02:41"),
        "WARNING",
        "API request failed",
    ),
    (
        "2026-05-05 13:02:41,120 - INFO - autotuner.py:256 - flashinfer.jit: Loading JIT ops: norm",
        "2026-05-05 13:02:41,120",
        posix("2026-05-05T13:02:41.120"),
        "INFO",
        "flashinfer.jit: Loading JIT ops: norm",
    ),
    (
        "2025-05-01 12:00:00.123 | ERROR    | pkg.module:load:12 - no such file",
        "2025-05-01 12:00:00.123",
        posix("2025-05-01T12:00:00.123"),
        "ERROR",
        "no such file",
    ),
    (
        "2025-06-27 04:00:21,123\tINFO worker.py:1879 -- Started a local Ray instance.",
        "2025-06-27 04:00:21,123",
        posix("2025-06-27T04:00:21.123"),
        "INFO",
        "Started a local Ray instance.",
    ),
    (
        "[2025-12-01T04:12:20Z] ERROR:    [Errno 98] address already in use",
        "2025-12-01T04:12:20Z",
        posix("2025-12-01T04:12:20"),
        "ERROR",
        "[Errno 98] address already in use",
    ),
    (
        "[2026-02-08T13:01:45.256] sched: Allocate JobId=50912 NodeList=node-14",
        "2026-02-08T13:01:45.256",
        posix("2026-02-08T13:01:45.256"),
        "",
        "sched: Allocate JobId=50912 NodeList=node-14",
    ),
    (
        'time="2026-01-02T03:04:05Z" level=error msg="failed to \\"pull\\""',
        "2026-01-02T03:04:05Z",
        posix("2026-01-02T03:04:05"),
        "ERROR",
        'failed to "pull"',
    ),
    (
        "05:37:37 build started",
        "05:37:37",
        posix("1999-01-01T05:37:37"),
        "",
        "build started",
    ),
    (
        "Thu Jun  4 09:12:07 UTC 2026",
        "Thu Jun  4 09:12:07 UTC 2026",
        posix("2026-06-04T09:12:07"),
        "",
        "Thu Jun  4 09:12:07 UTC 2026",
    ),
]


@pytest.mark.parametrize(("raw", "stamp", "time_s", "level", "message"), STAMPED)
def test_the_stamp_and_level_of_common_loggers_are_read(raw, stamp, time_s, level, message):
    line = read(raw)

    assert (line.stamp, line.level, line.message) == (stamp, level, message)
    assert line.time_s == pytest.approx(time_s, abs=1e-3)
    assert not line.writer


LEVELS = [
    ("INFO:     Application startup complete.", "INFO", "Application startup complete."),
    ("WARNING:absl:no GPU", "WARNING", "no GPU"),
    ("[INFO] Extracting image layers...", "INFO", "Extracting image layers..."),
    ("[ERROR] File already exists: /x.sqsh", "ERROR", "File already exists: /x.sqsh"),
    ("ERROR [repo_utils.py:66] Error retrieving file list", "ERROR", "Error retrieving file list"),
    ("ERRO[0000] error waiting for container:", "ERROR", "error waiting for container:"),
    ("##[error]Process completed with exit code 1.", "ERROR", None),
    ("[QUARK-ERROR]: C++ kernel compile error", "ERROR", None),
    ("slurmstepd: error: pyxis: child 9377 failed with error code: 1", "ERROR", None),
    ("[aiter] import [module_fmha_v3_fwd] under /x/module_fmha_v3_fwd.so", "", None),
    ("Information about nothing", "", None),
]


@pytest.mark.parametrize(("raw", "level", "message"), LEVELS)
def test_a_level_without_a_time_is_read(raw, level, message):
    line = read(raw)

    assert (line.level, line.message) == (level, message or raw)
    assert line.time_s is None


# raw, writer, seconds or None, level, message
WRITERS = [
    (
        "[2026-07-01 01:44:42 DP0 PP0 ATTN_CP0 MOE_DP0 TP3 EP3] Prefill batch, #new-seq: 1",
        Writer(
            "DP0 PP0 ATTN_CP0 MOE_DP0 TP3 EP3",
            None,
            "scheduler",
            (("DP", 0), ("PP", 0), ("ATTN_CP", 0), ("MOE_DP", 0), ("TP", 3), ("EP", 3)),
        ),
        posix("2026-07-01T01:44:42"),
        "",
        "Prefill batch, #new-seq: 1",
    ),
    (
        '[2026-07-01 01:44:49] INFO:     127.0.0.1:50214 - "GET /health HTTP/1.1" 200 OK',
        Writer(),
        posix("2026-07-01T01:44:49"),
        "INFO",
        '127.0.0.1:50214 - "GET /health HTTP/1.1" 200 OK',
    ),
    (
        "[rank3]:[W1121 22:16:10.441741314 socket.cpp:469] [c10d] waitForInput: poll",
        Writer("rank3", None, "", (("rank", 3),)),
        posix("2000-11-21T22:16:10.441741"),
        "WARNING",
        "[c10d] waitForInput: poll",
    ),
    (
        "[E808 04:21:41.163458 ProcessGroupNCCL.cpp:616] [Rank 7] Watchdog caught",
        Writer("rank7", None, "", (("rank", 7),)),
        posix("2000-08-08T04:21:41.163458"),
        "ERROR",
        "[Rank 7] Watchdog caught",
    ),
    (
        "[E1112 09:14:21.6 ProcessGroupNCCL.cpp:2055] [PG ID 5 PG GUID 51 Rank 0] terminated",
        Writer("rank0", None, "", (("rank", 0),)),
        posix("2000-11-12T09:14:21.6"),
        "ERROR",
        "[PG ID 5 PG GUID 51 Rank 0] terminated",
    ),
    (
        "[rank25]:[E ProcessGroupNCCL.cpp:1316] abort",
        Writer("rank25", None, "", (("rank", 25),)),
        None,
        "ERROR",
        "abort",
    ),
    (
        "[rank3]: ValueError: bad",
        Writer("rank3", None, "", (("rank", 3),)),
        None,
        "",
        "ValueError: bad",
    ),
    (
        "(RayWorkerWrapper pid=978, ip=10.0.0.8) [rank9]:[W ProcessGroupGloo.cpp:721] Warning: x",
        Writer("RayWorkerWrapper", 978, "worker", (("rank", 9),), "10.0.0.8"),
        None,
        "WARNING",
        "Warning: x",
    ),
    (
        "E0302 07:40:55.123000 1234 torch/distributed/elastic/multiprocessing/api.py:869] failed",
        Writer(pid=1234),
        posix("2000-03-02T07:40:55.123"),
        "ERROR",
        "failed",
    ),
    (
        "I20250901 12:00:00.123456 140245 transfer_engine.cpp:12] Transfer Engine starting",
        Writer(),
        posix("2025-09-01T12:00:00.123456"),
        "INFO",
        "Transfer Engine starting",
    ),
    (
        "[2025-11-02 14:20:07] decode-0:2210:2591 [0] misc/shmutils.cc:129 NCCL WARN Error while",
        Writer(pid=2210, node="decode-0"),
        posix("2025-11-02T14:20:07"),
        "WARNING",
        "misc/shmutils.cc:129 NCCL WARN Error while",
    ),
    (
        "gpu05:154:154 [3] NCCL INFO cudaDriverVersion 12060",
        Writer(pid=154, node="gpu05"),
        None,
        "INFO",
        "NCCL INFO cudaDriverVersion 12060",
    ),
    (
        "[ERROR] HCCL(7288,python3):2025-07-23-01:47:57.070.463 [hccl_socket.cc:100] listen",
        Writer("python3", 7288),
        posix("2025-07-23T01:47:57.070463"),
        "ERROR",
        "[hccl_socket.cc:100] listen",
    ),
    (
        "[ERROR] 2026-08-28-03:40:11 (PID:21, Device:-1, RankID:-1) ERR99999 UNKNOWN",
        Writer(pid=21),
        posix("2026-08-28T03:40:11"),
        "ERROR",
        "ERR99999 UNKNOWN",
    ),
    (
        "[pid=77 pname=Worker_TP1] tuned config loaded",
        Writer("Worker_TP1", 77),
        None,
        "",
        "tuned config loaded",
    ),
    (
        "2024-05-01T01:19:02.778572Z  INFO shard-manager: text_generation_launcher: "
        "Waiting for shard to be ready... rank=1",
        Writer("shard-manager", None, "launcher", (("rank", 1),)),
        posix("2024-05-01T01:19:02.778572"),
        "INFO",
        "Waiting for shard to be ready... rank=1",
    ),
    (
        "Process EngineCore_DP0:",
        Writer("EngineCore_DP0", None, "engine-core", (("DP", 0),)),
        None,
        "",
        "Process EngineCore_DP0:",
    ),
    (
        "srun: error: node-07: task 0: Exited with exit code 1",
        Writer("srun", None, "launcher", (), "node-07"),
        None,
        "ERROR",
        "srun: error: node-07: task 0: Exited with exit code 1",
    ),
    (
        "slurmstepd: error: *** STEP 88.0 ON node-04 CANCELLED AT 2026-03-09T05:12:41 DUE TO x ***",
        Writer("slurmstepd", None, "launcher", (), "node-04"),
        posix("2026-03-09T05:12:41"),
        "ERROR",
        "slurmstepd: error: *** STEP 88.0 ON node-04 CANCELLED AT 2026-03-09T05:12:41 DUE TO x ***",
    ),
    (
        "Mar 02 07:40:55 node-a systemd[1]: ollama.service: Failed with result 'oom-kill'.",
        Writer("systemd", 1, "", (), "node-a"),
        posix("2000-03-02T07:40:55"),
        "",
        "ollama.service: Failed with result 'oom-kill'.",
    ),
    (
        "Mar  2 07:40:55 node-a kernel: [312044.118820] amdgpu: uncorrectable hardware error",
        Writer("kernel", None, "kernel", (), "node-a"),
        posix("2000-03-02T07:40:55"),
        "",
        "amdgpu: uncorrectable hardware error",
    ),
    (
        "[  921.440217] NVRM: The NVIDIA GPU 0000:b3:00.0",
        Writer("kernel", None, "kernel"),
        921.440217,
        "",
        "NVRM: The NVIDIA GPU 0000:b3:00.0",
    ),
    (
        "[Thu Aug 27 01:39:44 2026] Out of memory: Killed process 2075 (lmcache)",
        Writer("kernel", None, "kernel"),
        posix("2026-08-27T01:39:44"),
        "",
        "Out of memory: Killed process 2075 (lmcache)",
    ),
    (
        "[1,3]<stderr>:CUDA error",
        Writer("rank3", None, "", (("rank", 3),)),
        None,
        "",
        "CUDA error",
    ),
    (
        "(raylet, ip=10.0.0.9) Spilled 6 MiB",
        Writer("raylet", None, "launcher", (), "10.0.0.9"),
        None,
        "",
        "Spilled 6 MiB",
    ),
]


@pytest.mark.parametrize(("raw", "writer", "time_s", "level", "message"), WRITERS)
def test_the_writer_is_read_from_the_line(raw, writer, time_s, level, message):
    line = read(raw)

    assert (line.writer, line.level, line.message) == (writer, level, message)
    assert line.time_s == (None if time_s is None else pytest.approx(time_s, abs=1e-3))


LABELS = [
    ("3: ", "task 3"),
    ("12: ", "task 12"),
    ("server-1  | ", "server-1"),
    ("vllm_api.1.x7k2@node-b    | ", "vllm_api.1.x7k2@node-b"),
    ("[pod/vllm-0/server] ", "vllm-0"),
    ("Mar 02 07:40:55 node-a dockerd[77]: ", "node-a"),
]


@pytest.mark.parametrize(("label", "node"), LABELS)
def test_a_label_says_where_a_process_runs_and_the_prefix_which_it_is(label, node):
    line = read(f"{label}(Worker_TP1 pid=22) {VLLM_HEADER}")

    assert line.writer == Writer("Worker_TP1", 22, "worker", (("TP", 1),), node)
    assert line.message == VLLM_MESSAGE


def test_a_task_label_alone_names_no_process():
    line = read("3: ValueError: bad")

    assert not line.writer
    assert (line.writer.node, line.message) == ("task 3", "ValueError: bad")


@pytest.mark.parametrize("text", ["   0: rust_begin_unwind", "12:30 lunch", "5:", "1234: words"])
def test_what_only_looks_like_a_task_label_stays(text):
    assert read(text).message == text


def test_a_date_that_is_none_gives_no_time_but_keeps_its_stamp():
    line = read("INFO 13-45 02:16:31 [x.py:1] words")

    assert (line.time_s, line.stamp, line.message) == (None, "13-45 02:16:31", "words")


def test_a_clock_that_was_never_set_is_no_time():
    assert times.full("1970-01-01 00:00:07") is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("[312044.118820] amdgpu: reset", "boot"),
        ("05:37:37 step", "clock"),
        (VLLM_HEADER, "yearless"),
        ("[2026-07-01 01:44:49] words", "posix"),
        ("words", ""),
    ],
)
def test_the_kind_of_a_time_is_seen_from_its_value(text, kind):
    assert times.kind(read(text).time_s) == kind


def test_only_times_of_one_kind_are_comparable():
    vllm, sglang, none = read(VLLM_HEADER), read("[2026-07-01 01:44:49] x"), read("x")

    assert document.comparable(vllm, read("[W1121 22:16:10.4 a.cpp:1] x"))
    assert not document.comparable(vllm, sglang)
    assert not document.comparable(none, none)
