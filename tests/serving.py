"""A real vLLM server of two ranks on this machine's processors, for tests that look at it.

DIAGNOSE_VLLM names the `vllm` program (else the one on the path is taken). Its tiny model, the plugin that
makes a rank fail and the stand-in for the hub lie in `tests/programs/`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from living import PROGRAMS, until

from diagnose.probe import proc

VLLM = os.environ.get("DIAGNOSE_VLLM") or shutil.which("vllm") or ""
INSTALLED = pytest.mark.skipif(
    not VLLM, reason="vLLM is not installed; DIAGNOSE_VLLM names its program"
)
PYTHON = str(Path(VLLM).parent / "python")
"""The Python that vLLM runs in."""
START_S = 400.0
CPU = {
    "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_HOST_IP": "127.0.0.1", "GLOO_SOCKET_IFNAME": "lo",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1", "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
}  # fmt: skip
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
_NAMED = """
import importlib.metadata as m
for name in ("vllm", "vllm-cpu"):
    try: print(name, m.version(name)); break
    except m.PackageNotFoundError: pass
"""


def made_model(folder: Path) -> Path:
    """A small model; that of DIAGNOSE_MODEL where it is set."""
    if os.environ.get("DIAGNOSE_MODEL"):
        return Path(os.environ["DIAGNOSE_MODEL"])
    subprocess.run([PYTHON, str(PROGRAMS / "tiny_model.py"), str(folder)], check=True)
    return folder


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a small model."""
    return str(made_model(tmp_path_factory.mktemp("model") / "tiny"))


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What a server that is started in this module finds on its paths."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", made_plugins(tmp_path_factory.mktemp("plugins")))
        patch.setenv("PATH", f"{Path(VLLM).parent}:{os.environ['PATH']}")
        yield


def made_plugins(folder: Path) -> str:
    """Folders for PYTHONPATH: the plugin with the faults, and the package name that `vllm serve` asks for."""
    faults = {"entry_points.txt": "[vllm.general_plugins]\nfaults = vllm_faults:register\n"}
    _package(folder, "vllm_faults", "0", faults)
    name, version = subprocess.run(
        [PYTHON, "-c", _NAMED], capture_output=True, text=True, check=True
    ).stdout.split()
    if name != "vllm":
        # The wheel for processors has another name; `+cpu` in the version is what chooses the platform.
        _package(folder, "vllm", version if "+cpu" in version else f"{version}+cpu", {})
    return f"{folder}:{PROGRAMS / 'faults'}"


def _package(folder: Path, name: str, version: str, files: dict[str, str]) -> None:
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    for file, text in {"METADATA": metadata, **files}.items():
        (info / file).write_text(text)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Server:
    """A started server."""

    def __init__(self, pid: int, port: int, log: Path) -> None:
        self.pid, self.port, self.log = pid, port, log

    def worker(self, rank: int) -> int:
        """The pid of a rank; 0 while it has no title yet."""
        return self.titled(f"VLLM::Worker_TP{rank}")

    def titled(self, title: str) -> int:
        """The pid of a process by its title."""
        tree = proc.family(self.pid)
        return next((pid for pid in tree if proc.title(pid) == title), 0)

    def serves(self) -> bool:
        """Whether it answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=2) as said:
                return bool(said.status == 200)
        except OSError:
            return False

    def wait(self, true: Callable[[], object]) -> None:
        """Waits for a state of the server; fails with its log when it ends before."""

        def there() -> bool:
            state = proc.stat(self.pid)
            assert state is not None, self.log.read_text(errors="replace")[-4000:]
            assert state.state != "Z", self.log.read_text(errors="replace")[-4000:]
            return bool(true())

        until(there, START_S)

    def said(self, text: str) -> bool:
        """Whether its log holds a text."""
        return text in self.log.read_text(errors="replace")


def command(model: str, port: int, *arguments: str, ranks: int = 2) -> list[str]:
    """Starts a server."""
    return [
        VLLM, "serve", model, "--host", "127.0.0.1", "--port", str(port), "--max-model-len", "256",
        "--dtype", "bfloat16", "--enforce-eager", "--tensor-parallel-size", str(ranks), *arguments,
    ]  # fmt: skip


def variables(folder: Path, **environment: str) -> dict[str, str]:
    """The environment that it is started with."""
    online = "HF_ENDPOINT" in environment
    steered = {**os.environ, **CPU, **({} if online else OFFLINE), **environment}
    return {**steered, "TMPDIR": str(folder), "VLLM_CACHE_ROOT": str(folder / "vllm")}


@contextlib.contextmanager
def server(
    folder: Path, model: str, *arguments: str, ranks: int = 2, **environment: str
) -> Iterator[Server]:
    """A server in a session of its own, whose every process and shared memory ends with the test."""
    port = free_port()
    log = folder / "server.log"
    segments = set(_segments())
    with log.open("wb") as out:
        started = subprocess.Popen(
            command(model, port, *arguments, ranks=ranks), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            start_new_session=True, env=variables(folder, **environment),
        )  # fmt: skip
    try:
        yield Server(started.pid, port, log)
    finally:
        ended(started, segments)


def ended(started: subprocess.Popen[bytes], segments: set[Path]) -> None:
    """Ends every process of a session and unlinks the shared memory that it leaves."""
    used = {one for pid in _session(started.pid) for one in _mapped(pid)}
    for pid in _session(started.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    started.wait()
    for one in used - segments:
        one.unlink(missing_ok=True)


def _session(leader: int) -> Sequence[int]:
    return [pid for pid, state in proc.processes().items() if state.session == leader]


def _segments() -> list[Path]:
    return list(Path("/dev/shm").glob("psm_*"))


def _mapped(pid: int) -> list[Path]:
    text = proc.text(f"/proc/{pid}/maps", 2**24)
    return [one for one in _segments() if str(one) in text]
