"""The one Livy session that all threads of a target share: started once, replaced once, deleted at the end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from dbt.adapters.exceptions.connection import FailedToConnectError
from dbt.adapters.fabricspark.credentials import Settings
from dbt.adapters.fabricspark.lease import MOST_ENTRIES, LeaseFile
from dbt.adapters.fabricspark.livy.api import LivyApi
from dbt.adapters.fabricspark.livy.conf import Conf, changes_session
from dbt.adapters.fabricspark.livy.errors import LivyError, OutcomeUnknown, SessionLost, StatementFailed
from dbt.adapters.fabricspark.livy.kinds import SQL, Kind
from dbt.adapters.fabricspark.livy.place import StatementSettings
from dbt.adapters.fabricspark.livy.statement import Statement
from dbt.adapters.fabricspark.livy.wire import Output
from dbt.adapters.fabricspark.progress import Progress
from dbt.adapters.fabricspark.resilience.backoff import query_pause
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.locks import Rank, RankedCondition
from dbt.adapters.fabricspark.resilience.outcome import TransportError
from dbt.adapters.fabricspark.resilience.runtime import Runtime
from dbt.adapters.fabricspark.session import DELETE_TIMEOUT, LivySession
from dbt.adapters.fabricspark.timings import Timings, timing_key
from dbt_common.exceptions import DbtRuntimeError

__all__ = ["LivySession", "LivySessionManager"]

BURIAL_TIMEOUT = 5.0
"""Seconds spent on deleting a dead session before its replacement is asked for; what is left is deleted at the end."""

UNDO_TIMEOUT = 30.0
"""Seconds that a statement may take that changes a setting back before the session is left to the next run."""

HANDOVER = 60.0
"""Seconds that a thread waits for another one's session beyond ``session_start_timeout``."""

RESTORING = HANDOVER / 2
"""Seconds beyond ``session_start_timeout`` by which a replacement has its settings, or is given up: while the others
still wait, who are then told why."""


class LivySessionManager:
    """The shared session, and statements on it.

    One thread starts or replaces it, with no lock held; the others wait for that, and get the same session or the same
    error. A session that is replaced is deleted too, at the latest by ``disconnect``, and its settings are made in its
    replacement before anything else runs there.

    Args:
        api, settings, runtime, logger: see ``LivySession``.
        body: the request for a session; its ``name`` is made unique.
        leases: where sessions are kept between runs; ``None`` if each run starts its own and deletes it.
        timings: how long statements took in earlier runs; ``None`` remembers nothing.
        prepare: called while a session starts, before anything runs in it; what it raises ends the start.

    Attributes:
        turn: inside, a session may be asked for; the next one waits for its turn.
    """

    def __init__(
        self,
        api: LivyApi,
        settings: Settings,
        body: Mapping[str, Any],
        runtime: Runtime,
        logger: logging.Logger,
        leases: LeaseFile | None = None,
        timings: Timings | None = None,
        prepare: Callable[[Deadline], None] | None = None,
    ) -> None:
        self.turn: Callable[[], AbstractContextManager[None]] = nullcontext
        self._timings = timings or Timings(None, runtime, logger)
        self._leases = leases
        self._prepare = prepare
        self._api = api
        self._settings = settings
        self._body = body
        self._runtime = runtime
        self._logger = logger
        self._lock = RankedCondition(runtime, Rank.SESSION)
        self._session: LivySession | None = None
        self._coming: LivySession | None = None
        self._graves: list[LivySession] = []
        self._conf = Conf()
        # Starts that have ended, and the error of the last one if it failed.
        self._starts = 0
        self._failure: str | None = None
        self._disconnects = 0

    # --- the session --------------------------------------------------------------------------------------------------

    def connect(self) -> LivySession:
        """The shared session, started or replaced if need be.

        Raises:
            FailedToConnectError: see ``LivySession``.
        """
        ready = self._wait_for_it()
        return ready or self._start()

    def disconnect(self, timeout: float = DELETE_TIMEOUT) -> None:
        """Delete every session that was made here, but for one that is kept for the next run. Never raises.

        Args:
            timeout: seconds for all of them; each is given ``BURIAL_TIMEOUT`` all the same.
        """
        deadline = Deadline.after(self._runtime, timeout)
        with self._lock:
            self._disconnects += 1
            left = [each for each in (*self._graves, self._session, self._coming) if each is not None]
            self._session, self._graves = None, []
        for session in left:
            if not self._leave(session):
                self._delete(session, max(BURIAL_TIMEOUT, deadline.remaining))
        self._timings.save()

    def _leave(self, session: LivySession) -> bool:
        """Leave it to the next run, as it was in the beginning; False if that cannot be done."""
        # Another thread may be deleting it meanwhile.
        lease = session.lease
        if lease is None or session.lost or session.session_id is None:
            return False
        with self._lock:
            names, undo = self._conf.names, self._conf.undo
            self._conf = Conf()
        try:
            if undo is None:
                raise LivyError(f"{', '.join(names)} cannot be changed back")
            for sql in undo:
                self.statement(sql, timeout=UNDO_TIMEOUT).run(session)
            lease.mark(changed=False)
        except (LivyError, TransportError, DbtRuntimeError) as error:
            self._logger.info("Livy session %s is not left to the next run: %s", session.session_id, error)
            return False
        session.delete_strays()
        self._logger.debug("Livy session %s is left to the next run", session.session_id)
        lease.release()
        return True

    @property
    def session_id(self) -> str | None:
        """Of the session that is shared now."""
        with self._lock:
            return self._session.session_id if self._session else None

    @property
    def spark_ui(self) -> str:
        """Address of the shared session's Spark UI; ``""`` where unknown."""
        with self._lock:
            return self._session.spark_ui if self._session else ""

    @property
    def row_limit(self) -> int | None:
        """Rows after which the server cuts a result without saying so; ``None`` if it says so."""
        return self._settings.row_limit

    def _wait_for_it(self) -> LivySession | None:
        """The session, or ``None`` if it is for this thread to start one, which is marked."""
        deadline = Deadline.after(self._runtime, self._settings.session_start_timeout + HANDOVER)
        with self._lock:
            while not deadline.expired:
                if self._session is not None and not self._session.lost:
                    return self._session
                if self._coming is None:
                    if self._session is not None:
                        self._logger.warning("Livy session %s is gone; starting another", self._session.session_id)
                        self._graves.append(self._session)
                    self._session = None
                    self._coming = LivySession(self._api, self._settings, self._runtime, self._logger)
                    return None
                start = self._starts
                self._lock.wait(deadline.remaining)
                if self._starts != start and self._failure is not None:
                    raise FailedToConnectError(self._failure)
        raise FailedToConnectError(f"another thread has been starting a Livy session for {deadline.elapsed:.0f} s")

    def _start(self) -> LivySession:
        """Start the session that is marked as coming, and let the others know."""
        with self._lock:
            session, epoch = self._coming, self._disconnects
            assert session is not None, "only the thread that marked it starts it"
        try:
            self._bury()
            with self.turn():
                deadline = session.start_deadline()
                self._ask_for(session, deadline)
            self._restore(session, deadline)
        except BaseException as error:
            # Ctrl-C included: a session that nobody will use must not stay behind.
            self._ended(None, plain(error) or "starting a Livy session was interrupted")
            self._discard(session)
            raise
        with self._lock:
            wanted = epoch == self._disconnects
        if not wanted:
            self._ended(None, "the run ended while a Livy session started")
            self._discard(session)
            raise FailedToConnectError("the run ended while a Livy session started")
        self._ended(session, None)
        return session

    def _ask_for(self, session: LivySession, deadline: Deadline) -> None:
        adopted = self._adopt(session, deadline)
        if not adopted:
            # Livy refuses a name that another session has, and two runs at once are nothing unusual.
            name = f"{self._body['name']}-{self._runtime.unique()}"
            session.create_session({**self._body, "name": name}, deadline)
            if self._leases is not None:
                session.lease = self._leases.add(str(session.session_id), session.name)
        self._prepare_for(session, deadline, adopted=adopted)
        if not adopted:
            session.wait_for_session_start(deadline)

    def _prepare_for(self, session: LivySession, deadline: Deadline, *, adopted: bool) -> None:
        if self._prepare is None:
            return
        try:
            self._prepare(deadline)
        except BaseException:
            # Nothing is wrong with a session that an earlier run has left: it stays for the next one.
            lease = session.lease
            if adopted and lease is not None:
                session.lease = session.session_id = None
                lease.release()
            raise

    def _adopt(self, session: LivySession, deadline: Deadline) -> bool:
        """Make it one that an earlier run has left; False if there is none.

        A session that cannot be looked at is not one that is no more: then the run fails, and the session stays.
        """
        for _ in range(MOST_ENTRIES):
            lease = self._leases.claim() if self._leases is not None else None
            if lease is None:
                return False
            session.adopt(lease.entry.session_id, lease.entry.name)
            try:
                how = session.ended()
                is_alive = how is None
                if is_alive and lease.entry.changed:
                    how = "a run that did not come to its end has changed its settings"
                elif is_alive:
                    session.wait_for_session_start(deadline)
                    how = session.clear()
            except BaseException:
                session.session_id = None
                lease.release()
                raise
            if how is None:
                self._logger.info("using Livy session %s of an earlier run", session.session_id)
                session.lease = lease
                return True
            self._logger.debug("the session of an earlier run is not used: %s", how)
            session.session_id = None
            lease.drop()
            if is_alive:
                # Deleting it ends what runs in it.
                grave = LivySession(self._api, self._settings, self._runtime, self._logger)
                grave.adopt(lease.entry.session_id, lease.entry.name)
                self._discard(grave)
        return False

    def _restore(self, session: LivySession, start: Deadline) -> None:
        """Change what this run had changed in the session before, while the others still wait for it."""
        with self._lock:
            names, again = self._conf.names, self._conf.again
        if not again:
            return
        self._logger.warning("Livy session %s is given what the last one was: %s", session.session_id, ", ".join(names))
        deadline = Deadline.after(self._runtime, start.remaining + RESTORING)
        try:
            if session.lease is not None:
                session.lease.mark(changed=True)
            for sql in again:
                if deadline.expired:
                    raise LivyError("no time is left for the last of them")
                timeout = min(self._settings.statement_timeout, deadline.remaining)
                self.statement(sql, timeout=timeout).run(session)
        except (LivyError, TransportError) as error:
            why = str(error)
            if deadline.expired:
                why = f"that took more than {deadline.seconds:.0f} s. Raise session_start_timeout if it needs longer."
            raise FailedToConnectError(
                f"Livy session {session.session_id} could not be given the settings that this run had made "
                f"({', '.join(names)}): {why}"
            ) from error

    def _ended(self, session: LivySession | None, failure: str | None) -> None:
        with self._lock:
            self._coming, self._session, self._failure = None, session, failure
            self._starts += 1
            self._lock.notify_all()

    def _discard(self, session: LivySession) -> None:
        if not self._delete(session):
            with self._lock:
                self._graves.append(session)

    def _bury(self) -> None:
        with self._lock:
            graves, self._graves = self._graves, []
        # Whoever cannot be told of one session now is not asked about all the others: their number grows with each try.
        while graves and self._delete(graves[0], BURIAL_TIMEOUT):
            graves = graves[1:]
        with self._lock:
            self._graves += graves

    @staticmethod
    def _delete(session: LivySession, timeout: float = DELETE_TIMEOUT) -> bool:
        lease, session.lease = session.lease, None
        if lease is not None:
            lease.drop()
        return session.delete_session(timeout)

    # --- statements ---------------------------------------------------------------------------------------------------

    def statement(self, sql: str, node: str = "", kind: Kind = SQL, timeout: float | None = None) -> Statement:
        """A statement to run here.

        Args:
            sql, kind: see ``Statement``.
            node: on whose behalf, by which it is known again in the next run.
            timeout: seconds, instead of ``statement_timeout``.
        """
        key = timing_key(node, sql)
        settings = StatementSettings(
            timeout or self._settings.statement_timeout, self._settings.poll_statement_wait, self._timings.expected(key)
        )
        statement = Statement(self._api, sql, settings, self._runtime, self._logger, kind)
        statement.key = key
        statement.on_look = Progress(self._runtime.monotonic, self._logger)
        return statement

    def run(self, statement: Statement) -> Output:
        """Run it, on another session if the first one turns out to be gone and that does no harm.

        What it changes in the session is remembered before it runs, so that a replacement of the session in the same
        moment has it too.

        Raises:
            FailedToConnectError: there is no session and none could be started.
            LivyError, TransportError: as ``Statement.run``.
        """
        if not changes_session(statement.sql):
            return self._run(statement)
        lease = self.connect().lease
        if lease is not None:
            lease.mark(changed=True)
        with self._lock:
            before = self._conf.note(statement.sql)
        try:
            return self._run(statement)
        except StatementFailed:
            with self._lock:
                self._conf.take_back(statement.sql, before)
            raise

    def _run(self, statement: Statement) -> Output:
        tries = self._settings.connect_retries + 1
        sessions: set[LivySession] = set()
        for attempt in range(tries):
            session = self.connect()
            sessions.add(session)
            try:
                output = statement.run(session)
            except SessionLost as error:
                self._note_loss(session, ended=error.ended)
                if attempt + 1 == tries:
                    raise SessionLost(f"{error} {_tried(tries, len(sessions))}", ended=error.ended) from error
                pause = query_pause(attempt)
                self._logger.warning("%s Running it again in %.0f s.", error, pause)
                self._runtime.sleep(pause)
            except OutcomeUnknown as error:
                self._note_loss(session, ended=error.session_ended)
                raise
            else:
                self._timings.took(statement.key, statement.ran)
                return output
        raise AssertionError("the last try returns or raises")

    def _note_loss(self, session: LivySession, *, ended: bool) -> None:
        if ended and session.session_id is not None:
            self._api.lost(session.session_id)
        session.lost = session.lost or ended


def plain(error: BaseException) -> str:
    """Its words, without the heading that dbt gives an error: whoever is told the same gets a heading too."""
    return error.msg if isinstance(error, DbtRuntimeError) else str(error)


def _tried(tries: int, sessions: int) -> str:
    """How often a statement was tried, and on how many sessions, for its error."""
    if tries == 1:
        return "It was tried once; connect_retries is 0."
    return f"It was tried {tries} times, on {'one session' if sessions == 1 else f'{sessions} sessions'}."
