"""A Livy server without dbt: ``connect(url)`` gives a client that many threads can use, with all that the adapter has.

For programs that want to run SQL, and for test harnesses that hand in their own clock and network.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from dbt.adapters.fabricspark.__version__ import version
from dbt.adapters.fabricspark.credentials import FABRIC_REQUEST_RATE, Settings
from dbt.adapters.fabricspark.lease import LeaseFile
from dbt.adapters.fabricspark.livy.api import LivyApi
from dbt.adapters.fabricspark.livy.errors import ProtocolError
from dbt.adapters.fabricspark.livy.high_concurrency import HighConcurrencyApi
from dbt.adapters.fabricspark.livy.repeatable import is_safe_to_repeat
from dbt.adapters.fabricspark.livy.statement import Statement
from dbt.adapters.fabricspark.livysession import HANDOVER, LivySessionManager
from dbt.adapters.fabricspark.pool import OneForEach
from dbt.adapters.fabricspark.resilience.budget import Pace
from dbt.adapters.fabricspark.resilience.locks import Rank, RankedCondition
from dbt.adapters.fabricspark.resilience.retry import Retrier
from dbt.adapters.fabricspark.resilience.runtime import Runtime, SystemRuntime
from dbt.adapters.fabricspark.resilience.tokens import Token, TokenSource
from dbt.adapters.fabricspark.resilience.transport import Transport
from dbt.adapters.fabricspark.timings import Timings
from requests.adapters import HTTPAdapter

DEFAULTS: Mapping[str, Any] = {
    "http_timeout": 120.0,
    "session_start_timeout": 600.0,
    "statement_timeout": 3600.0,
    "poll_wait": 10.0,
    "poll_statement_wait": 5.0,
    "connect_retries": 3,
    "connect_timeout": 10.0,
}
"""The profile's figures, as documented there, with the recommended ``connect_retries``."""


class Client:
    """SQL on one shared session. Every method may be called by many threads at once.

    Args:
        manager: the session and its statements; an attribute too.
        runtime: for the lock.
    """

    def __init__(self, manager: LivySessionManager, runtime: Runtime) -> None:
        self.manager = manager
        self._lock = RankedCondition(runtime, Rank.TARGETS)
        self._running: list[Statement] = []

    def execute(self, sql: str) -> tuple[tuple[Any, ...], ...]:
        """Run a statement to its end and return its rows.

        Raises:
            FailedToConnectError: there is no session, and none could be started.
            OutcomeUnknown: it may have run, and nobody can tell.
            ProtocolError: it asks for rows, and the server sent no table, or left rows out.
            LivyError, TransportError: it did not succeed; see ``Statement.run``.
        """
        with self._session() as session:
            statement = session.statement(sql)
            with self._lock:
                self._running.append(statement)
            try:
                output = session.run(statement)
            finally:
                with self._lock:
                    self._running.remove(statement)
        if output.columns is None and is_safe_to_repeat(sql):
            raise ProtocolError(f"the server sent no table for {statement.name}")
        if output.truncated:
            count = "1 row" if len(output.rows) == 1 else f"{len(output.rows)} rows"
            raise ProtocolError(
                f"the server cut the result of {statement.name} after {count}, and a part must not pass for the whole. "
                "Ask for fewer rows or for an aggregate"
            )
        return output.rows

    def cancel(self) -> None:
        """Stop every statement that is running now, on the server."""
        with self._lock:
            running = list(self._running)
        for statement in running:
            statement.cancel()

    def close(self) -> None:
        """Delete every session that was made. Never raises."""
        self.manager.disconnect()

    @contextmanager
    def _session(self) -> Iterator[LivySessionManager]:
        yield self.manager


class ReplClient(Client):
    """SQL on REPLs of Fabric's high-concurrency sessions: statements of different threads run at the same time.

    Args:
        pool: the REPLs; each statement borrows one.
        manager: one of them that is never asked for, for what all have in common.
        runtime: for the lock.
    """

    def __init__(self, pool: OneForEach, manager: LivySessionManager, runtime: Runtime) -> None:
        super().__init__(manager, runtime)
        self._pool = pool

    def close(self) -> None:
        """Return every REPL and end the Livy session they were in. Never raises."""
        self._pool.disconnect()

    @contextmanager
    def _session(self) -> Iterator[LivySessionManager]:
        session = self._pool.borrow()
        try:
            yield session
        finally:
            self._pool.give_back(session)


def connect(
    url: str,
    *,
    runtime: Runtime | None = None,
    adapter: HTTPAdapter | None = None,
    token: str | None = None,
    tokens: TokenSource | None = None,
    session: Mapping[str, Any] | None = None,
    requests_per_minute: float | None = None,
    logger: logging.Logger | None = None,
    settings: Mapping[str, float] | None = None,
    leases: LeaseFile | None = None,
    timings: Timings | None = None,
    high_concurrency: bool = False,
) -> Client:
    """A client of one server; the session starts with the first statement.

    Args:
        url: Apache Livy, or a lakehouse's Livy endpoint.
        runtime: clock, locks and chance; the real ones unless given.
        adapter: a ``requests`` adapter instead of the network.
        token: a bearer token, for a server that wants one.
        tokens: where tokens come from, instead of a fixed one.
        session: the body of the request for a session; ``{"kind": "sql"}`` unless given.
        requests_per_minute: over all threads; ``None`` is no limit.
        logger: where retries are told.
        settings: any of ``DEFAULTS``.
        leases: where the session is left to the next client; ``None`` deletes it at the end.
        timings: how long statements took before; ``None`` remembers nothing.
        high_concurrency: a REPL for each statement that runs at the same time, in one Livy session; Fabric only.

    Raises:
        TypeError: a setting that does not exist.
    """
    clock = runtime or SystemRuntime()
    figures = Settings(**{**DEFAULTS, **(settings or {})})
    told = logger or logging.getLogger(__name__)
    if token is not None:
        tokens = TokenSource(lambda _: Token(token), clock)
    transport = Transport(
        url, http_timeout=figures.http_timeout, tokens=tokens, user_agent=f"dbt-fabricspark/{version}", adapter=adapter
    )
    pace = Pace(clock, requests_per_minute)
    retrier = Retrier(clock, pace, tokens, told, figures.connect_retries, figures.connect_timeout)
    body = {"name": "dbt-fabricspark", **(session or {"kind": "sql"})}
    if not high_concurrency:
        livy = LivyApi(transport, retrier)
        return Client(LivySessionManager(livy, figures, body, clock, told, leases, timings), clock)
    api = HighConcurrencyApi(transport, retrier, f"dbt-fabricspark-{clock.unique()}")

    def repl() -> LivySessionManager:
        return LivySessionManager(api, figures, body, clock, told, None, timings)

    patience = figures.session_start_timeout + HANDOVER
    pool = OneForEach(repl, api, keep=False, patience=patience, runtime=clock, logger=told)
    return ReplClient(pool, repl(), clock)


class Driver(Protocol):
    """What a harness tells about the run: see ``chaos.client.Options``, whose shape this is."""

    @property
    def dialect(self) -> str:
        """``livy`` or ``fabric``."""

    @property
    def settings(self) -> Mapping[str, float]:
        """Any of ``DEFAULTS``."""

    @property
    def get_token(self) -> Callable[[], Any]:
        """Gives a new token, with ``token`` and ``expires_on``."""

    @property
    def high_concurrency(self) -> bool:
        """Whether to use REPLs of high-concurrency sessions."""


def under_test(url: str, adapter: HTTPAdapter, runtime: Runtime, options: Driver) -> Client:
    """A client for ``chaos run``, in the harness's time, on its network and with its tokens."""

    def fetch(anew: bool) -> Token:
        del anew  # the harness has no cache
        found = options.get_token()
        return Token(found.token, float(found.expires_on))

    fabric = options.dialect == "fabric"
    return connect(
        url,
        runtime=runtime,
        adapter=adapter,
        tokens=TokenSource(fetch, runtime) if fabric else None,
        requests_per_minute=FABRIC_REQUEST_RATE if fabric else None,
        settings=options.settings,
        high_concurrency=options.high_concurrency,
    )
