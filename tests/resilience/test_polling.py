"""How late the end of a statement is noticed, and after how many looks, by a real client in virtual time."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from dbt.adapters.fabricspark.timings import Timings

from fakelivy.engine.scripted import Rule
from tests.bench.noticing import LONGEST, RUNTIMES, cost, ours
from tests.resilience.world import DIALECTS, World, world

LOG = logging.getLogger("tests.polling")
LATENCY = 0.005
"""Seconds of each request and reply."""


@dataclass(frozen=True)
class Noticed:
    """Seconds from a statement's end to its noticing, and the looks that took."""

    lag: float
    looks: int


def a_run(here: World, timings: Timings, seconds: float, sql: str = "select slow") -> Noticed:
    """One run of one statement that takes so many seconds, on a session of its own."""
    client = here.another(timings=timings)
    client.execute("select quick")
    begin, looks = here.runtime.monotonic(), here.oracle.requests()["get_statement"]
    client.execute(sql)
    lag = here.runtime.monotonic() - begin - seconds
    looks = here.oracle.requests()["get_statement"] - looks
    client.close()
    return Noticed(lag, looks)


@pytest.mark.parametrize(
    ("seconds", "dialect"), [(seconds, DIALECTS[number % 2]) for number, seconds in enumerate(RUNTIMES)]
)
def test_an_end_is_noticed_sooner_and_with_fewer_looks_when_the_duration_is_known(
    seconds: float, dialect: str, tmp_path: Path
) -> None:
    file = tmp_path / "timings.json"
    with world(dialect=dialect, latency=LATENCY, rules=(Rule("slow", duration=seconds),)) as here:
        found: list[Noticed] = []
        here.scheduler.run(
            lambda: found.extend(a_run(here, Timings(file, here.runtime, LOG), seconds) for _ in range(2))
        )
    new, known = found
    computed = cost(ours, [seconds]).requests
    # As computed, but that the network takes its time too.
    network = 8 * LATENCY
    assert new.lag <= min(LONGEST, max(0.05, seconds * 0.1)) + network
    assert computed * 0.8 <= new.looks <= computed + 1
    assert known.looks <= min(new.looks, cost(ours, [seconds], [seconds]).requests + 2)
    assert known.lag <= max(0.05, seconds * 0.06) + network
    assert known.lag <= LONGEST


def test_time_in_the_queue_is_not_remembered_and_does_not_spoil_what_is(tmp_path: Path) -> None:
    file = tmp_path / "timings.json"
    queued: list[Noticed] = []
    with world(latency=LATENCY, rules=(Rule("slow", duration=20), Rule("first", duration=100))) as here:

        def work() -> None:
            a_run(here, Timings(file, here.runtime, LOG), 20)
            timings = Timings(file, here.runtime, LOG)
            client = here.another(timings=timings)
            client.execute("select quick")
            other = here.scheduler.spawn("other", partial(here.execute, "insert into first values (1)"))
            here.runtime.sleep(1)
            looks = here.oracle.requests()["get_statement"]
            begin = here.runtime.monotonic()
            client.execute("select slow")
            # The first one ends 100 s after its own submission.
            queued.append(
                Noticed(here.runtime.monotonic() - begin - 119, here.oracle.requests()["get_statement"] - looks)
            )
            other.join()
            client.close()
            again = a_run(here, Timings(file, here.runtime, LOG), 20)
            queued.append(again)

        here.scheduler.run(work)
        assert here.scheduler.errors == []
    behind, alone = queued
    assert behind.lag <= 2
    assert alone.lag <= 20 * 0.06
    assert alone.looks <= 20


def test_a_statement_that_livy_says_is_nearly_done_is_looked_at_sooner_and_told_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seconds = 40
    with world(latency=LATENCY, rules=(Rule("slow", duration=seconds),)) as here:
        found: list[Noticed] = []

        def work() -> None:
            nothing = Timings(None, here.runtime, LOG)
            found.append(a_run(here, nothing, seconds))
            with here.server.fault("get_statement:body:set_field(progress,0.99)"):
                found.append(a_run(here, nothing, seconds))

        with caplog.at_level(logging.INFO, "tests.resilience"):
            here.scheduler.run(work)
    said = [message for message in caplog.messages if "has been running for" in message]
    assert [message.endswith("for 30 s, 99% done") for message in said] == [False, True]
    silent, told = found
    assert 2 * silent.looks < told.looks <= 4 * silent.looks
    assert told.lag <= seconds * 0.026 + 8 * LATENCY


@pytest.mark.parametrize("jump", [-1e6, 1e6])
def test_a_jump_of_the_wall_clock_changes_no_wait(jump: float, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[float] = []
    for far in (0.0, jump):
        with world(rules=(Rule("slow", duration=40),)) as here:
            begun, now = here.runtime.monotonic(), here.runtime.now

            def wrong(
                here: World = here, begun: float = begun, now: Callable[[], dt.datetime] = now, far: float = far
            ) -> dt.datetime:
                return now() + dt.timedelta(seconds=far if here.runtime.monotonic() - begun > 10 else 0)

            monkeypatch.setattr(here.runtime, "now", wrong)
            here.run(["insert into slow values (1)"])
            assert here.results == {"insert into slow values (1)": ()}
            ended.append(here.runtime.monotonic() - begun)
    assert ended[0] == ended[1]
