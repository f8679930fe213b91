"""Fabric's high-concurrency sessions: what looks like a session is one REPL in a Livy session that others share."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from dbt.adapters.fabricspark.livy.api import LivyApi, delete_for_good
from dbt.adapters.fabricspark.livy.errors import LivyError, SessionGone
from dbt.adapters.fabricspark.livy.states import SessionPhase, session_phase
from dbt.adapters.fabricspark.livy.wire import SessionView, StatementView, session_view, usable_id
from dbt.adapters.fabricspark.resilience.budget import Worth
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.outcome import AttemptError, Outcome, TransportError
from dbt.adapters.fabricspark.resilience.policy import POLICY, Decision, Operation
from dbt.adapters.fabricspark.resilience.retry import Retrier
from dbt.adapters.fabricspark.resilience.transport import Transport

STATES: Mapping[str, str] = {
    "notstarted": "not_started",
    "acquiringhighconcurrencysession": "starting",
    "idle": "idle",
    "dead": "dead",
    "killed": "killed",
    "failed": "error",
    "deleting": "shutting_down",
}
"""Fabric's states of a high-concurrency session, as Livy calls the same (contract 2.5)."""

REPLS = 5
"""REPLs of one tag that Fabric packs into one Livy session (Fabric docs)."""

RECENT = 30.0
"""Seconds for which a Livy session that has answered counts as alive."""


class HighConcurrencyApi(LivyApi):
    """``LivyApi`` with a REPL for a session. Used by all threads of a target, each with REPLs of its own.

    Fabric has no list of them: one whose reply was lost is asked for again, and what may have been made is deleted with
    the Livy session it is in. That session is known from its neighbours, or has the name that its first REPL asked for.

    Args:
        transport, retrier: see ``LivyApi``.
        tag: REPLs of one tag come into one Livy session, five at most (Fabric docs).
    """

    sessions = "/highConcurrencySessions"

    def __init__(self, transport: Transport, retrier: Retrier, tag: str) -> None:
        super().__init__(transport, retrier)
        self._tag = tag
        # Where each REPL is; written by the thread that waits for it, before anybody sends it anything.
        self._places: dict[str, tuple[str, str]] = {}
        self._livy_sessions: dict[str, None] = {}
        # Whose REPLs are in each of them, and in which of them one has turned out to be no more.
        self._taken: dict[str, set[str]] = {}
        self._doubtful: set[str] = set()
        self._ended: set[str] = set()
        # When each of them last answered.
        self._heard: dict[str, float] = {}
        # What requests were called whose reply did not come.
        self._lost: set[str] = set()

    def create_session(self, body: Mapping[str, Any], deadline: Deadline) -> SessionView:
        """Ask for a REPL. Not idempotent."""
        try:
            return super().create_session({**body, "sessionTag": self._tag}, deadline)
        except BaseException as error:
            # Whoever is stopped while asking does not hear what has come of it either.
            outcome = error.outcome if isinstance(error, AttemptError) else Outcome.LOST
            if POLICY[Operation.CREATE][outcome].decision is Decision.FIND_OR_SEND:
                self._lost.add(str(body.get("name")))
            raise

    def find_sessions(self, name: str, deadline: Deadline, *, patient: bool = True) -> list[SessionView]:  # noqa: ARG002  # it is LivyApi's
        """None: there is no list."""
        return []

    def delete_session(self, session_id: str, deadline: Deadline) -> bool:
        """Return a REPL; False if it is gone, also with its Livy session that was ended here."""
        place = self._places.get(session_id)
        if place:
            self._taken.get(place[0], set()).discard(session_id)
        return not (place and place[0] in self._ended) and super().delete_session(session_id, deadline)

    def lost(self, session_id: str) -> None:
        """A REPL is no more, nor probably its Livy session: until another one comes up there, it has no room."""
        place = self._places.get(session_id)
        if place:
            self._doubtful.add(place[0])
            self._taken.get(place[0], set()).discard(session_id)

    def submit_statement(
        self, session_id: str, code: str, operation: Operation, deadline: Deadline, kind: str = "sql"
    ) -> StatementView:
        """See ``LivyApi``."""
        view = super().submit_statement(session_id, code, operation, deadline, kind)
        self._hear(session_id)
        return view

    def get_statement(
        self, session_id: str, statement_id: int, deadline: Deadline, worth: Worth | None = None
    ) -> StatementView:
        """See ``LivyApi``."""
        view = super().get_statement(session_id, statement_id, deadline, worth)
        self._hear(session_id)
        return view

    def _hear(self, session_id: str) -> None:
        place = self._places.get(session_id)
        if place:
            self._heard[place[0]] = self.retrier.runtime.monotonic()

    @property
    def room(self) -> int:
        """How many REPLs more the Livy sessions take that REPLs of this tag were seen in.

        One that has been silent for a while is not counted: it may have ended, and several REPLs that are asked for at
        once in the belief that it lives would get a Livy session each. The first one that comes up there tells.
        """
        now = self.retrier.runtime.monotonic()
        return sum(
            max(0, REPLS - len(ids))
            for each, ids in list(self._taken.items())
            if each not in self._doubtful and now - self._heard.get(each, float("-inf")) < RECENT
        )

    def delete_livy_sessions(self, deadline: Deadline, logger: logging.Logger) -> None:
        """End every Livy session that a REPL of this tag was seen in, and with it whatever is still in there.

        Likewise those of lost replies, as far as the server lists them.

        Raises:
            LivyError, TransportError: one could not be ended, the first of them; every other was tried.
        """
        failure = self._delete_known(deadline, logger)
        if self._lost:
            try:
                found = self._named(self._lost, deadline)
                self._livy_sessions.update(dict.fromkeys(found))
                self._lost.clear()
            except (LivyError, TransportError) as error:
                failure = failure or error
            failure = self._delete_known(deadline, logger) or failure
        if failure:
            raise failure

    def _named(self, names: Collection[str], deadline: Deadline) -> list[str]:
        """The Livy sessions of these names that have not ended."""
        return [
            view.id
            for view in self._list_sessions(deadline, patient=False)
            if view.name in names and session_phase(view.state) is not SessionPhase.ENDED
        ]

    def _delete_known(self, deadline: Deadline, logger: logging.Logger) -> LivyError | TransportError | None:
        failure: LivyError | TransportError | None = None
        for session in list(self._livy_sessions):
            try:
                delete_for_good(
                    partial(self._delete, f"/sessions/{session}", deadline),
                    partial(self._is_there, f"/sessions/{session}"),
                    deadline,
                    partial(logger.warning, "Livy session %s of the REPLs is still there; deleting it again", session),
                )
            except (LivyError, TransportError) as error:
                failure = failure or error
            else:
                self._livy_sessions.pop(session, None)
                self._taken.pop(session, None)
                self._ended.add(session)
        return failure

    def _is_there(self, path: str, timeout: float) -> bool:
        deadline = Deadline.after(self.retrier.runtime, timeout)
        try:
            reply = self.retrier.call(Operation.PROBE, partial(self._call, "GET", path, deadline), deadline)
            return session_phase(session_view(reply).state) is not SessionPhase.ENDED
        except (LivyError, TransportError):
            return False

    def _session(self, reply: object) -> SessionView:
        view = session_view(reply)
        body = reply if isinstance(reply, Mapping) else {}
        session, repl = usable_id(body.get("sessionId")), usable_id(body.get("replId"))
        if session:
            self._livy_sessions.setdefault(session)
        if session and repl:
            self._places[view.id] = (session, repl)
        state = STATES.get(view.state, view.state)
        # It can be used once its REPL is told, and not before.
        if state == "idle" and view.id not in self._places:
            state = "starting"
        elif state == "idle" and session:
            self._hear(view.id)
            if view.id not in self._taken.setdefault(session, set()):
                self._taken[session].add(view.id)
                self._doubtful.discard(session)
        return SessionView(view.id, state, view.log, view.name, view.spark_ui)

    def _statements(self, session_id: str) -> str:
        place = self._places.get(session_id)
        if place is None:
            raise SessionGone(f"high-concurrency session {session_id} has no REPL", 404, Outcome.SESSION_GONE)
        return f"{self.sessions}/{place[0]}/repls/{place[1]}/statements"
