"""One Livy session: asked for, found again when the reply was lost, waited for, looked at, deleted."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from dbt.adapters.exceptions.connection import FailedToConnectError
from dbt.adapters.fabricspark.credentials import Settings
from dbt.adapters.fabricspark.lease import Lease
from dbt.adapters.fabricspark.livy.api import GLANCE, LivyApi, delete_for_good
from dbt.adapters.fabricspark.livy.errors import LivyError, SessionGone
from dbt.adapters.fabricspark.livy.leftovers import PATIENCE, GoesOn, stop_leftovers
from dbt.adapters.fabricspark.livy.line import Line
from dbt.adapters.fabricspark.livy.states import SessionPhase, session_phase
from dbt.adapters.fabricspark.livy.wire import SessionView
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.halt import DELETE_BUDGET, Halted, cleaning, left
from dbt.adapters.fabricspark.resilience.notices import Rhythm, spelt
from dbt.adapters.fabricspark.resilience.outcome import AttemptError, Outcome, TransportError
from dbt.adapters.fabricspark.resilience.policy import POLICY, SENDS, SETTLING, Decision, Operation
from dbt.adapters.fabricspark.resilience.polling import poll_pause
from dbt.adapters.fabricspark.resilience.runtime import Runtime

DELETE_TIMEOUT = 90.0
"""Seconds spent on deleting a session: a server that is busy asks for several times twenty. After a halt it is less."""

LOOK_TIMEOUT = 30.0
"""Seconds spent on one look at a session that somebody else waits for."""

FIND_PAUSES = (0.0, 2.0, 5.0)
"""Pauses in seconds before each look for a session whose reply was lost."""

_LOG_LINES = 5
_HEADINGS = ("", "stdout:", "stderr:", "YARN Diagnostics:")
"""Lines of a session's log that Livy writes itself, whether or not anything follows them."""

_DUPLICATE = re.compile(r"duplicate session name", re.IGNORECASE)


class LivySession:
    """One session on the server.

    Args:
        api: the server.
        settings: the profile's figures.
        runtime: clock and locks.
        logger: for what is survived.

    Attributes:
        session_id: ``None`` before there is one and after it was deleted.
        name: unique; by it the session is found again, and told from another one with the same id.
        spark_ui: address of its Spark UI; ``""`` where unknown.
        lost: whether the server has said that this session is no more.
        newest: the highest statement id seen in it, -1 for none.
        line: our statements in it that have not ended.
        lease: the right to leave it to the next run; ``None`` if it is deleted at the end.
    """

    def __init__(self, api: LivyApi, settings: Settings, runtime: Runtime, logger: logging.Logger) -> None:
        self._api = api
        self._settings = settings
        self._runtime = runtime
        self._logger = logger
        self._asked_at = 0.0
        # There may be sessions of our name whose id never reached us.
        self._strays = False
        self.lease: Lease | None = None
        self.session_id: str | None = None
        self.name = ""
        self.spark_ui = ""
        self.lost = False
        self.newest = -1
        self.line = Line(runtime)

    # --- creation -----------------------------------------------------------------------------------------------------

    def create_session(self, body: Mapping[str, Any], deadline: Deadline | None = None) -> str:
        """Ask for a session and return its id, without waiting until it is ready.

        Args:
            body: the request; its ``name`` is one that no other session has.
            deadline: of all of the start; ``session_start_timeout`` unless given.

        Raises:
            FailedToConnectError: the server cannot be reached, refused, or its answers were lost.
        """
        deadline = deadline or self.start_deadline()
        self.name, self._asked_at = str(body.get("name") or ""), self._runtime.monotonic()
        error: AttemptError | None = None
        for _ in range(SENDS):
            if error is not None and (deadline.expired or not self._api.retrier.pace.may_retry()):
                break
            try:
                return self._ask(body, deadline)
            except AttemptError as failed:
                error = failed
                ambiguous = POLICY[Operation.CREATE][failed.outcome].decision is Decision.FIND_OR_SEND
                # A name that is taken although nobody else would choose it: an earlier request was carried out.
                if not ambiguous and not (self._strays and _DUPLICATE.search(str(failed))):
                    raise FailedToConnectError(str(failed)) from failed
                self._strays = True
                found = self._find(failed, deadline)
                if found is not None:
                    self._logger.warning("%s; found as Livy session %s, going on", failed, found.id)
                    return self._is_ours(found)
                self._logger.warning("%s; no session '%s' to be seen", failed, self.name)
        raise FailedToConnectError(
            f"{error}. Asked {SENDS} times for Livy session '{self.name}'. Should one appear under that name, the "
            "server ends it when it has been idle for its own time-out."
        ) from error

    def _ask(self, body: Mapping[str, Any], deadline: Deadline) -> str:
        try:
            return self._is_ours(self._api.create_session(body, deadline))
        except BaseException as error:
            # Whoever is stopped while asking does not hear what has come of it: deleting has to look for it.
            if isinstance(error, Halted) or not isinstance(error, AttemptError):
                self._strays = True
            raise

    def _is_ours(self, view: SessionView) -> str:
        self.session_id, self.spark_ui = view.id, view.spark_ui
        return view.id

    def _find(self, failed: AttemptError, deadline: Deadline) -> SessionView | None:
        for pause in FIND_PAUSES:
            deadline.pause(pause)
            try:
                found = self._api.find_sessions(self.name, deadline)
            except AttemptError as error:
                if failed.outcome is Outcome.GARBLED and error.outcome in (Outcome.GARBLED, Outcome.REFUSED):
                    # Twice not what Livy says: this is no Livy server, unless it said that it had made something.
                    self._strays = getattr(failed, "status", 0) != HTTPStatus.OK
                    raise FailedToConnectError(str(failed)) from failed
                # Fabric's list is not open to everyone (F41).
                self._logger.debug("looking for Livy session '%s': %s", self.name, error)
                return None
            usable = [view for view in found if session_phase(view.state) is not SessionPhase.ENDED]
            if usable:
                return usable[0]
        return None

    def adopt(self, session_id: str, name: str) -> None:
        """Be the session that another run has made."""
        self.session_id, self.name = session_id, name

    # --- waiting ------------------------------------------------------------------------------------------------------

    def start_deadline(self) -> Deadline:
        """By when a start that begins now is over."""
        return Deadline.after(self._runtime, self._settings.session_start_timeout)

    def wait_for_session_start(self, whole: Deadline | None = None) -> None:
        """Wait until statements can be sent.

        Args:
            whole: the deadline of all of the start; ``session_start_timeout`` unless given.

        Raises:
            FailedToConnectError: it ended instead, or took longer.
        """
        whole = whole or self.start_deadline()
        deadline = whole.sooner(whole.seconds)
        state, trouble, rhythm = "", None, Rhythm()
        while not deadline.expired:
            try:
                view = self._api.get_session(self._id, deadline)
            except SessionGone as error:
                # What was just made may not be visible everywhere yet (F8).
                if state or self._age > SETTLING:
                    raise FailedToConnectError(f"Livy session {self._id} vanished while it started: {error}") from error
                trouble = str(error)
            except (LivyError, TransportError) as error:
                if getattr(error, "outcome", None) in (Outcome.REFUSED, Outcome.UNAUTHENTICATED, Outcome.NOT_FOUND):
                    raise FailedToConnectError(f"Livy session {self._id} cannot be looked at: {error}") from error
                trouble = str(error)
            else:
                state, trouble = view.state, None
                if self._is_ready(view):
                    self.spark_ui = view.spark_ui
                    return
            if rhythm.is_due(deadline.elapsed):
                self._logger.info(
                    "Livy session %s has been %s for %s", self._id, state or "out of sight", spelt(deadline.elapsed)
                )
            deadline.pause(poll_pause(deadline.elapsed, self._settings.poll_wait))
        raise FailedToConnectError(
            f"Livy session {self._id} was still '{state or 'unknown'}' after {whole.seconds:.0f} s. "
            "Raise session_start_timeout in the profile if the capacity needs longer."
            + (f" Last trouble: {trouble}" if trouble else "")
        )

    def _is_ready(self, view: SessionView) -> bool:
        if self._is_another(view):
            raise FailedToConnectError(f"Livy session {self._id} is somebody else's now: the server was restarted")
        phase = session_phase(view.state)
        if phase is SessionPhase.ENDED:
            said = " | ".join([line for line in view.log if line.strip() not in _HEADINGS][-_LOG_LINES:])
            raise FailedToConnectError(
                f"Livy session {self._id} ended in state '{view.state}' instead of starting"
                + (f"; the server says: {said}" if said else "")
            )
        return phase is SessionPhase.READY

    # --- looking ------------------------------------------------------------------------------------------------------

    def is_valid_session(self) -> bool:
        """Whether the session can take statements now. Never raises.

        A session that cannot be looked at counts as not valid here; ``ended`` tells it from one that is no more.
        """
        view = self._look(self._settings.http_timeout)
        return (
            isinstance(view, SessionView)
            and not self._is_another(view)
            and session_phase(view.state) is SessionPhase.READY
        )

    def ended(self) -> str | None:
        """How the session has ended, in words; ``None`` if it has not, or cannot be looked at. Never raises."""
        view = self._look(LOOK_TIMEOUT)
        if isinstance(view, SessionGone):
            return str(view)
        if not isinstance(view, SessionView):
            return None
        if self._is_another(view):
            return f"Livy session {self.session_id} is somebody else's now: the server was restarted"
        if session_phase(view.state) is SessionPhase.ENDED:
            return f"Livy session {self.session_id} is {view.state}"
        return None

    def is_there(self, timeout: float = LOOK_TIMEOUT) -> bool:
        """Whether one look at it shows that it is still the session it was. Never raises."""
        view = self._look(timeout)
        return (
            isinstance(view, SessionView)
            and not self._is_another(view)
            and session_phase(view.state) is not SessionPhase.ENDED
        )

    def _look(self, timeout: float) -> SessionView | Exception:
        if self.session_id is None:
            return LivyError("there is no session")
        try:
            return self._api.get_session(self.session_id, Deadline.after(self._runtime, timeout), Operation.PROBE)
        except (LivyError, TransportError) as error:
            self._logger.debug("looking at Livy session %s: %s", self.session_id, error)
            return error

    def _is_another(self, view: SessionView) -> bool:
        # Apache Livy counts from 0 again after a restart (F40). Where names are not shown, ids are not reused.
        return bool(self.name) and bool(view.name) and view.name != self.name

    def clear(self) -> str | None:
        """Stop what an earlier run has left running here; why that did not work out, ``None`` if nothing runs.

        Raises:
            FailedToConnectError: the session cannot be looked at.
        """
        try:
            deadline = Deadline.after(self._runtime, PATIENCE)
            self.saw(stop_leftovers(self._api, self._id, deadline, self._logger))
        except Halted:
            raise
        except (LivyError, TransportError) as error:
            view = self._look(LOOK_TIMEOUT)
            if isinstance(view, Exception):
                raise FailedToConnectError(f"Livy session {self._id} cannot be looked at: {view}") from error
            # Where the list of statements is not open to everyone (F41), the session's own state has to do.
            return None if view.state == "idle" and not isinstance(error, GoesOn) else str(error)
        return None

    def saw(self, statement_id: int) -> None:
        """A statement of that id is in this session."""
        self.newest = max(self.newest, statement_id)

    # --- deletion -----------------------------------------------------------------------------------------------------

    def delete_session(self, timeout: float = DELETE_TIMEOUT) -> bool:
        """Delete it on the server, and whatever else may have been made under its name.

        Never raises: what went wrong is logged, the run's own outcome stands. After a failure it can be called again.

        Args:
            timeout: seconds.

        Returns:
            Whether nothing is left to delete.
        """
        deadline = Deadline.after(self._runtime, timeout)
        try:
            with cleaning(self._runtime, DELETE_BUDGET):
                self._delete(deadline)
        except (LivyError, TransportError) as error:
            self._logger.warning("Livy session %s could not be deleted: %s", self.session_id or self.name, error)
            return False
        return True

    def _delete(self, deadline: Deadline) -> None:
        if self.session_id is not None and not self._is_taken_over(deadline):
            delete_for_good(
                partial(self._api.delete_session, self.session_id, deadline),
                self.is_there,
                deadline,
                lambda: self._logger.warning("Livy session %s is still there; deleting it again", self.session_id),
            )
            self._logger.debug("Livy session %s deleted", self.session_id)
        self.session_id = None
        self._delete_strays(deadline)

    def delete_strays(self) -> None:
        """Delete what else may have been made under its name, and keep it. Never raises."""
        try:
            with cleaning(self._runtime, DELETE_BUDGET):
                self._delete_strays(Deadline.after(self._runtime, DELETE_TIMEOUT))
        except (LivyError, TransportError) as error:
            self._logger.warning("another Livy session of the name %s may be left: %s", self.name, error)

    def _delete_strays(self, deadline: Deadline) -> None:
        if not self._strays:
            return
        for view in self._api.find_sessions(self.name, deadline, patient=False):
            if view.id != self.session_id and session_phase(view.state) is not SessionPhase.ENDED:
                self._api.delete_session(view.id, deadline)
        self._strays = False

    def _is_taken_over(self, deadline: Deadline) -> bool:
        """Whether the id now belongs to somebody else; only numbers are given out twice (F40)."""
        if not str(self.session_id).isdigit():
            return False
        # A server that hangs must not use up the time for the deletion itself.
        seconds = min(GLANCE, left(self._runtime) / 2)
        view = self._look(deadline.sooner(seconds).seconds)
        return isinstance(view, SessionView) and self._is_another(view)

    @property
    def _age(self) -> float:
        return self._runtime.monotonic() - self._asked_at

    @property
    def _id(self) -> str:
        if self.session_id is None:
            raise FailedToConnectError("there is no Livy session: it was deleted or never created")
        return self.session_id
