"""What one look does: sees, saves, diagnoses.

Part of `watch`. It runs in a process of its own (see `aside`).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from diagnose import bundle, live
from diagnose.errors import DiagnoseError
from diagnose.model import Block, Channel, CouldNotLook, Diagnosis, Unknown, Verdict
from diagnose.probe import Plan, below, look
from diagnose.probe.kernel import kernel_lines
from diagnose.probe.tails import read_logs
from diagnose.reason import prepare, reason
from diagnose.sources import Source
from diagnose.watch.aside import Answer
from diagnose.watch.decide import Opinion
from diagnose.watch.hearing import OWN
from diagnose.watch.keep import keep

_OPINION = {
    "slow": Opinion.MOVES,
    "working": Opinion.MOVES,
    "idle": Opinion.IDLE,
    "hung": Opinion.WAITS,
    "stopped": Opinion.WAITS,
    "dead-peer": Opinion.WAITS,
    "unclear": Opinion.UNCLEAR,
}


OPINIONS = frozenset(Opinion)
ACCUSING = OPINIONS - {Opinion.MOVES, Opinion.IDLE}
_IN_ONE_PLACE = (Block.BUSY, Block.ASLEEP)
_OWN = re.compile(rb"(?m)^" + re.escape(OWN.encode()) + rb".*$")
_NUMBERS = re.compile(r"[\d.]+")


@dataclass(frozen=True, slots=True)
class End:
    """How a server ended."""

    pids: Collection[int]
    """All that were part of it."""
    started_s: float
    """POSIX time."""
    code: int | None = None
    first: str = ""
    """The part of it that ended before all others, where that was seen."""
    before_s: float = 0.0
    """How long before the server."""


@dataclass(frozen=True, slots=True)
class Log:
    """A file with output of the server."""

    here: str
    """Where to open it."""
    begins: int
    """From which byte on it is the server's own."""
    name: str
    """What reports call it."""


@dataclass(frozen=True, slots=True)
class Examination:
    """How to look and to answer.

    Args:
        pid: The head of the server's tree.
        logs: Its log files, by the path that its processes know.
        roots: Further folders of signatures.
        show: Makes a report, and the exit code that goes with it.
    """

    pid: int
    logs: Mapping[str, Log]
    roots: tuple[Path, ...]
    show: Callable[[Diagnosis], tuple[str, int]]

    def opinion(self, plan: Plan) -> Answer:
        """Looks, and says only whether the server moves."""
        return self._look(plan, None)

    def whole(self, save: Path | None, plan: Plan, *, always: bool) -> Answer:
        """Looks, keeps what was seen, and diagnoses it.

        Args:
            save: Where to keep it; None for nowhere.
            plan: How to look.
            always: Whether to do so even for a server that moves.
        """
        return self._look(plan, save, wanted=OPINIONS if always else ACCUSING)

    def after(self, end: End) -> Answer:
        """Diagnoses a server that ended, from its logs and the kernel's."""
        texts, missing = self._read(self._here)
        kernel, _ = kernel_lines(end.pids, end.started_s)
        # Another job on this machine may have been killed as well.
        named = re.compile(rf"\b(?:{'|'.join(map(str, end.pids))})\b")
        if kernel := tuple(row for row in kernel if named.search(row)):
            texts["kernel log"] = "".join(f"{row}\n" for row in kernel).encode()
        told = _told(end).encode()
        more = Source("how it ended", BytesIO(told), len(told), channel=Channel.HOST)
        diagnosis = reason(prepare(self.roots), None, texts, [more] if told else ())
        return self._answered(_concluded(diagnosis, end, missing), Answer())

    def _look(self, plan: Plan, save: Path | None, *, wanted: Collection[str] = ()) -> Answer:
        """Looks; keeps and diagnoses what was seen when the opinion is one that is wanted."""
        try:
            seen = look(below(self.pid), plan, self._here)
        except DiagnoseError as error:
            return Answer(Opinion.UNCLEAR, problem=error.message)
        said = live.look(seen.snapshot)
        answer = Answer(_opinion(said), _place(said), said.why)
        if answer.opinion not in wanted:
            return answer
        texts, missing = self._read(seen.logs)
        could_not = (*seen.snapshot.could_not, *missing)
        snapshot = dataclasses.replace(seen.snapshot, could_not=could_not)
        snapshot = bundle.strings(snapshot, self._named)
        snapshot, texts = bundle.redacted(snapshot, texts)
        if save is not None:
            answer = _kept(answer, save, bundle.pack(snapshot, texts))
        return self._answered(reason(prepare(self.roots), snapshot, texts), answer)

    @property
    def _here(self) -> dict[str, str]:
        return {path: log.here for path, log in self.logs.items()}

    def _read(self, paths: Mapping[str, str]) -> tuple[dict[str, bytes], tuple[CouldNotLook, ...]]:
        """The logs by the names that are shown, without what others wrote."""
        begins = {path: log.begins for path, log in self.logs.items()}
        texts, missing = read_logs(paths, begins)
        return {self._named(path): _others(data) for path, data in texts.items()}, missing

    def _named(self, text: str) -> str:
        for path, log in self.logs.items():
            text = text.replace(path, log.name)
        return text

    def _answered(self, diagnosis: Diagnosis, answer: Answer) -> Answer:
        report, code = self.show(diagnosis)
        cause = diagnosis.cause
        named = f"{cause.signature.title} ({cause.signature.id})" if cause else ""
        why = diagnosis.verdict_why
        summary = f"{diagnosis.verdict}: {named or why}"
        fine = diagnosis.verdict is Verdict.HEALTHY
        return dataclasses.replace(answer, summary=summary, report=report, code=0 if fine else code)


def _concluded(diagnosis: Diagnosis, end: End, missing: Collection[CouldNotLook]) -> Diagnosis:
    """What a diagnosis of the logs says of a server that is known to have ended."""
    diagnosis = dataclasses.replace(
        diagnosis,
        unknowns=tuple(u for u in diagnosis.unknowns if u.how != "diagnose attach")
        + tuple(Unknown(m.what, m.why, m.how) for m in missing),
    )
    open_ = diagnosis.verdict is Verdict.UNDECIDABLE and end.code != 0
    if diagnosis.cause is None and (open_ or diagnosis.verdict is Verdict.HUNG):
        code = "" if end.code is None else f" with exit code {end.code}"
        why = f"it ended{code}; {diagnosis.verdict_why}"
        diagnosis = dataclasses.replace(diagnosis, verdict=Verdict.FAILED, verdict_why=why)
    if diagnosis.cause is None and end.first and diagnosis.verdict is Verdict.FAILED:
        why = f"{diagnosis.verdict_why}; {end.first} ended first"
        diagnosis = dataclasses.replace(diagnosis, verdict_why=why)
    return diagnosis


def _told(end: End) -> str:
    """What is known of a bad end besides the logs, one plain line a fact."""
    lines = [f"the command exited with code {end.code}"] if end.code else []
    if end.first and end.code != 0:
        lines.append(
            f"{end.first} ended {end.before_s:.0f} s before the server, the first of its processes"
        )
    return "".join(f"{line}\n" for line in lines)


def _others(data: bytes) -> bytes:
    """A log without our own lines, which may be in it."""
    return _OWN.sub(b"", data) if OWN.encode() in data else data


def _opinion(said: live.Look) -> Opinion:
    opinion = _OPINION[said.state]
    if opinion is Opinion.WAITS and not any(p.python for p in said.snapshot.processes):
        # A client of something that runs elsewhere waits for it, whatever that does.
        return Opinion.UNCLEAR
    blocker = said.blocker
    if opinion is not Opinion.UNCLEAR or blocker is None or blocker.kind not in _IN_ONE_PLACE:
        return opinion
    # One for which nobody waits may do just what it is there for.
    return Opinion.STAYS if blocker.waiters else opinion


def _place(said: live.Look) -> str:
    """What is in the way; for one that computes or sleeps also the function that it does not leave."""
    blocker = said.blocker
    if blocker is None:
        return said.state
    where = _NUMBERS.sub("#", blocker.what) if blocker.kind in _IN_ONE_PLACE else ""
    return f"{said.state} {blocker.kind} {blocker.resource} {blocker.pids} {where}"


def _kept(answer: Answer, path: Path, data: bytes) -> Answer:
    try:
        keep(path, data)
    except OSError as error:
        return dataclasses.replace(answer, unsaved=f"cannot write {path}: {error.strerror}")
    return dataclasses.replace(answer, saved=str(path))
