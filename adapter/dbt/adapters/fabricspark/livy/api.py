"""One method per Livy endpoint: no loops, no waiting, no retry."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from dbt.adapters.fabricspark.livy.errors import HttpError, ProtocolError, SessionGone
from dbt.adapters.fabricspark.livy.wire import SessionView, StatementView, session_view, statement_view
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.transport import Reply, Transport

_LONGEST_QUOTE = 2000
"""Characters of a server's own words that go into an error message."""


class LivyApi:
    """A Livy server at ``transport.base_url``; Apache Livy and Fabric differ only above that.

    Every method raises ``TransportError`` without a reply, ``HttpError`` for a refusal, ``ProtocolError`` for a
    reply that is not Livy's.
    """

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    def create_session(self, body: Mapping[str, Any], deadline: Deadline) -> SessionView:
        """Ask for a session. Not idempotent."""
        return session_view(self._call("POST", "/sessions", deadline, body))

    def get_session(self, session_id: str, deadline: Deadline) -> SessionView:
        """Look at a session; ``SessionGone`` if there is none."""
        return session_view(self._call("GET", f"/sessions/{session_id}", deadline))

    def delete_session(self, session_id: str, deadline: Deadline) -> None:
        """End a session; one that is gone already counts as ended."""
        try:
            self._call("DELETE", f"/sessions/{session_id}", deadline, expect_json=False)
        except SessionGone:
            return

    def submit_statement(self, session_id: str, code: str, kind: str, deadline: Deadline) -> StatementView:
        """Queue a statement. Not idempotent."""
        body = {"code": code, "kind": kind}
        return statement_view(self._call("POST", f"/sessions/{session_id}/statements", deadline, body))

    def get_statement(self, session_id: str, statement_id: int, deadline: Deadline) -> StatementView:
        """Look at a statement."""
        return statement_view(self._call("GET", f"/sessions/{session_id}/statements/{statement_id}", deadline))

    def cancel_statement(self, session_id: str, statement_id: int, deadline: Deadline) -> None:
        """Ask the server to stop a statement; it answers before the statement has stopped."""
        path = f"/sessions/{session_id}/statements/{statement_id}/cancel"
        self._call("POST", path, deadline, {}, expect_json=False)

    def _call(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        body: object | None = None,
        *,
        expect_json: bool = True,
    ) -> Any:
        reply = self.transport.request(method, path, deadline, body)
        where = f"{method} {self.transport.base_url}{path}"
        if not reply.ok:
            raise _refusal(reply, where)
        if not expect_json:
            return None
        try:
            return reply.json()
        except ValueError:
            raise ProtocolError(
                f"{where} answered {reply.status} with {_kind_of(reply)} instead of JSON: is this a Livy server?"
            ) from None


_GONE = re.compile(r"session (isn't active|'?[\w-]+'? not found|not found)|entitynotfound", re.IGNORECASE)


def _refusal(reply: Reply, where: str) -> HttpError:
    words = server_words(reply)
    message = f"{where} answered {reply.status}: {words}"
    # 404 also means "Statement not found"; only the server's own words tell which (contract 1.5).
    if reply.status in (400, 404) and _GONE.search(words):
        return SessionGone(message, reply.status)
    return HttpError(message, reply.status)


def server_words(reply: Reply) -> str:
    """What the server says of its refusal, from whichever of the odd shapes of body it chose (contract 1.1, 2.7)."""
    try:
        body = json.loads(reply.body)
    except ValueError:
        return f"{_kind_of(reply)}: {_squeezed(reply.text)}" if reply.body else "an empty body"
    if isinstance(body, Mapping):
        inner = body["error"] if isinstance(body.get("error"), Mapping) else body
        code = inner.get("errorCode") or inner.get("code") or ""
        words = inner.get("message") or inner.get("msg") or json.dumps(body)
        request = f" (request id {inner['requestId']})" if inner.get("requestId") else ""
        return f"{f'{code}: ' if code else ''}{_squeezed(str(words))}{request}"
    return _squeezed(str(body))


def _kind_of(reply: Reply) -> str:
    content_type = reply.headers.get("Content-Type", "").partition(";")[0].strip()
    return content_type or "a body without a content type"


def _squeezed(text: str) -> str:
    text = " ".join(re.sub(r"<[^>]{0,200}>", " ", text).split())
    return text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + " …"
