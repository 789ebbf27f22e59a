"""The loop: output, signals, observations, looks, and what follows from them.

Part of `watch`.
"""

from __future__ import annotations

import dataclasses
import select
import time

from diagnose.probe import Plan
from diagnose.units import duration
from diagnose.watch.aside import Answer
from diagnose.watch.decide import Decision, Opinion, Step, Watch
from diagnose.watch.ending import Ending
from diagnose.watch.examine import End, Examination
from diagnose.watch.held import Held
from diagnose.watch.looks import Looks
from diagnose.watch.options import Options
from diagnose.watch.relay import Relay
from diagnose.watch.senses import Senses
from diagnose.watch.server import Server
from diagnose.watch.signals import ENDING, Signals
from diagnose.watch.status import Voice, line

HUNG = 125
"""The exit code for a server that hung and was stopped, or was not ready in time."""
_QUICK = Plan(samples=2, interval_s=0.5, timeout_s=2.0)
_OUTPUT_S = (0.05, 0.5)
"""How often to look for output: right after the last of it, and when there is none."""
_OBSERVE_S = (0.2, 2.0, 5.0)
"""How often to observe: at most, while it moves, while it is quiet."""


class Supervisor:
    """Watches one server until it ends, or until there is nothing more to do.

    Args:
        options: What the user asked for.
        server: The command or process, with its output.
        examination: How to look at it.
        voice: Where to speak.
        signals: Those to this program.
    """

    def __init__(
        self,
        options: Options,
        server: Server,
        examination: Examination,
        voice: Voice,
        signals: Signals,
    ) -> None:
        self._options = options
        self._server = server
        self._voice = voice
        self._signals = signals
        self._began = self._heard = time.monotonic()
        self._senses = Senses(server.tree(), options.health, self._began)
        self._relay = Relay(server.channels, voice, self._hear)
        self._watch = Watch(options.patience, self._began, max_s=options.max_s)
        self._ending = Ending(self._senses.tree, options.grace_s, self._pump)
        self._watching = True
        self._looks = Looks(
            examination, options.save, voice, self._senses.tree, options.patience.between_samples_s
        )
        self._held = Held(server, voice, options)
        self._observed = 0.0
        self._phase = ""

    def run(self) -> int:
        """Watches; returns the exit code."""
        try:
            code = self._loop()
            self._relay.drain(lambda: bool(self._signals.take()))
            return code
        finally:
            self._voice.clear()
            self._server.close()

    def _loop(self) -> int:
        while not self._server.ended:
            now = time.monotonic()
            self._take_signals(now)
            if self._relay.step():
                self._heard = now
            code = self._think(now)
            if code is not None:
                return code
            self._rest(now)
            self._check()
        return self._after()

    def _rest(self, now: float) -> None:
        """Sleeps until something may have happened; longer the longer nothing did."""
        soon, late = _OUTPUT_S
        pause = late if self._watching or self._relay.passes_on else 60.0
        if self._relay.passes_on:
            pause = min(pause, max(soon, (now - self._heard) / 10))
        if self._options.patience.stall_s is not None:
            pause = min(pause, max(soon, self._options.patience.stall_s / 20))
        pause = max(0.0, min(pause, self._watch.left_s(now)))
        handles = (self._signals.handle, *self._server.handles, *self._looks.handles)
        select.select(handles, self._relay.awaited, (), pause)

    def _check(self) -> None:
        self._server.check(self._looks.pids)

    def _pump(self) -> None:
        """What has to go on while the server is ended."""
        for number in self._signals.take():
            self._server.pass_on(number)
        self._relay.step()
        self._check()

    def _hear(self, source: str, data: bytes) -> None:
        if self._watching:
            self._senses.hear(source, data)

    # Signals: the evidence first, then they are passed on.

    def _take_signals(self, now: float) -> None:
        for number in self._signals.take():
            if number not in ENDING:
                self._server.pass_on(number)
            elif self._held.take(number, now, watching=self._watching):
                self._voice.say(f"{number.name}: looking at the server before it is passed on")
                self._looks.wholly(now, self._cancelled, always=True, plan=_QUICK)
        self._held.check(now)

    def _cancelled(self, answer: Answer, now: float) -> int | None:
        self._looks.tell(answer)
        self._held.release()
        return self._held.code

    # Observations and looks.

    def _think(self, now: float) -> int | None:
        """What follows from what is known now; an exit code when there is nothing more to do."""
        if self._held.code is not None and (self._held.hurry or not self._looks.pids):
            return self._held.code
        try:
            code = self._looks.step(now)
            if code is not None:
                return code
            # The look before a cancel is not to be replaced by another one.
            kept = self._held.looking and self._looks.pids
            if self._watching and not self._held and not kept and self._due(now):
                return self._observe(now)
        except Exception as error:
            # A defect here must not harm the server: it goes on, unwatched.
            self._watching = False
            self._held.release()
            self._voice.say(f"no longer watching, a defect: {type(error).__name__}: {error}")
        return None

    def _due(self, now: float) -> bool:
        least, moving, quiet = _OBSERVE_S
        every = moving if self._senses.printed or self._watch.quiet_s(now) < 2 * quiet else quiet
        stall = self._options.patience.stall_s
        every = max(least, min(every, stall / 20)) if stall else every
        return now - self._observed >= every or self._watch.left_s(now) <= 0

    def _observe(self, now: float) -> int | None:
        self._observed = now
        decision = self._watch.observe(self._senses.observe(now), now)
        self._tell_phase(now)
        if self._senses.doubts(now):
            self._voice.say(f"its log says that it is ready, and {self._senses.refusal}")
        return self._follow_up(decision, now)

    def _follow_up(self, decision: Decision, now: float) -> int | None:
        match decision.step:
            case Step.READY:
                return self._ready(now)
            case Step.RESUMED:
                self._voice.say(decision.why)
            case Step.OVERDUE:
                refusal = self._senses.refusal
                self._voice.say(f"{decision.why}; {refusal}" if refusal else decision.why)
                self._looks.wholly(now, self._overdue, always=True)
            case Step.LOOK:
                self._voice.say(f"{decision.why}: looking", detail=True)
                if decision.thorough:
                    self._looks.wholly(now, self._looked, always=False)
                else:
                    self._looks.briefly(now, self._looked)
        return None

    def _ready(self, now: float) -> int | None:
        self._voice.say(f"ready after {duration(now - self._began)}")
        if self._options.until_exit:
            return None
        self._watching = False
        return 0 if not self._server.ours else None

    def _looked(self, answer: Answer, now: float) -> int | None:
        opinion = Opinion(answer.opinion or Opinion.UNCLEAR)
        decision = self._watch.looked(opinion, answer.place, self._looks.began, now)
        said = answer.summary or answer.problem
        if decision.step is Step.WAIT:
            self._voice.say(f"looked: {said}", detail=True)
            return None
        self._looks.tell(answer)
        if decision.step is Step.STALLED and self._options.stop:
            return self._stop()
        return None

    def _overdue(self, answer: Answer, now: float) -> int | None:
        self._looks.tell(answer)
        if self._options.stop or self._server.ours:
            return self._stop()
        return HUNG

    def _stop(self) -> int:
        self._voice.say("stopping it")
        self._voice.say(self._ending.stop())
        return HUNG

    # The end.

    def _after(self) -> int:
        """The server ended: its logs are read at once, and what it left behind is ended."""
        self._relay.step()
        code = self._server.code
        answer = Answer()
        if self._looks.pids and self._held.looking:
            answer = self._looks.wait(time.monotonic(), self._interrupted)
            self._looks.tell(answer)
        elif not self._held.passed:
            answer = self._read_logs()
        if self._server.ours and (left := self._ending.clean_up()):
            self._voice.say(left)
        if code is not None:
            return code
        if self._held.code is not None:
            return self._held.code
        return answer.code or (0 if self._watch.serving else 3)

    def _interrupted(self) -> bool:
        """Whether a signal means an end; output goes on meanwhile."""
        self._relay.step()
        return any(number in ENDING for number in self._signals.take())

    def _read_logs(self) -> Answer:
        code, now = self._server.code, time.monotonic()
        tree = self._senses.tree
        end = End(tree.pids, self._senses.started_s, code)
        if first := tree.first_gone():
            # A title is set some time after the start; the log names whoever wrote to it.
            name = self._senses.ear.name(first.pid) or first.name or "a process"
            named = f"{name} (pid {first.pid})"
            end = dataclasses.replace(end, first=named, before_s=now - first.at)
        self._looks.ask(lambda: self._looks.examination.after(end), now, self._looked)
        answer = self._looks.wait(now, self._interrupted)
        if code or answer.code or (code is None and not self._watch.serving):
            how = f"exit code {code}" if code is not None else "it ended"
            when = "after it was ready" if self._watch.serving else "before it was ready"
            self._voice.say(f"{how}, {duration(now - self._began)} after the start, {when}")
            self._looks.tell(answer)
        return answer

    def _tell_phase(self, now: float) -> None:
        quiet = self._watch.quiet_s(now)
        ear, took = self._senses.ear, now - self._began
        if ear.phase is not None and ear.phase.id != self._phase:
            self._phase = ear.phase.id
            self._voice.say(f"{duration(took)}: {ear.phase.title} ({self._phase})", detail=True)
        shown = line(ear, took, quiet, looking=bool(self._looks.pids))
        self._voice.show(shown, quiet)
