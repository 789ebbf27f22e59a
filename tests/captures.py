"""Turns the folders of recorded looks (`py-spy`, `/proc`, `ss` of one real server each) into snapshots.

    python tests/captures.py CAPTURES [NAME…]

writes `fixtures/snapshots/NAME.json` for every folder below CAPTURES. Only needed by who has such recordings;
the snapshots are what the tests read.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from diagnose.bundle import to_json
from diagnose.model import (
    Connection,
    CouldNotLook,
    FileLock,
    Frame,
    LockFile,
    OpenFile,
    Pipe,
    Process,
    Sample,
    Snapshot,
    Thread,
)

OUT = Path(__file__).parent.parent / "fixtures" / "snapshots"
TAKEN = 1795300000.0
LOCALS = {
    "name", "build_directory", "start_time", "lock_filename", "lockPath", "hostname", "port", "rank", "world_size",
    "method", "send_method", "responses", "local_count", "remote_count", "conn_pending", "start_pending",
    "handshake_address", "distributed_init_method", "timeout",
}  # fmt: skip
WHERE = re.compile(
    r"cpp_extension|file_baton|filelock/|rendezvous|distributed_c10d|multiproc_executor|v1/engine/|parallel_state"
)
CALLS = {0: "read", 7: "poll", 35: "nanosleep", 61: "wait4", 202: "futex", 230: "clock_nanosleep", 232: "epoll_wait", 271: "ppoll", 281: "epoll_pwait"}  # fmt: skip
TITLES = (
    (re.compile(r"VLLM::(Worker\w*)"), "worker"),
    (re.compile(r"VLLM::(EngineCore\w*)"), "engine-core"),
    (re.compile(r"VLLM::(APIServer\w*)"), "api-server"),
    (re.compile(r"VLLM::(DPCoordinator)"), "coordinator"),
    (re.compile(r"resource_tracker()"), "resource-tracker"),
    (re.compile(r"bin/vllm serve .*--headless()"), "launcher"),
    (re.compile(r"bin/vllm serve()"), "api-server"),
    (re.compile(r"^(?:\S*/)?(ninja|cc1plus|c\+\+|g\+\+|nvcc|hipcc|as|ld)\b"), "builder"),
)


def snapshot(folder: Path) -> Snapshot:
    """One look, from one folder."""
    processes = [
        p for path in sorted((folder / "proc").glob("*.txt")) if (p := process(path, folder))
    ]
    files, pipes = descriptors(folder, {p.pid for p in processes})
    samples = [s for p in processes for s in stacks(folder / "pyspy", p.pid)]
    locks = kernel_locks(folder, files)
    return Snapshot(
        taken_s=TAKEN,
        duration_s=6.0,
        host="lab",
        root=next(
            (p.pid for p in processes if p.role in ("api-server", "launcher")), processes[0].pid
        ),
        processes=tuple(processes),
        samples=tuple(sorted(samples, key=lambda sample: sample.time_s)),
        files=tuple(files),
        locks=tuple(locks),
        lock_files=tuple(lock_files(samples, files, locks)),
        connections=tuple(connections(folder, {p.pid for p in processes})),
        pipes=tuple(pipes),
        could_not=(
            CouldNotLook("GPUs", "no amd-smi, rocm-smi or nvidia-smi", "install one of them"),
        ),
    )


def process(path: Path, folder: Path) -> Process | None:
    """One process, from its part of /proc."""
    text = path.read_text()
    part = dict(re.findall(r"== (\w+)\n(.*?)(?=\n== |\Z)", text, re.DOTALL))
    fields = dict(re.findall(r"^(\w+):\s+(.*)$", part["status"], re.MULTILINE))
    pid = int(path.stem)
    numbers = part["stat"].rpartition(")")[2].split()
    if not numbers or "PPid" not in fields:
        return None  # it had ended
    title = " ".join(part["cmdline"].split())[:400]
    role, name = role_and_name(title)
    shares = {
        entry["pid"]: entry["cpu_pct"] / 100
        for entry in json.loads((folder / "cpu.json").read_text())
    }
    share = shares.get(pid, 0.98 if name == "cc1plus" else 0.0)
    return Process(
        pid=pid,
        ppid=int(fields["PPid"]),
        title=title,
        comm=part["comm"].strip(),
        state=fields["State"][0],
        started_s=TAKEN - age(folder, pid),
        cpu_share=share,
        cpu_s=(int(numbers[11]) + int(numbers[12])) / 100,
        threads=int(fields["Threads"]),
        rss=int(fields.get("VmRSS", "0 kB").split()[0]) * 1024,
        user="root",
        wchan=part["wchan"].strip().replace("0", "", 1)
        if part["wchan"].strip() == "0"
        else part["wchan"].strip(),
        syscall=syscall(part.get("syscall", "")),
        session=int(numbers[3]),
        role=role,
        ranks=tuple((axis, int(n)) for axis, n in re.findall(r"(TP|PP|DP|EP)(\d+)", name)),
        name=name,
        python=(folder / "pyspy" / f"{pid}.txt").is_file()
        or (folder / "pyspy" / f"{pid}.json").is_file(),
    )


def role_and_name(title: str) -> tuple[str, str]:
    """What a process is, by its title."""
    for pattern, role in TITLES:
        if found := pattern.search(title):
            return role, found[1] or {
                "api-server": "APIServer",
                "launcher": "vllm serve --headless",
            }.get(role, role)
    return "", ""


def age(folder: Path, pid: int) -> float:
    """Seconds since it started, as ps says."""
    for line in (folder / "ps.txt").read_text().splitlines():
        fields = line.split()
        if fields and fields[0] == str(pid):
            return float(next(f for f in fields[6:9] if f.isdigit()))
    return 20.0


def syscall(text: str) -> str:
    """The call it sits in, with the descriptor where that is its first argument."""
    fields = text.split()
    if not fields or not fields[0].isdigit():
        return ""
    name = CALLS.get(int(fields[0]), "")
    if name == "read":
        return f"read {int(fields[1], 16)}"
    return f"wait4 {int(fields[1], 16)}" if name == "wait4" else name


def stacks(folder: Path, pid: int) -> Iterator[Sample]:
    """Two samples: the plain dump, and the one with locals, of which only the known ones are kept."""
    for number, name in enumerate((f"{pid}.json", f"{pid}.nonblocking.json", f"{pid}.locals.json")):
        path = folder / name
        if path.is_file() and path.stat().st_size:
            how = "py-spy --nonblocking" if "nonblocking" in name else "py-spy"
            yield Sample(
                pid, TAKEN + 2 * number, tuple(thread(t) for t in json.loads(path.read_text())), how
            )


def thread(data: dict[str, Any]) -> Thread:
    """One thread."""
    return Thread(
        data["os_thread_id"] or 0,
        data["thread_name"] or "",
        data["active"],
        data["owns_gil"],
        tuple(frame(f) for f in data["frames"]),
    )


def frame(data: dict[str, Any]) -> Frame:
    """One frame."""
    known = WHERE.search(data["filename"])
    values = {
        entry["name"]: entry["repr"]
        for entry in (data["locals"] or [])
        if known and entry["name"] in LOCALS and entry["repr"] and "<" not in entry["repr"]
    }
    return Frame(data["name"], data["filename"], data["line"], values)


def descriptors(folder: Path, pids: set[int]) -> tuple[list[OpenFile], list[Pipe]]:
    """Open locks and the pipes that somebody sits in, with both ends."""
    files: list[OpenFile] = []
    ends: dict[int, set[int]] = {}
    reading = {}
    for path in sorted((folder / "proc").glob("*.txt")):
        pid, text = int(path.stem), path.read_text()
        found = syscall(next(iter(re.findall(r"== syscall\n(.*)", text)), ""))
        for fd, target in re.findall(r"^(\d+) -> (\S+)$", text, re.MULTILINE):
            inode = re.match(r"pipe:\[(\d+)\]", target)
            if inode:
                ends.setdefault(int(inode[1]), set()).add(pid)
            if inode and found == f"read {fd}":
                reading[int(inode[1])] = pid
                files.append(OpenFile(pid, int(fd), target, int(inode[1])))
            elif target.endswith((".lock", "/lock")):
                files.append(OpenFile(pid, int(fd), target, mode="w"))
    pipes = [
        Pipe(inode, (pid,), tuple(sorted(ends[inode] - {pid}))) for inode, pid in reading.items()
    ]
    return files, pipes


def kernel_locks(folder: Path, files: list[OpenFile]) -> Iterator[FileLock]:
    """/proc/locks, of the processes that were looked at."""
    for kind, pid, inode in re.findall(
        r"^\d+: (\w+) +\w+ +\w+ +(\d+) \w+:\w+:(\d+)",
        (folder / "locks.txt").read_text(),
        re.MULTILINE,
    ):
        path = next((f.path for f in files if f.pid == int(pid)), "")
        yield FileLock(kind.lower(), int(pid), int(inode), 0, path)


def lock_files(
    samples: list[Sample], files: list[OpenFile], locks: list[FileLock]
) -> Iterator[LockFile]:
    """The locks that stacks name, with everybody who has them open."""
    named: dict[str, float] = {}
    for sample in samples:
        for one in sample.threads:
            for f in one.frames:
                folder = f.locals.get("build_directory", "").strip("\"'")
                if folder.startswith("/"):
                    named.setdefault(f"{folder}/lock", 0.0)
                if name := f.locals.get("lock_filename", "").strip("\"'"):
                    named.setdefault(name, 0.0)
    for path in named:
        baton = path.endswith("/lock")
        waits = [lock.pid for lock in locks]
        holders = tuple(
            sorted({f.pid for f in files if f.path == path and (baton or f.pid in waits)})
        )
        yield LockFile(
            path,
            "torch-extension" if baton else "vllm",
            baton,
            age_s=20.0 if holders and baton else 300.0,
            inode=1,
            size=0,
            holders=holders,
            filesystem="ext4",
        )


def connections(folder: Path, pids: set[int]) -> Iterator[Connection]:
    """The TCP sockets of the processes, without the many to themselves."""
    for line in (folder / "ss.txt").read_text().splitlines():
        fields = line.split()
        owner = re.search(r"pid=(\d+),fd=(\d+)", line)
        if not fields or fields[0] != "tcp" or not owner or int(owner[1]) not in pids:
            continue
        state = {"ESTAB": "ESTABLISHED", "SYN-SENT": "SYN_SENT"}.get(fields[1], fields[1])
        yield Connection(
            int(owner[1]), int(owner[2]), state, fields[4], fields[5],
            receive_queue=int(fields[2]), send_queue=int(fields[3]),
        )  # fmt: skip


def main(arguments: list[str]) -> None:
    """Writes the snapshots."""
    root, wanted = Path(arguments[0]), arguments[1:]
    OUT.mkdir(parents=True, exist_ok=True)
    for folder in sorted(root.iterdir()):
        look = folder / "building" if (folder / "building").is_dir() else folder
        if (look / "proc").is_dir() and (not wanted or folder.name in wanted):
            data = to_json(snapshot(look))
            text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
            (OUT / f"{folder.name}.json").write_text(text + "\n")
            print(folder.name, len(text))


if __name__ == "__main__":
    main(sys.argv[1:])
