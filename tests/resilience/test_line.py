"""Statements of one session wait for each other there; nobody looks at one whose turn has not come."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest

from fakelivy.engine.scripted import Rule
from fakelivy.journal import Request
from tests.resilience.world import World, world

SECONDS, THREADS = 11.3, 16
RULES = [Rule("from", duration=SECONDS)]


def looks(w: World) -> Counter[str]:
    """How often each statement was looked at, by its path."""
    return Counter(event.path for event in w.server.journal.events(Request) if event.operation == "get_statement")


def statements() -> list[list[str]]:
    return [[f"insert into t select * from s{number}"] for number in range(THREADS)]


@pytest.mark.parametrize("dialect", ["livy", "fabric"])
@pytest.mark.parametrize("seed", [1, 2])
def test_looks_at_statements_do_not_grow_with_the_queue_before_them(dialect: str, seed: int) -> None:
    with world(rules=RULES, dialect=dialect, seed=seed) as alone:
        alone.run(statements()[0])
    with world(rules=RULES, dialect=dialect, seed=seed) as together:
        began = together.runtime.monotonic()
        together.run(*statements())
        took = together.runtime.monotonic() - began
    assert not any(isinstance(each, Exception) for each in together.results.values())
    (by_itself,) = looks(alone).values()
    counts = looks(together)
    assert len(counts) == THREADS
    # Beside the looks while it runs: now and then one while it queues, the fewer the further behind.
    assert sum(counts.values()) < THREADS * (by_itself + 8)
    # Each end is seen as if nobody else were there: at most a tenth late.
    assert took < THREADS * SECONDS * 1.1 + 5


def test_a_thread_that_is_stuck_keeps_nobody_in_line_for_long() -> None:
    with world("get_statement:before:hang(100)@nth(1)", rules=[Rule("from", duration=1.0)]) as w:
        began = w.runtime.monotonic()
        ends: dict[int, float] = {}

        def work(number: int) -> None:
            w.execute(f"insert into t select * from s{number}")
            ends[number] = w.runtime.monotonic() - began

        def main() -> None:
            threads = [w.scheduler.spawn(f"t{number}", partial(work, number)) for number in range(3)]
            for thread in threads:
                thread.join()
            w.client.close()

        w.scheduler.run(main)
    assert not any(isinstance(each, Exception) for each in w.results.values())
    first, *others = sorted(ends.values())
    # One hangs for as long as the server has it hang; the others are seen to end all the same.
    assert first < 10
    assert others[0] < 15
    assert others[1] >= 60
