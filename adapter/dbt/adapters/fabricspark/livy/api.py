"""One method per Livy endpoint; each is tried as often as the retry table says, and waits for nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from dbt.adapters.fabricspark.livy.errors import HttpError, ProtocolError
from dbt.adapters.fabricspark.livy.refusals import kind_of, refusal
from dbt.adapters.fabricspark.livy.wire import Page, SessionView, StatementView, page, session_view, statement_view
from dbt.adapters.fabricspark.resilience.budget import Worth
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.outcome import Outcome
from dbt.adapters.fabricspark.resilience.policy import Operation
from dbt.adapters.fabricspark.resilience.retry import Retrier
from dbt.adapters.fabricspark.resilience.transport import Reply, Transport

T = TypeVar("T")

PAGE = 50
"""Entries of a list that are asked for at once."""

MOST_PAGES = 40
"""A list that goes on for longer than this is not read to its end."""

DELETE_REQUEST_TIMEOUT = 25.0
"""Seconds for one request to delete a session: one that hangs leaves time for others."""

DELETE_PAUSE = 1.0
"""Seconds before a session is deleted again that is said to be gone and is not."""

GLANCE = 10.0
"""Seconds for the look at a session that is said to be gone."""


class LivyApi:
    """A Livy server at ``transport.base_url``; Apache Livy and Fabric differ only above that.

    Every method raises ``TransportError`` without a reply, ``HttpError`` for a refusal, ``ProtocolError`` for a
    reply that is not Livy's: of the last attempt, when the table says that it was the last.

    Args:
        transport: sends one request.
        retrier: sends it again.
    """

    sessions = "/sessions"

    def __init__(self, transport: Transport, retrier: Retrier) -> None:
        self.transport = transport
        self.retrier = retrier

    def create_session(self, body: Mapping[str, Any], deadline: Deadline) -> SessionView:
        """Ask for a session. Not idempotent: the table says when to look for it instead."""

        def attempt() -> SessionView:
            try:
                return self._session(self._call("POST", self.sessions, deadline, body))
            except HttpError as error:
                # A lakehouse whose Livy is not there yet says so in JSON; a web page is some other server (F7).
                if error.outcome is Outcome.NOT_FOUND and "text/html" in str(error):
                    error.outcome = Outcome.REFUSED
                raise

        return self.retrier.call(Operation.CREATE, attempt, deadline)

    def get_session(self, session_id: str, deadline: Deadline, operation: Operation = Operation.LOOK) -> SessionView:
        """Look at a session; ``SessionGone`` if there is none."""
        return self.retrier.call(
            operation, lambda: self._session(self._call("GET", f"{self.sessions}/{session_id}", deadline)), deadline
        )

    def find_sessions(self, name: str, deadline: Deadline, *, patient: bool = True) -> list[SessionView]:
        """The sessions of that name; more than one only where names are not unique (Fabric).

        Args:
            name: theirs.
            deadline: of the list.
            patient: see ``Retrier.call``.
        """
        return [view for view in self._list_sessions(deadline, patient=patient) if view.name == name]

    def _list_sessions(self, deadline: Deadline, *, patient: bool) -> list[SessionView]:
        # Both dialects' words for a page; each ignores the other's.
        found = self._walk("/sessions?from={0}&size={1}&$skip={0}&$top={1}", deadline, patient=patient)
        return [session_view(item) for item in found if "id" in item]

    def delete_session(self, session_id: str, deadline: Deadline) -> bool:
        """End a session; False if the server says that it has none of that id."""
        return self._delete(f"{self.sessions}/{session_id}", deadline)

    def _delete(self, path: str, deadline: Deadline) -> bool:
        def attempt() -> bool:
            self._call("DELETE", path, deadline.sooner(DELETE_REQUEST_TIMEOUT), expect_json=False)
            return True

        return self.retrier.call(Operation.DELETE, attempt, deadline, gone=False)

    def lost(self, session_id: str) -> None:
        """A session of that id has turned out to be no more. Nothing is asked."""

    def submit_statement(
        self, session_id: str, code: str, operation: Operation, deadline: Deadline, kind: str = "sql"
    ) -> StatementView:
        """Queue a statement. Not idempotent: the table says when to look for it instead."""
        path, body = self._statements(session_id), {"code": code, "kind": kind}
        return self.retrier.call(operation, lambda: statement_view(self._call("POST", path, deadline, body)), deadline)

    def list_statements(self, session_id: str, deadline: Deadline) -> list[StatementView]:
        """The statements that the session still remembers, newest first where the server can do that."""
        path = f"{self._statements(session_id)}?from={{0}}&size={{1}}&order=desc"
        return [statement_view(item) for item in self._walk(path, deadline)]

    def get_statement(
        self, session_id: str, statement_id: int, deadline: Deadline, worth: Worth | None = None
    ) -> StatementView:
        """Look at a statement; ``worth`` says how much that is worth where not all looks can be had."""
        path = f"{self._statements(session_id)}/{statement_id}"
        return self.retrier.call(
            Operation.LOOK, lambda: statement_view(self._call("GET", path, deadline)), deadline, worth=worth
        )

    def cancel_statement(self, session_id: str, statement_id: int, deadline: Deadline) -> None:
        """Ask the server to stop a statement; it answers before the statement has stopped."""
        path = f"{self._statements(session_id)}/{statement_id}/cancel"
        self._command(Operation.CANCEL, lambda: self._call("POST", path, deadline, {}, expect_json=False), deadline)

    def _session(self, reply: object) -> SessionView:
        return session_view(reply)

    def _statements(self, session_id: str) -> str:
        return f"{self.sessions}/{session_id}/statements"

    def _walk(self, path: str, deadline: Deadline, *, patient: bool = True) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        for _ in range(MOST_PAGES):
            part = self._page(path.format(len(found), PAGE), deadline, patient)
            found += part.items
            if not part.items or part.total is None or len(found) >= part.total:
                return found
        return found

    def _page(self, path: str, deadline: Deadline, patient: bool) -> Page:
        return self.retrier.call(
            Operation.LIST, lambda: page(self._call("GET", path, deadline)), deadline, patient=patient
        )

    def _command(self, operation: Operation, attempt: Callable[[], Any], deadline: Deadline) -> None:
        self.retrier.call(operation, attempt, deadline)

    def _call(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        body: object | None = None,
        *,
        expect_json: bool = True,
    ) -> Any:
        reply = send(self.transport, method, path, deadline, body)
        return answer(self.transport, method, path, reply) if expect_json else None


def delete_for_good(
    delete: Callable[[], bool], is_there: Callable[[float], bool], deadline: Deadline, again: Callable[[], None]
) -> None:
    """Delete a session until it is gone: "not found" may be said of one that is there (F36), and one look tells.

    Args:
        delete: see ``LivyApi.delete_session``.
        is_there: whether a look that takes so many seconds shows it.
        deadline: of all of it.
        again: told that it is there.
    """
    while not delete() and is_there(deadline.sooner(GLANCE).seconds):
        again()
        deadline.pause(DELETE_PAUSE)


def send(transport: Transport, method: str, path: str, deadline: Deadline, body: object | None = None) -> Reply:
    """One request and its reply.

    Raises:
        HttpError: the server refused.
        TransportError: no reply came.
    """
    reply = transport.request(method, path, deadline, body)
    if not reply.ok:
        raise refusal(reply, _where(transport, method, path), deadline)
    return reply


def answer(transport: Transport, method: str, path: str, reply: Reply) -> Any:
    """The JSON of a reply.

    Raises:
        ProtocolError: it is something else.
    """
    try:
        return reply.json()
    except ValueError:
        error = ProtocolError(
            f"{_where(transport, method, path)} answered {reply.status} with {kind_of(reply)} instead of JSON: is this "
            "a Livy server?"
        )
        error.status = reply.status
        raise error from None


def _where(transport: Transport, method: str, path: str) -> str:
    return f"{method} {transport.base_url}{path.partition('?')[0]}"
