"""Runs a launch script with every program replaced, to see the server's exact command: only when asked to.

Floor 10. The script runs in namespaces of its own (util-linux's `unshare`): no network, no other process, a root of its own in memory that
holds the system's programs read-only, and neither homes nor secrets; no capability, no variable but the job's, seconds of time. Where one
of these cannot be had, nothing is run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from diagnose.errors import InputError

LIMIT_S = 12
_MOST_BYTES = 4_000_000
_NEEDED = ("unshare", "setpriv", "mount", "chroot", "bash")
_RECORDED = (
    "vllm",
    "python",
    "python3",
    "sglang",
    "trtllm-serve",
    "text-generation-launcher",
    "mpirun",
    "numactl",
)
_SILENT = (
    "sleep",
    "curl",
    "wget",
    "hf",
    "huggingface-cli",
    "pip",
    "pip3",
    "git",
    "docker",
    "srun",
    "kill",
    "pkill",
)

_SAYING = {
    "rocm-smi": "GPU[0] : MEC firmware version: 177",
    "amd-smi": "GPU: 0",
    "nvidia-smi": "0",
    "nproc": "64",
}
"""What tools of the host print, so that a script which asks them goes on."""

_SETUP = r"""
set -e
root=$1; name=$2; body=$3; shift 3
mount --make-rprivate /
mount -t tmpfs -o size=64m,mode=755 tmpfs "$root/new"
mkdir -p "$root/new"/{usr,dev,proc,tmp,workspace,given}
mount --rbind /usr "$root/new/usr"
mount -o remount,bind,ro,nosuid "$root/new/usr"
for folder in bin lib lib64 sbin; do
    if [ -L "/$folder" ]; then
        cp -a "/$folder" "$root/new/$folder"
    elif [ -d "/$folder" ]; then
        mkdir -p "$root/new/$folder"
        mount --rbind "/$folder" "$root/new/$folder"
        mount -o remount,bind,ro,nosuid "$root/new/$folder"
    fi
done
if [ -d /etc/alternatives ]; then
    mkdir -p "$root/new/etc/alternatives"
    mount --bind /etc/alternatives "$root/new/etc/alternatives"
    mount -o remount,bind,ro "$root/new/etc/alternatives"
fi
for device in null zero urandom; do
    touch "$root/new/dev/$device"
    mount --bind "/dev/$device" "$root/new/dev/$device"
done
mount --bind "$root/given" "$root/new/given"
mount -o remount,bind,ro "$root/new/given"
mount -t proc proc "$root/new/proc"
cd "$root/new"
exec chroot . /usr/bin/setpriv --no-new-privs --bounding-set=-all --inh-caps=-all \
    /usr/bin/env -i PATH=/given/bin:/usr/bin:/bin HOME=/tmp "$@" \
    /bin/bash --norc -c "$body" "$name"
"""
# What the script started in the background may still be on its way when the script is done.
_BODY = r"""
ulimit -t 10 -f 20000 -u 256 -v 2000000
cd /workspace
BASH_ENV=/given/stubs /bin/bash "/given/tree/$0" </dev/null >/dev/null 2>&1
for turn in {1..30}; do
    set -- /proc/[0-9]*
    [ $# -le 1 ] && break
    /usr/bin/sleep 0.1
done
"""
# What a library installs, downloads or waits for is not there.
_STUBS = r"""
command_not_found_handle() { return 0; }
source() {
    [ -r "$1" ] && builtin source "$@"
    for name in $(compgen -A function); do
        case $name in
            check_env_vars | ensure_* | install_* | download_* | resolve_* | stage_* | wait_for_*)
                eval "$name() { return 0; }" ;;
        esac
    done
    return 0
}
.() { source "$@"; }
"""
_RECORDER = r"""#!/bin/bash
{ printf '%s\0' @command "${0##*/}" "$@" @environment; env -0; printf '%s\0' @end; } >&9
"""


@dataclass(frozen=True, slots=True)
class Traced:
    """One command that a script ran."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]


def trace(
    name: str,
    data: bytes,
    row: Mapping[str, str],
    files: Mapping[str, bytes] = MappingProxyType({}),
) -> list[Traced]:
    """The commands of engines that a script runs for one row.

    Args:
        name: The script's path from the top of its repository.
        data: Its bytes.
        row: The job's variables.
        files: What it sources or runs, by the same kind of path.

    Raises:
        InputError: If the sandbox cannot be made; nothing was run then.
    """
    missing = [tool for tool in _NEEDED if shutil.which(tool) is None]
    if sys.platform != "linux" or missing:
        raise InputError(
            f"--trace needs Linux with {', '.join(missing or _NEEDED)}, so nothing was run",
            "leave --trace out: the script is followed without running it",
        )
    with tempfile.TemporaryDirectory(prefix="diagnose-trace-") as folder:
        root = Path(folder)
        path = _inner(name) or "script.sh"
        _prepare(root, {**files, path: data})
        return _parse(_run(root, path, row))


def _inner(name: str) -> str:
    """A path that stays below the folder it is put in."""
    return "/".join(part for part in name.split("/") if part not in ("", ".", ".."))


def _prepare(root: Path, files: Mapping[str, bytes]) -> None:
    binaries, scripts = root / "given" / "bin", root / "given" / "tree"
    for path in (root / "new", binaries, scripts):
        path.mkdir(parents=True)
    for name, data in files.items():
        file = scripts / _inner(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.chmod(0o755)
    (root / "given" / "stubs").write_text(_STUBS)
    for program in _RECORDED:
        (binaries / program).write_text(_RECORDER)
        (binaries / program).chmod(0o755)
    for program, line in _SAYING.items():
        (binaries / program).write_text(f"#!/bin/bash\necho '{line}'\n")
        (binaries / program).chmod(0o755)
    for program in _SILENT:
        (binaries / program).write_text("#!/bin/bash\nexit 0\n")
        (binaries / program).chmod(0o755)


def _run(root: Path, name: str, row: Mapping[str, str]) -> bytes:
    """What the recorders wrote."""
    record = root / "recorded"
    writer = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    namespaces = ["--user", "--map-root-user", "--mount", "--net", "--pid", "--ipc", "--uts"]
    given = [
        f"{n}={v}"
        for n, v in row.items()
        if n.isidentifier() and n not in ("PATH", "BASH_ENV", "HOME")
    ]
    command = [
        *("unshare", *namespaces, "--fork", "--kill-child", "--"),
        *(
            "bash",
            "-c",
            f"exec 9>&{writer} {writer}>&-\n{_SETUP}",
            "trace",
            str(root),
            name,
            _BODY,
            *given,
        ),
    ]
    process = subprocess.Popen(
        command, pass_fds=(writer,), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, start_new_session=True,
    )  # fmt: skip
    os.close(writer)
    try:
        said = process.communicate(timeout=LIMIT_S)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        said = process.communicate()[1]
    with record.open("rb") as file:
        recorded = file.read(_MOST_BYTES)
    if not recorded and (
        b"unshare" in said or b"mount" in said or b"chroot" in said or b"setpriv" in said
    ):
        reason = said.decode(errors="replace").strip().splitlines()[0][:200]
        raise InputError(
            f"--trace cannot make its sandbox, so nothing was run ({reason})",
            "leave --trace out: the script is followed without running it",
        )
    return recorded


def _parse(recorded: bytes) -> list[Traced]:
    found = []
    argv: list[str] = []
    environment: dict[str, str] = {}
    into: Sequence[str] | None = None
    for part in recorded.decode(errors="replace").split("\0"):
        if part == "@command":
            argv, environment, into = [], {}, argv
            into = argv
        elif part == "@environment" and into is argv:
            into = ()
        elif part == "@end":
            found.append(Traced(tuple(argv), environment))
            into = None
        elif into is argv and into is not None:
            argv.append(part)
        elif into is not None:
            name, _, value = part.partition("=")
            environment[name] = value
    return found
