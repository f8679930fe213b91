"""The fake server inside of a simulation: its waits block their caller only, and a seed repeats it to the byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import requests
from dbt.adapters.fabricspark.resilience.runtime import Runtime

from chaos.simulation import STRATEGIES, Scheduler, SimulatedClock, SimulatedRuntime
from fakelivy import FakeLivy, Oracle
from fakelivy.engine.scripted import Rule, ScriptedEngine


@dataclass
class World:
    """A server and a client in one simulation."""

    scheduler: Scheduler
    runtime: SimulatedRuntime
    server: FakeLivy
    http: requests.Session

    def session(self) -> str:
        """The URL of a new session, once it is idle."""
        reply = self.http.post(f"{self.server.url}/sessions", json={"kind": "sql"}, timeout=30)
        url = f"{self.server.url}/sessions/{reply.json()['id']}"
        while self.http.get(url, timeout=30).json()["state"] != "idle":
            self.runtime.sleep(1)
        return url

    def together(self, *works: Callable[[], None]) -> None:
        """Run them on threads of their own, to the end of all."""
        for thread in [self.scheduler.spawn(f"t{number}", work) for number, work in enumerate(works)]:
            thread.join()


@contextmanager
def world(seed: int = 1, strategy: str = "random", latency: float = 0.0) -> Iterator[World]:
    scheduler = Scheduler(seed, strategy)
    clock = SimulatedClock(scheduler, latency=latency)
    engine = ScriptedEngine(clock, [Rule("slow", duration=100)])
    with FakeLivy(engine=engine, clock=clock, listen=False, seed=seed) as server, requests.Session() as http:
        yield World(scheduler, SimulatedRuntime(scheduler, clock), server, server.mount(http))


def test_the_runtime_is_what_the_adapter_asks_for() -> None:
    runtime: Runtime = SimulatedRuntime(Scheduler(0))
    assert runtime.monotonic() == 0


def test_a_request_that_hangs_keeps_its_own_thread_waiting_and_nobody_else() -> None:
    with world() as w:
        done: list[tuple[str, float]] = []
        w.server.arm("list_sessions:before:hang@first(1)")

        def hanging() -> None:
            with pytest.raises(requests.ReadTimeout):
                w.http.get(f"{w.server.url}/sessions", timeout=(5, 30))
            done.append(("hanging", w.runtime.monotonic()))

        def healthy() -> None:
            w.runtime.sleep(1)
            w.http.get(f"{w.server.url}/sessions", timeout=(5, 30))
            done.append(("healthy", w.runtime.monotonic()))

        w.scheduler.run(lambda: w.together(hanging, healthy))
        assert done == [("healthy", 1.0), ("hanging", 30.0)]


def test_a_hang_ends_when_its_fault_is_cleared() -> None:
    with world() as w:
        ended: list[float] = []
        fault = w.server.arm("list_sessions:before:hang@first(1)")

        def hanging() -> None:
            with pytest.raises(requests.ConnectionError):
                w.http.get(f"{w.server.url}/sessions", timeout=600)
            ended.append(w.runtime.monotonic())

        def healer() -> None:
            w.runtime.sleep(7)
            w.server.clear(fault.label)

        w.scheduler.run(lambda: w.together(hanging, healer))
        assert ended == [7.0]


def test_a_dripping_body_lets_others_go_on_between_its_pieces() -> None:
    with world() as w:
        done: list[tuple[str, float]] = []
        pieces = 4
        w.server.arm("list_sessions:body:dribble(10,pause=20)@first(1)")

        def reader(name: str) -> Callable[[], None]:
            def work() -> None:
                w.http.get(f"{w.server.url}/sessions", timeout=30)
                done.append((name, w.runtime.monotonic()))

            return work

        w.scheduler.run(lambda: w.together(reader("first"), reader("second")))
        (_, quick), (_, slow) = done
        assert (quick, slow) == (0.0, 20.0 * pieces)


def life(seed: int, strategy: str) -> str:
    """The journal of two clients with a session each and a fault now and then."""
    with world(seed, strategy, latency=0.01) as w:
        w.server.arm("get_*:before:reset@rate(0.1)")

        def client() -> None:
            url = ""
            while not url:
                try:
                    url = w.session()
                except requests.ConnectionError:
                    w.runtime.sleep(w.runtime.random())
            w.http.post(f"{url}/statements", json={"code": f"select {w.runtime.unique()}"}, timeout=30)
            w.http.delete(url, timeout=30)

        w.scheduler.run(lambda: w.together(client, client, client))
        return "\n".join(entry.line() for entry in w.server.journal.entries())


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_seed_repeats_the_servers_journal_to_the_byte_and_seeds_differ(strategy: str) -> None:
    journals = [life(seed, strategy) for seed in range(5)]
    assert journals == [life(seed, strategy) for seed in range(5)]
    assert len(set(journals)) == 5


def test_sessions_open_on_threads_of_the_simulation() -> None:
    orders = set()
    for seed in range(12):
        with world(seed, "random") as w:

            def client(w: World = w) -> None:
                w.http.post(f"{w.server.url}/sessions", json={}, timeout=30)

            w.scheduler.run(lambda w=w, client=client: w.together(client, client))  # type: ignore[misc]  # mypy cannot type the defaults
            text = "\n".join(entry.line() for entry in w.server.journal.entries())
            orders.add(tuple(line.split('"after": "')[1][:4] for line in text.splitlines() if '"after"' in line))
            assert len(Oracle(w.server.journal).live_sessions()) == 2
    assert len(orders) > 1
