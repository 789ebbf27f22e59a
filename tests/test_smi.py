"""What the tools of GPUs print is read; `fixtures/smi/` says of each file what it is."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from diagnose.probe import devices

ANSWERS = Path(__file__).parent.parent / "fixtures" / "smi"
MB = 2**20


def answer(name: str) -> str:
    return (ANSWERS / name).read_text(encoding="utf-8")


def test_amd_smi_of_rocm_6():
    first, second = devices.amd(answer("amd-smi-6-metric.json"), answer("amd-smi-6-process.json"))

    assert (first.index, first.busy, first.power_w, first.pids) == (0, 100.0, 312.0, (395,))
    assert (first.memory_used, first.memory_total) == (176128 * MB, 196592 * MB)
    assert (second.index, second.busy, second.memory_used, second.pids) == (1, 0.0, 283 * MB, ())


def test_amd_smi_of_rocm_7_with_devices_that_tell_nothing():
    first, *others = devices.amd(answer("amd-smi-7-metric.json"), answer("amd-smi-7-process.json"))

    assert (first.busy, first.memory_used, first.pids) == (7.0, 271303 * MB, (395, 401))
    assert [one.index for one in others] == [1, 2]
    for one in others:
        told = (one.busy, one.memory_used, one.memory_total, one.power_w, one.pids)
        assert told == (None, None, None, None, ())


def test_rocm_smi_before_it_renamed_its_keys():
    first, second = devices.rocm(answer("rocm-smi-5.json"))

    assert (first.name, first.busy, first.power_w) == ("AMD INSTINCT MI200 (MCM) OAM LC MBA HPE C2", 100.0, 128.0)  # fmt: skip
    assert (first.memory_used, first.memory_total) == (61832429568, 68702699520)
    assert (second.index, second.busy, second.power_w) == (1, 0.0, None)


def test_rocm_smi_with_a_warning_before_its_answer():
    (gpu,) = devices.rocm(answer("rocm-smi-6.json"))

    assert (gpu.index, gpu.name, gpu.busy, gpu.power_w) == (
        0,
        "AMD Instinct MI300X OAM",
        7.0,
        142.0,
    )
    assert (gpu.memory_used, gpu.memory_total) == (297439232, 206141652992)


def test_a_warning_with_brackets_is_not_taken_for_the_answer():
    text = "ERROR: GPU[0]\t: Unable to read a file\n" + answer("rocm-smi-6.json") + "\nEnd of log\n"

    assert [gpu.busy for gpu in devices.rocm(text)] == [7.0]


def test_nvidia_smi():
    found = devices.nvidia(answer("nvidia-smi.csv"), answer("nvidia-smi-apps.csv"))
    first, second, third, last = found

    assert (first.name, first.busy, first.power_w, first.pids) == ("NVIDIA H100 80GB HBM3", 100.0, 122.51, (395, 396))  # fmt: skip
    assert (first.memory_used, first.memory_total) == (75264 * MB, 81559 * MB)
    assert (second.busy, second.pids) == (0.0, ())
    assert (third.busy, third.memory_used, third.memory_total) == (3.0, None, None)
    assert (last.busy, last.memory_used, last.power_w) == (None, None, None)


@pytest.mark.parametrize(
    "text", ["", "no devices found", "[]", "{}", "[1]", '{"card0": 1}', '["N/A"]']
)
def test_an_answer_that_names_none_is_no_device(text):
    assert devices.amd(text, text) == devices.rocm(text) == devices.nvidia(text, text) == ()


def test_a_tool_that_fails_is_quoted(tmp_path, monkeypatch):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\ncat {ANSWERS / 'nvidia-smi-failed.txt'}\nexit 9\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(
        devices, "_TOOLS", [(name, ("/",), ask) for name, _, ask in devices._TOOLS[:1]]
    )

    found, why = devices.gpus()

    assert found == ()
    assert why is not None
    assert why.why.startswith(
        "nvidia-smi says: NVIDIA-SMI has failed because it couldn't communicate"
    )
