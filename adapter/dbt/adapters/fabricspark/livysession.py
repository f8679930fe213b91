"""Livy sessions: start one, wait for it, share it between threads, replace it when it dies, delete it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from dbt.adapters.exceptions.connection import FailedToConnectError
from dbt.adapters.fabricspark.credentials import Settings
from dbt.adapters.fabricspark.livy.api import LivyApi
from dbt.adapters.fabricspark.livy.errors import HttpError, LivyError, ProtocolError, SessionGone
from dbt.adapters.fabricspark.livy.statement import Statement, StatementSettings
from dbt.adapters.fabricspark.livy.states import SessionPhase, session_phase
from dbt.adapters.fabricspark.livy.wire import Output
from dbt.adapters.fabricspark.resilience.backoff import poll_pause, retry_pause
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.outcome import NotSent, ReplyLost, TransportError
from dbt.adapters.fabricspark.resilience.runtime import Runtime

DELETE_TIMEOUT = 30.0
"""Seconds spent on deleting a session; the run is over and nobody should wait long for it."""

_LOG_LINES = 5


class LivySession:
    """One session on the server.

    Args:
        api: the server.
        settings: the profile's figures.
        runtime: clock and locks.
        logger: for what is survived.
    """

    def __init__(self, api: LivyApi, settings: Settings, runtime: Runtime, logger: logging.Logger) -> None:
        self._api = api
        self._settings = settings
        self._runtime = runtime
        self._logger = logger
        self.session_id: str | None = None
        self.lost = False
        """Whether the server has said that this session is no more."""

    def create_session(self, body: Mapping[str, Any]) -> str:
        """Ask for a session and return its id, without waiting until it is ready.

        Raises:
            FailedToConnectError: the server cannot be reached, refused, or its answer was lost.
        """
        deadline = Deadline.after(self._runtime, self._settings.session_start_timeout)
        tries = self._settings.connect_retries + 1
        for attempt in range(tries):
            try:
                self.session_id = self._api.create_session(body, deadline).id
            except NotSent as error:
                # Nothing happened on the server, so trying again is safe.
                if attempt + 1 == tries:
                    raise FailedToConnectError(f"{error} (tried {tries} times)") from error
                self._logger.warning("%s; trying again", error)
                deadline.pause(retry_pause(attempt, 1.0, self._settings.connect_timeout))
            except ReplyLost as error:
                raise FailedToConnectError(
                    f"{error}. A session may have been created all the same; the server ends it when it has been idle."
                ) from error
            except LivyError as error:
                raise FailedToConnectError(str(error)) from error
            else:
                return self.session_id
        raise AssertionError("the last try returns or raises")

    def wait_for_session_start(self) -> None:
        """Wait until statements can be sent.

        Raises:
            FailedToConnectError: it ended instead, or took longer than ``session_start_timeout``.
        """
        deadline = Deadline.after(self._runtime, self._settings.session_start_timeout)
        state, trouble = "", None
        while not deadline.expired:
            try:
                view = self._api.get_session(self._id, deadline)
            except SessionGone as error:
                raise FailedToConnectError(f"Livy session {self._id} vanished while it started: {error}") from error
            except (HttpError, ProtocolError, TransportError) as error:
                # Looking has no effect on the server; a bad minute there must not cost a session that is coming up.
                self._logger.debug("looking at Livy session %s: %s", self._id, error)
                trouble = error
            else:
                state, trouble = view.state, None
                phase = session_phase(state)
                if phase is SessionPhase.READY:
                    return
                if phase is SessionPhase.ENDED:
                    said = " | ".join(view.log[-_LOG_LINES:])
                    raise FailedToConnectError(
                        f"Livy session {self._id} ended in state '{state}' instead of starting"
                        + (f"; the server says: {said}" if said else "")
                    )
            deadline.pause(poll_pause(deadline.elapsed, self._settings.poll_wait))
        raise FailedToConnectError(
            f"Livy session {self._id} was still '{state or 'unknown'}' after {deadline.seconds:.0f} s. "
            "Raise session_start_timeout in the profile if the capacity needs longer."
            + (f" Last trouble: {trouble}" if trouble else "")
        )

    def is_valid_session(self) -> bool:
        """Whether the session can take statements now. Never raises."""
        if self.session_id is None:
            return False
        try:
            view = self._api.get_session(self.session_id, Deadline.after(self._runtime, self._settings.http_timeout))
        except (LivyError, TransportError) as error:
            self._logger.debug("looking at Livy session %s: %s", self.session_id, error)
            return False
        return session_phase(view.state) is SessionPhase.READY

    def delete_session(self) -> None:
        """Delete it on the server. Never raises: what went wrong is logged, the run's own outcome stands."""
        if self.session_id is None:
            return
        deadline = Deadline.after(self._runtime, min(DELETE_TIMEOUT, self._settings.http_timeout))
        try:
            self._api.delete_session(self.session_id, deadline)
        except (LivyError, TransportError) as error:
            self._logger.warning("Livy session %s could not be deleted: %s", self.session_id, error)
        else:
            self._logger.debug("Livy session %s deleted", self.session_id)
        self.session_id = None

    @property
    def row_limit(self) -> int | None:
        """Rows after which the server cuts a result without saying so; ``None`` if it says so."""
        return self._settings.row_limit

    def statement(self, code: str) -> Statement:
        """A statement to run here."""
        settings = StatementSettings(self._settings.statement_timeout, self._settings.poll_statement_wait)
        return Statement(self._api, self._id, code, settings, self._runtime, self._logger)

    def run(self, statement: Statement) -> Output:
        """Run it, and notice if the session turns out to be gone.

        Raises:
            LivyError, TransportError: as ``Statement.run``.
        """
        try:
            return statement.run()
        except SessionGone:
            self.lost = True
            raise

    @property
    def _id(self) -> str:
        if self.session_id is None:
            raise FailedToConnectError("there is no Livy session: it was deleted or never created")
        return self.session_id


class LivySessionManager:
    """The one session that all threads of a target share.

    One lock guards it, held while a session starts: the threads that come meanwhile wait for that session instead of
    starting their own. It is the only lock held over a request, and no other lock is taken under it but the token's.

    Args:
        api, settings, runtime, logger: see ``LivySession``.
        body: the request for a session; its ``name`` is made unique.
    """

    def __init__(
        self,
        api: LivyApi,
        settings: Settings,
        body: Mapping[str, Any],
        runtime: Runtime,
        logger: logging.Logger,
    ) -> None:
        self._api = api
        self._settings = settings
        self._body = body
        self._runtime = runtime
        self._logger = logger
        self._lock = runtime.lock()
        self._session: LivySession | None = None

    def connect(self) -> LivySession:
        """The shared session, started or replaced if need be.

        Raises:
            FailedToConnectError: see ``LivySession``.
        """
        with self._lock:
            if self._session is not None and self._session.lost:
                self._logger.warning("Livy session %s is gone; starting another", self._session.session_id)
                self.disconnect()
            if self._session is None:
                session = LivySession(self._api, self._settings, self._runtime, self._logger)
                # Livy refuses a name that another session has, and two runs at once are nothing unusual.
                session.create_session({**self._body, "name": f"{self._body['name']}-{self._runtime.unique()}"})
                try:
                    session.wait_for_session_start()
                except BaseException:
                    # Ctrl-C included: a session that nobody will use must not stay behind.
                    session.delete_session()
                    raise
                self._session = session
            return self._session

    def disconnect(self) -> None:
        """Delete the shared session, if there is one. Never raises."""
        with self._lock:
            session, self._session = self._session, None
            if session is not None:
                session.delete_session()
