"""A run that is stopped stops: nobody sleeps on, and cleaning up has a budget."""

from __future__ import annotations

import sys
import threading

import pytest
from dbt.adapters.fabricspark.resilience.halt import Halted, HaltingRuntime, cleaning
from dbt.adapters.fabricspark.resilience.runtime import SystemRuntime

from chaos.simulation import STRATEGIES, Scheduler, SimulatedRuntime


def world(seed: int = 1, strategy: str = "random") -> tuple[Scheduler, HaltingRuntime]:
    scheduler = Scheduler(seed, strategy)
    return scheduler, HaltingRuntime(SimulatedRuntime(scheduler))


def test_until_it_is_halted_time_passes_as_ever() -> None:
    scheduler, runtime = world()

    def work() -> None:
        runtime.sleep(5)
        assert runtime.monotonic() == 5
        assert runtime.left() == float("inf")
        condition = runtime.condition()
        with condition:
            assert not condition.wait(2)
        assert runtime.monotonic() == 7

    scheduler.run(work)


def test_a_second_halt_gives_no_new_time() -> None:
    scheduler, runtime = world()

    def work() -> None:
        runtime.halt()
        with cleaning(runtime, 5):
            runtime.sleep(3)
            runtime.halt()
            assert runtime.left() == 2

    scheduler.run(work)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("seed", range(4))
def test_a_halt_ends_every_sleep_and_wait_at_once(seed: int, strategy: str) -> None:
    scheduler, runtime = world(seed, strategy)
    halted: list[float] = []
    condition = runtime.condition()

    def sleeper() -> None:
        with pytest.raises(Halted):
            runtime.sleep(3600)
        halted.append(runtime.monotonic())

    def waiter() -> None:
        with condition, pytest.raises(Halted):
            condition.wait(3600)
        halted.append(runtime.monotonic())

    def work() -> None:
        threads = [scheduler.spawn(f"thread {n}", (sleeper, waiter)[n % 2]) for n in range(8)]
        scheduler.sleep(10)
        runtime.halt()
        runtime.halt()
        for thread in threads:
            thread.join()
        with pytest.raises(Halted):
            runtime.sleep(0.1)

    scheduler.run(work)
    assert scheduler.errors == []
    assert halted == [10.0] * 8


def test_a_halt_does_not_mind_what_threads_make_meanwhile() -> None:
    runtime, over = HaltingRuntime(SystemRuntime()), threading.Event()

    def maker() -> None:
        kept = []
        while not over.is_set():
            kept.append(runtime.condition())
            del kept[:-200]

    threads = [threading.Thread(target=maker) for _ in range(2)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for _ in range(100):
            runtime.halt()
    finally:
        sys.setswitchinterval(before)
        over.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("timeout", [3600, None])
def test_cleaning_up_waits_for_others_until_its_time_is_over(timeout: float | None) -> None:
    scheduler, runtime = world()
    condition = runtime.condition()

    def work() -> None:
        runtime.halt()
        with runtime.cleaning(4), condition, pytest.raises(Halted):
            condition.wait(timeout)
        assert runtime.monotonic() == 4

    scheduler.run(work)
    assert scheduler.errors == []


def test_cleaning_up_goes_on_until_its_time_is_over() -> None:
    scheduler, runtime = world()

    def work() -> None:
        with runtime.cleaning(4):
            assert runtime.left() == float("inf")
            runtime.sleep(100)
            runtime.halt()
            runtime.sleep(3)
            assert runtime.left() == 1
            with pytest.raises(Halted):
                runtime.sleep(5)
            assert runtime.monotonic() == 104
            with runtime.cleaning(8):
                runtime.sleep(1)
            with pytest.raises(Halted):
                runtime.check()
        assert runtime.left() == 0

    scheduler.run(work)
