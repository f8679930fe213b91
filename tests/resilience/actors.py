"""Who runs the statements of a test: REPLs instead of the shared session, or Fabric's REST API, which runs none."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from dbt.adapters.fabricspark.client import DEFAULTS
from dbt.adapters.fabricspark.credentials import Settings
from dbt.adapters.fabricspark.fabric import FabricApi
from dbt.adapters.fabricspark.livy.high_concurrency import HighConcurrencyApi
from dbt.adapters.fabricspark.livy.statement import Statement
from dbt.adapters.fabricspark.livysession import LivySessionManager
from dbt.adapters.fabricspark.pool import OneForEach
from dbt.adapters.fabricspark.refresh import refresh
from dbt.adapters.fabricspark.resilience.budget import Pace
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.retry import Retrier
from dbt.adapters.fabricspark.resilience.tokens import Token, TokenSource
from dbt.adapters.fabricspark.resilience.transport import Transport

from tests.resilience.world import Network

LOG = logging.getLogger("tests.resilience")


def _parts(network: Network, url: str) -> tuple[Transport, Retrier]:
    tokens = TokenSource(lambda _: Token("fakelivy", None), network.runtime)
    transport = Transport(url, http_timeout=120, tokens=tokens, user_agent="tests", adapter=network.adapter)
    return transport, Retrier(network.runtime, Pace(network.runtime), tokens, LOG, connect_retries=3)


class Repls:
    """SQL with high concurrency: as ``Client``, but that each thread has a REPL of its own."""

    def __init__(self, network: Network, settings: Mapping[str, float]) -> None:
        runtime, figures = network.runtime, Settings(**{**DEFAULTS, **settings})
        api = HighConcurrencyApi(*_parts(network, network.livy), "tests")
        body = {"name": "tests", "kind": "sql"}
        self.pool = OneForEach(
            lambda: LivySessionManager(api, figures, body, runtime, LOG),
            api,
            keep=False,
            patience=figures.session_start_timeout + 60,
            runtime=runtime,
            logger=LOG,
        )
        self._running: list[Statement] = []

    def execute(self, sql: str) -> tuple[tuple[Any, ...], ...]:
        session = self.pool.borrow()
        statement = session.statement(sql)
        self._running.append(statement)
        try:
            return session.run(statement).rows
        finally:
            self._running.remove(statement)
            self.pool.give_back(session)

    def cancel(self) -> None:
        for statement in list(self._running):
            statement.cancel()

    def close(self) -> None:
        self.pool.disconnect()


class Rest:
    """Asks Fabric something for each statement."""

    def __init__(self, ask: Callable[[FabricApi], object], network: Network) -> None:
        self._ask = ask
        self._api = FabricApi(*_parts(network, network.rest), network.workspace, network.lakehouse)

    def execute(self, sql: str) -> tuple[tuple[Any, ...], ...]:
        del sql
        self._ask(self._api)
        return ()

    def cancel(self) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing is open."""


def lakehouse(network: Network) -> Rest:
    """Asks for the lakehouse."""
    return Rest(lambda api: api.lakehouse(Deadline.after(network.runtime, 300)), network)


def jobs(network: Network) -> Rest:
    """Refreshes materialized lake views."""
    return Rest(lambda api: refresh(api, 900, network.runtime, LOG), network)
