"""What was seen of a live server: processes, stacks over time, files, locks, sockets, devices.

Floor 0. Everything that could not be looked at is a `CouldNotLook` with its reason; an empty field never
stands for it. Times are POSIX seconds; durations and intervals are seconds; sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Frame:
    """One call; equal frames at two times mean that the call has not moved."""

    name: str
    """As py-spy prints it: qualified (`FileBaton.wait`) on CPython 3.11 and later, bare before."""
    file: str
    """Full path; the library's path or empty for a native frame."""
    line: int
    """0 where it is not known."""
    locals: Mapping[str, str] = field(default_factory=dict)
    """Only the named locals of known frames; never an environment."""
    native: bool = False


@dataclass(frozen=True, slots=True)
class Thread:
    """One thread at one time."""

    os_id: int
    name: str
    """Empty while the interpreter starts or ends."""
    active: bool
    """False when the kernel says that it sleeps. Not reliable from outside a PID namespace."""
    owns_gil: bool
    frames: tuple[Frame, ...]
    """Innermost first."""
    syscall: str = ""
    """The system call it sits in, with the descriptor, path or pid it waits for, such as `read 7`, `poll 27 31`,
    `flock 5`, `openat /run/queue`, `wait4 395`; empty while it runs or where that may not be read."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Every thread of one process at one time."""

    pid: int
    time_s: float
    threads: tuple[Thread, ...]
    how: str = "py-spy"
    """`py-spy`, `py-spy --nonblocking`, `py-spy --native`, or the name of the tool a dump was pasted from."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process as the kernel tells it, at the end of the look."""

    pid: int
    ppid: int
    title: str
    """The whole title or command line, spaces between the arguments, secrets taken out."""
    comm: str
    """The kernel's name, cut at 15 characters."""
    state: str
    """The letter of /proc/PID/stat: R S D T t Z X I."""
    started_s: float
    """POSIX time."""
    cpu_share: float
    """Cores used over the interval: 1.0 is one core."""
    cpu_s: float
    """Seconds of processor time since it started, children that ended not counted."""
    threads: int
    rss: int
    user: str = ""
    wchan: str = ""
    """The kernel function it sleeps in, of its main thread; empty when not told."""
    syscall: str = ""
    """As `Thread.syscall`, of its main thread; for processes that are not Python there is nothing else."""
    session: int = 0
    role: str = ""
    """As `Writer.role`, and `builder`, `resource-tracker`, `client`, `ray`, `shell`."""
    ranks: tuple[tuple[str, int], ...] = ()
    name: str = ""
    """Short name for people, such as `Worker_TP3_EP3`, `EngineCore`, `ninja`."""
    ns_pid: int = 0
    """Its pid inside its own PID namespace, where that is another; else 0."""
    container: str = ""
    """An id of its container or control group; empty on the host."""
    python: bool = False
    read_bytes: int = 0
    write_bytes: int = 0
    """Since it started, as /proc/PID/io counts; 0 where it may not be read."""
    reaped_s: float = 0.0
    """Seconds of processor time of children of it that ended during the look."""
    locked_inside: bool = False
    """Whether each of its threads sat in a lock of the process itself, without a time limit: none can wake another."""


@dataclass(frozen=True, slots=True)
class OpenFile:
    """One descriptor of one process that matters: a lock, a build or download file, a pipe, /dev/shm, a log."""

    pid: int
    fd: int
    path: str
    inode: int = 0
    device: int = 0
    mode: str = ""
    """`r`, `w` or `rw`."""
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class FileLock:
    """One line of /proc/locks, with the path where it could be found."""

    kind: str
    """`flock`, `posix` or `ofd`."""
    pid: int
    """The holder, or the waiter when `waiting`; 0 when it is in another namespace."""
    inode: int
    device: int
    path: str
    waiting: bool = False
    write: bool = True


@dataclass(frozen=True, slots=True)
class LockFile:
    """A lock whose existence (torch, AITER) or whose file (Hugging Face, vLLM, FlashInfer) matters."""

    path: str
    family: str
    """`torch-extension`, `aiter`, `flashinfer`, `huggingface`, `vllm`, `inductor`, `other`."""
    by_existence: bool
    """Whether it is held by existing; otherwise it is held by flock and a mere file means nothing."""
    age_s: float
    inode: int
    size: int
    content: str = ""
    """What it says of its owner (AITER: pid and host), at most 200 characters."""
    holders: tuple[int, ...] = ()
    """Pids that have it open or hold its flock, of those that could be looked at."""
    filesystem: str = ""
    """Such as `ext4`, `nfs4`, `overlay`: on a network the holder may sit on another host."""


@dataclass(frozen=True, slots=True)
class Growth:
    """A file or folder that a build or a download writes, at the two ends of the look."""

    path: str
    before: int
    after: int
    """Bytes in all, below a folder."""
    newest_s: float
    """When something in it was last written."""


@dataclass(frozen=True, slots=True)
class Connection:
    """One socket of a process."""

    pid: int
    fd: int
    state: str
    """`LISTEN`, `ESTABLISHED`, `SYN_SENT` …; `unix` for a local one."""
    local: str
    remote: str
    peer_pid: int = 0
    """The process at the other end, when it is on this host and could be found; else 0."""
    receive_queue: int = 0
    send_queue: int = 0
    silent_s: float | None = None
    """Seconds since the last byte came over it; None where the kernel does not tell, as for local ones."""


@dataclass(frozen=True, slots=True)
class Pipe:
    """A pipe or FIFO that somebody reads and somebody writes."""

    inode: int
    readers: tuple[int, ...]
    writers: tuple[int, ...]
    path: str = ""
    """For a FIFO."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One device as amd-smi, rocm-smi or nvidia-smi tells it."""

    index: int
    name: str
    busy: float | None
    """Per cent."""
    memory_used: int | None
    memory_total: int | None
    power_w: float | None
    pids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class CouldNotLook:
    """Something that was not allowed, not there or not answered in time."""

    what: str
    why: str
    how: str = ""
    """The exact command, flag or setting that would allow it."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One look at one server."""

    taken_s: float
    """When the look began."""
    duration_s: float
    host: str
    root: int
    """The pid it was asked about, or the head of the tree that was found."""
    processes: tuple[Process, ...]
    samples: tuple[Sample, ...]
    """In order of time; several of each process."""
    files: tuple[OpenFile, ...] = ()
    locks: tuple[FileLock, ...] = ()
    lock_files: tuple[LockFile, ...] = ()
    growth: tuple[Growth, ...] = ()
    connections: tuple[Connection, ...] = ()
    pipes: tuple[Pipe, ...] = ()
    gpus: tuple[Gpu, ...] = ()
    kernel: tuple[str, ...] = ()
    """Lines of the kernel's log that name an out-of-memory kill, a device fault or one of the processes."""
    shm_free: int | None = None
    shm_total: int | None = None
    logs: tuple[str, ...] = ()
    """Paths of the server's log files, found through its descriptors."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Only variables that steer engines and builds (VLLM_, SGLANG_, AITER_, TORCH_, NCCL_ …), secrets taken out."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """`vllm`, `torch`, `sglang`, `amd-quark` … as site-packages tells."""
    could_not: tuple[CouldNotLook, ...] = ()
    partial: bool = False
    """Whether there may be further processes of the server: only those are in it whose stacks were given."""
