"""Who runs where: one session for all threads, or with high concurrency a REPL for each thread that is at work."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

from dbt.adapters.exceptions.connection import FailedToConnectError
from dbt.adapters.fabricspark.cursor import Session
from dbt.adapters.fabricspark.livy.errors import LivyError
from dbt.adapters.fabricspark.livy.high_concurrency import HighConcurrencyApi
from dbt.adapters.fabricspark.livysession import LivySessionManager, plain
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.halt import DELETE_BUDGET, cleaning, left
from dbt.adapters.fabricspark.resilience.locks import Rank, RankedCondition
from dbt.adapters.fabricspark.resilience.outcome import TransportError
from dbt.adapters.fabricspark.resilience.runtime import Runtime
from dbt.adapters.fabricspark.session import DELETE_TIMEOUT


class Pool(Protocol):
    """Where dbt's connections get their sessions from."""

    def borrow(self) -> Session:
        """A session that is ready, for one connection.

        Raises:
            FailedToConnectError: there is none, and none could be started.
        """

    def give_back(self, session: Any) -> None:
        """The connection needs it no more."""

    def disconnect(self) -> None:
        """End every session that was made. Never raises."""


class Shared(Session, Protocol):
    """A session that many connections use at once."""

    def connect(self) -> object:
        """Have it ready; raises ``FailedToConnectError``."""

    def disconnect(self) -> None:
        """End it. Never raises."""


class OneForAll:
    """One session that all connections share."""

    def __init__(self, session: Shared) -> None:
        self._session = session

    def borrow(self) -> Session:
        """The session."""
        self._session.connect()
        return self._session

    def give_back(self, session: Any) -> None:
        """Others go on using it."""

    def disconnect(self) -> None:
        """End it."""
        self._session.disconnect()


class OneForEach:
    """A REPL for each connection that is open; one that is given back is the next one's.

    One that may need a new Livy session is ready before others are asked for: Fabric packs a REPL only into a Livy
    session that is already there, and would start a Livy session for each of several that are asked for at once. That
    goes for those that take the place of lost ones too. Where it does not start, those who waited for it fail as well:
    one start after the other would keep the last of them waiting for hours.

    Args:
        make: a REPL that is not asked for yet.
        api: theirs.
        keep: whether the Livy session they were in is left to others: it has a tag that is not this run's own.
        patience: seconds to wait for another thread's new Livy session; anew after each that has started.
        runtime: clock and locks.
        logger: for what is survived.
    """

    def __init__(
        self,
        make: Callable[[], LivySessionManager],
        api: HighConcurrencyApi,
        *,
        keep: bool,
        patience: float,
        runtime: Runtime,
        logger: logging.Logger,
    ) -> None:
        self._make = make
        self._api = api
        self._keep = keep
        self._patience = patience
        self._runtime = runtime
        self._logger = logger
        self._lock = RankedCondition(runtime, Rank.POOL)
        self._free: list[LivySessionManager] = []
        self._all: list[LivySessionManager] = []
        # Whose last connection has failed: each is asked for again before a new one is made.
        self._failed: list[LivySessionManager] = []
        # Those that are asked for on behalf of who borrows them: it is their turn already.
        self._borrowing: list[LivySessionManager] = []
        self._asking = 0
        self._is_led = False
        # How many have come up, how many failed where there was no room, and the error of the last of these.
        self._came_up = self._failures = 0
        self._failure = ""

    def borrow(self) -> LivySessionManager:
        """A REPL of this connection's own."""
        session, asks = self._take()
        try:
            session.connect()
        except BaseException as error:
            with self._lock:
                self._failed.append(session)
            if asks:
                self._asked(session, failure=plain(error) or "asking for a REPL was interrupted")
            raise
        if asks:
            self._asked(session)
        return session

    @contextmanager
    def _turn(self, session: LivySessionManager) -> Iterator[None]:
        """Inside, a REPL may be asked for that takes the place of a lost one."""
        with self._lock:
            mine = session in self._borrowing
            if not mine:
                self._wait_for_turn(or_free=False)
                self._ask()
        try:
            yield
        except BaseException as error:
            if not mine:
                self._asked(failure=plain(error) or "asking for a REPL was interrupted")
            raise
        if not mine:
            self._asked()

    def give_back(self, session: LivySessionManager) -> None:
        """Have the next connection use it."""
        with self._lock:
            self._free.append(session)
            self._lock.notify_all()

    def disconnect(self) -> None:
        """Return every REPL, and end the Livy session they were in."""
        with self._lock:
            repls, self._all, self._free, self._failed = self._all, [], [], []
        # After a halt there are seconds for it all, and it is the Livy session that costs; its REPLs end with it.
        if left(self._runtime) < float("inf"):
            self._end_livy_sessions()
        deadline = Deadline.after(self._runtime, DELETE_TIMEOUT)
        for repl in repls:
            # A server that answers for none of them is not waited for once for each.
            repl.disconnect(deadline.remaining)
        self._end_livy_sessions()

    def _end_livy_sessions(self) -> None:
        if self._keep:
            return
        try:
            with cleaning(self._runtime, DELETE_BUDGET):
                self._api.delete_livy_sessions(Deadline.after(self._runtime, DELETE_TIMEOUT), self._logger)
        except (LivyError, TransportError) as error:
            self._logger.warning("the Livy session of the REPLs could not be deleted: %s", error)

    def _take(self) -> tuple[LivySessionManager, bool]:
        """A REPL, and whether it is to be asked for."""
        with self._lock:
            self._wait_for_turn(or_free=True)
            if self._free:
                return self._free.pop(), False
            self._ask()
            session = self._new()
            self._borrowing.append(session)
            return session, True

    def _wait_for_turn(self, *, or_free: bool) -> None:
        """Until a REPL may be asked for, alone if it may need a new Livy session; or until one is free."""
        deadline = Deadline.after(self._runtime, self._patience)
        came_up, failures = self._came_up, self._failures
        while not (or_free and self._free) and (self._is_led or (self._asking and not self._has_room())):
            if deadline.expired:
                raise FailedToConnectError(f"another thread has been waiting for a REPL for {deadline.elapsed:.0f} s")
            self._lock.wait(deadline.remaining)
            if self._failures != failures and not (or_free and self._free):
                raise FailedToConnectError(self._failure)
            if self._came_up != came_up:
                # One Livy session after the other starts, and each may take its time.
                came_up, deadline = self._came_up, Deadline.after(self._runtime, self._patience)

    def _ask(self) -> None:
        self._is_led = not self._has_room()
        self._asking += 1

    def _new(self) -> LivySessionManager:
        if self._failed:
            return self._failed.pop()
        session = self._make()
        session.turn = partial(self._turn, session)
        self._all.append(session)
        return session

    def _has_room(self) -> bool:
        """Whether the Livy sessions that are known take one more than is asked for now."""
        return self._api.room > self._asking

    def _asked(self, borrowed: LivySessionManager | None = None, failure: str | None = None) -> None:
        with self._lock:
            if borrowed is not None:
                self._borrowing.remove(borrowed)
            self._asking -= 1
            self._is_led = False
            if failure is None:
                self._came_up += 1
            elif not self._has_room():
                # It was a Livy session that did not come. Where there is room, the next one is simply asked for.
                self._failures += 1
                self._failure = failure
            self._lock.notify_all()
