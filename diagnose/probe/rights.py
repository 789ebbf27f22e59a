"""Why something may not be looked at, and the exact command that would allow it.

Part of the probe, floor 10.
"""

from __future__ import annotations

import os

from diagnose.probe import proc

_SYS_PTRACE = 19


def memory(pid: int) -> tuple[str, str]:
    """Reason and remedy for a process whose memory and descriptors may not be read."""
    owner = proc.status(pid).get("Uid", "").split()
    ours = os.geteuid()
    if ours != 0 and owner and int(owner[0]) != ours:
        return (
            f"it belongs to another user (uid {owner[0]}), and only that user and root may look",
            f"sudo diagnose attach {pid}",
        )
    if not has_ptrace():
        return (
            "this process lacks the capability CAP_SYS_PTRACE, as containers do by default",
            "docker run --cap-add SYS_PTRACE …, or on the host: sudo diagnose attach "
            + str(pid)
            + "; on Kubernetes: securityContext.capabilities.add: [SYS_PTRACE]",
        )
    if ours != 0:
        return ("the kernel refuses it to other processes of the same user", ptrace())
    return (
        "the kernel refuses it even to root: a security module or a user namespace",
        container(pid),
    )


def ptrace() -> str:
    """What would allow tracing."""
    scope = proc.text("/proc/sys/kernel/yama/ptrace_scope").strip()
    if scope == "3":
        return "kernel.yama.ptrace_scope is 3 and stays so until the machine is restarted"
    if scope in ("1", "2"):
        return "sudo diagnose attach …, or sudo sysctl kernel.yama.ptrace_scope=0"
    return "sudo diagnose attach …, or docker run --cap-add SYS_PTRACE …"


def container(pid: int) -> str:
    """How to look from inside where the process lives."""
    return f"sudo nsenter --target {pid} --mount --pid -- diagnose attach …, or docker exec into its container"


def has_ptrace() -> bool:
    """Whether this process may trace those of other users."""
    effective = proc.status("self").get("CapEff", "0")
    return bool(int(effective, 16) >> _SYS_PTRACE & 1)


def contained() -> bool:
    """Whether this process lives in a PID namespace of its own, and so sees only a container's processes."""
    kernel_threads = proc.stat(2)
    return kernel_threads is None or kernel_threads.comm != "kthreadd"
