"""Lines that the operating system, the scheduler and launchers write or label.

Floor 1: pure.

    Mar 02 07:40:55 node-a systemd[1]: ollama.service: …     journald, syslog
    [312044.118820] amdgpu 0000:dd:00.0: …                   the kernel's ring buffer
    [Thu Aug 27 01:39:44 2026] Out of memory: Killed …       dmesg -T
    srun: error: node-07: task 0: Exited with exit code 1    Slurm
    3: (Worker_TP1 pid=22) …                                 srun --label
    server-1  | INFO: …                                      docker compose
    [1,3]<stderr>:…                                          mpirun --tag-output
    [pod/vllm-0/server] …                                    kubectl logs --prefix

A label of a task or a container says where a process runs, not which one it is: it becomes the
writer's node, since pids of different containers may be equal.
"""

from __future__ import annotations

from diagnose.dialects import times
from diagnose.dialects.reading import Reading
from diagnose.expressions import later
from diagnose.model import Writer

_SYSLOG = later(
    rf"(?:<\d+>)?(?:([A-Z][a-z][a-z]) +(\d{{1,2}}) (\d\d:\d\d:\d\d(?:\.\d+)?)|({times.FULL}))"
    r" ([\w.-]+) ([\w.@/+-]+)(?:\[(\d{1,9})\])?: "
)
_DMESG = later(
    r"(?:<\d+>)?\[(?:\s*(\d+\.\d{6})"
    r"|([A-Z][a-z]{2} ([A-Z][a-z]{2}) +(\d{1,2}) (\d\d:\d\d:\d\d) (\d{4})))\](?:\[ *[TC]\d+\])? ?"
)
_SLURM = later(r"(srun|salloc|sbatch|scancel|slurm(?:step|ctl)?d)(?:-(\S+))?: (?:(\w+): )?")
_SLURM_NODE = later(r"([\w.-]+): tasks? [\d,-]+: ")
_SLURM_END = later(rf"\*\*\* (?:STEP|JOB) \S+ ON (\S+) [A-Z ]+ AT ({times.FULL})")
_TASK = later(r"(?= {0,2}\d)(?=[ \d]{1,3}:) *(\d+): (?=\S| {2,})")
_COMPOSE = later(r"([\w.-]+-\d+|[\w.-]+\.\d+\.\w+@[\w.-]+) +\| ?")
_MPIRUN = later(r"\[\d+,(\d{1,9})\]<std(?:out|err)>: ?")
_POD = later(r"\[pod/([^\]/]+)/[^\]]+\] ")
_DATE = later(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) +(\d{1,2}) (\d\d:\d\d:\d\d) (?:[A-Z]{3,4} )?(\d{4})$")


def syslog(text: str, reading: Reading) -> str | None:
    """Takes off `Mar 02 07:40:55 node-a systemd[1]: `; None if it is not there."""
    if text[:3] not in times.MONTHS and text[0] not in "<2":
        return None
    found = _SYSLOG.match(text)
    if found is None:
        return None
    month, day, clock, stamp, node, name, pid = found.groups()
    if stamp:
        reading.at(stamp, times.full(stamp))
    else:
        time_s = times.yearless(times.MONTHS.get(month, 0), int(day), clock)
        reading.at(f"{month} {day} {clock}", time_s)
    if name == "kernel":
        reading.by(Writer("kernel", None, "kernel", (), node))
    else:
        reading.via(Writer(name, int(pid) if pid else None, "", (), node))
    return text[found.end() :]


def dmesg(text: str, reading: Reading) -> str | None:
    """Takes off `[312044.118820] ` or `[Thu Aug 27 01:39:44 2026] `; None if it is not there."""
    found = _DMESG.match(text)
    if found is None:
        return None
    since_boot, stamp, month, day, clock, year = found.groups()
    if since_boot:
        reading.at(since_boot, float(since_boot))
    elif month in times.MONTHS:
        reading.at(stamp, times.on_day(int(year), times.MONTHS[month], int(day), clock))
    reading.by(Writer("kernel", None, "kernel", (), reading.writer.node))
    return text[found.end() :]


def slurm(text: str, reading: Reading) -> str | None:
    """Notes what Slurm says of itself; its name stays in the message, so this takes nothing off."""
    found = _SLURM.match(text)
    if found is None:
        return None
    name, node, level = found.groups()
    reading.says(level or "")
    rest = text[found.end() :]
    place = _SLURM_NODE.match(rest)
    if place is None and (place := _SLURM_END.match(rest)):
        reading.at(place[2], times.full(place[2]))
    reading.by(Writer(name, None, "launcher", (), place[1] if place else node or ""))
    return None


def label(text: str, reading: Reading) -> str | None:
    """Takes off what a launcher puts before the lines of a task or container; None without one."""
    if text[0] == "[":
        if found := _MPIRUN.match(text):
            reading.by(Writer(f"rank{found[1]}", None, "", (("rank", int(found[1])),)))
        elif found := _POD.match(text):
            reading.via(Writer(node=found[1]))
    elif found := _TASK.match(text):
        reading.via(Writer(node=f"task {found[1]}"))
    elif found := (_COMPOSE.match(text) if " | " in text[:80] or text[-1] == "|" else None):
        reading.via(Writer(node=found[1]))
    return text[found.end() :] if found else None


def date(text: str, reading: Reading) -> None:
    """Notes the time of a line that holds nothing but the output of `date`."""
    found = _DATE.match(text)
    if found and found[1] in times.MONTHS:
        month, day, clock, year = found.groups()
        reading.at(text, times.on_day(int(year), times.MONTHS[month], int(day), clock))
