"""The decisions of `diagnose watch`, with simulated servers and simulated time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnose.catalogue import default_root, load
from diagnose.phases import engines, phases
from diagnose.pipeline import Examiner
from diagnose.sources import open_paths
from diagnose.watch.decide import Decision, Observation, Opinion, Step, Watch
from diagnose.watch.hearing import OWN, Ear, _table
from diagnose.watch.motion import LEAST, Counters, Motion
from diagnose.watch.patience import LEAST_S, MOST_S, Patience
from diagnose.watch.status import line

FIXTURES = Path(__file__).parent.parent / "fixtures"
STALL_S = 60.0


@dataclass(frozen=True)
class Stretch:
    """A part of a simulated start-up."""

    seconds: float
    news_every_s: float = 0.0
    """How often something moves that is seen without looking; 0 for never."""
    opinion: Opinion = Opinion.MOVES
    """What a look shows."""
    place: str = "lock"


@dataclass
class Simulated:
    """A server that goes through stretches; after the last one it is ready, or it stays there for ever."""

    stretches: list[Stretch]
    for_ever: bool = False
    look_s: float = 4.0
    tick_s: float = 3.0

    def at(self, now: float) -> tuple[Stretch | None, int]:
        """The stretch at a time, and how much has moved until then."""
        begun, moved = 0.0, 0
        for number, stretch in enumerate(self.stretches):
            last = self.for_ever and number == len(self.stretches) - 1
            inside = now - begun
            if inside < stretch.seconds or last:
                if stretch.news_every_s:
                    moved += int(inside / stretch.news_every_s)
                return stretch, moved
            # The next stretch begins with news.
            moved += int(stretch.seconds / stretch.news_every_s) if stretch.news_every_s else 0
            moved += 1
            begun += stretch.seconds
        return None, moved

    def run(self, watch: Watch, limit_s: float = 1800.0) -> Iterator[tuple[float, Decision]]:
        """What is decided, and when."""
        now, done_at, began = 0.0, None, 0.0
        while now < limit_s:
            stretch, moved = self.at(now)
            if done_at is not None and now >= done_at:
                seen, _ = self.at(began)
                assert seen is not None
                yield now, watch.looked(seen.opinion, seen.place, began, now)
                done_at = None
            decision = watch.observe(
                Observation(Counters(news=moved), "vllm", "weight-load", ready=stretch is None), now
            )
            yield now, decision
            if decision.step is Step.READY:
                return
            if decision.step is Step.LOOK:
                began, done_at = now, now + self.look_s
            now += self.tick_s


def steps(simulated: Simulated, stall_s: float | None = STALL_S) -> list[tuple[float, Step]]:
    watch = Watch(Patience(stall_s), 0.0)
    return [(now, d.step) for now, d in simulated.run(watch) if d.step is not Step.WAIT]


def stalled(simulated: Simulated, stall_s: float | None = STALL_S) -> float | None:
    """When it was called a hang."""
    return next((now for now, step in steps(simulated, stall_s) if step is Step.STALLED), None)


quiet_for = st.floats(1.0, 0.95 * STALL_S)
speed = st.builds(lambda look, tick: (look, tick), st.floats(0.5, 8.0), st.floats(0.2, 5.0))
waiting = st.builds(Stretch, quiet_for, st.just(0.0), st.just(Opinion.WAITS))
slow_but_moving = st.builds(
    Stretch, st.floats(1.0, 900.0), st.just(0.0), st.sampled_from((Opinion.MOVES, Opinion.IDLE))
)
building = st.builds(Stretch, st.floats(1.0, 900.0), st.floats(1.0, 50.0), st.just(Opinion.WAITS))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(waiting, slow_but_moving, building), min_size=1, max_size=40), speed)
def test_a_start_that_goes_on_before_the_threshold_or_moves_is_never_called_a_hang(parts, speeds):
    look_s, tick_s = speeds
    assert stalled(Simulated(parts, look_s=look_s, tick_s=tick_s)) is None


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.one_of(waiting, slow_but_moving, building), max_size=5),
    speed,
    st.sampled_from((Opinion.WAITS, Opinion.STAYS)),
)
def test_a_start_that_stands_still_is_called_a_hang_soon_after_the_threshold(
    parts, speeds, opinion
):
    # The loop observes twenty times within the threshold, or more often.
    look_s, tick_s = min(speeds[0], 5.0), min(speeds[1], STALL_S / 20)
    last = Stretch(1.0, opinion=opinion, place="for ever")
    before = sum(part.seconds for part in parts)
    simulated = Simulated([*parts, last], for_ever=True, look_s=look_s, tick_s=tick_s)
    watch = Watch(Patience(STALL_S), 0.0)
    found = [now for now, d in simulated.run(watch, 8000.0) if d.step is Step.STALLED]
    assert found
    assert before + STALL_S <= found[0] + tick_s
    assert found[0] <= before + STALL_S + 15.0 + tick_s


def test_one_look_alone_is_not_enough():
    simulated = Simulated([Stretch(1.0, opinion=Opinion.WAITS)], for_ever=True)
    looks = [step for _, step in steps(simulated)]
    assert looks[: looks.index(Step.STALLED)].count(Step.LOOK) == 2


def test_waiting_in_another_place_at_the_second_look_is_movement():
    watch = Watch(Patience(STALL_S), 0.0)
    still = Observation(Counters(), "vllm", "weight-load")
    watch.observe(still, 0.0)
    assert watch.observe(still, 45.0).step is Step.LOOK
    assert watch.looked(Opinion.WAITS, "one lock", 45.0, 48.0).step is Step.WAIT
    assert watch.observe(still, 66.0).step is Step.LOOK
    assert watch.looked(Opinion.WAITS, "another lock", 66.0, 69.0).step is Step.WAIT
    assert watch.observe(still, 87.0).step is Step.LOOK
    assert watch.looked(Opinion.WAITS, "another lock", 87.0, 90.0).step is Step.STALLED


def test_a_look_that_takes_long_is_still_only_one():
    watch = Watch(Patience(STALL_S), 0.0)
    watch.observe(Observation(), 0.0)
    assert watch.observe(Observation(), 45.0).step is Step.LOOK
    assert watch.looked(Opinion.WAITS, "lock", 45.0, 100.0).step is Step.WAIT


def test_a_second_look_that_sees_less_than_the_first_proves_nothing():
    watch = Watch(Patience(STALL_S), 0.0)
    watch.observe(Observation(), 0.0)
    watch.observe(Observation(), 45.0)
    watch.looked(Opinion.WAITS, "lock", 45.0, 48.0)
    assert watch.observe(Observation(), 66.0).step is Step.LOOK
    assert watch.looked(Opinion.UNCLEAR, "lock", 66.0, 69.0).step is Step.WAIT


def test_what_moved_while_it_was_looked_at_counts_more_than_the_look():
    watch = Watch(Patience(STALL_S), 0.0)
    watch.observe(Observation(), 0.0)
    watch.observe(Observation(), 45.0)
    watch.looked(Opinion.WAITS, "lock", 45.0, 48.0)
    assert watch.observe(Observation(), 66.0).step is Step.LOOK
    watch.observe(Observation(Counters(news=1)), 67.0)
    assert watch.looked(Opinion.WAITS, "lock", 66.0, 69.0).step is Step.WAIT
    assert not watch.stalled


def test_a_lock_that_may_be_held_on_another_host_gets_three_times_as_long():
    simulated = Simulated([Stretch(1.0, opinion=Opinion.UNCLEAR)], for_ever=True)
    found = stalled(simulated)
    assert found is not None
    assert 3 * STALL_S <= found <= 3 * STALL_S + 15.0


def test_it_says_so_when_a_stall_ends_by_itself():
    parts = [Stretch(100.0, opinion=Opinion.WAITS), Stretch(30.0, 5.0)]
    found = [step for _, step in steps(Simulated(parts))]
    assert found[-3:] == [Step.STALLED, Step.RESUMED, Step.READY]


def test_the_whole_start_is_bounded_once():
    watch = Watch(Patience(STALL_S), 0.0, max_s=100.0)
    simulated = Simulated([Stretch(1.0, 5.0)], for_ever=True)
    found = [(now, d.step) for now, d in simulated.run(watch, 600.0) if d.step is not Step.WAIT]
    assert [step for _, step in found] == [Step.OVERDUE]
    assert 100.0 <= found[0][0] <= 103.0


def test_a_server_that_is_up_and_owes_nothing_may_be_silent_for_ever():
    watch = Watch(Patience(STALL_S), 0.0)
    idle = Observation(Counters(news=1), "vllm", "ready", ready=True)
    assert watch.observe(idle, 0.0).step is Step.READY
    assert {watch.observe(idle, now).step for now in range(5, 4000, 5)} == {Step.WAIT}


def test_a_server_that_is_up_and_owes_an_answer_is_looked_at_from_then_on():
    watch = Watch(Patience(STALL_S), 0.0)
    idle = Observation(Counters(news=1), "vllm", "ready", ready=True)
    owing = replace(idle, owing=True)
    watch.observe(idle, 0.0)
    watch.observe(idle, 1000.0)
    steps_ = [(now, watch.observe(owing, float(now)).step) for now in range(1005, 1100, 5)]
    assert next(now for now, step in steps_ if step is Step.LOOK) == 1040


def test_a_server_that_spins_while_it_waits_for_requests_is_looked_at_more_and_more_rarely():
    watch = Watch(Patience(STALL_S), 0.0)
    spinning = Observation(Counters(news=1), "vllm", "ready", ready=True, owing=True)
    looks = 0
    for now in range(0, 36000, 5):
        if watch.observe(spinning, float(now)).step is Step.LOOK:
            looks += 1
            watch.looked(Opinion.IDLE, "idle", float(now), now + 2.0)
    assert looks < 20


def test_an_engine_that_gives_up_is_looked_at_at_once_and_not_stopped():
    watch = Watch(Patience(STALL_S), 0.0)
    watch.observe(Observation(Counters(news=1)), 0.0)
    decision = watch.observe(Observation(Counters(news=1), giving_up=True), 2.0)
    assert (decision.step, decision.thorough) == (Step.LOOK, True)
    assert watch.looked(Opinion.WAITS, "lock", 2.0, 3.0).step is Step.REPORT


def test_the_default_threshold_follows_the_phase_and_stays_between_two_and_ten_minutes():
    patience = Patience()
    for engine in engines():
        for phase in phases(engine):
            assert LEAST_S <= patience.stall(engine, phase.id) <= MOST_S
    assert patience.stall("vllm", "weight-load") > patience.stall("vllm", "distributed-init")
    assert patience.stall("vllm", "weight-load") < 1800


def test_computing_alone_is_no_movement_and_a_trickle_is_none():
    motion = Motion()
    motion.moved(Counters(), 0.0)
    for minute in range(1, 600):
        # Heartbeats of a few processes.
        assert motion.moved(Counters(io_bytes=3000 * minute), 60.0 * minute) == ()


@pytest.mark.parametrize(
    "name", ["io_bytes", "memory_bytes", "builder_s", "news", "phase", "kinds"]
)
def test_each_sign_of_work_is_movement(name):
    motion = Motion()
    motion.moved(Counters(), 0.0)
    assert motion.moved(Counters(**{name: getattr(LEAST, name)}), 30.0)


# Hearing


@pytest.fixture(scope="module")
def examiner() -> Examiner:
    return Examiner(load(default_root()))


def heard(*lines: str, ear: Ear | None = None) -> Ear:
    ear = ear or Ear()
    for one in lines:
        ear.hear("log", one.encode() + b"\n")
    return ear


def test_no_marker_of_a_phase_has_a_group_of_its_own():
    for expression, table in _table():
        assert expression.groups == len(table)


@pytest.mark.parametrize("name", ["stale-extension-lock", "sleep-in-load", "ep8-accuracy-zero"])
def test_the_phase_heard_line_by_line_is_the_one_that_a_whole_log_shows(name, examiner):
    path = FIXTURES / "logs" / f"{name}.log"
    ear = Ear()
    data = path.read_bytes()
    for start in range(0, len(data), 1000):
        ear.hear("log", data[start : start + 1000])
    assert ear.phase is not None
    progress = examiner.diagnose(open_paths((str(path),))).progress
    assert (ear.phase.engine, ear.phase.id) == (progress.engine, progress.reached)
    assert ear.ready == (progress.ready is not None)


HEARTBEAT = "(EngineCore pid=395) INFO 07-12 02:{:02d}:01 [shm_broadcast.py:705] No available shared memory broadcast block found in 60 seconds. This typically happens when some processes are hanging."


def test_heartbeats_are_no_news():
    ear = heard(*(HEARTBEAT.format(minute) for minute in range(60)))
    assert ear.news == 0


def test_only_work_that_stands_still_makes_a_silent_server_owe_something():
    idles = heard(
        "INFO 11-21 22:00:00 [loggers.py:1] Engine 000: Avg prompt throughput: 0.0 tokens/s, Avg generation throughput: 0.0 tokens/s, Running: 0 reqs, Waiting: 0 reqs",
        'INFO:     127.0.0.1:40000 - "GET /health HTTP/1.1" 200 OK',
    )
    runs = heard(
        "INFO 11-21 22:00:00 [loggers.py:1] Engine 000: Avg prompt throughput: 0.0 tokens/s, Avg generation throughput: 0.0 tokens/s, Running: 2 reqs, Waiting: 0 reqs"
    )
    assert not idles.owes
    assert runs.owes
    assert heard(HEARTBEAT.format(1)).owes


def test_a_heartbeat_that_is_the_first_sign_of_a_phase_is_no_movement():
    ear = heard(
        "(EngineCore pid=395) INFO 07-12 02:00:01 [core.py:133] Initializing a V1 LLM engine (v0.32.0) with config: x"
    )
    before = ear.changes
    heard(HEARTBEAT.format(1), ear=ear)
    assert ear.phase is not None
    assert ear.phase.id == "memory-profiling"
    assert ear.changes == before


def test_a_heartbeat_that_nobody_has_described_and_that_counts_its_seconds_is_news_once():
    ear = heard(*(f"waiting for the moon, {second} s so far" for second in range(10, 600, 10)))
    assert ear.news == 1


def test_a_progress_bar_that_advances_is_news_and_one_that_stands_is_not():
    moves = heard(*(f"Loading shards: {10 * n}% | {n}/10 [00:0{n}<00:10]" for n in range(10)))
    stands = heard(*(f"Loading shards: 20% | 2/10 [00:0{n}<00:10]" for n in range(10)))
    assert moves.news == 10
    assert stands.news == 1


def test_a_bar_is_heard_before_its_line_ends():
    ear = Ear()
    ear.hear("log", b"Loading shards: 10% | 1/10 [00:01<00:10]\rLoading shards: 20% | 2/10 [0")
    assert ear.news == 1


def test_what_this_program_says_itself_is_not_heard():
    assert heard(f"{OWN}last news (Worker_TP0 pid=1) Starting to load model x").news == 0


def test_each_rank_is_known_by_the_furthest_line_that_it_printed():
    ear = heard(
        "(Worker_TP0 pid=1) INFO 11-21 22:00:00 [base_loader.py:82] Initializing model took 0.1 seconds",
        "(Worker_TP1 pid=2) INFO 11-21 22:00:00 [cpu_model_runner.py:1] Starting to load model /m...",
        "(Worker_TP0 pid=1) INFO 11-21 22:00:01 [default_loader.py:501] Loading weights took 0.01 seconds",
    )
    assert {d.writer.name: d.phase.id for d in ear.doing.values()} == {
        "Worker_TP0": "weight-processing",
        "Worker_TP1": "model-construct",
    }


def test_a_second_server_in_the_same_log_is_not_ready_because_the_first_was():
    ear = heard("vLLM API server version 0.32.0", "INFO: Application startup complete.")
    assert ear.ready
    assert not heard("vLLM API server version 0.32.0", ear=ear).ready


def test_a_flood_without_an_end_of_line_is_kept_bounded():
    ear = Ear()
    for _ in range(100):
        ear.hear("log", b"x" * 2**16)
    assert sum(map(len, ear._partial.values())) <= 2**16


# The status line


def test_the_status_names_the_ranks_where_they_stand_in_different_phases_and_who_is_behind_first():
    ear = heard(
        "(Worker_TP0 pid=1) INFO 11-21 22:00:01 [default_loader.py:501] Loading weights took 0.01 seconds",
        "(Worker_TP1 pid=2) INFO 11-21 22:00:00 [cpu_model_runner.py:1] Starting to load model /m...",
    )
    shown = line(ear, 300.0, 45.0, looking=True)
    assert shown == (
        "5 min · weight-processing · looking at it · nothing moved for 45 s"
        " · TP1 model-construct · TP0 weight-processing"
    )


def test_the_status_is_short_while_all_is_well():
    assert line(Ear(), 3.0, 1.0) == "3 s · starting"
