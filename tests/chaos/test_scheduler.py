"""Threads that a seed interleaves: the same seed, the same run; every race and deadlock within few seeds."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

import pytest

from chaos.simulation import STRATEGIES, Deadlock, OutOfTime, Scheduler, SimulatedRuntime, Stalled, TooManySteps

SEEDS = range(30)


def simulated(seed: int, strategy: str = "random", **limits: float) -> tuple[Scheduler, SimulatedRuntime]:
    scheduler = Scheduler(seed, strategy, **limits)  # type: ignore[arg-type]  # all limits are numbers
    return scheduler, SimulatedRuntime(scheduler)


def race(seed: int, strategy: str, locked: bool) -> list[str]:
    """Four threads each take three steps that others may come between; what happened, in order."""
    scheduler, runtime = simulated(seed, strategy)
    happened: list[str] = []
    lock = runtime.lock()

    def step(who: int) -> None:
        for number in range(3):
            happened.append(f"{who}.{number}")
            scheduler.handover("step")

    def work(who: int) -> None:
        if locked:
            with lock:
                step(who)
        else:
            step(who)

    def main() -> None:
        for thread in [scheduler.spawn(f"t{who}", lambda who=who: work(who)) for who in range(4)]:  # type: ignore[misc]  # mypy cannot type the default
            thread.join()

    scheduler.run(main)
    return happened


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_seed_gives_the_same_interleaving_again_and_seeds_differ(strategy: str) -> None:
    runs = [tuple(race(seed, strategy, locked=False)) for seed in SEEDS]
    assert runs == [tuple(race(seed, strategy, locked=False)) for seed in SEEDS]
    assert len(set(runs)) > 5


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_lock_keeps_others_out_whatever_the_seed(strategy: str) -> None:
    for seed in SEEDS:
        happened = race(seed, strategy, locked=True)
        assert [happened[at : at + 3] for at in range(0, 12, 3)] == [
            [f"{one[0]}.{number}" for number in range(3)] for one in happened[::3]
        ]


def test_strategies_hand_over_as_often_as_they_say() -> None:
    def switches(strategy: str) -> float:
        runs = [race(seed, strategy, locked=False) for seed in SEEDS]
        return sum(one[0] != two[0] for run in runs for one, two in itertools.pairwise(run)) / len(runs)

    assert switches("many") > switches("random") > switches("few")
    assert switches("many") == pytest.approx(11, abs=1.0)


def test_a_starved_thread_comes_last() -> None:
    last = [race(seed, "starved", locked=False)[-3:] for seed in SEEDS]
    assert sum(len({step[0] for step in steps}) == 1 for steps in last) > 10


def test_time_moves_only_when_everybody_waits_and_costs_none() -> None:
    scheduler, runtime = simulated(1)
    woke: list[tuple[str, float]] = []

    def sleeper(name: str, seconds: float) -> Callable[[], None]:
        def work() -> None:
            runtime.sleep(seconds)
            woke.append((name, runtime.monotonic()))

        return work

    def main() -> None:
        threads = [scheduler.spawn(name, sleeper(name, seconds)) for name, seconds in (("b", 7200.0), ("a", 3600.0))]
        for _ in range(50):
            scheduler.handover("busy")
        assert runtime.monotonic() == 0.0
        for thread in threads:
            thread.join()

    begin = runtime.now()
    scheduler.run(main)
    assert woke == [("a", 3600.0), ("b", 7200.0)]
    assert (runtime.now() - begin).total_seconds() == 7200.0


def two_locks(scheduler: Scheduler, runtime: SimulatedRuntime) -> None:
    first, second = runtime.lock(), runtime.lock()

    def forwards() -> None:
        with first, second:
            pass

    def backwards() -> None:
        with second, first:
            pass

    def main() -> None:
        threads = [scheduler.spawn("forwards", forwards), scheduler.spawn("backwards", backwards)]
        for thread in threads:
            thread.join()

    scheduler.run(main)


@pytest.mark.parametrize("strategy", ["random", "many"])
def test_locks_taken_in_opposite_orders_deadlock_within_few_seeds_with_everybodys_stack(strategy: str) -> None:
    found: list[str] = []
    for seed in SEEDS:
        try:
            two_locks(*simulated(seed, strategy))
        except Deadlock as deadlock:
            found.append(str(deadlock))
    assert len(found) >= 3
    for text in found:
        assert "thread forwards, wait for lock 2, held by backwards" in text
        assert "thread backwards, wait for lock 1, held by forwards" in text
        assert "with first, second:" in text
        assert "with second, first:" in text


def test_a_condition_wakes_those_who_wait_and_times_out_in_virtual_time() -> None:
    scheduler, runtime = simulated(3)
    condition = runtime.condition()
    seen: list[tuple[str, bool, float]] = []

    def waiter(name: str, timeout: float | None) -> Callable[[], None]:
        def work() -> None:
            with condition, condition:
                told = condition.wait(timeout)
                seen.append((name, told, runtime.monotonic()))

        return work

    def main() -> None:
        scheduler.spawn("patient", waiter("patient", None))
        scheduler.spawn("hasty", waiter("hasty", 5.0))
        runtime.sleep(60)
        with condition:
            condition.notify_all()
        runtime.sleep(0)
        runtime.sleep(1)

    scheduler.run(main)
    assert seen == [("hasty", False, 5.0), ("patient", True, 60.0)]


def test_misused_locks_are_errors() -> None:
    scheduler, runtime = simulated(0)
    lock, condition = runtime.lock(), runtime.condition()

    def main() -> None:
        with pytest.raises(RuntimeError, match="does not hold"):
            lock.release()
        with pytest.raises(RuntimeError, match="does not hold"):
            condition.wait(1)

    scheduler.run(main)


def test_the_first_threads_error_reaches_the_caller_and_others_are_kept() -> None:
    scheduler, runtime = simulated(0)

    def main() -> None:
        runtime.spawn("helper", lambda: [].pop())
        runtime.sleep(1)
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        scheduler.run(main)
    assert [(name, type(error)) for name, error in scheduler.errors] == [("helper", IndexError)]


def test_threads_that_are_left_at_the_end_are_unwound() -> None:
    scheduler, runtime = simulated(0)
    unwound: list[str] = []

    def helper() -> None:
        try:
            while True:
                runtime.sleep(1)
        finally:
            unwound.append("helper")

    def main() -> None:
        runtime.spawn("helper", helper)
        runtime.sleep(10)

    scheduler.run(main)
    assert unwound == ["helper"]


def test_a_run_is_given_up_at_its_limits() -> None:
    scheduler, runtime = simulated(0, time_limit=100)

    def patient() -> None:
        while True:
            runtime.sleep(30)

    with pytest.raises(OutOfTime, match="100 seconds"):
        scheduler.run(patient)
    assert scheduler.elapsed <= 100

    hot, spinning = simulated(0, step_limit=1000)

    def spin() -> None:
        while True:
            spinning.sleep(0)

    with pytest.raises(TooManySteps, match=r"spinning\.sleep"):
        hot.run(spin)


def test_a_thread_that_blocks_on_something_real_is_found_and_named() -> None:
    scheduler, _ = simulated(0, watchdog=3)
    real = threading.Event()

    def block() -> None:
        real.wait(60)

    with pytest.raises(Stalled, match=r"real\.wait\(60\)"):
        scheduler.run(block)
    real.set()


def test_a_thread_of_nobody_is_refused() -> None:
    scheduler, runtime = simulated(0)
    refused: list[str] = []

    def stranger() -> None:
        try:
            runtime.sleep(1)
        except RuntimeError as error:
            refused.append(str(error))

    def main() -> None:
        thread = threading.Thread(target=stranger)
        thread.start()
        thread.join()

    scheduler.run(main)
    assert refused == ["a thread that the simulation did not start uses its time or locks"]


def test_chance_and_names_come_from_the_seed() -> None:
    def drawn(seed: int) -> tuple[float, str, str]:
        runtime = simulated(seed)[1]
        return runtime.random(), runtime.unique(), runtime.unique()

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert len(set(drawn(1))) == 3


def test_outside_of_a_run_locks_are_open_and_sleeping_moves_the_clock() -> None:
    _, runtime = simulated(0)
    with runtime.lock(), runtime.condition() as condition:
        assert condition
        runtime.sleep(5)
    assert runtime.monotonic() == 5
    assert runtime.condition().wait(5) is False
    with pytest.raises(RuntimeError, match="nobody could ever notify"):
        runtime.condition().wait()
