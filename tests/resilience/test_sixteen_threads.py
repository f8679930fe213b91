"""Sixteen threads on real sockets: one token, one session, one replacement, and every statement once."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from dbt.adapters.fabricspark.client import Client, connect
from dbt.adapters.fabricspark.resilience.policy import SENDS
from dbt.adapters.fabricspark.resilience.runtime import SystemRuntime
from dbt.adapters.fabricspark.resilience.tokens import Token, TokenSource

from chaos.simulation import STRATEGIES
from fakelivy import FakeLivy, Oracle
from fakelivy.clock import SystemClock
from fakelivy.engine.scripted import ScriptedEngine
from fakelivy.journal import SessionMoved
from tests.resilience.world import DIALECTS, world

THREADS = 16
EACH = 3


class Hurried(SystemRuntime):
    """Does not sleep for long; threads wait for each other as ever."""

    def sleep(self, seconds: float) -> None:
        super().sleep(min(seconds, 0.02))


@pytest.fixture
def server() -> Iterator[FakeLivy]:
    clock = SystemClock()
    with FakeLivy(engine=ScriptedEngine(clock), clock=clock) as server:
        yield server


def run(client: Client) -> list[Exception]:
    """Every thread sends its statements, all at once; what failed."""
    failed: list[Exception] = []
    barrier = threading.Barrier(THREADS)

    def work(thread: int) -> None:
        barrier.wait()
        for number in range(EACH):
            try:
                client.execute(f"insert into t_{thread}_{number}_ values (1)")
            except Exception as error:  # noqa: BLE001  # told to the test
                failed.append(error)

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.close()
    return failed


# Each thread's first statement is lost as often as one may be: by rate alone, some would be lost once more.
LOST = [f"submit_statement[contains=t_{thread}_0_]:before:reset@first({SENDS - 1})" for thread in range(THREADS)]


@pytest.mark.parametrize(
    ("faults", "sessions"),
    [
        ([], 1),
        (["submit_statement:before:session_to(dead)@nth(20)"], 2),
        ([*LOST, "get_statement:before:reset@rate(0.1)"], 1),
    ],
    ids=["all is well", "the session dies", "requests are lost"],
)
def test_sixteen_threads_share_everything_and_run_every_statement_once(
    faults: list[str], sessions: int, server: FakeLivy
) -> None:
    runtime = Hurried()
    fetched: list[bool] = []

    def fetch(anew: bool) -> Token:
        fetched.append(anew)
        return Token("fakelivy", None)

    for fault in faults:
        server.arm(fault)
    failed = run(connect(server.url, runtime=runtime, tokens=TokenSource(fetch, runtime)))
    oracle = Oracle(server.journal)
    assert len(fetched) == 1
    assert sum(event.before is None for event in server.journal.events(SessionMoved)) == sessions
    assert oracle.live_sessions() == []
    counts = [len(oracle.executions(f"t_{thread}_{number}_")) for thread in range(THREADS) for number in range(EACH)]
    if sessions == 1:
        assert failed == []
        assert counts == [1] * (THREADS * EACH)
    else:
        # What was sent to the session that died may have run, and is not sent again.
        assert max(counts) == 1
        assert len(failed) >= counts.count(0)


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
@pytest.mark.parametrize("dialect", DIALECTS)
def test_however_sixteen_threads_race_there_is_one_session(dialect: str, strategy: str) -> None:
    with world(seed=7, strategy=strategy, dialect=dialect) as here:
        here.run(*([f"insert into t_{thread}_ values (1)"] for thread in range(THREADS)))
        assert here.sessions_made == 1
        assert [here.executions(f"t_{thread}_") for thread in range(THREADS)] == [1] * THREADS
        assert here.oracle.live_sessions() == []
