"""The look that is under way, and what is said of its answer.

Part of `watch`. There is one at a time; a newer question takes the place of an older one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from diagnose.probe import Plan
from diagnose.watch.aside import Answer, Aside
from diagnose.watch.examine import Examination
from diagnose.watch.status import Voice
from diagnose.watch.tree import Tree

_LIMIT_S = 90.0
"""For one look and its diagnosis."""

Then = Callable[[Answer, float], int | None]
"""What to do with an answer, at what time; an exit code when there is nothing more to do."""


class Looks:
    """Asks for looks at one server.

    Args:
        examination: How to look.
        save: Where to keep what was seen; None for nowhere.
        voice: Where to say what was found.
        tree: The server's processes, of which a look is none.
        interval_s: From one sample to the next.
    """

    def __init__(
        self,
        examination: Examination,
        save: Path | None,
        voice: Voice,
        tree: Tree,
        interval_s: float,
    ) -> None:
        self.examination = examination
        self.began = 0.0
        """When the latest began."""
        self._plan = Plan(interval_s=interval_s)
        self._save = save
        self._voice = voice
        self._tree = tree
        self._aside: Aside | None = None
        self._then: Then = _nothing

    @property
    def handles(self) -> tuple[int, ...]:
        """What becomes readable with its answer."""
        return (self._aside.handle,) if self._aside is not None else ()

    @property
    def pids(self) -> tuple[int, ...]:
        """The process that looks."""
        return (self._aside.pid,) if self._aside is not None else ()

    def briefly(self, now: float, then: Then) -> None:
        """Asks only whether the server moves."""
        plan, examination = self._plan, self.examination
        self.ask(lambda: examination.opinion(plan), now, then)

    def wholly(self, now: float, then: Then, *, always: bool, plan: Plan | None = None) -> None:
        """Asks for a look that is kept and diagnosed.

        Args:
            now: The time.
            then: What to do with the answer.
            always: Whether it is kept and diagnosed also when the server moves.
            plan: How to look, if not in the ordinary way.
        """
        save, examination, how = self._save, self.examination, plan or self._plan
        self.ask(lambda: examination.whole(save, how, always=always), now, then)

    def ask(self, question: Callable[[], Answer], now: float, then: Then) -> None:
        """Asks anything."""
        if self._aside is not None:
            self._aside.give_up()
        self.began, self._then = now, then
        self._aside = Aside(question, now, _LIMIT_S)
        self._tree.leave_out(self._aside.pid)

    def step(self, now: float) -> int | None:
        """Does what is to be done with an answer that has come."""
        answer = self._aside.answer(now) if self._aside is not None else None
        if answer is None:
            return None
        self._aside = None
        return self._then(answer, now)

    def wait(self, now: float, interrupted: Callable[[], bool]) -> Answer:
        """The answer that is under way, waited for until it is interrupted."""
        assert self._aside is not None
        answer = self._aside.wait(now + _LIMIT_S, interrupted)
        self._aside = None
        return answer

    def tell(self, answer: Answer) -> None:
        """Says what a look or the logs show."""
        if answer.report:
            self._voice.report(answer.report)
        if answer.problem:
            self._voice.say(f"no complete look: {answer.problem}")
        if answer.unsaved:
            self._voice.say(f"what was seen is not kept: {answer.unsaved}")
        if answer.saved:
            self._voice.say(f"saved {answer.saved}; anywhere: diagnose attach {answer.saved}")


def _nothing(answer: Answer, now: float) -> int | None:
    return None
