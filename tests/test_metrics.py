"""What the files of GPU monitors say: the columns of nvidia-smi, amd-smi and rocm-smi, and what is concluded."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from diagnose.catalogue import default_root, load
from diagnose.metrics import Recorder, columns, statements
from diagnose.model import Recording, Verdict
from diagnose.pipeline import Examiner
from diagnose.prove import source
from diagnose.report.timeline import timeline

BEGAN = datetime(2026, 7, 1, 2, 6, 0, tzinfo=UTC)
NVIDIA = (
    "timestamp, index, power.draw [W], temperature.gpu, clocks.current.sm [MHz],"
    " clocks.current.memory [MHz], utilization.gpu [%], utilization.memory [%]"
)
AMD = (
    "timestamp,gpu,gfx_activity,umc_activity,mm_activity,vcn_activity_0,socket_power,gfx_voltage,"
    "power_management,gfx_0_clk,mem_0_clk,edge,hotspot,mem"
)
MONITOR = (
    "timestamp,gpu,power_usage,hotspot_temperature,memory_temperature,gfx_clk,gfx,mem,mem_clock"
)


def nvidia(second: int, gpu: int, busy: int, memory: int, power: float) -> str:
    at = BEGAN + timedelta(seconds=second)
    return f"{at:%Y/%m/%d %H:%M:%S}.123, {gpu}, {power:.2f} W, 41, 1980 MHz, 2619 MHz, {busy} %, {memory} %"


def amd(second: int, gpu: int, busy: int, memory: int, power: float) -> str:
    at = int(BEGAN.timestamp()) + second
    return f"{at},{gpu},{busy},{memory},N/A,N/A,{power:.0f},N/A,ENABLED,130,900,N/A,39,34"


def monitor(second: int, gpu: int, busy: int, memory: int, power: float) -> str:
    at = int(BEGAN.timestamp()) + second
    return f"{at},{gpu},{power:.0f},39,34,130,{busy},{memory},900"


SHAPES = {
    "nvidia-smi": (NVIDIA, nvidia),
    "amd-smi metric": (AMD, amd),
    "amd-smi monitor": (MONITOR, monitor),
}
WORK, IDLE, SPIN = (90, 40, 600.0), (0, 0, 140.0), (100, 0, 260.0)


def table(shape: str, *ends: tuple[int, int, float], warm: int = 200, end: int = 1800) -> str:
    """Each GPU works for `warm` seconds, and is in its last state for `end`."""
    header, row = SHAPES[shape]
    rows = [
        row(second, gpu, *(WORK if second < warm else last))
        for second in range(warm + end)
        for gpu, last in enumerate(ends)
    ]
    return "\n".join([header, *rows]) + "\n"


def recording(text: str) -> Recording:
    header, _, rest = text.partition("\n")
    where = columns(header)
    assert where is not None
    recorder = Recorder("gpu_metrics.csv", where)
    for row in rest.split("\n"):
        recorder.add(row)
    found = recorder.recording()
    assert found is not None
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_idle_gpus_are_told_with_how_long_and_at_which_power(shape):
    said = statements(recording(table(shape, *[IDLE] * 8)))

    assert said == [
        "gpu metrics of 8 GPUs over 2000 s",
        "all gpus idle for the last 1800 s: busy 0 %, 140 W of 600 W seen",
    ]


@pytest.mark.parametrize("shape", SHAPES)
def test_full_use_without_memory_and_power_is_spinning(shape):
    said = statements(recording(table(shape, *[SPIN] * 8)))

    assert said[-1].startswith("all gpus spinning for the last 1800 s: busy 100 %")


def test_full_use_with_memory_is_work():
    said = statements(recording(table("nvidia-smi", *[(100, 45, 350.0)] * 2)))

    assert said[-1].startswith("all gpus busy")


def test_full_use_without_memory_at_high_power_is_work():
    said = statements(recording(table("nvidia-smi", *[(100, 1, 590.0)] * 2)))

    assert said[-1].startswith("all gpus busy")


def test_one_gpu_that_stopped_working_is_told_from_the_others():
    ends = [SPIN, SPIN, SPIN, IDLE, SPIN, SPIN, SPIN, SPIN]

    said = statements(recording(table("amd-smi metric", *ends)))

    assert said[-1] == "gpu 3 idle while gpus 0-2,4-7 are pegged for the last 1800 s"


def test_a_gpu_that_was_never_used_is_not_an_odd_one():
    header, row = SHAPES["nvidia-smi"]
    rows = [row(s, gpu, *(IDLE if gpu == 3 else SPIN)) for s in range(600) for gpu in range(4)]

    said = statements(recording("\n".join([header, *rows])))

    assert not any("while" in line for line in said)


def test_gpus_whose_use_varies_are_in_no_state():
    header, row = SHAPES["nvidia-smi"]
    rows = [row(s, 0, 50, 20, 300.0) for s in range(100)]

    assert statements(recording("\n".join([header, *rows]))) == ["gpu metrics of 1 GPU over 100 s"]


def test_damaged_rows_and_repeated_headers_are_passed_over():
    good = table("nvidia-smi", IDLE).splitlines()
    bad = [
        good[0],
        "garbage",
        "2026/07/01 02",
        "2026/07/01 02:06:30.1, 0, [N/A], [N/A], 1, 1, [N/A], 3 %",
        "",
    ]

    whole = recording("\n".join([*good[:50], *bad, *good[50:], "2026/07/01 02:39:19.1, 0, 14"]))

    assert statements(whole) == statements(recording("\n".join(good)))


@pytest.mark.parametrize("name", ["<script>", "::error::x", "\x1b[31m", "0\u202e", "x" * 99])
def test_the_name_of_a_gpu_cannot_be_markup(name):
    rows = table("amd-smi metric", IDLE, end=60) + amd(30, 0, 0, 0, 1).replace(
        ",0,", f",{name},", 1
    )

    assert [gpu.name for gpu in recording(rows).gpus] == ["0"]


def test_a_long_recording_keeps_few_values_and_the_same_answer():
    said = recording(table("amd-smi metric", IDLE, warm=200, end=40_000))

    assert said.stretches <= 480
    assert abs(said.stretches * said.stretch_s - 40_200) < 2 * said.stretch_s
    assert "all gpus idle" in statements(said)[-1]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "a,b,c",
        "timestamp,index,power.draw [W]",
        "step,loss,time",
        NVIDIA.replace("timestamp", "when"),
    ],
)
def test_other_tables_are_no_monitors(header):
    assert columns(header) is None


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("2026/07/01 02:06:00.500", BEGAN.timestamp() + 0.5),
        (str(int(BEGAN.timestamp())), BEGAN.timestamp()),
        (str(int(BEGAN.timestamp() * 1000)), BEGAN.timestamp()),
        ("2026-07-01T04:06:00+02:00", BEGAN.timestamp()),
        ("2026-07-01T02:06:00", BEGAN.timestamp()),
    ],
)
def test_the_times_of_every_monitor_are_read(told, seconds):
    header = "timestamp,gpu,gfx"
    assert recording(f"{header}\n{told},0,0").began_s == pytest.approx(seconds, abs=0.01)


START = """\
(APIServer pid=1) INFO 07-01 02:06:00 [api_server.py:1] vLLM API server version 0.32.0
(EngineCore pid=2) INFO 07-01 02:06:10 [core.py:93] Initializing a V1 LLM engine (v0.32.0) with config: model='m'
(Worker_TP0 pid=3) INFO 07-01 02:06:30 [gpu_model_runner.py:1] Starting to load model m...
"""
READY = "(APIServer pid=1) INFO:     Application startup complete.\n"


@pytest.fixture(scope="module")
def examiner() -> Examiner:
    return Examiner(load(default_root()))


def diagnosed(examiner: Examiner, log: str, monitored: str):
    csv = source(monitored)
    csv.name = "gpu_metrics.csv"
    return examiner.diagnose([source(log), csv])


def seen(diagnosis) -> list[str]:
    return [link.signature.id for link in diagnosis.chain]


def test_idle_gpus_of_a_start_are_a_sign_of_a_wait_on_the_host(examiner):
    diagnosis = diagnosed(examiner, START, table("nvidia-smi", *[IDLE] * 8))

    assert "host/gpus-idle-to-the-end" in seen(diagnosis)
    assert diagnosis.cause is None


def test_a_monitor_that_went_on_tells_how_long_the_log_was_silent(examiner):
    diagnosis = diagnosed(examiner, START, table("nvidia-smi", *[IDLE] * 8))

    assert diagnosis.verdict is Verdict.HUNG
    assert diagnosis.progress.stalled_s == pytest.approx(2000 - 30, abs=10)


@pytest.mark.parametrize("ending", ["##[error]The operation was canceled.\n", "Killed\n"])
def test_a_log_that_tells_its_end_was_not_silent_after_it(examiner, ending):
    diagnosis = diagnosed(examiner, START + ending, table("nvidia-smi", *[IDLE] * 8))

    assert not diagnosis.progress.stalled_s


@pytest.mark.parametrize("hours", [-1, 1, 5.5])
def test_a_monitor_on_another_clock_tells_nothing_of_the_logs_end(examiner, hours):
    monitored = table("amd-smi metric", *[IDLE] * 2, warm=600, end=7200)
    moved = re.sub(r"(?m)^\d{10}", lambda m: str(int(m[0]) + int(hours * 3600)), monitored)
    assert moved != monitored

    assert not diagnosed(examiner, START, moved).progress.stalled_s


def test_idle_gpus_of_a_server_that_came_up_are_nothing(examiner):
    diagnosis = diagnosed(examiner, START + READY, table("nvidia-smi", *[IDLE] * 8))

    assert diagnosis.verdict is Verdict.HEALTHY


KERNEL = """Process 1402: VLLM::EngineCore
Thread 1402 (idle): "MainThread"
    synchronize (torch/cuda/streams.py:254)
    get_output (vllm/v1/worker/gpu/async_utils.py:50)
    result (vllm/v1/executor/uniproc_executor.py:38)
    step_with_batch_queue (vllm/v1/engine/core.py:595)
"""


@pytest.mark.parametrize(("end", "named"), [(SPIN, True), (IDLE, False)])
def test_a_kernel_that_never_ends_is_only_named_where_the_gpus_were_not_idle(examiner, end, named):
    diagnosis = diagnosed(examiner, START + READY + KERNEL, table("nvidia-smi", *[end] * 8))

    told = [diagnosis.cause, *(one.finding for one in diagnosis.alternatives)]
    assert "cuda/gpu-kernel-deadlock" in [one.signature.id for one in told if one]
    assert (diagnosis.cause is not None) == named


def test_the_odd_gpu_is_a_sign_also_after_the_server_came_up(examiner):
    monitored = table("nvidia-smi", *[SPIN] * 7, IDLE)

    assert "host/gpu-idle-among-busy-ones" in seen(diagnosed(examiner, START + READY, monitored))


def test_a_table_of_another_kind_is_read_as_a_log(examiner):
    diagnosis = diagnosed(examiner, START, "a,b,c\nRuntimeError: boom\n")

    assert diagnosis.recordings == ()
    assert [note.lines for note in diagnosis.sources] == [3, 2]


def test_the_use_of_the_gpus_stands_below_the_phases_on_one_clock(examiner):
    lines = timeline(diagnosed(examiner, START, table("nvidia-smi", *[IDLE] * 7, SPIN, end=20)), 60)

    assert len([line for line in lines if " 0 " in line]) == 1
    assert lines[-2].startswith("GPUs 0-6 ")
    assert lines[-1].startswith("GPU 7 ")
    assert lines[-1].endswith("█")
    assert max(map(len, lines)) <= 60
