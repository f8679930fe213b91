"""Whose turn it is when a quota leaves fewer requests than all threads would like."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from dbt.adapters.fabricspark.resilience.budget import Pace, Worth
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.polling import Look

from chaos.simulation import Scheduler, SimulatedClock, SimulatedRuntime

PER_MINUTE = 60.0
"""One request a second, and 15 at once before that counts."""


def sent(*requests: tuple[str, float, Worth | None, float], seed: int = 1) -> list[tuple[str, float]]:
    """Each request is (name, when it is asked for, worth, its time-out); who was sent when, once the burst is spent."""
    scheduler = Scheduler(seed, "random")
    runtime = SimulatedRuntime(scheduler, SimulatedClock(scheduler))
    pace = Pace(runtime, PER_MINUTE)
    found: list[tuple[str, float]] = []

    def ask(name: str, when: float, worth: Worth | None, seconds: float) -> Callable[[], None]:
        def work() -> None:
            runtime.sleep(when)
            deadline = Deadline.after(runtime, seconds)
            pace.wait(deadline, worth=worth)
            if not deadline.expired:
                found.append((name, round(runtime.monotonic(), 1)))

        return work

    def main() -> None:
        for _ in range(15):
            pace.wait(Deadline.after(runtime, 1.0))
        for thread in [scheduler.spawn(request[0], ask(*request)) for request in requests]:
            thread.join()

    scheduler.run(main)
    assert scheduler.errors == []
    return found


@pytest.mark.parametrize("seed", range(5))
def test_what_sends_work_comes_first_and_then_what_is_worth_most(seed: int) -> None:
    looks = [("dull", 0.0, lambda now: 1.0, 99.0), ("better", 0.1, lambda now: 2.0, 99.0)]
    found = sent(*looks, ("submission", 0.2, None, 99.0), ("another", 0.3, None, 99.0), seed=seed)
    assert [name for name, _ in found] == ["submission", "another", "better", "dull"]
    assert [when for _, when in found] == pytest.approx([1, 2, 3, 4], abs=0.1)


def test_one_that_gives_up_leaves_its_turn_to_the_next() -> None:
    ((name, when),) = sent(("gives up", 0.0, lambda now: 9.0, 0.5), ("stays", 0.0, lambda now: 1.0, 99.0))
    assert name == "stays"
    assert when == pytest.approx(1.0, abs=0.1)


def test_a_short_statement_is_worth_a_look_before_a_long_one_until_that_was_forgotten_for_a_minute() -> None:
    now = 1000.0
    short, long = Look(now - 2, now - 1), Look(now - 600, now - 10)
    assert short.worth(now) > long.worth(now)
    forgotten = Look(now - 600, now - 60)
    assert forgotten.worth(now) > short.worth(now)


def test_what_should_end_now_is_worth_more_than_what_ends_in_an_hour() -> None:
    now = 1000.0
    due, later = Look(now - 60, now - 10, expected=60.0), Look(now - 60, now - 10, expected=3600.0)
    nobody_knows = Look(now - 60, now - 10)
    assert due.worth(now) > nobody_knows.worth(now) > later.worth(now) > 0
