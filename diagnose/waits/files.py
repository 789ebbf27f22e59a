"""What the kernel knows of a wait: locks, pipes, sockets, children.

Floor 7.
"""

from __future__ import annotations

from diagnose.model import Block, Connection, Pipe
from diagnose.stacks.call import CHILD, READS, WRITES, Call, call_of
from diagnose.stacks.standing import Stack, Standing
from diagnose.units import duration
from diagnose.waits.view import Arrow, View

_VFORK = ("wait_for_vfork", "kernel_clone")
"""Where a parent sleeps whose child has not come to its program yet."""
ROOM = "room in"
"""How the resource of a writer begins that waits for a reader to empty the pipe."""
MESSAGE = "a message on"
"""How the resource of a reader begins."""


def baton(view: View, standing: Standing) -> list[Arrow]:
    """A lock that counts by existing: held by who has it open, or builds in its folder."""
    path = _baton_path(view, standing)
    lock = view.lock_file(path)
    if not path:
        what = f"{standing.label} waits for the lock of a build, and its stack does not tell the lock's path"
        return [Arrow(standing.pid, "file-existence", "a lock file", (), Block.UNSEEN, what)]
    holders = set(lock.holders if lock else ())
    holders |= {f.pid for f in view.snapshot.files if f.path == path}
    folder = path.rpartition("/")[0]
    holders |= {
        s.pid
        for s in view.standings.values()
        if s.local("_run_ninja_build.build_directory") == folder
    }
    holders |= {s.pid for s in view.standings.values() if _builds_in(s, folder)}
    others = tuple(sorted(holders - {standing.pid}))
    if others:
        return [Arrow(standing.pid, "file-existence", path, others)]
    if holders:
        what = f"{standing.label} waits for the lock file {path}, which it holds itself"
        return [Arrow(standing.pid, "file-existence", path, (standing.pid,), Block.CYCLE, what)]
    blind = view.blind(lock)
    age = f" ({duration(lock.age_s)} old)" if lock else ""
    what = f"the lock file {path} exists{age}, and no process that could be seen holds it"
    return [Arrow(standing.pid, "file-existence", path, (), Block.NOBODY, what, blind)]


def _baton_path(view: View, standing: Standing) -> str:
    named = standing.local("wait.lock_file_path", "mp_lock.lock_path", "mp_lock.lockPath")
    if named:
        return named
    folder = standing.local("_jit_compile.build_directory", "load.build_directory")
    if folder:
        return f"{folder}/lock"
    place = standing.main.wait.id if standing.main and standing.main.wait else ""
    family = "aiter" if place.startswith("aiter") else "torch-extension"
    fitting = [
        lock for lock in view.snapshot.lock_files if lock.by_existence and lock.family == family
    ]
    return fitting[0].path if len(fitting) == 1 else ""


def _builds_in(standing: Standing, folder: str) -> bool:
    work = standing.main.work if standing.main else None
    builds = work is not None and work.work == "build"
    return (
        builds and standing.local("_jit_compile.build_directory", "load.build_directory") == folder
    )


def flock(view: View, standing: Standing, path: str = "") -> list[Arrow]:
    """A lock that the kernel keeps and gives back when its holder ends."""
    pid = standing.pid
    path = path or standing.local(
        "_poll_until_acquired.lock_filename", "acquire.lock_filename", "_acquire.lock_filename",
        "download_weights_from_hf.lock_filename",
    )  # fmt: skip
    waited = [lock for lock in view.snapshot.locks if lock.pid == pid and lock.waiting]
    inodes = {(lock.device, lock.inode) for lock in waited}
    path = path or next((lock.path for lock in waited if lock.path), "") or _only_foreign(view, pid)
    known = view.lock_file(path)
    held = [lock for lock in view.snapshot.locks if not lock.waiting]
    holders = {
        lock.pid
        for lock in held
        if (path and lock.path == path)
        or (lock.device, lock.inode) in inodes
        or (known and lock.inode and lock.inode == known.inode)
    }
    if known and not known.by_existence and not holders:
        # The kernel's table was not read; who has it open and does not wait for it may hold it.
        holders |= set(known.holders) - {lock.pid for lock in view.snapshot.locks if lock.waiting}
    hidden = 0 in holders
    others = tuple(sorted(holders - {0, pid} - _only_waiting(view, path)))
    resource = path or "a lock"
    if others:
        return [Arrow(pid, "flock", resource, others)]
    if pid in holders:
        what = f"{standing.label} holds {resource} itself and takes it a second time"
        return [Arrow(pid, "flock", resource, (pid,), Block.CYCLE, what)]
    note = "its holder is in another PID namespace" if hidden else view.blind(known)
    what = f"nobody who could be seen holds {resource}, which {standing.label} waits for"
    return [Arrow(pid, "flock", resource, (), Block.UNSEEN, what, note)]


def _only_waiting(view: View, path: str) -> set[int]:
    """Those who have the file open only to poll for the lock."""
    held = {lock.pid for lock in view.snapshot.locks if lock.path == path and not lock.waiting}
    polling = {
        s.pid
        for s in view.standings.values()
        if s.main and s.main.wait and s.main.wait.waits == "flock"
    }
    return polling - held


def _only_foreign(view: View, pid: int) -> str:
    """The one locked file that the process has open without holding it."""
    open_ = {f.path for f in view.snapshot.files if f.pid == pid}
    held = {lock.path for lock in view.snapshot.locks if not lock.waiting and lock.pid != pid}
    both = sorted(open_ & held)
    return both[0] if len(both) == 1 else ""


def by_call(view: View, standing: Standing, stack: Stack | None) -> list[Arrow]:
    """What the system call that a thread sits in waits for.

    Args:
        view: The snapshot.
        standing: The process.
        stack: The thread; None for the main thread of a program that is not Python. What such a program reads is
            left out: most of them are there to wait for input.
    """
    main = stack is standing.main
    call = call_of(
        (stack.thread.syscall if stack else "") or (standing.process.syscall if main else "")
    )
    pid = standing.pid
    if call.name == "flock" or (call.name == "fcntl" and call.words & {"setlkw", "ofd-setlkw"}):
        opened = view.file(pid, call.number)
        return flock(view, standing, opened.path if opened else "")
    if any(lock.pid == pid and lock.waiting for lock in view.snapshot.locks) and main:
        return flock(view, standing)
    if call.path:
        return _opening(view, standing, call.path)
    if call.name in CHILD:
        return child(view, standing, call)
    reads = call.name in READS and stack is not None
    if call.numbers and (reads or call.name in WRITES):
        found = [_descriptor(view, standing, number, reads=reads) for number in call.numbers]
        # Which of several it waits for is not told; it is the same where one process has them all.
        if all(found) and len({arrow.holders for arrows in found for arrow in arrows}) == 1:
            return found[0]
        return []
    if main and standing.process.wchan.startswith(("wait_for_partner", "fifo_open")):
        return _opening(view, standing, "")
    if main and standing.process.wchan.startswith(_VFORK):
        return child(view, standing)
    return []


def _opening(view: View, standing: Standing, path: str) -> list[Arrow]:
    pipe = view.pipe(path=path)
    partner = standing.process.wchan.startswith(("wait_for_partner", "fifo_open"))
    if pipe is None and not partner:
        return []
    others = tuple(sorted({*pipe.readers, *pipe.writers} - {standing.pid})) if pipe else ()
    where = f"the FIFO {path}" if path else "a FIFO"
    if others:
        return [Arrow(standing.pid, "fifo", path or where, others)]
    what = f"{standing.label} opens {where}, and nobody has its other end"
    return [Arrow(standing.pid, "fifo", path or where, (), Block.NOBODY, what)]


def _descriptor(view: View, standing: Standing, fd: int, *, reads: bool) -> list[Arrow]:
    connection = view.connection(standing.pid, fd)
    if connection is not None:
        return socket(view, standing, connection)
    opened = view.file(standing.pid, fd)
    if opened is None:
        return []
    inode = opened.inode or _inode(opened.path)
    pipe = view.pipe(inode=inode) or view.pipe(path=opened.path)
    return _pipe(view, standing, pipe, reads=reads) if pipe else []


def _inode(path: str) -> int:
    return int(path[6:-1]) if path.startswith("pipe:[") and path[6:-1].isdigit() else 0


def _pipe(view: View, standing: Standing, pipe: Pipe, *, reads: bool) -> list[Arrow]:
    far = pipe.writers if reads else pipe.readers
    # Who reads the same pipe holds its other end only because it was inherited.
    fellows = {pid for pid in far if _sits_at(view, pid, pipe, reads=reads)}
    others = tuple(sorted(set(far) - fellows - {standing.pid}))
    named = bool(pipe.path) and not pipe.path.startswith("pipe:")
    kind, resource = ("fifo", pipe.path) if named else ("pipe", f"pipe {pipe.inode}")
    if others:
        awaited = MESSAGE if reads else ROOM
        return [Arrow(standing.pid, kind, resource if named else f"{awaited} {resource}", others)]
    verb, missing = ("reads", "writes") if reads else ("writes", "reads")
    what = f"{standing.label} {verb} {'the FIFO ' + resource if named else resource}, which nobody {missing}"
    ended = [c for c in view.children.get(standing.pid, ()) if view.standings[c].dead]
    if ended and not named:
        what += f": its child {view.names(ended)} has ended"
    return [Arrow(standing.pid, kind, resource, (), Block.NOBODY, what)]


def _sits_at(view: View, pid: int, pipe: Pipe, *, reads: bool) -> bool:
    """Whether a process sits in a call that reads (or writes) this pipe."""
    standing = view.standings.get(pid)
    if standing is None:
        return False
    own = standing.main.thread.syscall if standing.main else ""
    call = call_of(own or standing.process.syscall)
    if call.name not in (READS if reads else WRITES) or not call.numbers:
        return False
    opened = view.file(pid, call.number)
    return opened is not None and pipe.inode in (opened.inode, _inode(opened.path))


def any_socket(view: View, standing: Standing) -> list[Arrow]:
    """A wait on a socket whose descriptor is not known: the only connection that it can be."""
    own = [
        c
        for c in view.snapshot.connections
        if c.pid == standing.pid and c.state in ("ESTABLISHED", "SYN_SENT") and ":" in c.remote
    ]
    return socket(view, standing, own[0]) if len(own) == 1 else []


def socket(view: View, standing: Standing, connection: Connection) -> list[Arrow]:
    """The other end of a socket."""
    pid, far = standing.pid, connection.remote
    if connection.state == "LISTEN":
        return []
    silent = connection.silent_s
    if silent is not None and silent < view.snapshot.duration_s:
        what = f"{standing.label} receives from {far}"
        return [Arrow(pid, "socket", far, (), Block.MOVING, what)]
    if connection.peer_pid and connection.peer_pid != pid:
        return [Arrow(pid, "socket", far, (connection.peer_pid,))]
    if connection.state == "SYN_SENT":
        what = f"{standing.label} connects to {far}, and nothing there answers"
        return [Arrow(pid, "socket", far, (), Block.ABSENT, what)]
    since = f" for {duration(silent)}" if silent is not None else ""
    what = f"{standing.label} waits for an answer from {far}, which has accepted the connection and sends nothing{since}"
    note = "" if not connection.receive_queue else "there is something to read in its queue"
    return [Arrow(pid, "socket", far, (), Block.SILENT, what, note)]


def child(view: View, standing: Standing, call: Call | None = None) -> list[Arrow]:
    """A process that it started: the one that its call names, else any."""
    call = call or call_of(standing.main.thread.syscall if standing.main else "")
    wanted = call.number if call.name in CHILD else -1
    own = [
        c
        for c in view.children.get(standing.pid, ())
        if view.standings[c].process.role != "resource-tracker"
    ]
    if wanted > 0:
        # Of one that was not looked at nothing is known; its sisters have nothing to do with it.
        own = [wanted] if wanted in view.standings else []
    return [Arrow(standing.pid, "child", "the end of its child", tuple(own))] if own else []
