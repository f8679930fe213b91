"""Client and fake server in one simulation: virtual time, threads by a seed, and a journal to judge by."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import requests
from dbt.adapters.fabricspark.client import Client, connect
from requests.adapters import HTTPAdapter

from chaos.simulation import Scheduler, SimulatedClock, SimulatedRuntime
from fakelivy import FakeLivy, Knobs, Oracle
from fakelivy.engine.scripted import Rule, ScriptedEngine
from fakelivy.journal import EarlyCall, HandlerError, SessionMoved
from fakelivy.profiles import lakehouse_named

DIALECTS = ("livy", "fabric")


class Actor(Protocol):
    """What runs statements: a ``Client``, or something like it."""

    def execute(self, sql: str) -> tuple[tuple[Any, ...], ...]:
        """Run one to its end."""

    def cancel(self) -> None:
        """Stop all that run."""

    def close(self) -> None:
        """Leave nothing behind."""


@dataclass(frozen=True)
class Network:
    """The way to the server: its addresses, and whose time and sockets are used."""

    runtime: SimulatedRuntime
    adapter: HTTPAdapter
    livy: str
    rest: str
    workspace: str
    lakehouse: str


@dataclass
class World:
    """A server, a client, and what came of each statement."""

    scheduler: Scheduler
    runtime: SimulatedRuntime
    server: FakeLivy
    client: Client
    another: Callable[..., Client]
    network: Network
    results: dict[str, object] = field(default_factory=dict)
    actor: Actor | None = None

    def execute(self, *statements: str) -> None:
        """Run them one after the other, on the calling thread; errors are results."""
        for sql in statements:
            try:
                self.results[sql] = (self.actor or self.client).execute(sql)
            except Exception as error:  # noqa: BLE001  # an error is a result here
                self.results[sql] = error

    def run(self, *threads: Sequence[str], during: Callable[[], None] | None = None) -> None:
        """Run the statements of each thread, all threads at once, and then close the client."""

        def main() -> None:
            works = [lambda mine=mine: self.execute(*mine) for mine in threads]
            started = [self.scheduler.spawn(f"t{number}", work) for number, work in enumerate(works)]
            if during is not None:
                during()
            for thread in started:
                thread.join()
            (self.actor or self.client).close()

        self.scheduler.run(main)
        assert self.scheduler.errors == []
        assert self.server.journal.events(HandlerError) == []

    @property
    def oracle(self) -> Oracle:
        return Oracle(self.server.journal)

    def executions(self, sql: str) -> int:
        """How often it was executed, whatever the client believes."""
        return len(self.oracle.executions(sql))

    @property
    def sessions_made(self) -> int:
        return sum(event.before is None for event in self.server.journal.events(SessionMoved))

    @property
    def early(self) -> int:
        return len(self.server.journal.events(EarlyCall))


@contextmanager
def world(
    *faults: str,
    seed: int = 1,
    strategy: str = "random",
    dialect: str = "livy",
    rules: Sequence[Rule] = (),
    latency: float = 0.005,
    requests_per_minute: float | None = None,
    settings: Mapping[str, float] | None = None,
    knobs: Knobs | None = None,
) -> Iterator[World]:
    """A world in which ``faults`` are armed from the start; the journal is printed by a failing test's seed."""
    print(f"seed={seed} strategy={strategy} dialect={dialect} faults={faults}")  # noqa: T201  # pytest shows it on failure
    scheduler = Scheduler(seed, strategy)
    clock = SimulatedClock(scheduler, latency=latency)
    runtime = SimulatedRuntime(scheduler, clock)
    engine = ScriptedEngine(clock, rules)
    with (
        FakeLivy(engine=engine, clock=clock, listen=False, seed=seed, faults=faults, knobs=knobs or Knobs()) as server,
        requests.Session() as http,
    ):
        place = lakehouse_named("lakehouse", schemas=True)
        path = f"/v1/workspaces/{place.workspace_id}/lakehouses/{place.id}/livyapi/versions/2023-12-01"
        network = Network(
            runtime,
            server.mount(http).get_adapter(server.url + "/"),  # type: ignore[arg-type]  # the one just mounted
            server.url + (path if dialect == "fabric" else ""),
            f"{server.url}/v1",
            place.workspace_id,
            place.id,
        )
        another = partial(
            connect,
            network.livy,
            runtime=runtime,
            adapter=network.adapter,
            token="fakelivy",
            requests_per_minute=requests_per_minute,
            logger=logging.getLogger("tests.resilience"),
            settings=settings,
        )
        yield World(scheduler, runtime, server, another(), another, network)
